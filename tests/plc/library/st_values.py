"""Arguments for tests: edges of each type, and random values."""

from __future__ import annotations

import math
import random
import struct
from itertools import islice, product
from typing import Any

from hil.plc.standard.types import DATES, INTEGERS, WORDS, range_of

DAY = 86_400_000_000_000
F32 = (
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    1.5,
    2.5,
    -2.5,
    0.1,
    3.25,
    1e-45,
    -1.1754944e-38,
    3.4028235e38,
    16777217.0,
    2147483648.0,
)
F64 = (*F32, 1e-310, 1.7976931348623157e308, 9007199254740993.0, 9.3e18, -9.3e18, 1.9e19, 123456.789)
SPECIAL = (math.inf, -math.inf, math.nan)
TEXTS = ("", "a", "b", "ab", "abc", "abcab", "B", "a b", "\xe9\xff", "x" * 40, "0123456789" * 5)


def edges(kind: str) -> list[Any]:
    if kind == "BOOL":
        return [0, 1]
    if kind in (*INTEGERS, *WORDS):
        low, high = range_of(kind)
        return sorted({v for v in (low, low + 1, -1, 0, 1, 2, 7, high // 2 + 1, high - 1, high) if low <= v <= high})
    if kind in ("REAL", "LREAL"):
        return [single(v) for v in F32] + list(SPECIAL) if kind == "REAL" else [*F64, *SPECIAL]
    if kind == "STRING":
        return list(TEXTS)
    return times(kind)


def times(kind: str) -> list[int]:
    if kind in ("TOD", "LTOD"):
        return [0, 1, 999_999, 1_000_000, DAY // 2, DAY - 1]
    if kind in ("DATE", "LDATE"):
        return [d * DAY for d in (0, 1, -1, 59, 11016, 19782, -106_000, 106_000)]
    if kind in DATES:
        return [0, 1, -1, 951_782_399_999_999_999, 951_782_400_000_000_000, -9_151_488_000_000_000_000, 9 * 10**18]
    return [0, 1, -1, 999, 1_500_000, -1_500_000, 90 * 10**9, DAY + 1, -(2**63), 2**63 - 1]


def single(value: float) -> float:
    return float(struct.unpack("<f", struct.pack("<f", value))[0])


def some(kind: str, rng: random.Random) -> Any:
    """A random value, of any size."""
    if kind in (*INTEGERS, *WORDS, "BOOL"):
        low, high = range_of(kind)
        return rng.choice((rng.randint(low, high), rng.randint(max(low, -20), min(high, 20))))
    if kind in ("REAL", "LREAL"):
        top = 38 if kind == "REAL" else 300
        value = rng.choice(
            (
                rng.uniform(-1, 1),
                rng.uniform(-10, 10),
                rng.uniform(-1, 1) * 10.0 ** rng.uniform(-top, top),
                rng.randint(-99, 99),
            )
        )
        return single(value) if kind == "REAL" else float(value)
    if kind == "STRING":
        return "".join(rng.choice("abcx ") for _ in range(rng.randint(0, 12)))
    if kind in ("TOD", "LTOD"):
        return rng.randrange(DAY)
    if kind in ("DATE", "LDATE"):
        return rng.randint(-106_000, 106_000) * DAY
    return rng.choice((rng.randint(-(2**62), 2**62), rng.randint(-(10**12), 10**12)))


def rows(kinds: tuple[str, ...], rng: random.Random, count: int, per_argument: int = 9) -> list[tuple[Any, ...]]:
    """Edges with each other, and `count` random ones."""
    lists = [rng.sample(e, min(len(e), per_argument)) if len(kinds) > 1 else e for e in map(edges, kinds)]
    mixed = list(islice(product(*lists), 20_000))
    mixed = rng.sample(mixed, min(len(mixed), 90))
    return mixed + [tuple(some(kind, rng) for kind in kinds) for _ in range(count)]
