"""Write the tables of the core's libm: core/src/math_trig_tables.h and math_exp_tables.h.

Every number in those two headers is computed here with mpmath at 600 digits, so each has a source.
Run `python tools/make_math_tables.py` after a change; `--check` only compares and returns 1 on a difference.
"""

import argparse
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import mpmath as mp

SOURCE = Path(__file__).resolve().parents[1] / "core" / "src"
TURN_PARTS = 128  # sin/cos table: one entry every 2*pi/128
EXP_PARTS = 128  # exp table: 2**(i/128)
LOG_PARTS = 128  # log table: one entry per 1/128 of a binade
LOG_OFFSET = 0x3FE6900000000000  # bits of 0.705; puts 1.0 in the middle of an interval
LOG_GRID = 512  # 1/c is a multiple of 1/512, so that z/c - 1 is exact in two doubles
LN2_STEP = 42  # ln2_hi and log(c)_hi are multiples of 2**-42: k*ln2_hi + log(c)_hi is exact

Number = mp.mpf
mp.mp.dps = 600


def double(value: Number) -> Number:
    """Round to the nearest double."""
    return mp.mpf(float(value))


def short(value: Number, bits: int) -> Number:
    """Round to `bits` significant bits."""
    exponent = int(mp.floor(mp.log(abs(value), 2)))
    unit = mp.mpf(2) ** (exponent + 1 - bits)
    return mp.nint(value / unit) * unit


def literal(value: Number) -> str:
    """C hexadecimal literal of the nearest double, without a row of trailing zeros."""
    mantissa, exponent = float(value).hex().split("p")
    if "." in mantissa:
        mantissa = mantissa.rstrip("0").rstrip(".")
    return f"{mantissa}p{exponent}"


def scalar(name: str, value: Number) -> str:
    """One constant."""
    return f"static const double {name} = {literal(value)};"


def row(values: Iterable[Number]) -> str:
    """One line of a table."""
    return "    {" + ", ".join(literal(v) for v in values) + "},"


def table(name: str, rows: list[tuple[Number, ...]], comment: str) -> list[str]:
    """An array of rows, below its comment."""
    head = f"static const double {name}[{len(rows)}][{len(rows[0])}] = {{"
    return ["", f"/* {comment} */", head, *(row(r) for r in rows), "};"]


def polynomial(name: str, function: Callable[[Number], Number], interval: tuple[float, float], terms: int) -> str:
    """Near-minimax coefficients, lowest power first."""
    low, high = (mp.mpf(end) for end in interval)
    low += high / mp.mpf(10) ** 30  # no node may be 0: the functions are quotients 0/0 there
    with mp.workdps(200):
        coefficients = mp.chebyfit(function, [low, high], terms)[::-1]
    body = ",\n    ".join(literal(c) for c in coefficients)
    return f"static const double {name}[{terms}] = {{\n    {body}}};"


def pair(value: Number) -> tuple[Number, Number]:
    """The nearest double, and the rest."""
    high = double(value)
    return high, value - high


# ---------------------------------------------------------------- trigonometric


