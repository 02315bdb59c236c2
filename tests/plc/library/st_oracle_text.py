"""Oracles of selection, comparison and strings."""

from __future__ import annotations

import operator
from collections.abc import Callable
from functools import reduce
from itertools import pairwise
from typing import Any

from st_oracle import INDEX, ORACLES, RANGE, says, stop

Args = list[Any]
Types = tuple[str, ...]


def _comparison(name: str, holds: Callable[[Any, Any], bool]) -> None:
    ORACLES[name] = lambda types, args, result: int(all(holds(a, b) for a, b in pairwise(args)))


for _name in ("GT", "GE", "EQ", "LE", "LT", "NE"):
    _comparison(_name, getattr(operator, _name.lower()))


@says("SEL")
def sel(types: Types, args: Args, result: str) -> Any:
    return args[1 + args[0]]


@says("MAX")
def maximum(types: Types, args: Args, result: str) -> Any:
    return reduce(lambda a, b: max(b, a), args)


@says("MIN")
def minimum(types: Types, args: Args, result: str) -> Any:
    return reduce(lambda a, b: min(b, a), args)


@says("LIMIT")
def limit(types: Types, args: Args, result: str) -> Any:
    mn, value, mx = args
    return minimum(types, [maximum(types, [value, mn], result), mx], result)


@says("MUX")
def mux(types: Types, args: Args, result: str) -> Any:
    k, *values = args
    return values[k] if 0 <= k < len(values) else stop(INDEX)


# ---- strings ----


@says("LEN")
def length(types: Types, args: Args, result: str) -> Any:
    return len(args[0])


@says("LEFT")
def left(types: Types, args: Args, result: str) -> Any:
    text, n = args
    return stop(RANGE) if n < 0 else text[:n]


@says("RIGHT")
def right(types: Types, args: Args, result: str) -> Any:
    text, n = args
    return stop(RANGE) if n < 0 else text[max(len(text) - n, 0) :]


@says("MID")
def mid(types: Types, args: Args, result: str) -> Any:
    text, n, p = args
    return stop(RANGE) if n < 0 or p < 1 else text[p - 1 : p - 1 + n]


@says("CONCAT")
def concat(types: Types, args: Args, result: str) -> Any:
    return "".join(args)


@says("INSERT")
def insert(types: Types, args: Args, result: str) -> Any:
    text, other, p = args
    return stop(RANGE) if p < 0 else text[:p] + other + text[p:]


@says("DELETE")
def delete(types: Types, args: Args, result: str) -> Any:
    return replace(types, [args[0], "", *args[1:]], result)


@says("REPLACE")
def replace(types: Types, args: Args, result: str) -> Any:
    text, other, n, p = args
    return stop(RANGE) if n < 0 or p < 1 else text[: p - 1] + other + text[p - 1 + n :]


@says("FIND")
def find(types: Types, args: Args, result: str) -> Any:
    text, part = args
    return text.find(part) + 1 if part else 0
