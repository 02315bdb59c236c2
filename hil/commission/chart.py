"""Sequences as state charts: the states that were gone through, and whether each change was permitted and in time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from hil.commission.results import Observation
from hil.commission.seen import Seen

EDGE = 1.5  # samples by which a stay may be too short or too long
NOWHERE = "(no state)"


@dataclass(frozen=True)
class Transition:
    """A permitted change: the stay before it lasts min_s to max_s."""

    source: str
    to: str
    min_s: float = 0.0
    max_s: float = float("inf")


@dataclass(frozen=True)
class Stay:
    """One stay in a state."""

    state: str
    from_s: float
    to_s: float

    @property
    def length_s(self) -> float:
        """How long it lasted."""
        return self.to_s - self.from_s


def follows(
    seen: Seen,
    path: Sequence[str],
    *,
    states: Mapping[str, str],
    transitions: Sequence[Transition | tuple[str, str, float, float]],
    timeouts: Mapping[str, float],
    tag: str = "",
) -> list[Observation]:
    """The states gone through are those of `path`, by permitted transitions in their times.

    Args:
        path: names of states in order.
        states: condition by state.
        transitions: permitted ones; as tuples (from, to, min_s, max_s).
        timeouts: longest stay by state, where it is not the last of the path.
    """
    stays = stays_of(seen, states)
    allowed = {(t.source, t.to): t for t in (t if isinstance(t, Transition) else Transition(*t) for t in transitions)}
    gone = [stay.state for stay in stays]
    found = [_path(seen, list(path), gone, stays, tag)]
    found += [_change(seen, a, b, allowed, tag) for a, b in pairwise(stays)]
    found += list(_timeouts(seen, stays, path[-1], timeouts, tag))
    return found


def stays_of(seen: Seen, states: Mapping[str, str]) -> list[Stay]:
    """States in the order in which they were gone through; "(no state)" where none of the conditions held."""
    names = [*states, NOWHERE]
    truth = np.stack([*(seen.holds(condition) for condition in states.values()), np.ones(len(seen.ticks), dtype=bool)])
    number = np.argmax(truth, axis=0)
    changes = np.flatnonzero(np.diff(number)) + 1
    bounds = [0, *map(int, changes), len(number)]
    times = [*map(float, seen.t_s), seen.seconds]
    return [Stay(names[int(number[a])], times[a], times[b]) for a, b in pairwise(bounds) if b > a]


def _path(seen: Seen, path: list[str], gone: list[str], stays: list[Stay], tag: str) -> Observation:
    first = next((n for n, (a, b) in enumerate(zip(path, gone, strict=False)) if a != b), min(len(path), len(gone)))
    ok, note, at = path == gone, "", stays[min(first, len(stays) - 1)].from_s
    if not ok and first == len(gone):
        note = f"dead end: it stays in {gone[-1]} and never comes to {path[first]}"
    elif not ok:
        wanted = path[first] if first < len(path) else "its end"
        note = f"{gone[first]} at {at:.4g} s instead of {wanted}"
    return Observation(
        tag or "sequence", "states gone through", None, " > ".join(path), " > ".join(gone), ok, tick=seen.tick(at),
        time_s=at, note=note,
    )  # fmt: skip


def _change(seen: Seen, a: Stay, b: Stay, allowed: Mapping[tuple[str, str], Transition], tag: str) -> Observation:
    what = f"{a.state} > {b.state}"
    place = seen.tick(b.from_s)
    change = allowed.get((a.state, b.state))
    if change is None:
        return Observation(
            tag or "sequence", what, None, "a permitted transition", "a forbidden one", ok=False, tick=place,
            time_s=b.from_s,
        )  # fmt: skip
    edge = EDGE * seen.step_s
    ok = change.min_s - edge <= a.length_s <= change.max_s + edge
    wanted = f"after {change.min_s:g} s" + ("" if np.isinf(change.max_s) else f" to {change.max_s:g} s")
    note = "" if ok else "too early" if a.length_s < change.min_s else "too late"
    return Observation(
        tag or "sequence", what, None, wanted, f"after {a.length_s:.4g} s", ok, tick=place, time_s=b.from_s, note=note
    )  # fmt: skip


def _timeouts(
    seen: Seen, stays: list[Stay], last: str, timeouts: Mapping[str, float], tag: str
) -> Iterator[Observation]:
    for n, stay in enumerate(stays):
        limit = timeouts.get(stay.state)
        if limit is None or (n == len(stays) - 1 and stay.state == last):
            continue
        ok = stay.length_s <= limit + EDGE * seen.step_s
        yield Observation(
            tag or "sequence", f"stay in {stay.state}", None, f"at most {limit:g} s", f"{stay.length_s:.4g} s", ok,
            tick=seen.tick(stay.to_s), time_s=stay.to_s,
        )  # fmt: skip