def sine_row(index: int) -> tuple[Number, ...]:
    """Sine as two doubles, cosine minus its sign, the sign of the cosine."""
    angle = 2 * mp.pi * index / TURN_PARTS
    sine, cosine = mp.sin(angle), mp.cos(angle)
    if index % (TURN_PARTS // 2) == 0:
        sine = mp.mpf(0)
    if index % (TURN_PARTS // 2) == TURN_PARTS // 4:
        cosine = mp.mpf(0)
    sign = mp.mpf(-1 if cosine < 0 else 1)
    return (*pair(sine), cosine - sign, sign)


def two_over_pi_words() -> list[str]:
    """Bits of 2/pi in words of 32, after 96 zero bits (so that arguments from 2**-5 up can use them)."""
    words = (1024 + 224) // 32 + 2
    bits = int(mp.floor(mp.ldexp(2 / mp.pi, 32 * words)))
    values = [0, 0, 0] + [bits >> (32 * (words - 1 - j)) & 0xFFFFFFFF for j in range(words)]
    lines = [", ".join(f"0x{v:08x}u" for v in values[j : j + 8]) for j in range(0, len(values), 8)]
    return [
        "",
        "/* 96 zero bits, then 2/pi. */",
        f"static const uint32_t trig_two_over_pi[{len(values)}] = {{",
        "    " + ",\n    ".join(lines) + "};",
    ]


def trig_header() -> list[str]:
    """Body of math_trig_tables.h."""
    step = 2 * mp.pi / TURN_PARTS
    part1 = short(step, 34)
    part2 = short(step - part1, 34)
    half = float(step / 2) * 1.01
    near = 3 / 16 * 1.001  # the ratio up to which atan is one polynomial
    cell = 1 / 128 * 1.01  # the largest argument left after the atan table
    tail = lambda f, u: f(mp.sqrt(u))  # noqa: E731  (every series below is one in u = x*x)
    atan3 = lambda x: (mp.atan(x) - x) / x**3  # noqa: E731
    return [
        scalar("trig_steps_per_radian", 1 / step),
        scalar("trig_step_1", part1),
        scalar("trig_step_2", part2),
        scalar("trig_step_3", step - part1 - part2),
        scalar("trig_step_hi", double(step)),
        scalar("trig_step_lo", step - double(step)),
        scalar("trig_pi_hi", double(mp.pi)),
        scalar("trig_pi_lo", mp.pi - double(mp.pi)),
        polynomial("trig_sin_poly", lambda u: tail(lambda x: (mp.sin(x) - x) / x**3, u), (0, half**2), 3),
        polynomial("trig_cos_poly", lambda u: (mp.cos(mp.sqrt(u)) - 1 + u / 2) / u**2, (0, half**2), 3),
        polynomial("trig_atan_poly", lambda u: tail(atan3, u), (0, near**2), 9),
        polynomial("trig_atan_cell_poly", lambda u: tail(atan3, u), (0, cell**2), 3),
        *table(
            "trig_table",
            [sine_row(i) for i in range(TURN_PARTS)],
            "sin(a) hi and lo, cos(a) - s, s = sign of cos(a); a = 2*pi*i/128",
        ),
        *table("trig_atan_table", [pair(mp.atan(mp.mpf(i) / 64)) for i in range(65)], "atan(i/64) hi and lo"),
        *two_over_pi_words(),
    ]


# ---------------------------------------------------------------- exponential and logarithm


def bits_to_double(bits: int) -> Number:
    """The positive double with these bits."""
    exponent, fraction = bits >> 52, bits & ((1 << 52) - 1)
    return mp.ldexp(mp.mpf(fraction + (1 << 52)), exponent - 1075)


def log_row(index: int) -> tuple[tuple[Number, ...], Number]:
    """(1/c, log(c) hi and lo) and the largest |z/c - 1| in the interval."""
    low, high = (bits_to_double(LOG_OFFSET + (index + j << 45)) for j in (0, 1))
    inverse = mp.mpf(1) if low <= 1 <= high else mp.nint(LOG_GRID * 2 / (low + high)) / LOG_GRID
    logarithm = -mp.log(inverse)
    step = mp.mpf(2) ** LN2_STEP
    log_hi = mp.nint(logarithm * step) / step
    reach = max(abs(low * inverse - 1), abs(high * inverse - 1))
    return (inverse, log_hi, logarithm - log_hi), reach


def exp_row(index: int) -> tuple[Number, Number]:
    """2**(i/128) rounded, and what is missing, relative to it."""
    power = mp.mpf(2) ** (mp.mpf(index) / EXP_PARTS)
    return double(power), power / double(power) - 1


def exp_header() -> list[str]:
    """Body of math_exp_tables.h."""
    step = mp.log(2) / EXP_PARTS
    step_hi = short(step, 34)
    ln2_hi = mp.nint(mp.log(2) * mp.mpf(2) ** LN2_STEP) / mp.mpf(2) ** LN2_STEP
    rows = [log_row(i) for i in range(LOG_PARTS)]
    reach = float(max(r for _, r in rows)) * 1.001
    half = float(step / 2) * 1.001
    ln10 = mp.log(10)
    log3 = lambda r: (mp.log1p(r) - r + r * r / 2) / r**3  # noqa: E731
    return [
        scalar("exp_steps_per_unit", 1 / step),
        scalar("exp_step_hi", step_hi),
        scalar("exp_step_lo", step - step_hi),
        scalar("log_ln2_hi", ln2_hi),
        scalar("log_ln2_lo", mp.log(2) - ln2_hi),
        scalar("log_per_ln2_hi", double(1 / mp.log(2))),
        scalar("log_per_ln2_lo", 1 / mp.log(2) - double(1 / mp.log(2))),
        scalar("log_per_ln10_hi", double(1 / ln10)),
        scalar("log_per_ln10_lo", 1 / ln10 - double(1 / ln10)),
        polynomial("exp_poly", lambda r: (mp.expm1(r) - r - r * r / 2) / r**3, (-half, half), 3),
        polynomial("log_poly", log3, (-reach, reach), 7),
        polynomial("log_short_poly", log3, (-reach, reach), 5),
        polynomial("expm1_poly", lambda r: (mp.expm1(r) - r - r * r / 2) / r**3, (-0.1251, 0.1251), 9),
        polynomial("sinh_poly", lambda u: (mp.sinh(mp.sqrt(u)) / mp.sqrt(u) - 1) / u, (0, 0.3001**2), 6),
        polynomial("tanh_poly", lambda u: (mp.tanh(mp.sqrt(u)) / mp.sqrt(u) - 1) / u, (0, 0.2501**2), 9),
        *table("exp_table", [exp_row(i) for i in range(EXP_PARTS)], "2^(i/128) rounded, and its relative remainder"),
        *table("log_table", [r for r, _ in rows], "1/c, log(c) hi (a multiple of 2^-42) and lo"),
    ]


# ---------------------------------------------------------------- files


def header(name: str, body: list[str]) -> str:
    """A whole header file."""
    guard = f"HIL_{name.upper()}_H"
    note = "/* Generated by tools/make_math_tables.py (mpmath). Do not edit. */"
    return "\n".join(
        [
            note,
            "// clang-format off",
            f"#ifndef {guard}",
            f"#define {guard}",
            "",
            "#include <stdint.h>",
            "",
            *body,
            "",
            "#endif",
            "",
        ]
    )


def main() -> int:
    """Command line; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare with the files, write nothing")
    check = parser.parse_args().check
    stale = 0
    for name, body in (("math_trig_tables", trig_header), ("math_exp_tables", exp_header)):
        path, text = SOURCE / f"{name}.h", header(name, body())
        if check:
            stale |= path.read_text() != text
        else:
            path.write_text(text)
    return stale


if __name__ == "__main__":
    sys.exit(main())
