"""What the events of a run say of times: from when to when something acted, and where somebody put a note."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

BEGINS = {"fault_on": "fault", "forced": "force", "safe_on": "safe"}
ENDS = {"fault_off": "fault", "released": "force", "safe_off": "safe"}


class Span(NamedTuple):
    """Something acted on a signal from one bench time to another."""

    kind: str  # "fault", "force" or "safe"
    target: str
    text: str
    start_s: float
    end_s: float


class Mark(NamedTuple):
    """A note."""

    time_s: float
    text: str


def spans_of(events: Sequence[Mapping[str, Any]], end_s: float) -> list[Span]:
    """All spans in the order of their beginning; what has not ended lasts to `end_s`."""
    found: list[Span] = []
    begun: dict[tuple[str, str, Any], Mapping[str, Any]] = {}
    for event in events:
        kind = str(event.get("kind"))
        if kind in BEGINS:
            begun.setdefault(_key(BEGINS[kind], event), event)
        elif kind in ENDS and (first := begun.pop(_key(ENDS[kind], event), None)) is not None:
            found.append(_span(ENDS[kind], first, float(event["time_s"])))
    found += [_span(kind, first, max(end_s, float(first["time_s"]))) for (kind, _, _), first in begun.items()]
    return sorted(found, key=lambda span: span.start_s)


def marks_of(events: Sequence[Mapping[str, Any]]) -> list[Mark]:
    """The notes that the run has come to."""
    return [Mark(float(e["time_s"]), str(e.get("text", ""))) for e in events if e.get("kind") == "mark"]


def _key(kind: str, event: Mapping[str, Any]) -> tuple[str, str, Any]:
    """Faults end by their id, of which a signal can have several; forces and safe states by their signal."""
    return kind, str(event.get("target")), event.get("id") if kind == "fault" else None


def _span(kind: str, first: Mapping[str, Any], end_s: float) -> Span:
    target = str(first["target"])
    text = str(first.get("text") or f"fault on {target}") if kind == "fault" else f"{target} {kind}d"
    return Span(kind, target, f"{target} safe" if kind == "safe" else text, float(first["time_s"]), end_s)
