"""Arithmetic (tables 28 and 29): ADD MUL SUB DIV MOD EXPT MOVE, the sign, and numeric functions of one variable."""

from __future__ import annotations

from hil.plc.standard.signature import Function, Signature
from hil.plc.standard.types import ELEMENTARY, INTEGERS, NUMBERS, REALS, SIGNED

GROUP = "Arithmetic"
TWO = (("IN1", "T"), ("IN2", "T"))
DAY_FORMS = (("TOD", "TIME"), ("LTOD", "LTIME"))
DT_FORMS = (("DT", "TIME"), ("LDT", "LTIME"))


def pair(first: str, second: str, result: str, c_name: str, *, stops: bool = False) -> Signature:
    """A form of two parameters of fixed types."""
    return Signature((("IN1", first), ("IN2", second)), result, c_name, stops=stops)


def _two(c_name: str, over: tuple[str, ...], *, stops: bool = False, fold: bool = False) -> Signature:
    return Signature(TWO, "T", c_name, over, stops=stops, more="fold" if fold else "")


TIME_SUM = tuple(pair(t, t, t, "st_add_i64") for t in ("TIME", "LTIME"))
DATE_SUM = (
    *(pair(day, time, day, "st_tod_add") for day, time in DAY_FORMS),
    *(pair(date, time, date, "st_add_i64") for date, time in DT_FORMS),
)
DATE_DIFFERENCE = (
    *(pair(day, time, day, "st_tod_sub") for day, time in DAY_FORMS),
    *(pair(date, time, date, "st_sub_i64") for date, time in DT_FORMS),
    *(pair(t, t, "TIME", "st_sub_i64") for t in ("DATE", "TOD", "DT")),
    *(pair(t, t, "LTIME", "st_sub_i64") for t in ("LDATE", "LTOD", "LDT")),
)
TIME_DIFFERENCE = tuple(pair(t, t, t, "st_sub_i64") for t in ("TIME", "LTIME"))


def time_product(time: str) -> tuple[Signature, ...]:
    """A duration times a number."""
    return (pair(time, "LINT", time, "st_mul_i64"), pair(time, "LREAL", time, "st_time_mul"))


def time_quotient(time: str) -> tuple[Signature, ...]:
    """A duration divided by a number."""
    return (
        pair(time, "LINT", time, "st_div_i64", stops=True),
        pair(time, "LREAL", time, "st_time_div", stops=True),
    )


ARITHMETIC = (
    Function(
        "ADD",
        GROUP,
        "Sum. `+`. Integers wrap; TOD stays within its day.",
        (_two("st_add_{t}", NUMBERS, fold=True), *TIME_SUM, *DATE_SUM),
    ),
    Function(
        "MUL",
        GROUP,
        "Product. `*`. Integers wrap; a duration times a real number rounds half to even.",
        (_two("st_mul_{t}", NUMBERS, fold=True), *time_product("TIME"), *time_product("LTIME")),
    ),
    Function(
        "SUB",
        GROUP,
        "Difference. `-`. Integers wrap; TOD stays within its day.",
        (_two("st_sub_{t}", NUMBERS), *TIME_DIFFERENCE, *DATE_DIFFERENCE),
    ),
    Function(
        "DIV",
        GROUP,
        "Quotient. `/`. Integers and durations truncate towards 0; by 0 they stop the program. REAL: IEC 60559.",
        (
            _two("st_div_{t}", INTEGERS, stops=True),
            _two("st_div_{t}", REALS),
            *time_quotient("TIME"),
            *time_quotient("LTIME"),
        ),
    ),
    Function(
        "MOD",
        GROUP,
        "Remainder of DIV, with the sign of IN1. By 0 it stops the program.",
        (_two("st_mod_{t}", INTEGERS, stops=True),),
    ),
    Function(
        "EXPT",
        GROUP,
        "IN1 to the power of IN2. `**`. Computed as LREAL and rounded once.",
        (Signature((("IN1", "T"), ("IN2", "LREAL")), "T", "st_expt_{t}", REALS),),
    ),
    Function("MOVE", GROUP, "The value itself. `:=`.", (Signature((("IN", "T"),), "T", "st_move_{t}", ELEMENTARY),)),
    Function(
        "NEG",
        GROUP,
        "The negative. Unary `-`. The least integer stays as it is.",
        (Signature((("IN", "T"),), "T", "st_neg_{t}", (*SIGNED, *REALS, "TIME", "LTIME")),),
    ),
)

_MEANING = {
    "SQRT": ("Square root; of a negative number NaN.", "sqrt"),
    "LN": ("Natural logarithm.", "log"),
    "LOG": ("Logarithm to base 10.", "log10"),
    "EXP": ("Natural exponential.", "exp"),
    "SIN": ("Sine of an angle in rad.", "sin"),
    "COS": ("Cosine of an angle in rad.", "cos"),
    "TAN": ("Tangent of an angle in rad.", "tan"),
    "ASIN": ("Arc sine in rad, -pi/2 .. pi/2.", "asin"),
    "ACOS": ("Arc cosine in rad, 0 .. pi.", "acos"),
    "ATAN": ("Arc tangent in rad, -pi/2 .. pi/2.", "atan"),
}

NUMERIC = (
    Function(
        "ABS",
        "Numeric",
        "Absolute value. The least integer stays as it is.",
        (Signature((("IN", "T"),), "T", "st_abs_{t}", NUMBERS),),
    ),
    *(
        Function(name, "Numeric", text, (Signature((("IN", "T"),), "T", f"st_{c}_{{t}}", REALS),))
        for name, (text, c) in _MEANING.items()
    ),
    Function(
        "ATAN2",
        "Numeric",
        "Angle of the point (X, Y) in rad, -pi .. pi.",
        (Signature((("Y", "T"), ("X", "T")), "T", "st_atan2_{t}", REALS),),
    ),
)

FUNCTIONS = ARITHMETIC + NUMERIC
