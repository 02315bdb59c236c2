"""The types of variables, and how many words of state each takes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hil.plc.standard.types import ALIASES, BITS, C_TYPES, ELEMENTARY, INTEGERS, REALS, TAGS, range_of

MAX_STRING = 255  # characters, as in most PLCs
DEFAULT_STRING = 80
MAX_WORDS = 1 << 20  # of state of one program: 8 MB

Value = Any  # bool, int, float, str; list of an array's elements; dict of a structure's fields by lower-case name


@dataclass(frozen=True)
class Type:
    """Any type."""

    name: str

    @property
    def words(self) -> int:
        """Words of state."""
        raise NotImplementedError

    @property
    def base(self) -> str:
        """What the standard functions call it; "" if they take none of it."""
        return ""


@dataclass(frozen=True)
class Elementary(Type):
    """BOOL, the numbers, bit strings, durations and dates."""

    @property
    def words(self) -> int:
        """Words of state."""
        return 2 if self.tag in ("i64", "u64") else 1

    @property
    def base(self) -> str:
        """Its name."""
        return self.name

    @property
    def tag(self) -> str:
        """i16, f32 ... as in the names of C functions."""
        return TAGS[self.name]

    @property
    def c_type(self) -> str:
        """int16_t ..."""
        return C_TYPES[self.tag]


@dataclass(frozen=True)
class StringType(Type):
    """STRING[length]"""

    length: int = DEFAULT_STRING

    @property
    def words(self) -> int:
        """Words of state: four characters in each."""
        return (self.length + 3) // 4

    @property
    def base(self) -> str:
        """STRING"""
        return "STRING"


@dataclass(frozen=True)
class EnumType(Type):
    """Names with numbers of an INT."""

    values: tuple[tuple[str, int], ...] = ()

    @property
    def words(self) -> int:
        """Words of state."""
        return 1

    @property
    def base(self) -> str:
        """INT"""
        return "INT"

    def value_of(self, name: str) -> int | None:
        """The number behind a name."""
        return next((number for text, number in self.values if text.lower() == name.lower()), None)


@dataclass(frozen=True)
class SubrangeType(Type):
    """An integer that is held between two bounds."""

    of: Elementary
    low: int
    high: int

    @property
    def words(self) -> int:
        """Words of state."""
        return self.of.words

    @property
    def base(self) -> str:
        """The integer's name."""
        return self.of.name


@dataclass(frozen=True)
class ArrayType(Type):
    """Elements, the last index running fastest."""

    ranges: tuple[tuple[int, int], ...]
    element: Type

    @property
    def count(self) -> int:
        """Number of elements."""
        count = 1
        for low, high in self.ranges:
            count *= high - low + 1
        return count

    @property
    def words(self) -> int:
        """Words of state."""
        return self.count * self.element.words


@dataclass(frozen=True)
class Field:
    """A part of a structure or of a function block."""

    name: str
    type: Type
    initial: Value = None
    offset: int = 0
    retain: bool = False


@dataclass(frozen=True, eq=False)
class StructType(Type):
    """Named fields, or the variables of a function block (then `block` is its name)."""

    fields: dict[str, Field] = field(default_factory=dict)
    size: int = 0
    block: str = ""

    @property
    def words(self) -> int:
        """Words of state."""
        return self.size


class _Unknown(Type):
    """The type of what is wrong already: fits everywhere, so that a mistake is told once."""

    @property
    def words(self) -> int:
        """None."""
        return 0


UNKNOWN = _Unknown("?")
LITERAL_INT, LITERAL_REAL = Type("#INT"), Type("#REAL")
SIMPLE = {name: Elementary(name) for name in ELEMENTARY if name != "STRING"}
BOOL, INT, DINT, LINT = SIMPLE["BOOL"], SIMPLE["INT"], SIMPLE["DINT"], SIMPLE["LINT"]


def elementary(name: str) -> Elementary | None:
    """The elementary type of this name in any case, or of an alias of it."""
    upper = name.upper()
    return SIMPLE.get(ALIASES.get(upper, upper))


def layout(name: str, fields: list[Field], block: str = "") -> StructType:
    """A structure whose fields follow one another."""
    placed: dict[str, Field] = {}
    offset = 0
    for part in fields:
        placed[part.name.lower()] = Field(part.name, part.type, part.initial, offset, part.retain)
        offset += part.type.words
    return StructType(name, placed, offset, block)


def scalar(kind: Type) -> Elementary | None:
    """The elementary type that holds a scalar's value; None for strings and what has parts."""
    if isinstance(kind, Elementary):
        return kind
    if isinstance(kind, SubrangeType):
        return kind.of
    return INT if isinstance(kind, EnumType) else None


def is_integer(kind: Type) -> bool:
    """SINT .. ULINT and subranges of them."""
    return kind is LITERAL_INT or (kind.base in INTEGERS and not isinstance(kind, EnumType))


def is_real(kind: Type) -> bool:
    """REAL and LREAL"""
    return kind is LITERAL_REAL or kind.base in REALS


def is_bits(kind: Type) -> bool:
    """BOOL and BYTE .. LWORD"""
    return kind.base in BITS


def bounds(kind: Type) -> tuple[int, int] | None:
    """The values that an integer, bit string or subrange can have."""
    if isinstance(kind, SubrangeType):
        return kind.low, kind.high
    if kind.base in INTEGERS or kind.base in BITS:
        return range_of(kind.base)
    return None


def default(kind: Type) -> Value:
    """What a variable without initial value starts with (6.3.1, table 10)."""
    if isinstance(kind, StringType):
        return ""
    if isinstance(kind, EnumType):
        return kind.values[0][1] if kind.values else 0
    if isinstance(kind, SubrangeType):
        return kind.low
    if isinstance(kind, ArrayType):
        return [default(kind.element)] * kind.count
    if isinstance(kind, StructType):
        return {key: default(f.type) if f.initial is None else f.initial for key, f in kind.fields.items()}
    return 0.0 if is_real(kind) else 0
