"""The two ends of a proxy: TCP addresses, serial lines here or behind a network, or a pseudo-terminal that it makes."""

from __future__ import annotations

import os
import pty
import tty
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from hil.drivers.device_url import REMOTE
from hil.drivers.remote_line import open_device_line
from hil.drivers.serial_line import Line, open_settings
from hil.drivers.serial_url import parse_line_url
from hil.errors import BusError
from hil.nearest import did_you_mean

__all__ = ["LINES", "SerialEnd", "TcpEnd", "listens", "open_serial", "parse_end", "protocol_of"]

LINES = {"modbus-rtu": "rtu", "serial": "link"}  # what is spoken on a serial line
PROTOCOLS = {"modbus-tcp": "tcp", **LINES}
EXAMPLES = (
    "modbus-tcp://127.0.0.1:1502, modbus-rtu:///dev/ttyUSB0?baud=19200, serial:///dev/ttyACM0, modbus-rtu://pty, "
    "socket://host:4000, rfc2217://host:2217?baud=19200"
)
MODBUS_PORT = 502
# Modbus over Serial Line V1.02, 2.5.1.1: 3.5 characters, and 1.75 ms above 19200 baud. On top what a scheduler and
# a USB adapter add.
SILENCE_S, SLACK_S, CHARACTERS = 0.00175, 0.02, 3.5
OTHER_SILENCE_S = 0.05  # TCP, the link, and lines behind a network: what stays incomplete so long goes on as it is


@dataclass(frozen=True)
class TcpEnd:
    """Where to listen or to connect."""

    host: str
    port: int
    scheme: str = "modbus-tcp"

    def url(self, port: int | None = None) -> str:
        """As the command line takes it, perhaps with the port that was found."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port if port is None else port}"


@dataclass
class SerialEnd:
    """An open line. `path` is where a program connects: the port, or the other end of our pseudo-terminal."""

    line: Line
    path: str
    url: str
    silence_s: float = OTHER_SILENCE_S  # so long a pause ends a frame
    other: int = -1  # kept open, or our end of a pseudo-terminal would fail whenever nobody is connected

    def close(self) -> None:
        """Closes the line."""
        self.line.close()
        if self.other >= 0:
            os.close(self.other)
            self.other = -1


def protocol_of(listen: str, to: str, spoken: str | None = None) -> str:
    """One of `hil._proxy.PROTOCOLS`, the same for both ends.

    Args:
        listen: address of one end.
        to: address of the other.
        spoken: a key of LINES, where neither address says it.

    Raises:
        BusError: an unknown scheme, two that do not go together, or nothing says what is spoken.
    """
    schemes = [url.partition("://")[0] for url in (listen, to)]
    for url, scheme in zip((listen, to), schemes, strict=True):
        if scheme not in (*PROTOCOLS, *REMOTE):
            raise BusError("is not an address that a proxy knows", where=url, mend=f"Write it like {EXAMPLES}")
    if spoken is not None and spoken not in LINES:
        raise BusError(f"there is no line protocol '{spoken}'", where="--protocol", mend=did_you_mean(spoken, LINES))
    if schemes[0] == "rfc2217":
        mend = "Listen at socket://host:port or at modbus-rtu://pty"
        raise BusError("only the device's end can be reached by RFC 2217", where=listen, mend=mend)
    named = list(dict.fromkeys(s for s in (*schemes, spoken) if s is not None and s not in REMOTE))
    if not named:
        mend = f"Add --protocol {' or --protocol '.join(LINES)}"
        raise BusError("nothing says what is spoken on the line", where=f"{listen}, {to}", mend=mend)
    other = next((s for s in schemes if s in REMOTE), None) if named[0] == "modbus-tcp" else None
    if len(named) > 1 or other:
        why = f"a proxy does not translate {named[0]} to {other or named[1]}"
        raise BusError(why, where=to, mend="Use one for both ends")
    return PROTOCOLS[named[0]]


def listens(url: str) -> bool:
    """Whether an end to listen at is a TCP port."""
    return url.startswith(("modbus-tcp://", "socket://"))


def parse_end(url: str, *, listen: bool) -> TcpEnd:
    """Host and port of `modbus-tcp://host[:port]` or `socket://host:port`; port 0 only to listen.

    Raises:
        BusError: it is not such an address.
    """
    scheme = url.partition("://")[0]
    mend = f"Write it like {scheme}://host:{MODBUS_PORT if scheme == 'modbus-tcp' else 4000}"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise BusError(f"is not an address: {error}", where=url, mend=mend) from None
    missing = not host or (port is None and scheme != "modbus-tcp")
    if missing or parts.path.strip("/") or parts.query or (port == 0 and not listen):
        raise BusError("needs host and port, nothing else", where=url, mend=mend)
    return TcpEnd(host or "", MODBUS_PORT if port is None else port, scheme)


def open_serial(url: str, protocol: str) -> SerialEnd:
    """Opens a serial line, here or behind a network, or makes a pseudo-terminal for `...://pty`.

    Raises:
        BusError: as `open_device_line`.
    """
    scheme, _, rest = url.partition("://")
    if scheme in REMOTE:
        return SerialEnd(open_device_line(url), url, url)
    if rest == "pty":
        ours, theirs = pty.openpty()
        tty.setraw(theirs)
        os.set_blocking(ours, False)
        path, line = os.ttyname(theirs), Line(ours, "", is_pty=True, bit_ns=0, note="")
        return SerialEnd(line, path, f"{scheme}://{path}", _silence_s(line, protocol), theirs)
    settings = parse_line_url(url)
    # Not as a line of Modbus RTU, where bad bytes come marked: the proxy passes on what it gets.
    line = open_settings(replace(settings, scheme="serial"))
    return SerialEnd(line, settings.path, f"{scheme}://{settings.path}", _silence_s(line, protocol))


def _silence_s(line: Line, protocol: str) -> float:
    if protocol == "link":
        return OTHER_SILENCE_S
    return max(SILENCE_S, CHARACTERS * line.char_bits * line.bit_ns * 1e-9) + SLACK_S
