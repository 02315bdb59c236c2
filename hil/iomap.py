"""I/O maps: which value lies in which register or coil of a device. One CSV file for each device, one tag a row.

Header: tag,direction,table,address,type,bit,word_order,byte_order,scale,offset,unit,min,max,limit_min,limit_max,
rate_limit,start,safe,max_age_s,variable,description. The first five are required, the others may be left out, in any
order.
Lines that begin with # are comments. value = raw * scale + offset.

The map of a microcontroller (serial link) needs tag, direction and type only: a value's place in the process image is
its row. Its table is `image` or, for the host's estimate of the device's clock, clock_offset, clock_drift, clock_bound.

An address is the zero-based protocol address (0, 1, 2 ...) or 1-based Modicon notation with the digit of its table:
40001, 400001 and 4x00001 are all holding register 0. In a holding register table 40001..49999 is therefore read as
Modicon notation; protocol addresses in that range are written %40000.

`variable` is the located variable of the role's PLC program, by name or address (docs/plc_bench.md).

Tags with @ in front live on the wire only. @heartbeat... counts as long as its sender runs. @latch (read) says why a
device has latched its outputs safe: 0 it has not, else its cause and, in the high byte, the number of the output.
@latch.command (write) takes 1, which opens the latch, and 2, with which the bench goes: outputs safe, not latched. Both
are uint16.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from hil.errors import RigError

REQUIRED = ("tag", "direction", "table", "address", "type")
LINK_REQUIRED = ("tag", "direction", "type")
FORMAT = ("bit", "word_order", "byte_order", "scale", "offset", "unit")
OF_SIGNALS = ("min", "max", "limit_min", "limit_max", "rate_limit", "start", "safe", "max_age_s")
COLUMNS = (*REQUIRED, *FORMAT, *OF_SIGNALS, "variable", "description")
DIRECTIONS = ("read", "write")
ORDERS = ("big", "little")
# Tables in the order of the driver (enum hil_reg_table), with the digit of the Modicon notation.
TABLES: Mapping[str, int] = {"coil": 0, "discrete_input": 1, "input_register": 3, "holding_register": 4}
# What a row of a microcontroller's map stands for: a value of the process image, whose place is the order of the rows,
# or what the host itself finds out about the device's clock (offset in s, drift in ppm, bound of the offset
# in s).
CLOCK_TABLES = ("clock_offset", "clock_drift", "clock_bound")
LINK_TABLES = ("image", *CLOCK_TABLES)
# Types in the order of the core (enum hil_codec_kind).
TYPES = ("bool", "uint16", "int16", "uint32", "int32", "uint64", "int64", "float32", "float64")
WORDS = (1, 1, 1, 2, 2, 4, 4, 2, 4)
LARGEST_ADDRESS = 65535
# What a device that latches its outputs safe tells, and the commands that it takes (hil/rig/latch_tags.py).
LATCH_TAGS: Mapping[str, str] = {"@latch": "read", "@latch.command": "write"}
EXACT = 2.0**53  # integers beyond are no exact doubles
# Smallest and largest raw value of each type.
RAW_RANGE: Mapping[str, tuple[float, float]] = {
    "bool": (0.0, 1.0),
    "uint16": (0.0, 2.0**16 - 1),
    "int16": (-(2.0**15), 2.0**15 - 1),
    "uint32": (0.0, 2.0**32 - 1),
    "int32": (-(2.0**31), 2.0**31 - 1),
    "uint64": (0.0, EXACT),
    "int64": (-EXACT, EXACT),
    "float32": (-3.4028234663852886e38, 3.4028234663852886e38),
    "float64": (-math.inf, math.inf),
}
_NOTATION = re.compile(r"([0134])x(\d{1,6})", re.IGNORECASE)


@dataclass(frozen=True)
class IoTag:
    """One value of a device.

    Attributes:
        tag: name of the signal; with @ in front a tag of the wire only, such as @heartbeat.
        direction: "read" (device -> bench) or "write" (bench -> device).
        table: "coil", "discrete_input", "input_register" or "holding_register".
        address: zero-based protocol address of the first register or coil.
        type: a name out of TYPES.
        bit: 0 (lowest) to 15: a bit of a register; None: the whole register or coil.
        scale: value of one count.
        offset: value of the raw value 0.
        min: with max, the signal's range; None: not given here.
        limit_min: with limit_max, the equipment limits, enforced.
        line: line in the file.
        variable: of a PLC program, by name or address; None: by the tag's own address.
    """

    tag: str
    direction: str
    table: str
    address: int
    type: str
    bit: int | None = None
    word_order: str = "big"
    byte_order: str = "big"
    scale: float = 1.0
    offset: float = 0.0
    unit: str | None = None
    min: float | None = None
    max: float | None = None
    limit_min: float | None = None
    limit_max: float | None = None
    rate_limit: float | None = None
    start: float | None = None
    safe: float | None = None
    max_age_s: float | None = None
    description: str = ""
    line: int | None = None
    variable: str | None = None

    @property
    def wire_only(self) -> bool:
        """True for a tag that is no signal."""
        return self.tag.startswith("@")

    @property
    def of_clock(self) -> bool:
        """True for what the host finds out about a device's clock: no value of the device."""
        return self.table in CLOCK_TABLES

    @property
    def heartbeat(self) -> bool:
        """True for a counter that tells whether the other side runs."""
        return self.tag.startswith("@heartbeat")

    @property
    def of_latch(self) -> bool:
        """True for the registers of a device that latches its outputs safe: why it has, and commands to it."""
        return self.tag in LATCH_TAGS

    @property
    def on_demand(self) -> bool:
        """True for what is written when there is a reason, not with every image."""
        return self.of_latch and self.direction == "write"

    @property
    def kind(self) -> int:
        """Number of the type in the core (enum hil_codec_kind)."""
        return TYPES.index(self.type)

    @property
    def table_number(self) -> int:
        """Number of the table in the driver (enum hil_reg_table)."""
        return list(TABLES).index(self.table)

    @property
    def is_bits(self) -> bool:
        """True in a table of single bits."""
        return self.table in ("coil", "discrete_input")

    @property
    def words(self) -> int:
        """Addresses that the value takes: 1, 2 or 4."""
        return 1 if self.is_bits else WORDS[self.kind]

    @property
    def value_range(self) -> tuple[float, float]:
        """Smallest and largest value that the register can carry."""
        low, high = (raw * self.scale + self.offset for raw in RAW_RANGE[self.type])
        return (low, high) if low <= high else (high, low)

    @property
    def place(self) -> str:
        """The address in both notations, for messages: "holding_register 0 (4x00001)"."""
        bit = "" if self.bit is None else f" bit {self.bit}"
        return f"{self.table} {self.address} ({modicon(self.table, self.address)}){bit}"


