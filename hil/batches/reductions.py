"""What can be kept of a signal instead of its rows: `max(plant.h1)`, `first(plant.h1 > 0.12)`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from hil.built import Built
from hil.errors import BenchError
from hil.nearest import did_you_mean

KINDS = {"min": 0, "max": 1, "mean": 2, "last": 3, "changes": 8}  # enum hil_reduction
FIRST = {">": 4, ">=": 5, "<": 6, "<=": 7}
FORM = "Write it as min(x), max(x), mean(x), last(x), changes(x) or first(x > 0.1)"
_CALL = re.compile(r"\s*(?P<what>\w+)\s*\(\s*(?P<inside>.*?)\s*\)\s*")
_CROSSING = re.compile(r"(?P<name>[^<>=\s]+)\s*(?P<op>[<>]=?)\s*(?P<level>[^<>=\s]+)")

CoreReduction = tuple[int, int, float]  # offset, enum hil_reduction, level
Reductions = Mapping[str, str] | Iterable[str]


def read_reductions(wanted: Reductions, built: Built) -> dict[str, CoreReduction]:
    """Reductions by the name of their result, as the core takes them; without a name the text is the name.

    Raises:
        BenchError: a text that is no reduction, or names a signal that does not exist.
    """
    if isinstance(wanted, str):
        raise BenchError(f"'{wanted}' is one text", mend=f'Give a list, or names with them: {{"peak": "{wanted}"}}')
    texts = dict(wanted) if isinstance(wanted, Mapping) else {text: text for text in wanted}
    return {name: _reduction(text, built) for name, text in texts.items()}


def signals_of(wanted: Reductions) -> list[str]:
    """The signals of reductions that `read_reductions` takes."""
    texts = list(wanted.values()) if isinstance(wanted, Mapping) else list(wanted)
    insides = [call["inside"] for text in texts if (call := _CALL.fullmatch(text))]
    return [crossing["name"] if (crossing := _CROSSING.fullmatch(inside)) else inside for inside in insides]


def _reduction(text: str, built: Built) -> CoreReduction:
    call = _CALL.fullmatch(text)
    if call is None:
        raise BenchError(f"'{text}' is not a reduction", mend=FORM)
    what, inside = call["what"], call["inside"]
    if what == "first":
        return _first(text, inside, built)
    if what not in KINDS:
        raise BenchError(f"there is no reduction '{what}'", mend=did_you_mean(what, [*KINDS, "first"]))
    return built.offset(inside), KINDS[what], 0.0


def _first(text: str, inside: str, built: Built) -> CoreReduction:
    crossing = _CROSSING.fullmatch(inside)
    try:
        level = float(crossing["level"]) if crossing else None
    except ValueError:
        level = None
    if crossing is None or level is None:
        raise BenchError(f"'{text}' does not compare a signal with a number", mend=FORM)
    return built.offset(crossing["name"]), FIRST[crossing["op"]], level


def is_time(reduction: CoreReduction) -> bool:
    """Whether its result is a tick number."""
    return reduction[1] in FIRST.values()
