"""Which form of a function a call means, and what is said of one that means none."""

from __future__ import annotations

from typing import Any

import pytest

from hil.plc.functions import FUNCTIONS, OPERATORS, CallError, becomes, conversions, parameters, resolve

# Operator, types of the arguments (literals with their value), type of the result.
TYPED = [
    ("+", ("INT", "INT"), "INT"),
    ("+", ("INT", "DINT"), "DINT"),
    ("+", ("INT", "UINT"), "DINT"),
    ("+", ("SINT", "USINT"), "INT"),
    ("+", ("DINT", "UDINT"), "LINT"),
    ("+", ("USINT", "ULINT"), "ULINT"),
    ("+", ("INT", "REAL"), "REAL"),
    ("+", ("DINT", "REAL"), "LREAL"),
    ("+", ("INT", 1), "INT"),
    ("+", ("USINT", 300), "INT"),
    ("+", ("USINT", -1), "INT"),
    ("+", ("INT", 2.5), "REAL"),
    ("+", ("DINT", 2.5), "LREAL"),
    ("+", (1, 2), "INT"),
    ("+", (1, 40_000), "DINT"),
    ("+", (1, 2**33), "LINT"),
    ("+", (1, 2**63), "ULINT"),
    ("+", (1, 2.0), "LREAL"),
    ("-", ("DT", "DT"), "TIME"),
    ("-", ("DT", "TIME"), "DT"),
    ("-", ("LTOD", "TOD"), "LTIME"),
    ("+", ("TIME", "LTIME"), "LTIME"),
    ("*", ("TIME", "INT"), "TIME"),
    ("/", ("LTIME", 2.5), "LTIME"),
    ("/", (7, 2), "INT"),
    ("/", (7, 2.0), "LREAL"),
    ("**", ("INT", 2), "REAL"),
    ("**", (2, 3), "LREAL"),
    ("AND", ("BOOL", "BOOL"), "BOOL"),
    ("&", ("BYTE", "WORD"), "WORD"),
    ("XOR", ("WORD", 0xFFFF), "WORD"),
    ("OR", ("BYTE", 0x100), "WORD"),
    ("NOT", ("BOOL",), "BOOL"),
    ("NOT", ("DWORD",), "DWORD"),
    ("=", ("BOOL", 1), "BOOL"),
    ("<", ("STRING", "STRING"), "BOOL"),
    ("NEG", ("INT",), "INT"),
    ("NEG", ("TIME",), "TIME"),
    ("NEG", ("UINT",), "DINT"),
    ("SHL", ("WORD", "SINT"), "WORD"),
    ("SEL", ("BOOL", "INT", 7), "INT"),
    ("MUX", ("USINT", "REAL", "LREAL", 1), "LREAL"),
    ("LIMIT", (0, "INT", 100), "INT"),
    ("ABS", ("SINT",), "SINT"),
    ("SQRT", ("INT",), "REAL"),
    ("SQRT", (2,), "LREAL"),
    ("TO_STRING", (5,), "STRING"),
    ("TRUNC", ("REAL",), "DINT"),
    ("LEN", ("STRING",), "INT"),
    ("ADD", ("DATE_AND_TIME", "TIME"), "DT"),
]


def ask(name: str, args: tuple[Any, ...]) -> Any:
    types = ["#REAL" if isinstance(a, float) else "#INT" if isinstance(a, int) else a for a in args]
    return resolve(name, types, [None if isinstance(a, str) else a for a in args])


@pytest.mark.parametrize(("name", "args", "result"), TYPED)
def test_call_has_the_smallest_type_that_holds_all_arguments(name: str, args: tuple[Any, ...], result: str) -> None:
    assert ask(name, args).result == result


REFUSED = [
    ("+", ("INT", "WORD"), "ADD does not take (INT, WORD). Convert with WORD_TO_INT."),
    ("+", ("TIME", "INT"), "ADD does not take (TIME, INT). Convert with INT_TO_TIME."),
    ("+", ("LINT", "ULINT"), "ADD does not take (LINT, ULINT). Convert with ULINT_TO_LINT."),
    ("MOD", ("REAL", "INT"), "MOD does not take (REAL, INT). Convert with REAL_TO_INT."),
    ("AND", ("INT", "INT"), "AND does not take (INT, INT). Convert with INT_TO_WORD."),
    ("=", ("INT", "BOOL"), "EQ does not take (INT, BOOL). Convert with BOOL_TO_INT."),
    ("NOT", (1,), "NOT does not take (literal 1). Give the literal a type, as in WORD#1."),
    ("SHL", (1, 3), "SHL does not take (literal 1, literal 3). Give the literal a type, as in WORD#1."),
    ("SIN", ("LINT",), "SIN does not take (LINT). Convert with LINT_TO_LREAL."),
    ("NEG", ("ULINT",), "NEG does not take (ULINT). Convert with ULINT_TO_LINT."),
    ("CONCAT", ("STRING", "REAL"), "CONCAT does not take (STRING, REAL). Convert with REAL_TO_STRING."),
    ("ADD", ("INT",), "ADD does not take 1 argument. It takes ADD(IN1: ANY_NUM, IN2: ANY_NUM, ...): ANY_NUM"),
    ("NE", ("INT", "INT", "INT"), "NE does not take 3 arguments."),
    ("SINN", ("REAL",), "there is no function SINN. Did you mean SIN?"),
    ("WORD_TO_REAL", ("WORD",), "there is no conversion WORD_TO_REAL. Go by WORD_TO_UINT and UINT_TO_REAL"),
    ("INT_TO_INT", ("INT",), "there is no conversion INT_TO_INT. It has that type already"),
    ("WSTRING_TO_STRING", ("STRING",), "there is no type WSTRING, hence no WSTRING_TO_STRING. Use STRING"),
]


@pytest.mark.parametrize(("name", "args", "message"), REFUSED)
def test_wrong_call_is_told_with_the_conversion_that_mends_it(name: str, args: tuple[Any, ...], message: str) -> None:
    with pytest.raises(CallError) as error:
        ask(name, args)
    assert str(error.value).startswith(message)


def test_named_conversion_of_a_refusal_mends_the_call() -> None:
    assert ask("+", ("INT", conversions("WORD", "INT").result)).result == "INT"  # type: ignore[union-attr]
    assert conversions("TIME", "BOOL") is None


def test_parameters_have_the_names_of_the_standard() -> None:
    assert parameters("ADD", 3) == ("IN1", "IN2", "IN3")
    assert parameters("MUX", 4) == ("K", "IN0", "IN1", "IN2")
    assert parameters("limit", 3) == ("MN", "IN", "MX")
    assert parameters("SEL", 3) == ("G", "IN0", "IN1")
    assert parameters("GT", 4) == ("IN1", "IN2", "IN3", "IN4")
    assert parameters("REPLACE", 4) == ("IN1", "IN2", "L", "P")


def test_conversion_by_itself_never_loses_a_value() -> None:
    assert [t for t in ("SINT", "INT", "REAL", "LREAL", "UINT", "WORD", "BOOL") if becomes("SINT", t)] == [
        "SINT", "INT", "REAL", "LREAL",
    ]  # fmt: skip
    assert not becomes("DINT", "REAL")
    assert not becomes("LINT", "LREAL")
    assert becomes("BOOL", "BYTE")
    assert becomes("#INT", "USINT", 255)
    assert not becomes("#INT", "USINT", 256)
    assert not becomes("#REAL", "INT", 1.0)


def test_every_operator_is_a_function() -> None:
    assert set(OPERATORS.values()) <= set(FUNCTIONS)