def modicon(table: str, address: int) -> str:
    """1-based notation of a zero-based address: ("holding_register", 0) is "4x00001"."""
    return f"{TABLES[table]}x{address + 1:05d}"


def parse_address(text: str, table: str) -> int:
    """Zero-based protocol address of an address as written (see the head of this file).

    Raises:
        RigError: not an address, one of another table, or one past 65535.
    """
    text = text.strip()
    notation = _NOTATION.fullmatch(text)
    digit = TABLES[table]
    if notation:
        if int(notation[1]) != digit:
            raise RigError(f"{text} is not in table {table}", mend=f"Write {digit}x{notation[2]} or change the table")
        return _in_range(int(notation[2]) - 1, text)
    if re.fullmatch(r"%\d+", text):
        return _in_range(int(text[1:]), text)
    if not re.fullmatch(r"\d+", text):
        raise RigError(f"{text!r} is not an address", mend=f"Write 0 or {digit}x00001 for the first {table}")
    if len(text) > 1 and text[0] == "0":
        raise RigError(
            f"{text} may mean two addresses", mend=f"Write {int(text)} (zero-based) or 0x{text} (coil, 1-based)"
        )
    number = int(text)
    for base in (digit * 10_000, digit * 100_000):
        if digit and base < number <= base + (9_999 if base < 100_000 else LARGEST_ADDRESS + 1):
            return number - base - 1
    return _in_range(number, text)


def write_map(tags: Iterable[IoTag]) -> str:
    """A CSV file that `read_map` reads back equally; columns that no tag uses are left out."""
    tags = list(tags)
    default = IoTag("x", "read", "coil", 0, "bool")
    used = [c for c in COLUMNS if c in REQUIRED or any(getattr(t, c) != getattr(default, c) for t in tags)]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(used)
    for tag in tags:
        writer.writerow([_cell(tag, column) for column in used])
    return out.getvalue()


def _cell(tag: IoTag, column: str) -> str:
    value = getattr(tag, column)
    if column == "address":
        plain = str(value)
        return plain if parse_address(plain, tag.table) == value else f"%{value}"
    return "" if value is None else repr(value) if isinstance(value, float) else str(value)


def _in_range(address: int, text: str) -> int:
    if not 0 <= address <= LARGEST_ADDRESS:
        raise RigError(f"{text} is no address", mend=f"Protocol addresses go from 0 to {LARGEST_ADDRESS}")
    return address
