"""Direct addresses: %IX0.7, %QW3, %MD12 (6.5.5.2)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from hil.plc.types import SIMPLE, ArrayType, Elementary, Type, scalar

_PATTERN = re.compile(r"%([IQM])([XBWDL]?)(\d{1,6})(?:\.([0-7]))?", re.IGNORECASE)
_BITS = {"X": 1, "B": 8, "W": 16, "D": 32, "L": 64}
_TYPES = {"X": "BOOL", "B": "BYTE", "W": "WORD", "D": "DWORD", "L": "LWORD"}


@dataclass(frozen=True)
class DirectAddress:
    """Area I, Q or M; size X, B, W, D or L; number, and the bit for X."""

    area: str
    size: str
    number: int
    bit: int = 0

    def __str__(self) -> str:
        return f"%{self.area}{self.size}{self.number}" + (f".{self.bit}" if self.size == "X" else "")

    @property
    def type(self) -> Elementary:
        """The bit string of its size."""
        return SIMPLE[_TYPES[self.size]]

    def next(self, steps: int) -> DirectAddress:
        """The address so many places on."""
        if self.size != "X":
            return DirectAddress(self.area, self.size, self.number + steps)
        at = 8 * self.number + self.bit + steps
        return DirectAddress(self.area, self.size, at // 8, at % 8)

    def problem_with(self, kind: Type) -> str:
        """Why a variable of this type cannot lie here; "" if it can."""
        element = kind.element if isinstance(kind, ArrayType) else kind
        simple = scalar(element)
        if simple is None:
            return f"a {kind.name} cannot have an address: only scalars and arrays of them"
        bits = 1 if simple.name == "BOOL" else int(simple.tag[1:])
        if bits != _BITS[self.size]:
            return f"{self} has {_BITS[self.size]} bits, {simple.name} has {bits}"
        return ""


def canonical(text: str) -> DirectAddress | None:
    """The address in a text; None if there is none."""
    match = _PATTERN.fullmatch(text)
    if match is None:
        return None
    area, size, number, bit = match.groups()
    size = size.upper() or "X"
    if (size == "X") != (bit is not None):
        return None
    return DirectAddress(area.upper(), size, int(number), int(bit or 0))
