"""Bit strings (tables 30 and 31), byte order (table 37) and validation (table 38)."""

from __future__ import annotations

from hil.plc.standard.signature import Function, Signature
from hil.plc.standard.types import INTEGERS, REALS, WORDS

GROUP = "Bit strings"
BOOL = ("BOOL",)


def _shift(name: str, meaning: str, of_bool: str) -> Function:
    params = (("IN", "T"), ("N", "LINT"))
    return Function(
        name,
        GROUP,
        meaning,
        (
            Signature(params, "T", f"st_{name.lower()}_{{t}}", WORDS, stops=True),
            Signature(params, "T", of_bool, BOOL, stops=True),
        ),
    )


def _bitwise(name: str, meaning: str) -> Function:
    form = Signature((("IN1", "T"), ("IN2", "T")), "T", f"st_{name.lower()}_{{t}}", (*BOOL, *WORDS), more="fold")
    return Function(name, GROUP, meaning, (form,))


def _byte_order(name: str, order: str, meaning: str) -> Function:
    form = Signature((("IN", "T"),), "T", f"st_{order}_endian_{{t}}", (*INTEGERS, *WORDS))
    return Function(name, "Byte order", meaning, (form,))


FUNCTIONS = (
    _shift("SHL", "Shifts left by N bits, with 0 from the right. A negative N stops the program.", "st_shift_bool"),
    _shift("SHR", "Shifts right by N bits, with 0 from the left. A negative N stops the program.", "st_shift_bool"),
    _shift("ROL", "Turns left by N bits. A negative N stops the program.", "st_turn_bool"),
    _shift("ROR", "Turns right by N bits. A negative N stops the program.", "st_turn_bool"),
    _bitwise("AND", "Bit by bit and. `AND`, `&`."),
    _bitwise("OR", "Bit by bit or. `OR`."),
    _bitwise("XOR", "Bit by bit exclusive or: an odd number of ones. `XOR`."),
    Function(
        "NOT",
        GROUP,
        "Every bit inverted. `NOT`.",
        (
            Signature((("IN", "T"),), "T", "st_not_bool", BOOL),
            Signature((("IN", "T"),), "T", "st_not_{t}", WORDS),
        ),
    ),
    _byte_order("TO_BIG_ENDIAN", "big", "Bytes in big endian order, as most wires have them."),
    _byte_order("TO_LITTLE_ENDIAN", "little", "Bytes in little endian order."),
    _byte_order("FROM_BIG_ENDIAN", "big", "A number whose bytes came in big endian order."),
    _byte_order("FROM_LITTLE_ENDIAN", "little", "A number whose bytes came in little endian order."),
    Function(
        "IS_VALID",
        "Validation",
        "FALSE for NaN and infinities.",
        (Signature((("IN", "T"),), "BOOL", "st_is_valid", REALS),),
    ),
    Function(
        "IS_VALID_BCD",
        "Validation",
        "Whether every 4 bits are a decimal digit.",
        (Signature((("IN", "T"),), "BOOL", "st_is_valid_bcd", WORDS),),
    ),
)
