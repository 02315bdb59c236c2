"""One window of a capture on its way to the disk."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hil.capture.files import open_window
from hil.capture.request import Plan
from hil.capture.states import State
from hil.capture.window import Window
from hil.errors import RecordingError
from hil.recording import RecordingWriter

if TYPE_CHECKING:
    from hil.bench import Bench


@dataclass
class Piece:
    """The ticks begin <= tick <= last around a trigger.

    Attributes:
        last: None while nobody knows.
        end: the newest tick that was written; begin - 1 before the first one.
        rows: how many ticks were written.
    """

    bench: Bench
    plan: Plan
    folder: Path
    begin: int
    trigger: int
    note: str
    last: int | None = None
    end: int = -1
    rows: int = 0
    closed: bool = False
    _writer: RecordingWriter | None = None

    def open(self, name: str) -> None:
        """Makes the folder.

        Raises:
            RecordingError: it cannot be written.
        """
        self.end = self.begin - 1
        asked = self.plan.request
        facts = {
            "name": name,
            "trigger": self.plan.start.text,
            "stop_trigger": self.plan.stop.text if self.plan.stop else None,
            "pre_s": asked.pre_s,
            "post_s": asked.post_s,
            "trigger_tick": self.trigger,
            "trigger_s": round(self.trigger * self.bench.period_s, 9),
            "from_tick": self.begin,
        }
        self._facts = facts
        self._writer = open_window(self.bench, self.plan, self.folder, facts)

    def write(self, window: Window) -> None:
        """Rows that are not written yet, up to the last tick."""
        last = window.last if self.last is None else min(self.last, window.last)
        assert self._writer is not None
        for rows in window.between(self.end + 1, last):
            self._writer.write_rows("signals", *rows)
            self.rows += len(rows[0])
            self.end = int(rows[0][-1])

    def close(self, state: State, note: str) -> None:
        """The events of its ticks and its last words."""
        writer, self._writer = self._writer, None
        assert writer is not None
        self.closed = True
        self.note = "; ".join(text for text in (self.note, note, self._missing()) if text)
        events = self._events()
        writer.write_events(events)
        held = f"'{self.plan.start.text}' held at {self.trigger * self.bench.period_s:g} s (tick {self.trigger:,})"
        facts = {"state": state.word, "to_tick": self.end, "note": self.note}
        result = "passed" if state is State.FINISHED else "failed" if state is State.ERROR else "aborted"
        writer.close(
            {
                "capture": {**self._facts, **facts},
                "ticks": self.end + 1,
                "duration_s": round((self.end + 1 - self.begin) * self.bench.period_s, 9),
                "result": result,
                "reason": f"{held}; {self.note}" if self.note else held,
                "overruns": sum(event["kind"] == "overrun" for event in events),
                "lost_samples": 0,
                "complete": state is not State.ERROR,
            }
        )

    def give_up(self, window: Window, state: State, why: str) -> None:
        """Closes what there is; a disk that is full has been told."""
        with contextlib.suppress(RecordingError):
            if self._writer is not None:
                self.write(window)
                self.close(state, why)
        self.closed = True

    def _missing(self) -> str:
        """Ticks that the overrun policy left out."""
        missing = self.end + 1 - self.begin - self.rows
        return f"{missing:,} ticks of the window did not run" if missing > 0 and self.rows else ""

    def _events(self) -> list[dict[str, Any]]:
        found = [event for event in self.bench.events if self.begin <= event["tick"] <= self.end]
        text = f"triggered: {self.plan.start.text}"
        place = {"tick": self.trigger, "time_s": self._facts["trigger_s"], "id": 0, "a": None, "b": None}
        own = {**place, "kind": "trigger", "target": self._facts["name"], "text": text}
        return sorted([*found, own], key=lambda event: event["tick"])

    def to_dict(self, period_s: float) -> dict[str, Any]:
        """As plain JSON data."""
        return {
            "folder": str(self.folder),
            "trigger_tick": self.trigger,
            "trigger_s": round(self.trigger * period_s, 9),
            "from_tick": self.begin,
            "to_tick": self.end,
            "ticks": self.rows,
            "closed": self.closed,
            "note": self.note,
        }
