"""Units of both sides of a comparison: `sensor.h1 < 12cm` compares metres with 0.12 m."""

from __future__ import annotations

from collections.abc import Mapping

from hil import units
from hil.requirements.errors import FormulaError
from hil.requirements.terms import Abs, Binary, Number, Signal, Term

Units = Mapping[str, str | None]
SAME_UNIT = ("+", "-", "min", "max")


def alike(left: Term, right: Term, known: Units, *, summed: bool = False) -> tuple[Term, Term]:
    """Both in one unit, that of the signals; a number without a unit has that of the other side.

    A number in K beside a temperature in degC is a temperature where it is compared with one, and a difference where it
    is `summed` (added or subtracted) or compared with a difference.

    Raises:
        FormulaError: the units do not fit, or that of one side is not known.
    """
    unit_left, unit_right = unit_of(left, known), unit_of(right, known)
    if unit_left == unit_right or _plain(left) or _plain(right):
        return left, right
    if unit_left is None or unit_right is None:
        unsure = left if unit_left is None else right
        raise FormulaError(f"the unit of '{unsure}' is not known", mend="Write the numbers without units")
    step = summed or _difference(left) or _difference(right)
    if _constant(left) and not _constant(right):
        return _converted(left, unit_left, unit_right, step), right
    return left, _converted(right, unit_right, unit_left, step)


def unit_of(term: Term, known: Units) -> str | None:
    """The unit of a term, None where it has none or it cannot be told."""
    if isinstance(term, Signal):
        return known.get(term.name)
    if isinstance(term, Number):
        return term.unit
    if isinstance(term, Abs):
        return unit_of(term.part, known)
    if not isinstance(term, Binary):
        return None
    if term.op in SAME_UNIT or _plain(term.left) or (term.op == "/" and _plain(term.right)):
        left = None if term.op == "/" and _plain(term.left) else unit_of(term.left, known)
        return left if left is not None or term.op == "/" else unit_of(term.right, known)
    return unit_of(term.left, known) if term.op == "*" and _plain(term.right) else None


def _plain(term: Term) -> bool:
    """A number without a unit, or made of such."""
    if isinstance(term, Number):
        return term.unit is None
    if isinstance(term, Binary):
        return _plain(term.left) and _plain(term.right)
    return isinstance(term, Abs) and _plain(term.part)


def _constant(term: Term) -> bool:
    return not term.signals


def _difference(term: Term) -> bool:
    """One of two values that signals have, of two temperatures for instance."""
    if isinstance(term, Abs):
        return _difference(term.part)
    if not isinstance(term, Binary):
        return False
    two = term.op == "-" and not (_constant(term.left) or _constant(term.right))
    return two or _difference(term.left) or _difference(term.right)


def _converted(term: Term, given: str, wanted: str, step: bool) -> Term:
    scale, offset = units.conversion(given, wanted)
    offset = 0.0 if step else offset
    if isinstance(term, Number):
        return Number(term.number * scale + offset, wanted)
    if offset:
        raise FormulaError(f"'{given}' to '{wanted}' also shifts the zero", mend="Write the numbers in one unit")
    return term if scale == 1.0 else Binary("*", term, Number(scale))
