"""Time and date (tables 35 and 36)."""

from __future__ import annotations

from hil.plc.standard.arithmetic import (
    DATE_DIFFERENCE,
    DATE_SUM,
    TIME_DIFFERENCE,
    TIME_SUM,
    time_product,
    time_quotient,
)
from hil.plc.standard.signature import Function, Signature

GROUP = "Time and date"
CALENDAR = ("YEAR", "MONTH", "DAY")
CLOCK = ("HOUR", "MINUTE", "SECOND", "MILLISECOND")
FINE = ("MICROSECOND", "NANOSECOND")
STOPS = "One that does not exist stops the program."


def _name(operation: str, form: Signature) -> str:
    """ADD_TIME for two TIME, else ADD_TOD_TIME."""
    first, second = (kind for _, kind in form.params)
    return f"{operation}_{first}" if first == second and first in ("TIME", "LTIME") else f"{operation}_{first}_{second}"


def _typed(operation: str, meaning: str, forms: tuple[Signature, ...]) -> tuple[Function, ...]:
    return tuple(Function(_name(operation, form), GROUP, meaning, (form,)) for form in forms)


def _scaled(names: tuple[str, ...], meaning: str, forms: tuple[Signature, ...]) -> tuple[Function, ...]:
    return tuple(Function(name, GROUP, meaning, forms) for name in names)


def _parts(name: str, parts: tuple[str, ...], result: str) -> Function:
    form = Signature(tuple((part, "LINT") for part in parts), result, f"st_{name.lower()}", stops=True)
    return Function(name, GROUP, f"{result} of its parts. {STOPS}", (form,))


def _joined(name: str, tod: str, result: str) -> Function:
    form = Signature((("DATE", "DATE"), (tod, tod)), result, "st_concat_date_tod")
    return Function(name, GROUP, f"{result} of a date and a time of day.", (form,))


def _one(name: str, meaning: str, sources: tuple[str, ...], result: str, c_name: str) -> Function:
    return Function(name, GROUP, meaning, tuple(Signature((("IN", t),), result, c_name) for t in sources))


WITH_DATE = ("DATE", "LDATE", "DT", "LDT")

FUNCTIONS = (
    *_typed("ADD", "Sum, as ADD.", (*TIME_SUM, *DATE_SUM)),
    *_typed("SUB", "Difference, as SUB.", (*TIME_DIFFERENCE, *DATE_DIFFERENCE)),
    *_scaled(("MUL_TIME", "MULTIME"), "A duration times a number, as MUL.", time_product("TIME")),
    *_scaled(("MUL_LTIME",), "A duration times a number, as MUL.", time_product("LTIME")),
    *_scaled(("DIV_TIME", "DIVTIME"), "A duration divided by a number, as DIV.", time_quotient("TIME")),
    *_scaled(("DIV_LTIME",), "A duration divided by a number, as DIV.", time_quotient("LTIME")),
    _joined("CONCAT_DATE_TOD", "TOD", "DT"),
    _joined("CONCAT_DATE_LTOD", "LTOD", "LDT"),
    _parts("CONCAT_DATE", CALENDAR, "DATE"),
    _parts("CONCAT_TOD", CLOCK, "TOD"),
    _parts("CONCAT_LTOD", (*CLOCK, *FINE), "LTOD"),
    _parts("CONCAT_DT", (*CALENDAR, *CLOCK), "DT"),
    _parts("CONCAT_LDT", (*CALENDAR, *CLOCK, *FINE), "LDT"),
    _one("DAY_OF_WEEK", "0 is Sunday, 6 is Saturday.", WITH_DATE, "INT", "st_day_of_week"),
    _one("YEAR_OF", "The year. Not of the standard; SPLIT_DATE is made of it.", WITH_DATE, "INT", "st_year"),
    _one(
        "MONTH_OF", "The month, 1 .. 12. Not of the standard; SPLIT_DATE is made of it.", WITH_DATE, "INT", "st_month"
    ),
    _one("DAY_OF", "The day, 1 .. 31. Not of the standard; SPLIT_DATE is made of it.", WITH_DATE, "INT", "st_day"),
)
