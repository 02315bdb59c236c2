"""A value where another type is expected: widening by itself, never narrowing (figure 12 of the standard)."""

from __future__ import annotations

from hil.plc import ir
from hil.plc.standard.types import becomes
from hil.plc.types import (
    LITERAL_INT,
    LITERAL_REAL,
    SIMPLE,
    UNKNOWN,
    EnumType,
    StringType,
    Type,
    bounds,
    is_real,
    scalar,
)
from hil.plc.words import to_real


class DoesNotFit(Exception):  # noqa: N818
    """Why a value does not become the expected type, and what would mend it."""

    def __init__(self, message: str, mend: str | None = None) -> None:
        super().__init__(message)
        self.message, self.mend = message, mend


def convert(value: ir.Expr, target: Type) -> ir.Expr:
    """`value` as `target`; a subrange's bounds are checked here for constants, else where it is stored.

    Raises:
        DoesNotFit: it does not convert by itself.
    """
    source = value.type
    if UNKNOWN in (source, target) or source == target:
        return value
    if isinstance(value, ir.Const) and source in (LITERAL_INT, LITERAL_REAL):
        return _literal(value, target)
    if isinstance(source, EnumType) or isinstance(target, EnumType):
        return _enumeration(value, target)
    if isinstance(source, StringType) and isinstance(target, StringType):
        return value
    if not source.base or not target.base or not becomes(source.base, target.base):
        raise DoesNotFit(f"{_a(source)} does not become {_a(target)} by itself", _function(source, target))
    return _scalar(value, target)


def _a(kind: Type) -> str:
    return f"{'an' if kind.name[:1] in 'AEIOU' else 'a'} {kind.name}"


def _function(source: Type, target: Type) -> str | None:
    """The conversion that would do it."""
    from hil.plc.functions import FUNCTIONS

    name = f"{source.base}_TO_{target.base}"
    return f"Convert with {name}" if source.base != target.base and name in FUNCTIONS else None


def _literal(value: ir.Const, target: Type) -> ir.Expr:
    number = value.value
    if isinstance(target, EnumType):
        raise DoesNotFit(f"{number} is no value of {target.name}", _names_of(target))
    if not becomes(value.type.name, target.base, None if isinstance(number, float) else number):
        limits = bounds(target)
        if limits and isinstance(number, int):
            raise DoesNotFit(f"{number} does not fit {target.name} ({limits[0]}..{limits[1]})")
        raise DoesNotFit(f"{number} is no {target.name}", _literal_mend(value, target))
    if is_real(target):
        return ir.Const(target, to_real(float(number)) if target.base == "REAL" else float(number))
    return _in_bounds(number, target)


def _literal_mend(value: ir.Const, target: Type) -> str | None:
    if target.base in ("TIME", "LTIME"):
        return f"A duration is written T#{value.value}s or T#{value.value}ms"
    if value.type is LITERAL_REAL and bounds(target):
        return f"Convert with REAL_TO_{target.base}"
    return None


def _names_of(target: EnumType) -> str:
    return "Valid: " + ", ".join(f"{target.name}#{name}" for name, _ in target.values[:8])


def _in_bounds(number: int, target: Type) -> ir.Expr:
    limits = bounds(target)
    if limits and not limits[0] <= number <= limits[1]:
        raise DoesNotFit(f"{number} does not fit {target.name} ({limits[0]}..{limits[1]})")
    return ir.Const(target, number)


def _enumeration(value: ir.Expr, target: Type) -> ir.Expr:
    """Its number is an INT; no number is an enumeration."""
    source = value.type
    if isinstance(target, EnumType):
        raise DoesNotFit(f"{_a(source)} is no value of {target.name}", _names_of(target))
    if scalar(target) is None or not becomes("INT", target.base):
        raise DoesNotFit(f"{_a(source)} does not become {_a(target)}")
    return _scalar(value, target)


def _scalar(value: ir.Expr, target: Type) -> ir.Expr:
    if isinstance(value, ir.Const):
        if is_real(target):
            return ir.Const(target, to_real(float(value.value)) if target.base == "REAL" else float(value.value))
        return _in_bounds(value.value, target)
    return ir.Convert(target, value)


def settle(value: ir.Expr) -> ir.Expr:
    """A literal that nothing gives a type: the first of INT, DINT, LINT, ULINT that holds it, or LREAL."""
    if value.type is LITERAL_REAL:
        return convert(value, SIMPLE["LREAL"])
    if value.type is LITERAL_INT and isinstance(value, ir.Const):
        for name in ("INT", "DINT", "LINT", "ULINT"):
            if becomes("#INT", name, value.value):
                return ir.Const(SIMPLE[name], value.value)
        raise DoesNotFit(f"{value.value} does not fit 64 bits")
    return value
