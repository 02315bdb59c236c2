"""Captures in a report: of a run that asked for some, or the recording itself when it is one (docs/capture.md)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hil.recording import Recording
from hil.report import numbers

TONES = {"finished": "good", "error": "bad", "timeout": "warn", "aborted": "warn"}
MAX_MARKS = 20
_BELOW = "captures"  # where a recording has those of its run


def capture_of(rec: Recording) -> dict[str, Any] | None:
    """What a recording that is a capture says of itself; None for any other."""
    found = rec.manifest.get("capture")
    return found if isinstance(found, dict) else None


def origin_tick(rec: Recording) -> int:
    """The tick at which the time axis is 0: a capture's trigger, or the begin of the run."""
    trigger = (capture_of(rec) or {}).get("trigger_tick")
    return trigger if isinstance(trigger, int) else 0


def trigger_marks(rec: Recording) -> list[dict[str, Any]]:
    """Lines of the plots: tick and text of each trigger."""
    own = capture_of(rec)
    if own is not None:
        return [{"tick": origin_tick(rec), "text": "trigger"}]
    found = [
        {"tick": window.get("trigger_tick"), "text": str(item.get("name"))}
        for item in _captures(rec)
        for window in item.get("windows") or []
    ]
    return [mark for mark in found if isinstance(mark["tick"], int)][:MAX_MARKS]


def capture_rows(rec: Recording) -> list[dict[str, Any]]:
    """A row for each window, and one for a capture without any."""
    own = capture_of(rec)
    if own is not None:
        return [_row(rec, own, own, rec.folder)]
    rows = []
    for item in _captures(rec):
        windows = item.get("windows") or [{}]
        rows += [_row(rec, item, window, window.get("folder")) for window in windows]
    return rows


def _captures(rec: Recording) -> list[dict[str, Any]]:
    return [item for item in rec.manifest.get("captures") or [] if isinstance(item, dict)]


def _row(rec: Recording, item: dict[str, Any], window: dict[str, Any], folder: Any) -> dict[str, Any]:
    state = str(item.get("state", "triggered"))  # a capture whose writer did not come to its end says none
    stop = item.get("stop_trigger")
    place = _place(rec, folder)
    return {
        "name": str(item.get("name", "")),
        "trigger": str(item.get("trigger", "")) + (f", until {stop}" if stop else ""),
        "state": state,
        "tone": TONES.get(state, ""),
        "tick": numbers.count(window.get("trigger_tick")),
        "time": numbers.seconds(window.get("trigger_s")),
        "pre": _span(rec, window, "from_tick", "trigger_tick", item.get("pre_s")),
        "post": _span(rec, window, "trigger_tick", "to_tick", item.get("post_s")),
        "folder": place,
        "note": str(window.get("note") or item.get("note") or ""),
    }


def _span(rec: Recording, window: dict[str, Any], first: str, last: str, asked_s: Any) -> str:
    """The time that was captured; and what was asked for, when that is another."""
    from_tick, to_tick = window.get(first), window.get(last)
    asked = numbers.seconds(asked_s)
    if not isinstance(from_tick, int) or not isinstance(to_tick, int):
        return f"{asked} asked for"
    got = numbers.seconds(max(0, to_tick - from_tick) * rec.period_s)
    return got if got == asked else f"{got} of {asked}"


def _place(rec: Recording, folder: Any) -> str:
    """Below the recording as a relative path: the two may be moved together."""
    if not folder:
        return ""
    parts = Path(str(folder)).parts
    ends = (Path(*parts[i:]) for i, part in enumerate(parts) if part == _BELOW)
    return str(next((end for end in ends if (rec.folder / end).is_dir()), folder))
