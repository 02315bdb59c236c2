"""The two ends of a proxy: TCP addresses, serial ports, or a pseudo-terminal that it makes."""

from __future__ import annotations

import os
import pty
import tty
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from hil.drivers.serial_line import Line, open_settings
from hil.drivers.serial_url import parse_line_url
from hil.errors import BusError

__all__ = ["EXAMPLES", "SerialEnd", "TcpEnd", "open_serial", "parse_end", "protocol_of"]

PROTOCOLS = {"modbus-tcp": "tcp", "modbus-rtu": "rtu", "serial": "link"}
EXAMPLES = "modbus-tcp://127.0.0.1:1502, modbus-rtu:///dev/ttyUSB0?baud=19200, serial:///dev/ttyACM0, modbus-rtu://pty"
MODBUS_PORT = 502
# Modbus over Serial Line V1.02, 2.5.1.1: 3.5 characters, and 1.75 ms above 19200 baud. On top what a scheduler and
# a USB adapter add.
SILENCE_S, SLACK_S, CHARACTERS = 0.00175, 0.02, 3.5
OTHER_SILENCE_S = 0.05  # TCP and the link: what stays incomplete so long goes on as it is


@dataclass(frozen=True)
class TcpEnd:
    """Where to listen or to connect."""

    host: str
    port: int

    def url(self, port: int | None = None) -> str:
        """As the command line takes it, perhaps with the port that was found."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"modbus-tcp://{host}:{self.port if port is None else port}"


@dataclass
class SerialEnd:
    """An open line. `path` is where a program connects: the port, or the other end of our pseudo-terminal."""

    line: Line
    path: str
    scheme: str
    other: int = -1  # kept open, or our end of a pseudo-terminal would fail whenever nobody is connected

    @property
    def url(self) -> str:
        """As the command line takes it."""
        return f"{self.scheme}://{self.path}"

    @property
    def silence_s(self) -> float:
        """So long a pause ends a frame."""
        if self.scheme == "serial":
            return OTHER_SILENCE_S
        return max(SILENCE_S, CHARACTERS * self.line.char_bits * self.line.bit_ns * 1e-9) + SLACK_S

    def close(self) -> None:
        """Closes the line."""
        self.line.close()
        if self.other >= 0:
            os.close(self.other)
            self.other = -1


def protocol_of(listen: str, to: str) -> str:
    """One of `hil._proxy.PROTOCOLS`, the same for both ends.

    Raises:
        BusError: an unknown scheme, or two that do not go together.
    """
    schemes = [url.partition("://")[0] for url in (listen, to)]
    for url, scheme in zip((listen, to), schemes, strict=True):
        if scheme not in PROTOCOLS:
            raise BusError("is not an address that a proxy knows", where=url, mend=f"Write it like {EXAMPLES}")
    if schemes[0] != schemes[1]:
        raise BusError(
            f"a proxy does not translate {schemes[0]} to {schemes[1]}", where=to, mend="Use one for both ends"
        )
    return PROTOCOLS[schemes[0]]


def parse_end(url: str, *, listen: bool) -> TcpEnd:
    """Host and port of `modbus-tcp://host[:port]`; port 0 only to listen.

    Raises:
        BusError: it is not such an address.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise BusError(f"is not an address: {error}", where=url, mend="Write it like modbus-tcp://host:502") from None
    if not host or parts.path.strip("/") or parts.query or (port == 0 and not listen):
        raise BusError("needs host and port, nothing else", where=url, mend="Write it like modbus-tcp://host:502")
    return TcpEnd(host, MODBUS_PORT if port is None else port)


def open_serial(url: str) -> SerialEnd:
    """Opens the port of a `modbus-rtu://` or `serial://` URL, or makes a pseudo-terminal for `...://pty`.

    Raises:
        BusError: as `open_line`.
    """
    scheme, _, rest = url.partition("://")
    if rest == "pty":
        ours, theirs = pty.openpty()
        tty.setraw(theirs)
        os.set_blocking(ours, False)
        return SerialEnd(Line(ours, "", is_pty=True, bit_ns=0, note=""), os.ttyname(theirs), scheme, theirs)
    settings = parse_line_url(url)
    # Not as a line of Modbus RTU, where bad bytes come marked: the proxy passes on what it gets.
    line = open_settings(replace(settings, scheme="serial"))
    return SerialEnd(line, settings.path, scheme)
