"""Values to words of state and back, as core/include/hil/plc.h lays them out."""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence

from hil.plc.types import ArrayType, Elementary, StringType, StructType, Type, Value, default, scalar

MASK32 = (1 << 32) - 1
ENCODING = "latin-1"  # a STRING's characters are bytes (6.3.2)


def encode(kind: Type, value: Value) -> list[int]:
    """The words of a value; None is the type's own initial value."""
    if value is None:
        value = default(kind)
    if isinstance(kind, StringType):
        return _encode_string(kind, value)
    if isinstance(kind, ArrayType):
        return [word for element in value for word in encode(kind.element, element)]
    if isinstance(kind, StructType):
        return [
            word
            for key, part in kind.fields.items()
            for word in encode(part.type, value.get(key, part.initial) if value else part.initial)
        ]
    simple = scalar(kind)
    return encode_scalar(simple, value) if simple else []


def encode_scalar(kind: Elementary, value: float) -> list[int]:
    """The one or two words of a number."""
    if kind.tag == "f64":
        return [0x7FF8000000000000 if math.isnan(value) else struct.unpack("<Q", struct.pack("<d", value))[0]]
    if kind.tag == "f32":
        return [0x7FC00000 if math.isnan(value) else struct.unpack("<I", struct.pack("<f", to_real(value)))[0]]
    bits = int(value) & ((1 << int(kind.tag[1:])) - 1)
    return [bits & MASK32, bits >> 32] if kind.words == 2 else [bits]


def to_real(value: float) -> float:
    """Rounded to a REAL; what is too large becomes infinite."""
    try:
        return float(struct.unpack("<f", struct.pack("<f", value))[0])
    except OverflowError:
        return math.copysign(math.inf, value)


def _encode_string(kind: StringType, value: str) -> list[int]:
    data = value.encode(ENCODING, errors="replace")[: kind.length].ljust(4 * kind.words, b"\0")
    return list(struct.unpack(f"<{kind.words}I", data))


def decode(kind: Type, words: Sequence[int]) -> bool | int | float | str:
    """The value of a scalar or a string in its words."""
    if isinstance(kind, StringType):
        data = struct.pack(f"<{kind.words}I", *(int(w) & MASK32 for w in words[: kind.words]))
        return data[: kind.length].split(b"\0")[0].decode(ENCODING)
    simple = scalar(kind)
    if simple is None:
        raise TypeError(f"{kind.name} is no scalar")
    first = int(words[0])
    if simple.tag == "f64":
        return float(struct.unpack("<d", struct.pack("<Q", first))[0])
    if simple.tag == "f32":
        return float(struct.unpack("<f", struct.pack("<I", first & MASK32))[0])
    if simple.name == "BOOL":
        return bool(first & 1)
    width = int(simple.tag[1:])
    bits = (first & MASK32 | (int(words[1]) & MASK32) << 32) if simple.words == 2 else first
    bits &= (1 << width) - 1
    return bits - (1 << width) if simple.tag[0] == "i" and bits >> (width - 1) else bits
