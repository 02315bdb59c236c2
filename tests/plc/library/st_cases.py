"""Every way to call every standard function, with arguments."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

from st_harness import Case
from st_values import edges, rows, some

from hil.plc.functions import FUNCTIONS
from hil.plc.standard.signature import Signature
from hil.plc.standard.types import UNSIGNED, WORDS

NUMBER_TEXTS = (
    "", " ", "0", "42", "-7", "+5", "  12 ", "1_000", "1__0", "_1", "1_", "16#FF", "16#ff_ff", "-2#1010", "8#17", "16#", "abc",
    "12a", "--1", "9" * 30, "-" + "9" * 30, "128", "-129", "255", "256", "32768", "65536", "2147483648", "-2147483649",
    "9223372036854775807", "-9223372036854775808", "18446744073709551615", "18446744073709551616", "TRUE", "true ", "False",
)  # fmt: skip
REAL_TEXTS = (
    "0.5", "-1.5E3", "1e-400", "1e400", "3.", ".5", ".", "1.e5", "E5", "1E", "1_0.2_5", "inf", "-INF ", "infx", "0.1", "1.0E-45",
    "7.0E-46", "7.1E-46", "3.4028235677973366e38", "3.4028235e38", "1.00000005960464477539062500", "1.00000017881393432617187500",
    "1.000000059604644775390625000000000000000000000000001", "2.2250738585072012e-308", "4.9e-324", "2.4703282292062327e-324",
    "2.4703282292062328e-324", "1.7976931348623158e308", "1.7976931348623159e308", "9007199254740993", "9007199254740992.99999",
    "0." + "0" * 60 + "1234567890123456789012345", "1" * 200, "0.3" + "0" * 150 + "1", "1E99999999999", "-0.0", "1E+5 ", "1 E5",
    "0." + "0" * 200 + "1E200",
)  # fmt: skip
TIME_TEXTS = (
    "T#1h", "t#1.5s", "LTIME#-1d2h3m4s5ms6us7ns", "time#90m", "lt#1ns", "5ms", "-5s", "1h_30m", "1m2h", "1h1h", "1.5", "T#", "1x",
    "T#0.0000000019s", "106751d", "106752d", "99999999999999999999d", "D#2024-02-29", "2023-02-29", "date#1900-02-29",
    "1999-12-31", "2262-01-01", "2261-12-31", "1677-12-31", "1678-01-01", "2024-13-01", "2024-00-10", "2024-1-1", "2024-01",
    "TOD#12:34:56.789", "23:59:59.999999999", "24:00:00", "12:60:00", "12:34", "12:34:56.", "12:34:56.1234567891",
    "DT#2024-02-29-23:59:59.5", "2024-02-29-00:00:00", "DT#2024-02-30-00:00:00", "DT#2024-02-29 00:00:00",
)  # fmt: skip
TEXTS = NUMBER_TEXTS + REAL_TEXTS + TIME_TEXTS
NEAR = (-(2**63), -3, -1, 0, 1, 2, 3, 5, 8, 13, 31, 32, 63, 64, 200, 2**63 - 1)  # counts, positions, choices


def ways(form: Signature) -> Iterator[tuple[str, ...]]:
    """Types of the arguments, for each type that the form is for; one or two more than it must have, if it may."""
    for kind in form.over or ("",):
        types = tuple(kind if t == "T" else t for _, t in form.params)
        yield types
        if form.more:
            yield (*types, types[-1])
            yield (*types, types[-1], types[-1])


def arguments(name: str, types: tuple[str, ...], rng: random.Random) -> list[tuple[Any, ...]]:
    if name.startswith("CONCAT_") and types[0] == "LINT":
        return _calendar(len(types), name, rng)
    if "BCD" in name and types[0] in WORDS + UNSIGNED:
        return [(v,) for v in edges(types[0])] + [(_digits(types[0], "TO_BCD" in name, rng),) for _ in range(60)]
    if (types[0] == "STRING" and "_TO_" in name) or (types == ("STRING",) and name.startswith("TO_")):
        return [(text,) for text in TEXTS]
    count = 60 if name in ("ASIN", "ACOS") else 25
    table = rows(types, rng, count)
    if name in COUNTED and name != "CONCAT":
        return [tuple(rng.choice(NEAR) if t == "LINT" else v for t, v in zip(types, row, strict=True)) for row in table]
    return table


COUNTED = ("SHL", "SHR", "ROL", "ROR", "MUX", "LEFT", "RIGHT", "MID", "INSERT", "DELETE", "REPLACE")


def _digits(kind: str, of_number: bool, rng: random.Random) -> int:
    """A number that has decimal digits in most cases, in as many bits as the type has or fewer."""
    value = int(some(kind, rng))
    if rng.random() < 0.2:
        return value
    bits = {"B": 8, "W": 16, "D": 32, "L": 64}[kind[0]] if kind in WORDS else 8 << UNSIGNED.index(kind)
    text = "".join(rng.choice("0123456789") for _ in range(rng.randint(1, bits // 4)))
    return int(text) % (1 << bits) if of_number else int(text, 16)


def _calendar(n: int, name: str, rng: random.Random) -> list[tuple[int, ...]]:
    """Dates and times of day at and beyond their bounds."""
    good = {
        3: (1600, 1678, 1900, 1970, 2000, 2024, 2100, 2261, 2262, -5, 2**62),
        12: range(14),
        31: (*range(-1, 33), 29),
    }
    clock = [(-1, 0, 12, 23, 24), (-1, 0, 30, 59, 60), (0, 59, 60), *[(0, 1, 999)] * 3]
    lists = [] if "TOD" in name else [good[3], tuple(good[12]), good[31]]
    lists += [] if name == "CONCAT_DATE" else clock[: n - len(lists)]
    return [tuple(rng.choice(tuple(values)) for values in lists) for _ in range(400)]


def all_cases(rng: random.Random) -> list[Case]:
    found = {}
    for name, function in FUNCTIONS.items():
        for form in function.forms:
            for types in ways(form):
                capacity = rng.choice((0, 5, 40)) if "_TO_" not in name and not name.startswith("TO_") else 60
                found[name, types] = Case(name, types, arguments(name, types, rng), capacity)
    return list(found.values())
