"""One capture: what the loop says of it becomes states, recordings and sentences."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from hil import _core
from hil.capture.files import choose_folder
from hil.capture.request import CaptureRequest, Plan
from hil.capture.states import State
from hil.capture.window import Window
from hil.capture.windows import Piece
from hil.errors import BenchError, RecordingError
from hil.recording import Recording

if TYPE_CHECKING:
    from hil.bench import Bench

Floats = npt.NDArray[np.float64]
ROWS, MARKS = 0, 1  # groups of frames in a capture's ring


class Capture:
    """Signals around a trigger; `bench.capture(...)` makes one. Ticks are the bench's.

    Attributes:
        name: of the capture.
        state: configured, armed, triggered, finished, timeout, aborted or error (hil.capture.State).
        note: what is to be said of it, such as a window that is shorter than asked for; "" when nothing is.
        armed_tick: the first tick that was looked at; None before.
        pieces: its windows, the last one perhaps still open.
    """

    def __init__(self, bench: Bench, plan: Plan, name: str) -> None:
        self.name, self.plan = name, plan
        self.state, self.note = State.CONFIGURED, ""
        self.armed_tick: int | None = None
        self.pieces: list[Piece] = []
        self._bench, self._window = bench, Window()
        self._folder = choose_folder(bench, plan, name, self)
        self._done = threading.Event()
        self._aborted = False
        self.core = _core.Capture(
            bench.state,
            plan.start.ops,
            plan.stop.ops if plan.stop else b"",
            plan.columns.spec(),
            pre=plan.pre,
            post=plan.post,
            timeout=plan.timeout,
            count=plan.request.count,
            ring_bytes=plan.ring_bytes,
        )

    # ---- for those who asked ----

    @property
    def request(self) -> CaptureRequest:
        """What was asked for."""
        return self.plan.request

    @property
    def finished(self) -> bool:
        """Every window is whole."""
        return self.state is State.FINISHED

    @property
    def trigger_tick(self) -> int | None:
        """The last trigger's; None before the first one."""
        return self.pieces[-1].trigger if self.pieces else None

    @property
    def trigger_s(self) -> float | None:
        """Bench time of the last trigger."""
        return None if self.trigger_tick is None else round(self.trigger_tick * self._bench.period_s, 9)

    @property
    def folder(self) -> Path | None:
        """Folder of the first window; None before the first trigger."""
        return self.pieces[0].folder if self.pieces else None

    @property
    def recordings(self) -> list[Recording]:
        """The closed windows, opened anew."""
        return [Recording(piece.folder) for piece in self.pieces if piece.closed]

    @property
    def recording(self) -> Recording:
        """The first window.

        Raises:
            BenchError: there is none, as the trigger did not come or its window is not closed.
        """
        if not self.pieces or not self.pieces[0].closed:
            raise BenchError(self.sentence(), where=self.name, mend="Wait for it with wait()")
        return Recording(self.pieces[0].folder)

    def __getitem__(self, name: str) -> Floats:
        """A captured signal of the first window, shape (rows,); "time_s" is 0 at the trigger. Waits when it must."""
        recording = self.wait().recording if not self.state.over else self.recording
        if name == "time_s":
            return np.multiply(recording.tick() - self.pieces[0].trigger, self._bench.period_s, dtype=np.float64)
        return recording[name]

    def wait(self, *, check: bool = True) -> Capture:
        """Runs the bench up to the capture's last tick, or in a background run waits for it; returns the capture.

        Raises:
            BenchError: it ended without its windows: timeout, aborted or error. Not with `check` False.
        """
        self._bench.captures.wait(self, self._done)
        if check and self.state is not State.FINISHED:
            raise BenchError(self.sentence(), where=self.name)
        return self

    def abort(self) -> None:
        """Ends it at the next tick, or with the bench; what its window has so far is kept. From any thread."""
        self._aborted = True
        self.core.abort()

    def sentence(self) -> str:
        """How it is, in one sentence."""
        if self.state is State.TIMEOUT and not self.pieces:
            return f"timeout: '{self.plan.start.text}' did not hold within {self.request.timeout_s:g} s"
        text = f"{self.state.word}: '{self.plan.start.text}'"
        if self.trigger_s is not None:
            text += f" held at {self.trigger_s:g} s (tick {self.trigger_tick})"
        return f"{text}; {self.note}" if self.note else text

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON data."""
        asked = self.request
        return {
            "name": self.name,
            "state": self.state.word,
            "trigger": self.plan.start.text,
            "stop_trigger": self.plan.stop.text if self.plan.stop else None,
            "signals": self.plan.columns.names,
            **{key: getattr(asked, key) for key in ("pre_s", "post_s", "timeout_s", "count")},
            "armed_tick": self.armed_tick,
            "trigger_tick": self.trigger_tick,
            "trigger_s": self.trigger_s,
            "note": self.note,
            "windows": [piece.to_dict(self._bench.period_s) for piece in self.pieces],
        }

    # ---- for the drain ----

    def take(self, data: bytes, *, left: bool) -> None:
        """What the loop said since the last time, all of it when the loop had `left` it before that was read."""
        columns = self.plan.columns
        rows = _core.unpack_samples(data, ROWS, len(columns.names), len(columns.status_names))
        self._window.add(rows)
        tick, _, _, marks, _ = _core.unpack_samples(data, MARKS, 4, 0)
        try:
            for at, (phase, done, trigger, last) in zip(tick.tolist(), marks.astype(np.int64).tolist(), strict=True):
                self._mark(at, State(phase), done, trigger, last)
            self._write()
        except RecordingError as error:
            self._fail(str(error))
        self._window.forget(self._window.last + 1 - self.plan.pre)
        if left:
            self._left()

    def _left(self) -> None:
        """The loop has let go of it: whatever it has not said itself is known now."""
        if self.core.lost_from is not None:
            where = f"from tick {self.core.lost_from:,} on"
            self._fail(f"{where} rows were lost because its ring was full")
        else:
            self.end()

    def _mark(self, tick: int, phase: State, done: int, trigger: int, last: int) -> None:
        """A change of state. The mark of a window's last tick comes behind its rows; the first tick always has one."""
        if self.armed_tick is None:
            self.armed_tick = tick
        began = phase is State.TRIGGERED or done > len(self.pieces)  # a window of no post time is told once, when whole
        if began and (not self.pieces or self.pieces[-1].closed):
            self._begin(trigger)
        elif phase is State.ARMED and self.state is State.CONFIGURED:
            self._tell(tick, "armed")
        if self.pieces and not self.pieces[-1].closed:
            self.pieces[-1].last = None if last < 0 else last
            if done == len(self.pieces):
                self._close(phase, "")
        if phase is State.TIMEOUT:
            self._time_out(tick)
        self.state = phase
        if phase.over:
            self._over(tick)

    def _begin(self, trigger: int) -> None:
        first = max(trigger - self.plan.pre, 0)
        begin = self._window.first
        begin = trigger if begin is None else max(begin, first)
        missing = self.plan.pre - (trigger - begin)
        note = ""
        if missing > 0:
            asked, period_s = self.plan.pre, self._bench.period_s
            note = f"shortened: {asked - missing:,} of {asked:,} ticks before the trigger were at hand"
            note += f" ({(asked - missing) * period_s:g} of {asked * period_s:g} s)"
        self.note = note or self.note
        folder = self._folder if self.request.count == 1 else self._folder / str(len(self.pieces) + 1)
        self.pieces.append(Piece(self._bench, self.plan, folder, begin, trigger, note))
        self.pieces[-1].open(self.name)
        self._tell(trigger, "triggered")

    def _write(self) -> None:
        """Rows that have come into the window that is open."""
        if self.pieces and not self.pieces[-1].closed:
            self.pieces[-1].write(self._window)

    def _close(self, state: State, note: str) -> None:
        piece = self.pieces[-1]
        piece.write(self._window)
        piece.close(State.FINISHED if state is State.ARMED else state, note)
        self._tell(piece.end, "captured", f"{piece.rows:,} ticks in {piece.folder}")

    def _time_out(self, tick: int) -> None:
        if self.pieces and not self.pieces[-1].closed:
            stop = self.plan.stop.text if self.plan.stop else ""
            self.note = f"'{stop}' did not hold within {self.request.timeout_s:g} s of the trigger"
            self.pieces[-1].last = tick
            self._close(State.TIMEOUT, self.note)
        elif self.pieces:
            self.note = f"{len(self.pieces)} of {self.request.count} windows: no further trigger came in time"

    def end(self, why: str = "") -> None:
        """Nothing follows: it was aborted, or the bench ends. What there is of an open window is kept."""
        if not self.state.over:
            self._stop(State.ABORTED, "it was aborted" if self._aborted else why)

    def _fail(self, why: str) -> None:
        self._stop(State.ERROR, why)

    def _stop(self, state: State, why: str) -> None:
        if self.state in (state, State.ERROR):
            return
        self.core.abort()
        self.note = why
        if self.pieces and not self.pieces[-1].closed:
            self.pieces[-1].give_up(self._window, state, why)
        self.state = state
        self._over(self._bench.tick)

    def _over(self, tick: int) -> None:
        if self.state is not State.FINISHED:
            self._tell(tick, self.state.word)
        self._done.set()

    def _tell(self, tick: int, word: str, more: str = "") -> None:
        text = (
            f"{word}: {self.plan.start.text}" + (f", {more}" if more else "") + (f"; {self.note}" if self.note else "")
        )
        place = {"tick": tick, "time_s": round(tick * self._bench.period_s, 9)}
        self._bench.tell({**place, "kind": "capture", "target": self.name, "id": 0, "a": None, "b": None, "text": text})
