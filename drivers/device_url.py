"""Addresses of devices on a serial line, local or at the other end of a network: checked without opening anything.

serial:///dev/ttyACM0?baud=921600                      a microcontroller board        (serial_url.py)
modbus-rtu:///dev/ttyUSB0?baud=19200&parity=E&stop=1   Modbus RTU                     (serial_url.py)
socket://host:port                                     raw bytes over TCP
rfc2217://host:port?baud=115200&parity=N&stop=1        a port server that can be told the baud rate (RFC 2217)
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import SplitResult, parse_qsl, urlsplit

from hil.drivers.serial_url import FASTEST, PARITIES, parse_line_url
from hil.errors import BusError
from hil.nearest import did_you_mean

__all__ = ["EXAMPLES", "RemoteSettings", "baud_of", "check_line_url", "parse_remote_url", "scheme_of"]

EXAMPLES = {
    "serial": "serial:///dev/ttyACM0?baud=921600",
    "modbus-rtu": "modbus-rtu:///dev/ttyUSB0?baud=19200&parity=E&stop=1",
    "socket": "socket://192.168.0.20:4000",
    "rfc2217": "rfc2217://192.168.0.20:2217?baud=115200",
}
REMOTE = ("socket", "rfc2217")
PRESETS: dict[str, dict[str, str]] = {"socket": {}, "rfc2217": {"baud": "115200", "parity": "N", "stop": "1"}}
SLOWEST = 50  # the smallest baud rate that termios knows


@dataclass(frozen=True)
class RemoteSettings:
    """A line behind a TCP port. `baud` is 0 where it is not ours to choose (`socket`); `stop` is 1 or 2."""

    url: str
    scheme: str
    host: str
    port: int
    baud: int = 0
    parity: str = "N"
    stop: int = 1

    @property
    def place(self) -> str:
        """host:port"""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def check_line_url(url: str) -> None:
    """Find what is wrong with a device's address, of any scheme.

    Raises:
        BusError: what, and the nearest valid name where there is one.
    """
    if scheme_of(url) in REMOTE:
        parse_remote_url(url)
    else:
        parse_line_url(url)


def scheme_of(url: str) -> str:
    """One of EXAMPLES.

    Raises:
        BusError: there is none, or an unknown one.
    """
    scheme, sign, _ = url.partition("://")
    if not sign:
        mend = f"Write serial://{url}" if url.startswith("/") else f"Write it like {EXAMPLES['serial']}"
        raise BusError("is not a device's address", where=url, mend=mend)
    if scheme not in EXAMPLES:
        raise BusError(f"there is no scheme '{scheme}'", where=url, mend=did_you_mean(scheme, EXAMPLES))
    return scheme


def baud_of(url: str) -> int:
    """The baud rate that an address asks for; 0 where it is not ours to choose.

    Raises:
        BusError: as `check_line_url`.
    """
    return parse_remote_url(url).baud if scheme_of(url) in REMOTE else parse_line_url(url).baud


def parse_remote_url(url: str) -> RemoteSettings:
    """Settings of a `socket://` or `rfc2217://` URL.

    Raises:
        BusError: another scheme, no host or port, an unknown option, a value that cannot be.
    """
    scheme = scheme_of(url)
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise BusError(f"is not an address: {error}", where=url, mend=f"Write it like {EXAMPLES[scheme]}") from None
    if scheme not in REMOTE or not host or not port or parts.path.strip("/") or parts.username or parts.fragment:
        raise BusError("needs host:port and nothing else before ?", where=url, mend=f"Write it like {EXAMPLES[scheme]}")
    given = PRESETS[scheme] | _options(url, scheme, parts)
    if not given:
        return RemoteSettings(url, scheme, host, port)
    baud = _baud(url, given["baud"])
    parity = _chosen(url, "parity", given["parity"].upper(), PARITIES, "Write N (none), E (even) or O (odd)")
    stop = _chosen(url, "stop", given["stop"], ("1", "2"), "Write stop=1 or stop=2")
    return RemoteSettings(url, scheme, host, port, baud, parity, int(stop))


def _options(url: str, scheme: str, parts: SplitResult) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in parse_qsl(parts.query, keep_blank_values=True):
        if name not in PRESETS[scheme]:
            mend = did_you_mean(name, PRESETS[scheme]) if PRESETS[scheme] else f"Write {scheme}://{parts.netloc}"
            raise BusError(f"{scheme} has no option '{name}'", where=url, mend=mend)
        if name in found:
            raise BusError(f"{name} is given twice", where=url, mend="Leave one out")
        found[name] = value
    return found


def _baud(url: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and SLOWEST <= int(text) <= FASTEST):
        raise BusError(f"baud '{text}' is not a baud rate", where=url, mend="Write bits per second, as in baud=115200")
    return int(text)


def _chosen(url: str, name: str, value: str, values: tuple[str, ...], mend: str) -> str:
    if value not in values:
        raise BusError(f"{name} '{value}' is not known", where=url, mend=mend)
    return value
