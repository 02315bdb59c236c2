"""Operators on constants: the same results as the C functions give."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from hil.plc.types import Elementary, Type, is_real, scalar
from hil.plc.words import decode, encode_scalar, to_real

_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "EQ": operator.eq, "NE": operator.ne, "LT": operator.lt, "LE": operator.le, "GT": operator.gt, "GE": operator.ge,
}  # fmt: skip
_BITWISE: dict[str, Callable[[int, int], int]] = {"AND": operator.and_, "OR": operator.or_, "XOR": operator.xor}
_SUMS = {"ADD": operator.add, "SUB": operator.sub, "MUL": operator.mul}


def quotient(a: int, b: int) -> int:
    """Towards zero (6.6.2.5.9)."""
    magnitude = abs(a) // abs(b)
    return magnitude if (a < 0) == (b < 0) else -magnitude


def wrap(kind: Type, value: float) -> float:
    """A value within its type: integers wrap, a REAL is rounded."""
    simple = scalar(kind)
    if simple is None:
        return value
    if is_real(simple):
        return to_real(float(value)) if simple.name == "REAL" else float(value)
    return int(decode(simple, encode_scalar(simple, int(value))))


def fold(name: str, kind: Type, values: list[Any]) -> float | bool | None:
    """The value of a standard operator on values of `kind` (an untyped literal's type does not wrap); None: not folded.

    Raises:
        ZeroDivisionError: integers are divided by zero.
    """
    a, b = values[0], values[-1]
    if name in _COMPARE:
        return _COMPARE[name](a, b) if len(values) == 2 else None
    if isinstance(a, str) or isinstance(b, str) or len(values) > 2:
        return None
    if name in _SUMS:
        return _finite(kind, _SUMS[name](a, b))
    if name == "NEG":
        return wrap(kind, -a)
    if name == "NOT" and isinstance(kind, Elementary):
        return 1 - int(a) if kind.name == "BOOL" else wrap(kind, ~int(a))
    if name in _BITWISE:
        return _BITWISE[name](int(a), int(b))
    if name in ("DIV", "MOD"):
        return _divided(name, kind, a, b)
    return None


def _finite(kind: Type, value: float) -> float:
    if isinstance(value, int) and abs(value) >= 1 << 80:
        raise OverflowError
    return wrap(kind, value)


def _divided(name: str, kind: Type, a: Any, b: Any) -> float | None:
    if isinstance(a, float) or isinstance(b, float):
        return wrap(kind, a / b) if b else None
    whole = quotient(int(a), int(b))
    return wrap(kind, whole if name == "DIV" else int(a) - whole * int(b))
