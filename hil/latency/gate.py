"""Better, the same, or worse than a baseline: on p50 ratios alone, and only where the machine can be judged on.

A figure is suspected when its whole bootstrap interval lies beyond the baseline's median and a margin. A suspect is
measured once more, after everything else, and is worse only if it is beyond again: a neighbour on the same core makes
the longer code slower for a minute, and the yardstick with it. Where the yardstick itself is slower than it was in the
baseline, a suspect is not judged.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hil.latency.cpu_class import difference
from hil.latency.own_core import BESIDE_NOBODY
from hil.latency.paired import LEAST_PAIRS

MARGIN = 0.08
SHARED = "another machine computed on the measured core nearly all the time"
YARDSTICK_SHIFT = 0.07
"""So much slower than in the baseline, a yardstick says that the machine is not in the state that it was in."""
WORSE, SAME, BETTER, UNJUDGED, NEW = "worse", "same", "better", "not judged", "new"
PASSED, FAILED, REFUSED = 0, 1, 3
Json = Mapping[str, Any]
Again = Callable[[Sequence[str]], Json]


@dataclass(frozen=True)
class Figure:
    """One ratio beside the baseline's.

    Attributes:
        verdict: WORSE, SAME, BETTER, UNJUDGED or NEW (the baseline has none).
        why: one sentence where it is not plain.
        change: now / baseline - 1, of the medians; None without a baseline.
    """

    name: str
    verdict: str
    now: Json
    base: Json | None = None
    change: float | None = None
    why: str = ""


@dataclass(frozen=True)
class Outcome:
    """What the gate says.

    Attributes:
        figures: every gated ratio.
        refused: why nothing is judged; empty when it is.
        margin: as given.
    """

    figures: tuple[Figure, ...] = ()
    refused: tuple[str, ...] = ()
    margin: float = MARGIN
    missing: tuple[str, ...] = field(default=())

    def named(self, verdict: str) -> list[Figure]:
        """The figures with this verdict."""
        return [figure for figure in self.figures if figure.verdict == verdict]

    @property
    def exit_code(self) -> int:
        """1 when something is worse, else 3 when something could not be judged, else 0."""
        if self.refused:
            return REFUSED
        if self.named(WORSE):
            return FAILED
        return REFUSED if self.named(UNJUDGED) else PASSED

    @property
    def sentence(self) -> str:
        """The outcome for people."""
        if self.refused:
            return "Not judged: " + "; ".join(self.refused)
        worse, open_ = self.named(WORSE), self.named(UNJUDGED)
        if worse:
            return "Worse: " + ", ".join(f"{f.name} {f.change:+.1%}" for f in worse)
        if open_:
            return "Not judged: " + "; ".join(f"{f.name}: {f.why}" for f in open_)
        return f"No figure of {len(self.figures)} is worse by more than {self.margin:.0%}"


def judge(now: Json, base: Json, *, margin: float = MARGIN, again: Again | None = None) -> Outcome:
    """Compares two results of `hil bench`.

    Args:
        now, base: as `Found.to_dict` gives them.
        margin: a fraction.
        again: measures the groups of these ratios once more; without it suspects cannot be confirmed and stay unjudged.
    """
    refused = _refusals(now, base)
    if refused:
        return Outcome(refused=tuple(refused), margin=margin)
    ratios = {name: ratio for name, ratio in now["ratios"].items() if ratio["gated"]}
    first = {name: _first(name, ratio, base["ratios"].get(name), margin) for name, ratio in ratios.items()}
    suspects = [name for name, figure in first.items() if figure.verdict == WORSE]
    if suspects:
        second = again(suspects)["ratios"] if again else {}
        first |= {name: _confirmed(first[name], second.get(name), margin) for name in suspects}
    chosen = now["options"]["only"]
    missing = [n for n, r in base["ratios"].items() if r["gated"] and n not in ratios and group_of(n) in chosen]
    return Outcome(tuple(first.values()), (), margin, tuple(missing))


def group_of(name: str) -> str:
    """The group that a ratio is measured in."""
    return name.partition(".")[0]


def _refusals(now: Json, base: Json) -> list[str]:
    why = list(now["verdict"]["unfit_because"])
    why += [f"baseline: {text}" for text in base["verdict"]["unfit_because"]]
    if now["rig"] != base["rig"]:
        why.append(f"the baseline is of the rig '{base['rig']}', this is '{now['rig']}'")
    if now["options"]["rate_hz"] != base["options"]["rate_hz"]:
        why.append(f"the baseline was measured at {base['options']['rate_hz']:g} Hz: give --rate")
    differs = difference(now["machine"]["class"], base["machine"]["class"])
    if differs:
        why.append(f"the baseline is of another CPU class ({differs}): measure one here, or name --base-commit")
    here, there = now["machine"].get("core_ratio"), base["machine"].get("core_ratio")
    same = now["machine"].get("core_probe") == base["machine"].get("core_probe")
    if same and here and there and max(here, there) > BESIDE_NOBODY * min(here, there):
        which = "the baseline" if there > here else "this run"
        why.append(f"{which} shared its cores with another machine from its first moment to its last: measure it again")
    return why


def _first(name: str, now: Json, base: Json | None, margin: float) -> Figure:
    if base is None:
        return Figure(name, NEW, now, why="the baseline has no such figure")
    change = now["median"] / base["median"] - 1
    few = min(now["pairs"], base["pairs"])
    if few < LEAST_PAIRS:
        return Figure(name, UNJUDGED, now, base, change, f"{few} pairs are too few (at least {LEAST_PAIRS})")
    if now.get("shared") or base.get("shared"):
        return Figure(name, UNJUDGED, now, base, change, SHARED)
    verdict = WORSE if _beyond(now, base, margin) else BETTER if now["high"] < base["median"] * (1 - margin) else SAME
    return Figure(name, verdict, now, base, change)


def _beyond(now: Json, base: Json, margin: float) -> bool:
    return bool(now["low"] > base["median"] * (1 + margin))


def _confirmed(suspect: Figure, again: Json | None, margin: float) -> Figure:
    """What a second measurement makes of a suspect."""
    name, now, base, change = suspect.name, suspect.now, suspect.base, suspect.change
    assert base is not None
    if again is None or again["pairs"] < LEAST_PAIRS or again.get("shared"):
        return Figure(name, UNJUDGED, now, base, change, "it looks worse and was not measured again")
    if not _beyond(again, base, margin):
        return Figure(name, SAME, again, base, again["median"] / base["median"] - 1, "worse once, not when repeated")
    shift = min(now["theirs"], again["theirs"]) / base["theirs"] - 1
    if shift > YARDSTICK_SHIFT:
        text = f"it looks worse, but the yardstick itself is {shift:.0%} slower than in the baseline"
        return Figure(name, UNJUDGED, now, base, change, text)
    return Figure(name, WORSE, now, base, min(change or 0.0, again["median"] / base["median"] - 1))
