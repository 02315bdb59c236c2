"""Selection (table 32) and comparison (table 33)."""

from __future__ import annotations

from hil.plc.standard.signature import Function, Signature
from hil.plc.standard.types import ELEMENTARY

TWO = (("IN1", "T"), ("IN2", "T"))
THREE = (*TWO, ("IN3", "T"))


def _comparison(name: str, operator: str, meaning: str) -> Function:
    c = name.lower()
    two = Signature(TWO, "BOOL", f"st_{c}_{{t}}", ELEMENTARY)
    more = Signature(THREE, "BOOL", f"st_{c}_all_{{t}}", ELEMENTARY, more="array")
    forms = (two,) if name == "NE" else (two, more)
    return Function(name, "Comparison", f"{meaning} `{operator}`.", forms)


def _selection(name: str, meaning: str, form: Signature) -> Function:
    return Function(name, "Selection", meaning, (form,))


FUNCTIONS = (
    _selection(
        "SEL",
        "IN0 if G is FALSE, IN1 if it is TRUE.",
        Signature((("G", "BOOL"), ("IN0", "T"), ("IN1", "T")), "T", "st_sel_{t}", ELEMENTARY),
    ),
    _selection("MAX", "The largest.", Signature(TWO, "T", "st_max_{t}", ELEMENTARY, more="fold")),
    _selection("MIN", "The smallest.", Signature(TWO, "T", "st_min_{t}", ELEMENTARY, more="fold")),
    _selection(
        "LIMIT",
        "IN between MN and MX: MIN(MAX(IN, MN), MX).",
        Signature((("MN", "T"), ("IN", "T"), ("MX", "T")), "T", "st_limit_{t}", ELEMENTARY),
    ),
    _selection(
        "MUX",
        "Input number K, from 0 on. Another K stops the program.",
        Signature((("K", "LINT"), ("IN0", "T")), "T", "st_mux_{t}", ELEMENTARY, stops=True, more="array", array_from=1),
    ),
    _comparison("GT", ">", "Whether each is greater than the next."),
    _comparison("GE", ">=", "Whether each is at least the next."),
    _comparison("EQ", "=", "Whether all are equal."),
    _comparison("LE", "<=", "Whether each is at most the next."),
    _comparison("LT", "<", "Whether each is less than the next."),
    _comparison("NE", "<>", "Whether the two differ."),
)
