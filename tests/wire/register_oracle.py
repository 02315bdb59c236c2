"""What registers should hold, computed apart from the C code with struct and exact integers, and random I/O maps."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from hil._bus import Tag

CODES = {"float32": ("f", "I"), "float64": ("d", "Q")}
BITS = {"uint16": 16, "int16": 16, "uint32": 32, "int32": 32, "uint64": 64, "int64": 64, "float32": 32, "float64": 64}
INTEGERS = [kind for kind in BITS if "int" in kind]
EXACT = 2**53


def words_of(tag: Tag) -> int:
    return 1 if tag.kind == "bool" else BITS[tag.kind] // 16


def span(kind: str) -> tuple[int, int]:
    """Smallest and largest raw integer of an integer type."""
    bits = BITS[kind]
    return (0, 2**bits - 1) if kind.startswith("u") else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


def value_of(tag: Tag, raw: float) -> float:
    """Engineering value of a raw number; NaN where a double cannot hold it."""
    if tag.kind == "bool":
        return float(raw)
    if tag.kind in INTEGERS and abs(raw) > EXACT:
        return math.nan
    return float(raw) * tag.scale + tag.offset


def raw_of(tag: Tag, value: float) -> float:
    """Raw number of an engineering value: nearest, ties to even, saturated."""
    if tag.kind == "bool":
        return int(value >= 0.5)
    raw = (min(max(value, tag.lo), tag.hi) - tag.offset) / tag.scale
    if tag.kind not in INTEGERS:
        return struct.unpack("f", struct.pack("f", raw))[0] if tag.kind == "float32" else raw
    if math.isnan(raw):
        return 0
    low, high = span(tag.kind)
    return min(max(round(raw), low), high)


def cells_of(tag: Tag, raw: Any) -> list[int]:
    """Registers (or the coil) in the order of their addresses. A bit stands alone in its register."""
    if tag.kind == "bool":
        word = raw << max(tag.bit, 0)
        in_register = tag.table.endswith("register")
        return [((word & 0xFF) << 8 | word >> 8) if in_register and tag.byte_order == "little" else word]
    if tag.kind in CODES:
        code, as_int = CODES[tag.kind]
        bits = struct.unpack(as_int, struct.pack(code, raw))[0]
    else:
        bits = int(raw) % 2 ** BITS[tag.kind]
    words = list(struct.unpack(f">{words_of(tag)}H", bits.to_bytes(2 * words_of(tag), "big")))
    if tag.byte_order == "little":
        words = [(w & 0xFF) << 8 | w >> 8 for w in words]
    return words[::-1] if tag.word_order == "little" else words


@dataclass(frozen=True)
class Case:
    """A tag and a raw number for it."""

    tag: Tag
    raw: Any

    @property
    def value(self) -> float:
        return value_of(self.tag, self.raw)

    @property
    def cells(self) -> list[int]:
        return cells_of(self.tag, self.raw)


def raws(kind: str) -> st.SearchStrategy[Any]:
    if kind == "bool":
        return st.integers(0, 1)
    if kind == "float32":
        return st.floats(width=32, allow_nan=False, allow_infinity=False)
    if kind == "float64":
        return st.floats(allow_nan=False, allow_infinity=False, min_value=-1e300, max_value=1e300)
    low, high = span(kind)
    edges = [low, high, 0, 1]
    edges += [n for e in (EXACT - 1, EXACT, EXACT + 1) for n in (e, -e) if low <= n <= high]
    return st.sampled_from(edges) | st.integers(low, high)


SCALES = [(1.0, 0.0), (0.5, -3.0), (-4.0, 1024.0)]
orders = st.sampled_from(["big", "little"])


@st.composite
def cases(draw: st.DrawFn, *, writable: bool, most: int = 12) -> list[Case]:
    """A random map without overlaps: all types, orders and tables (or only what Modbus can write)."""
    tables = ["coil", "holding_register"] + ([] if writable else ["discrete_input", "input_register"])
    free = dict.fromkeys(tables, 0)
    found: list[Case] = []
    for i in range(draw(st.integers(1, most))):
        table = draw(st.sampled_from(tables))
        in_registers = table.endswith("register")
        kind = draw(st.sampled_from(["bool", *BITS])) if in_registers else "bool"
        scale, offset = (
            draw(st.sampled_from([(1.0, 0.0), (0.5, -3.0), (-4.0, 1024.0)])) if kind in INTEGERS else (1.0, 0.0)
        )
        tag = Tag(
            f"t{i}",
            table,
            free[table] + draw(st.integers(0, 3)),
            kind,
            bit=draw(st.integers(-1, 15)) if in_registers and kind == "bool" else -1,
            word_order=draw(orders),
            byte_order=draw(orders),
            scale=scale,
            offset=offset,
        )
        free[table] = tag.address + words_of(tag)
        found.append(Case(tag, draw(raws(kind))))
    return draw(st.permutations(found))


limits = st.fixed_dictionaries(
    {
        "max_gap": st.integers(0, 5),
        "max_read_bits": st.integers(0, 20),
        "max_read_registers": st.sampled_from([0, 4, 5, 9, 125]),
        "max_write_bits": st.integers(0, 20),
        "max_write_registers": st.sampled_from([0, 4, 5, 9, 123]),
        "depth": st.sampled_from([1, 2, 5]),
        "single_writes": st.booleans(),
        "bits_as_word": st.booleans(),
        "combine": st.booleans(),
    }
)


def same(a: float, b: float) -> bool:
    return a == b or (math.isnan(a) and math.isnan(b))
