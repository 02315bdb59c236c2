"""Which output of a controller follows a change of an input: found in two forks that differ in that change only."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hil.bench import Bench, open_bench
from hil.events import EventKind, encode
from hil.rig import Rig, Role

PART_OF_RANGE = 0.1
CALM_TICKS = 200  # of the filter of a sensor, about
WANDER, LEAST_PART = 4.0, 0.02  # a device counts time by its own clock, so its answer is not of the same size


@dataclass(frozen=True)
class Response:
    """A change of `signal` from `low` to `high` and what it does to `output`.

    Attributes:
        step: change of the output in the tick in which the change arrives.
        threshold: a smaller one is the output's own wandering.
    """

    signal: str
    low: float
    high: float
    output: str
    step: float
    threshold: float


def find_response(rig: Rig, role: Role) -> Response | None:
    """The clearest response of a simulated role; None where no output follows an input at once."""
    bind = dict.fromkeys(rig.roles, "mil")
    best, clearest = None, 0.0
    with open_bench(rig, bind=bind, history=False, use_rig_faults=False) as bench:
        bench.run(CALM_TICKS * rig.period_s)
        names = [tag.signal for tag in role.inputs if tag.signal in rig.signals and rig.signals[tag.signal].path]
        for signal in names:
            for response, clear in _responses(bench, rig, role, signal):
                if clear > clearest:
                    best, clearest = response, clear
    return best


def _responses(bench: Bench, rig: Rig, role: Role, signal: str) -> list[tuple[Response, float]]:
    """Each output that follows, with how clear it is: its step over its own wandering."""
    low, high = _values(rig, signal, bench[signal])
    outputs = [tag.signal for tag in role.outputs]
    still, moved = (_outputs(bench, role, signal, (low, then), outputs) for then in (low, high))
    found = []
    for i, output in enumerate(outputs):
        difference = moved[:, i] - still[:, i]
        where = np.flatnonzero(difference)
        if len(where) and math.isfinite(difference[where[0]]):
            step, wander = float(difference[where[0]]), float(np.ptp(still[:, i]))
            threshold = max(WANDER * wander, LEAST_PART * abs(step))
            clear = abs(step) / (wander + 1e-9 * (1 + abs(step)))
            found.append((Response(signal, low, high, output, step, threshold), clear))
    return found


def _values(rig: Rig, signal: str, now: float) -> tuple[float, float]:
    """Two values within the signal's range, a tenth of it apart."""
    known = rig.signals[signal]
    span = known.range or known.limits
    if span is None:
        return now, now + max(PART_OF_RANGE * abs(now), PART_OF_RANGE)
    change = PART_OF_RANGE * (span[1] - span[0])
    return (now, now + change) if now + change <= span[1] else (now - change, now)


def _outputs(
    bench: Bench, role: Role, signal: str, values: Sequence[float], outputs: list[str]
) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Outputs before their gates, a row for each tick from the change on; the first value is held long before."""
    fork, path = bench.fork(), bench.built.paths[signal]
    offsets = [bench.built.offset(raw_of(bench, name)) for name in outputs]
    waiting = 4 * role.every + role.delay_ticks + 2
    rows: list[list[float]] = []
    for value in values:
        fork.state.push(encode(EventKind.FORCE, target=path, values=[value]))
        rows = []
        for _ in range(waiting):
            fork.state.run(1)
            rows.append([fork.state.get(offset) for offset in offsets])
    return np.array(rows)


def raw_of(bench: Bench, name: str) -> str:
    """The name of a signal before its path, where it has one."""
    return f"{name}.raw" if name in bench.built.paths else name
