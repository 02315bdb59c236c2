"""Frames of the loop's loss-less ring: inputs of a tick as rows, notes and overruns as readable events."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from hil import events
from hil.events import AuthorityReason, EventKind

_HEAD = struct.Struct("<IHHQ")
_NOTE = struct.Struct("<QHHIdd")
_OVERRUN = struct.Struct("<qqQIIq")
_TIME = struct.Struct("<q")


class Frame(IntEnum):
    """enum hil_frame_kind."""

    EVENT = 1
    IMAGE = 2
    SKIP = 3
    HASH = 4
    NOTE = 5
    SAMPLE = 6
    REFUSED = 7
    OVERRUN = 8


# enum hil_note_kind
NOTES = {
    1: "event",
    2: "fault_on",
    3: "fault_off",
    4: "forced",
    5: "released",
    6: "clip_on",
    7: "clip_off",
    8: "safe_on",
    9: "safe_off",
    10: "stale_on",
    11: "stale_off",
    12: "range_on",
    13: "range_off",
    14: "bad_on",
    15: "bad_off",
    16: "refused",
    17: "plc_stop",
    18: "authority",
}
PLC_STOP, PLC_LINES = 17, 1 << 24  # core/include/hil/plc.h
AUTHORITY = 18
_OF_ROLE = {"stale_on", "stale_off"}
_OF_EVENT = {"event", "refused"}


@dataclass
class Inputs:
    """Rows of the loss-less group, column by column, as the recording takes them."""

    ticks: list[int] = field(default_factory=list)
    kinds: list[int] = field(default_factory=list)
    targets: list[int] = field(default_factory=list)
    times_ns: list[int] = field(default_factory=list)
    payloads: list[bytes] = field(default_factory=list)

    def add(self, tick: int, kind: int, target: int, time_ns: int, payload: bytes) -> None:
        """One row."""
        self.ticks.append(tick)
        self.kinds.append(kind)
        self.targets.append(target)
        self.times_ns.append(time_ns)
        self.payloads.append(payload)

    def insert(self, at: int, tick: int, kind: int) -> None:
        """A row without content, before row `at`."""
        columns = (self.ticks, self.kinds, self.targets, self.times_ns)
        for column, value in zip(columns, (tick, kind, 0, 0), strict=True):
            column.insert(at, value)
        self.payloads.insert(at, b"")


@dataclass(frozen=True)
class Names:
    """What numbers in frames stand for."""

    period_s: float
    signals: list[str]
    roles: list[str]
    entries: list[str]
    texts: dict[int, str]
    describe: Callable[[dict[str, Any]], str]
    stop_text: Callable[[str, int, int, int], str]


def split(data: bytes) -> Iterator[tuple[int, int, int, bytes]]:
    """(kind, group, tick, payload) of each frame."""
    at = 0
    while at < len(data):
        size, kind, group, tick = _HEAD.unpack_from(data, at)
        yield kind, group, tick, data[at + _HEAD.size : at + size]
        at += size


def decode(data: bytes, names: Names) -> tuple[Inputs, list[dict[str, Any]]]:
    """The rows to be recorded and the events to be told, in the order in which they happened."""
    rows, told = Inputs(), []
    for kind, group, tick, payload in split(data):
        if kind == Frame.IMAGE:
            rows.add(tick, kind, group, _TIME.unpack_from(payload)[0], payload[_TIME.size :])
        elif kind in (Frame.EVENT, Frame.SKIP, Frame.HASH):
            rows.add(tick, kind, group, 0, payload)
        if kind not in (Frame.IMAGE, Frame.HASH) and not _is_mode(kind, payload):
            told.append({"tick": tick, "time_s": round(tick * names.period_s, 9), **_tell(kind, group, payload, names)})
    return rows, told


def _is_mode(kind: int, payload: bytes) -> bool:
    """A fault's mode is told with the fault, whose text has it."""
    return kind == Frame.EVENT and events.decode(payload)["kind"] == EventKind.FAULT_MODE


def _tell(kind: int, group: int, payload: bytes, names: Names) -> dict[str, Any]:
    if kind == Frame.NOTE:
        return _tell_note(payload, names)
    if kind == Frame.OVERRUN:
        return _tell_overrun(payload, names)
    if kind == Frame.SKIP:
        return {"kind": "skip", "target": "", "id": 0, "a": struct.unpack("<Q", payload)[0], "b": None}
    event = events.decode(payload)
    text = names.texts.get(event["id"], "")
    told = {"target": names.describe(event), "id": event["id"], "a": None, "b": None, "text": text}
    if kind == Frame.REFUSED:
        from hil._core import error_text

        return told | {"kind": "refused", "text": error_text(group)}
    return told | {"kind": "accepted", "due_tick": event["due"]}


def _tell_note(payload: bytes, names: Names) -> dict[str, Any]:
    _, number, target, event_id, a, b = _NOTE.unpack(payload)
    if number == PLC_STOP:
        return _tell_stop(names.entries[target], int(a), int(b), names)
    if number == AUTHORITY:
        return _tell_authority(names.entries[target], int(a), int(b))
    kind = NOTES.get(number, f"note {number}")
    if kind in _OF_ROLE:
        target_name = names.roles[target]
    elif kind in _OF_EVENT:
        target_name = EventKind(target).name.lower()
        if target == EventKind.MARK:
            kind = "mark"
    else:
        target_name = names.signals[target]
    told = {"kind": kind, "target": target_name, "id": event_id, "a": _number(a), "b": _number(b)}
    text = names.texts.get(event_id)
    return told | {"text": text} if text else told


def _tell_stop(block: str, reason: int, place: int, names: Names) -> dict[str, Any]:
    file, line = divmod(place, PLC_LINES)
    text = names.stop_text(block, reason, file, line)
    return {"kind": "plc_stop", "target": block, "id": 0, "a": float(reason), "b": float(line), "text": text}


def _tell_authority(block: str, before: int, now: int) -> dict[str, Any]:
    text = AuthorityReason(now).text
    return {"kind": "authority", "target": block, "id": 0, "a": float(before), "b": float(now), "text": text}


def _tell_overrun(payload: bytes, names: Names) -> dict[str, Any]:
    late_ns, exec_ns, missed, slowest, grace, slowest_ns = _OVERRUN.unpack(payload)
    block = names.entries[slowest] if slowest < len(names.entries) else ""
    text = f"late {late_ns / 1e6:.3f} ms, execution {exec_ns / 1e6:.3f} ms, {missed} periods missed"
    if block:
        text += f", slowest block {block} {slowest_ns / 1e3:.1f} us"
    return {
        "kind": "overrun_grace" if grace else "overrun",
        "target": block,
        "id": 0,
        "a": late_ns * 1e-9,
        "b": exec_ns * 1e-9,
        "text": text,
    }


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value
