"""Every way to call every standard function, with arguments."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from st_harness import Case
from st_values import edges, rows, single, some

from hil.plc.functions import FUNCTIONS
from hil.plc.standard.signature import Signature
from hil.plc.standard.types import UNSIGNED, WORDS

# Literals and what looks like one, a line each between quotes, so that blanks are seen.
TEXTS = [line[1:-1] for line in Path(__file__).with_name("texts.txt").read_text().splitlines()]
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
    if name in ("REAL_TO_STRING", "LREAL_TO_STRING"):
        return rows(types, rng, 200) + [(value,) for value in _hard_to_write(types[0])]
    count = 60 if name in ("ASIN", "ACOS") else 25
    table = rows(types, rng, count)
    if name in COUNTED and name != "CONCAT":
        return [tuple(rng.choice(NEAR) if t == "LINT" else v for t, v in zip(types, row, strict=True)) for row in table]
    return table


def _hard_to_write(kind: str) -> list[float]:
    """Powers of two, whose lower neighbour is nearer than the upper one; half-way points that read as the number."""
    bounds = (-149, 128) if kind == "REAL" else (-1074, 1024)
    powers = [2.0**exponent for exponent in range(*bounds)]
    return powers + (
        [single(8589973000.0), 33554448.0, 1e10] if kind == "REAL" else [1e23, 9007199254740996.0, 2.0**89, 5e-324]
    )


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
