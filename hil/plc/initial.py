"""Initial values: constants, arrays with repetitions, structures (6.5.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil.nearest import did_you_mean
from hil.plc import ir
from hil.plc import syntax as s
from hil.plc.types import ArrayType, StringType, StructType, Type, Value, default

if TYPE_CHECKING:
    from hil.plc.expressions import Expressions

MAX_REPEAT = 1 << 20


def initial_value(check: Expressions, kind: Type, text: s.Expr) -> Value:
    """The value of a declaration's initialiser, of type `kind`."""
    if isinstance(kind, ArrayType):
        return _array(check, kind, text)
    if isinstance(kind, StructType):
        return _structure(check, kind, text)
    if isinstance(text, s.ArrayValue | s.StructValue):
        raise check.refuse(text.span, f"this is no value of {kind.name}")
    value = check.constant(text, kind)
    if isinstance(kind, StringType) and isinstance(value.value, str) and len(value.value) > kind.length:
        raise check.refuse(text.span, f"the text has {len(value.value)} characters, {kind.name} holds {kind.length}")
    return value.value


def _array(check: Expressions, kind: ArrayType, text: s.Expr) -> Value:
    if not isinstance(text, s.ArrayValue):
        raise check.refuse(text.span, f"{kind.name} is initialised by [...]")
    inner = kind
    if len(kind.ranges) > 1 and text.items and isinstance(text.items[0], s.ArrayValue):
        return _nested(check, kind, text)
    values: list[Value] = []
    for item in text.items:
        values += _repeated(check, inner, item)
        if len(values) > kind.count:
            raise check.refuse(item.span, f"{kind.name} has only {kind.count} elements")
    return values + [_element_default(inner)] * (kind.count - len(values))


def _nested(check: Expressions, kind: ArrayType, text: s.ArrayValue) -> Value:
    """[[1, 2], [3, 4]] for an array of two dimensions."""
    row = ArrayType("a row", kind.ranges[1:], kind.element)
    rows = ArrayType(kind.name, kind.ranges[:1], row)
    return [value for part in _array(check, rows, text) for value in part]


def _element_default(kind: ArrayType) -> Value:
    return None if isinstance(kind.element, StructType) else default(kind.element)


def _repeated(check: Expressions, kind: ArrayType, item: s.Expr) -> list[Value]:
    """One element, or n(a, b)."""
    if not isinstance(item, s.Call):
        return [initial_value(check, kind.element, item)]
    count = check.constant(item.callee)
    if not isinstance(count.value, int) or not 0 <= count.value <= MAX_REPEAT:
        raise check.refuse(item.callee.span, "a repetition is written 3(value)")
    if any(a.name for a in item.arguments):
        raise check.refuse(item.span, "a repetition is written 3(value)")
    once = [v for a in item.arguments for v in _repeated(check, kind, a.value)]
    once = once or [_element_default(kind)]
    if len(once) * count.value > MAX_REPEAT:
        raise check.refuse(item.span, f"{kind.name} has only {kind.count} elements")
    return once * count.value


def _structure(check: Expressions, kind: StructType, text: s.Expr) -> Value:
    if not isinstance(text, s.StructValue):
        raise check.refuse(text.span, f"{kind.name} is initialised by (name := value, ...)")
    values = {key: part.initial for key, part in kind.fields.items()}
    for given in text.fields:
        key = (given.name or "").lower()
        if key not in kind.fields or given.output:
            raise check.refuse(
                given.span, f"{kind.name} has no {given.name}", did_you_mean(given.name or "", _names(kind))
            )
        values[key] = initial_value(check, kind.fields[key].type, given.value)
    return values


def _names(kind: StructType) -> list[str]:
    return [part.name for part in kind.fields.values()]


__all__ = ["initial_value", "ir"]
