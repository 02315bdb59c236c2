"""The standard functions that a PLC program may call, as the compiler asks for them.

    call = resolve("ADD", ["INT", "#INT"], [None, 3])
    call.c_name, call.params, call.result      # "st_add_i16", ("INT", "INT"), "INT"

Argument types are elementary types of IEC 61131-3 ("INT", "REAL", "STRING"), or "#INT" and "#REAL" for untyped
literals, which take the type that the other arguments need. Infix operators are the functions of OPERATORS; unary
minus is NEG.
The C functions are `static inline` in the folder RUNTIME, all of them by `#include "standard.h"`; they need hil/math.h
and the core's libm. Function blocks are ST sources in LIBRARY. Time since the program's start is `__NOW()`, a TIME:
C's `scan->now_ns`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hil.plc.standard import arithmetic, bits, conversion, dates, selection, strings
from hil.plc.standard.refusal import CallError, refused, unknown
from hil.plc.standard.signature import Call, Function
from hil.plc.standard.types import ALIASES, becomes, bits_of, range_of

__all__ = [
    "ALIASES",
    "FUNCTIONS",
    "LIBRARY",
    "OPERATORS",
    "RUNTIME",
    "Call",
    "CallError",
    "Function",
    "becomes",
    "bits_of",
    "conversions",
    "parameters",
    "range_of",
    "resolve",
]

RUNTIME = Path(__file__).parent / "runtime"
LIBRARY = Path(__file__).parent / "library"

FUNCTIONS: dict[str, Function] = {
    function.name: function
    for subject in (arithmetic, bits, selection, strings, dates, conversion)
    for function in subject.FUNCTIONS
}

OPERATORS = {
    "+": "ADD",
    "-": "SUB",
    "*": "MUL",
    "/": "DIV",
    "MOD": "MOD",
    "**": "EXPT",
    "&": "AND",
    "AND": "AND",
    "OR": "OR",
    "XOR": "XOR",
    "NOT": "NOT",
    "=": "EQ",
    "<>": "NE",
    "<": "LT",
    "<=": "LE",
    ">": "GT",
    ">=": "GE",
}


def resolve(name: str, args: Sequence[str], values: Sequence[float | None] | None = None) -> Call:
    """How a call is written in C.

    Args:
        name: a function's name in any case, or an infix operator.
        args: types of the arguments in the order of `parameters`.
        values: of each argument its value where it is an untyped literal, else None.

    Raises:
        CallError: there is no such function, or it does not take these types; says which it takes and what converts.
    """
    name = OPERATORS.get(name.upper(), name.upper())
    types = [ALIASES.get(kind, kind) for kind in args]
    known = list(values) if values is not None else [None] * len(types)
    function = _function(name)
    call = function.resolve(types, known)
    if call is None:
        raise refused(function, types, known)
    return call


def parameters(name: str, count: int) -> tuple[str, ...]:
    """Names of the parameters of a call with `count` arguments, for a formal call as LEFT(IN := a, L := 3)."""
    form = next((f for f in _function(name.upper()).forms if f.counts(count)), None)
    return tuple(form.param(i)[0] for i in range(count)) if form else ()


def conversions(source: str, target: str) -> Call | None:
    """The call of `source`_TO_`target`, or None if there is no such conversion."""
    function = FUNCTIONS.get(f"{ALIASES.get(source, source)}_TO_{ALIASES.get(target, target)}")
    return function.resolve([ALIASES.get(source, source)], [None]) if function else None


def _function(name: str) -> Function:
    if name not in FUNCTIONS:
        raise unknown(name, FUNCTIONS)
    return FUNCTIONS[name]
