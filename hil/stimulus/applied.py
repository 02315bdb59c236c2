"""A rig with stimuli: each checked against its signal before anything runs, and made a table for the core."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace

from hil.nearest import did_you_mean
from hil.rig.description import Rig, Signal, StimulusTable
from hil.stimulus.reading import Read
from hil.stimulus.segment import NS, Segment, StimulusError, whole_ns
from hil.stimulus.table import table_of

MOST_TICKS = 1_000_000  # looked at where the bounds alone do not tell


def with_stimuli(rig: Rig, stimuli: Mapping[str, Segment], at_s: float = 0.0, where: str = "") -> Rig:
    """The rig with signals that stimuli drive from `at_s` on.

    Args:
        rig: a description.
        stimuli: by signal of the bench.
        at_s: bench time at which they begin, in s.
        where: what a message puts before the signal's name, such as a file.

    Raises:
        StimulusError: an unknown signal, one that has a stimulus, or a value outside the signal's limits or range.
    """
    found = dict(rig.stimuli)
    for name, segment in stimuli.items():
        place = f"{where}: {name}" if where else name
        try:
            found[name] = _table(rig, found, name, segment, at_s)
        except StimulusError as error:
            raise StimulusError(error.message, where=place, mend=error.mend) from None
    return replace(rig, stimuli=found)


def with_read(rig: Rig, stimuli: Iterable[Read], file: str) -> Rig:
    """The same for the stimuli of a file, each with its own beginning."""
    for one in stimuli:
        try:
            rig = with_stimuli(rig, {one.signal: one.segment}, one.at_s)
        except StimulusError as error:
            raise StimulusError(error.message, where=f"{file}: stimuli.{one.name}", mend=error.mend) from None
    return rig


def drivable(rig: Rig) -> list[str]:
    """Signals that a stimulus can drive: those of the bench that something writes."""
    return [s.name for s in rig.signals.values() if s.role is None and s.producer is not None]


def check_drivable(rig: Rig, name: str) -> None:
    """StimulusError, with what can be done instead, for a name that no stimulus can drive."""
    names = drivable(rig)
    if name in names:
        return
    tunable = rig.tunable()
    if name not in tunable:
        raise StimulusError(f"there is no signal '{name}' that can be driven", mend=did_you_mean(name, names))
    role = rig.blocks[tunable[name][0]].role
    what = f"it is a parameter of the role '{role}', which its device holds" if role else "it is a parameter, no signal"
    mend = f"Give its values in a timed CSV (docs/timed_script.md), or call bench.set('{name}', value, at=)"
    raise StimulusError(what, mend=mend)


def _table(rig: Rig, others: Mapping[str, StimulusTable], name: str, segment: Segment, at_s: float) -> StimulusTable:
    check_drivable(rig, name)
    if name in others:
        raise StimulusError("it has a stimulus already", mend="Add the two descriptions, or give one of them up")
    check_limits(rig.signals[name], segment, rig.period_ns)
    return StimulusTable(name, whole_ns("at_s", at_s, least=0), table_of(segment))


def allowed(signal: Signal) -> tuple[float, float]:
    """What a stimulus of a signal must stay within: its range and its equipment's limits."""
    pairs = [pair for pair in (signal.range, signal.limits) if pair is not None]
    return max((low for low, _ in pairs), default=-math.inf), min((high for _, high in pairs), default=math.inf)


def check_limits(signal: Signal, segment: Segment, period_ns: int) -> None:
    """StimulusError for the first tick at which a value lies outside the signal's limits or range."""
    low, high = allowed(signal)
    bounds = segment.bounds()
    if bounds is None or (low <= bounds[0] and bounds[1] <= high):
        return
    end = segment.duration_ns
    ticks = MOST_TICKS if end is None else min(MOST_TICKS, -(-end // period_ns))
    for tick in range(ticks):
        value = segment.at(tick * period_ns)
        if value is not None and not low <= value <= high:
            raise _outside(signal, segment, tick * period_ns, value)
    if end is None or ticks * period_ns < end:
        worst = bounds[0] if bounds[0] < low else bounds[1]
        mend = f"Behind {ticks * period_ns / NS:g} s nobody has looked: give it bounds that tell"
        raise StimulusError(f"it may reach {worst:g}, beyond {_limits(signal)}", mend=mend)


def _outside(signal: Signal, segment: Segment, ns: int, value: float) -> StimulusError:
    place, acting = list(segment.acting(ns))[-1]
    what = f"{place} ({acting.kind})" if place else f"the {acting.kind}"
    return StimulusError(f"{what} is {value:g} at {ns / NS:g} s, outside {_limits(signal)}")


def _limits(signal: Signal) -> str:
    low, high = allowed(signal)
    return f"{low:g} to {high:g}{' ' + signal.unit if signal.unit else ''} of {signal.name}"
