"""What is wrong with a call that the standard does not know, and how to mend it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hil.nearest import did_you_mean
from hil.plc.standard.conversion import PAIRS
from hil.plc.standard.signature import Function
from hil.plc.standard.types import ABSENT, BITS, ELEMENTARY, LITERALS, NUMBERS, TAGS, UNSIGNED


class CallError(ValueError):
    """A call that the standard does not know: `message` says what is wrong, `mend` what can be done."""

    def __init__(self, message: str, mend: str | None = None) -> None:
        super().__init__(f"{message}. {mend}" if mend else message)
        self.message = message
        self.mend = mend


def unknown(name: str, functions: Mapping[str, Function]) -> CallError:
    """There is no function of this name."""
    absent = next((kind for kind in ABSENT if kind in name.split("_")), None)
    if absent:
        return CallError(f"there is no type {absent}, hence no {name}", "Use STRING")
    source, _, target = name.partition("_TO_")
    if source in ELEMENTARY and target in ELEMENTARY:
        return CallError(f"there is no conversion {name}", way(source, target))
    return CallError(f"there is no function {name}", did_you_mean(name, functions))


def refused(function: Function, args: Sequence[str], values: Sequence[float | None]) -> CallError:
    """The function does not take these arguments."""
    takes = f"It takes {function.describe()}"
    if not any(form.counts(len(args)) for form in function.forms):
        return CallError(f"{function.name} does not take {len(args)} argument{'s' * (len(args) != 1)}", takes)
    given = ", ".join(_shown(a, v) for a, v in zip(args, values, strict=True))
    return CallError(f"{function.name} does not take ({given})", f"{_mend(function, args)}{takes}")


def way(source: str, target: str) -> str | None:
    """Two conversions that take the place of one that is missing."""
    if source == target:
        return "It has that type already"
    order = sorted((*UNSIGNED, *ELEMENTARY), key=lambda t: TAGS[t][1:] != TAGS[source][1:])
    between = [t for t in order if (source, t) in PAIRS and (t, target) in PAIRS and t != "STRING"]
    return f"Go by {source}_TO_{between[0]} and {between[0]}_TO_{target}" if between else None


def _mend(function: Function, args: Sequence[str]) -> str:
    """Names the conversion of one type of argument that would make the call right."""
    if all(a in LITERALS for a in args):
        return "Give the literal a type, as in WORD#1. "
    for i, source in reversed(list(enumerate(args))):
        for target in _meant(source, [*args[:i], *args[i + 1 :]]):
            one = [*args[:i], target, *args[i + 1 :]]
            every = [target if a == source else a for a in args]
            if any(function.resolve(trial, [None] * len(trial)) for trial in (one, every)):
                return f"Convert with {source}_TO_{target}. "
    return ""


def _meant(source: str, others: Sequence[str]) -> list[str]:
    """Types that a value of `source` may be meant as, the likely ones first: what the others are, what is as wide."""
    wide = [t for t in (*NUMBERS, *BITS) if source in TAGS and TAGS[t][1:] == TAGS[source][1:]]
    likely = (*others, *wide, "DINT", "LINT", "LREAL", "DWORD", "LWORD")
    return [t for t in likely if t != source and (source, t) in PAIRS]


def _shown(kind: str, value: float | None) -> str:
    if kind not in LITERALS:
        return kind
    return f"literal {value:g}" if value is not None else ("integer literal" if kind == "#INT" else "real literal")
