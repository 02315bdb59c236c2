"""What the standard says that a function gives, in Python integers, NumPy floats and exact fractions."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any

import numpy as np

from hil.plc.standard.types import INTEGERS, REALS, WORDS, bits_of, range_of

INDEX, DIVISION, RANGE = 1, 2, 4
DAY = 86_400_000_000_000
Oracle = Callable[[tuple[str, ...], list[Any], str], Any]  # types and values of the arguments, type of the result
ORACLES: dict[str, Oracle] = {}


def stop(reason: int) -> tuple[str, int]:
    return ("stop", reason)


def says(*names: str) -> Callable[[Oracle], Oracle]:
    def keep(oracle: Oracle) -> Oracle:
        ORACLES.update(dict.fromkeys(names, oracle))
        return oracle

    return keep


def wrap(kind: str, value: int) -> int:
    """The value modulo the type's range."""
    low, high = range_of(kind) if kind in (*INTEGERS, *WORDS, "BOOL") else range_of("LINT")
    return (value - low) % (high - low + 1) + low


def clamp(kind: str, value: int) -> int:
    low, high = range_of(kind) if kind in (*INTEGERS, *WORDS) else range_of("LINT")
    return min(max(value, low), high)


def quotient(a: int, b: int) -> int:
    """Truncated towards 0."""
    return abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)


def to_int(kind: str, x: float) -> int:
    """Half to even, the nearest that the type holds."""
    if x != x:
        return 0
    if x in (float("inf"), float("-inf")):
        return clamp(kind, (1 << 200) * (1 if x > 0 else -1))
    return clamp(kind, round(x))


def real(kind: str, *values: float) -> list[Any]:
    return [(np.float32 if kind == "REAL" else np.float64)(v) for v in values]


def _numbers(op: Callable[[Any, Any], Any]) -> Callable[[str, list[Any]], Any]:
    def fold(result: str, args: list[Any]) -> Any:
        if result in REALS:
            with np.errstate(all="ignore"):
                return reduce(op, real(result, *args))
        return wrap(result, reduce(op, args))

    return fold


@says("ADD", "ADD_TIME", "ADD_LTIME", "ADD_DT_TIME", "ADD_LDT_LTIME", "ADD_TOD_TIME", "ADD_LTOD_LTIME")
def add(types: tuple[str, ...], args: list[Any], result: str) -> Any:
    if types[0] in ("TOD", "LTOD"):
        return sum(args) % DAY
    return _numbers(lambda a, b: a + b)(result, args)


SUBTRACTIONS = "TIME LTIME TOD_TIME LTOD_LTIME DT_TIME LDT_LTIME DATE_DATE TOD_TOD DT_DT LDATE_LDATE LTOD_LTOD LDT_LDT"


@says("SUB", *(f"SUB_{name}" for name in SUBTRACTIONS.split()))
def sub(types: tuple[str, ...], args: list[Any], result: str) -> Any:
    if result in ("TOD", "LTOD"):
        return (args[0] - args[1]) % DAY
    return _numbers(lambda a, b: a - b)(result, args)


@says("MUL", "MUL_TIME", "MUL_LTIME", "MULTIME")
def mul(types: tuple[str, ...], args: list[Any], result: str) -> Any:
    if types[-1] == "LREAL" and result != "LREAL":
        return to_int("LINT", float(np.float64(args[0]) * args[1]))
    return _numbers(lambda a, b: a * b)(result, args)


@says("DIV", "DIV_TIME", "DIV_LTIME", "DIVTIME")
def div(types: tuple[str, ...], args: list[Any], result: str) -> Any:
    if result in REALS:
        with np.errstate(all="ignore"):
            a, b = real(result, *args)
            return a / b
    if args[1] == 0:
        return stop(DIVISION)
    if types[1] != "LREAL":
        return wrap(result, quotient(*args))
    x = float(np.float64(args[0]) / args[1])
    if x != x or abs(x) == float("inf"):
        return to_int("LINT", x)
    return clamp("LINT", int(x))


@says("MOD")
def mod(types: tuple[str, ...], args: list[Any], result: str) -> Any:
    a, b = args
    return stop(DIVISION) if b == 0 else a - quotient(a, b) * b


@says("MOVE")
def move(types: tuple[str, ...], args: list[Any], result: str) -> Any:
    return args[0]


@says("NEG")
def neg(types: tuple[str, ...], args: list[Any], result: str) -> Any:
    return -args[0] if result in REALS else wrap(result, -args[0])


@says("ABS")
def absolute(types: tuple[str, ...], args: list[Any], result: str) -> Any:
    return abs(args[0]) if result in REALS else wrap(result, abs(args[0]))


# ---- bit strings ----


def _shift(name: str, turn: Callable[[str, int], str]) -> None:
    """On text of 0 and 1."""

    def oracle(types: tuple[str, ...], args: list[Any], result: str) -> Any:
        value, n = args
        if n < 0:
            return stop(RANGE)
        width = bits_of(types[0])
        return int(turn(f"{value:0{width}b}", n if name in ("SHL", "SHR") else n % width), 2)

    ORACLES[name] = oracle


_shift("SHL", lambda b, n: (b + "0" * min(n, len(b)))[-len(b) :])
_shift("SHR", lambda b, n: ("0" * min(n, len(b)) + b)[: len(b)])
_shift("ROL", lambda b, n: b[n:] + b[:n])
_shift("ROR", lambda b, n: b[len(b) - n :] + b[: len(b) - n])


def _bitwise(name: str, of_ones: Callable[[int, int], bool]) -> None:
    """By the number of ones among so many arguments, bit by bit."""

    def oracle(types: tuple[str, ...], args: list[Any], result: str) -> Any:
        counts = (sum(a >> i & 1 for a in args) for i in range(bits_of(types[0])))
        return sum(of_ones(ones, len(args)) << i for i, ones in enumerate(counts))

    ORACLES[name] = oracle


_bitwise("AND", lambda ones, n: ones == n)
_bitwise("OR", lambda ones, n: ones > 0)
_bitwise("XOR", lambda ones, n: ones % 2 == 1)
_bitwise("NOT", lambda ones, n: ones == 0)


@says("TO_BIG_ENDIAN", "FROM_BIG_ENDIAN")
def big_endian(types: tuple[str, ...], args: list[Any], result: str) -> Any:
    signed, size = range_of(result)[0] < 0, bits_of(result) // 8
    return int.from_bytes(args[0].to_bytes(size, "little", signed=signed), "big", signed=signed)


ORACLES["TO_LITTLE_ENDIAN"] = ORACLES["FROM_LITTLE_ENDIAN"] = move


@says("IS_VALID")
def is_valid(types: tuple[str, ...], args: list[Any], result: str) -> Any:
    return int(np.isfinite(args[0]))


@says("IS_VALID_BCD")
def is_valid_bcd(types: tuple[str, ...], args: list[Any], result: str) -> Any:
    return int(f"{args[0]:x}".isdecimal())
