"""Faults of a recording with their life cycle, put together from the manifest and the events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from hil.recording import Recording


@dataclass
class FaultStory:
    """One fault: what it was, when it acted, what it did to the value at its first and after its last tick."""

    id: int | None
    target: str
    text: str
    start_tick: int | None = None
    end_tick: int | None = None
    before: float | None = None
    after: float | None = None
    recovered: float | None = None
    state: str = "armed"


def fault_stories(rec: Recording) -> list[FaultStory]:
    """All faults, those of the manifest first, then those that only the events know.

    The manifest's entries are dicts with target (or signal), kind, id, text, start_tick (or start_s), end_tick (or
    end_s); whatever is missing is filled from the events `fault_on` and `fault_off`.
    """
    stories = [_planned(entry, rec.period_s) for entry in rec.manifest.get("faults") or [] if isinstance(entry, dict)]
    for event in rec.events:
        if event.get("kind") == "fault_on":
            _begun(stories, event)
        elif event.get("kind") == "fault_off":
            _ended(stories, event)
    for story in stories:
        _recovery(rec, story)
    return sorted(stories, key=lambda s: s.start_tick if s.start_tick is not None else 2**62)


def _planned(entry: dict[str, Any], period_s: float) -> FaultStory:
    def tick(name: str) -> int | None:
        if isinstance(number := entry.get(f"{name}_tick"), int):
            return number
        time_s = entry.get(f"{name}_s")
        return round(time_s / period_s) if isinstance(time_s, int | float) else None

    kind = str(entry.get("kind", "fault"))
    target = str(entry.get("target") or entry.get("signal") or "")
    text = str(entry.get("text") or kind)
    return FaultStory(entry.get("id"), target, text, tick("start"), tick("end"))


def _matching(stories: list[FaultStory], event: dict[str, Any], *, active: bool) -> FaultStory | None:
    """The story an event belongs to: by target and id, else the first of that target in the right state."""
    state = "active" if active else "armed"
    mine = [s for s in stories if s.target == event.get("target") and s.state == state]
    same = [s for s in mine if s.id is not None and s.id == event.get("id")]
    return next(iter(same + mine), None)


def _begun(stories: list[FaultStory], event: dict[str, Any]) -> None:
    story = _matching(stories, event, active=False)
    if story is None:
        story = FaultStory(event.get("id"), str(event.get("target", "")), str(event.get("text") or "fault"))
        stories.append(story)
    story.start_tick, story.state = event.get("tick"), "active"
    story.before, story.after = event.get("a"), event.get("b")


def _ended(stories: list[FaultStory], event: dict[str, Any]) -> None:
    story = _matching(stories, event, active=True)
    if story is not None:
        story.end_tick, story.state = event.get("tick"), "cleared"


def _recovery(rec: Recording, story: FaultStory) -> None:
    """The value in the first recorded row after the fault."""
    if story.state != "cleared" or story.end_tick is None or story.target not in rec:
        return
    t_s = story.end_tick * rec.period_s
    values = rec.window(t_s, t_s + 1.0)[story.target]
    if values.size and np.isfinite(values[0]):
        story.recovered = float(values[0])
