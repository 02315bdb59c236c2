"""What a URL of a serial line says: `modbus-rtu:///dev/ttyUSB0?baud=19200&parity=E&stop=1`, `serial:///dev/ttyACM0?baud=921600`."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from hil.errors import BusError
from hil.nearest import did_you_mean

__all__ = ["FASTEST", "PARITIES", "LineSettings", "parse_line_url"]

PARITIES = ("N", "E", "O")
BAUD = {"serial": 115200, "modbus-rtu": 19200}
# Modbus over Serial Line V1.02, 2.5.1: even parity is the default, and without parity there are two stop bits.
PARITY = {"serial": "N", "modbus-rtu": "E"}
KEYS = ("baud", "parity", "stop", "rs485", "rts_delay_us")
FASTEST = 12_000_000
LONGEST_RTS_DELAY_US = 1_000_000


@dataclass(frozen=True)
class LineSettings:
    """A serial line as its URL wants it: 8 data bits, `stop` bits 1 or 2, `rts_delay_us` before and after sending."""

    url: str
    scheme: str
    path: str
    baud: int
    parity: str
    stop: int
    rs485: bool = False
    rts_delay_us: int = 0

    @property
    def marked(self) -> bool:
        """The driver marks bad bytes (PARMRK), so that Modbus RTU drops the frame."""
        return self.scheme == "modbus-rtu"

    @property
    def char_bits(self) -> int:
        """Bits of one character on the line: start, data, parity, stop."""
        return 1 + 8 + (self.parity != "N") + self.stop

    @property
    def text(self) -> str:
        """As people write it: 19200 8E1."""
        return f"{self.baud} 8{self.parity}{self.stop}"


def parse_line_url(url: str) -> LineSettings:
    """Settings of a `serial://` or `modbus-rtu://` URL.

    Raises:
        BusError: another scheme, no path, an unknown key, a value that cannot be.
    """
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise BusError(f"is not an address: {error}", where=url, mend="Write it like serial:///dev/ttyUSB0") from None
    if parts.scheme not in BAUD:
        raise BusError(
            f"scheme '{parts.scheme}' is not one of a serial line", where=url, mend=f"Use {' or '.join(BAUD)}."
        )
    if parts.netloc or not parts.path.startswith("/") or len(parts.path) < 2:
        raise BusError(
            "the serial port's path is missing",
            where=url,
            mend=f"Write {parts.scheme}:///dev/ttyUSB0, with three slashes.",
        )
    found = _query(url, parts.query)
    parity = _chosen(url, "parity", found.get("parity", PARITY[parts.scheme]).upper(), PARITIES)
    fallback = "2" if parts.scheme == "modbus-rtu" and parity == "N" else "1"
    return LineSettings(
        url=url,
        scheme=parts.scheme,
        path=parts.path,
        baud=_number(url, "baud", found.get("baud", str(BAUD[parts.scheme])), 50, FASTEST),
        parity=parity,
        stop=int(_chosen(url, "stop", found.get("stop", fallback), ("1", "2"))),
        rs485=_chosen(url, "rs485", found.get("rs485", "0"), ("0", "1")) == "1",
        rts_delay_us=_number(url, "rts_delay_us", found.get("rts_delay_us", "0"), 0, LONGEST_RTS_DELAY_US),
    )


def _query(url: str, query: str) -> dict[str, str]:
    pairs = parse_qsl(query, keep_blank_values=True)
    for key, _ in pairs:
        if key not in KEYS:
            raise BusError(f"'{key}' is no setting of a serial line", where=url, mend=did_you_mean(key, KEYS))
    return dict(pairs)


def _chosen(url: str, key: str, value: str, values: tuple[str, ...]) -> str:
    if value not in values:
        raise BusError(f"{key}={value} is not possible", where=url, mend=f"Use one of: {', '.join(values)}.")
    return value


def _number(url: str, key: str, value: str, low: int, high: int) -> int:
    if not value.isascii() or not value.isdigit() or not low <= int(value) <= high:
        raise BusError(f"{key}={value} is not possible", where=url, mend=f"Use a whole number from {low} to {high}.")
    return int(value)
