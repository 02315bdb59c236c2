"""The part of a bench that waits, captures and tells how it is."""

from __future__ import annotations

import time as clock
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from hil import result
from hil.commands import Commands
from hil.errors import BenchError
from hil.expressions import Condition
from hil.nearest import did_you_mean
from hil.notebook.faces import NotebookFaces
from hil.recorder import Columns, Recorder
from hil.rig import Rig

if TYPE_CHECKING:
    from hil.capture import Capture, Captures
    from hil.notebook.source import Source

POLL_S = 0.001
Floats = npt.NDArray[np.float64]


class Looking(Commands, NotebookFaces):
    """What `hil.bench.Bench` can see of itself; the bench has the attributes and knows how to run."""

    rig: Rig
    time: str
    recorder: Recorder
    captures: Captures
    _columns: list[Columns]

    @property
    def running(self) -> bool:
        """True between `start` and its end."""
        raise NotImplementedError

    def start(self, duration_s: float | None = None) -> None:
        """Runs in the background."""
        raise NotImplementedError

    def join(self, timeout_s: float | None = None) -> bool:
        """Waits for the end of a background run."""
        raise NotImplementedError

    def run_ticks(self, ticks: int | None) -> None:
        """Runs so many ticks."""
        raise NotImplementedError

    def _source(self) -> Source:
        from hil.notebook.source import of_bench

        return of_bench(self)

    @property
    def tick(self) -> int:
        """The tick to run next."""
        return int(self.state.tick)

    def history(self, name: str) -> Floats:
        """All recorded values of a signal so far, shape (rows,).

        Raises:
            BenchError: the signal is not recorded in the first group.
        """
        try:
            return self.recorder.column(name)
        except KeyError:
            names = self._columns[0].names if self._columns else []
            raise BenchError(f"'{name}' is not recorded", where=self.rig.name, mend=did_you_mean(name, names)) from None

    def history_time_s(self) -> Floats:
        """Bench times of `history`'s rows, shape (rows,)."""
        return np.multiply(self.recorder.ticks(), self.period_s, dtype=np.float64)

    @property
    def events(self) -> list[dict[str, Any]]:
        """What happened so far, in order."""
        return self.recorder.events

    def health(self) -> dict[str, Any]:
        """How the bench is: tick, timing, buses, faults, forces."""
        assert self.engine is not None
        loop = self.engine.loop
        late, execution = result.histogram(loop.late), result.histogram(loop.exec_time)
        picked = ("p50", "p99", "max")
        return {
            "tick": self.tick,
            "time_s": self.time_s,
            "running": self.running,
            **{key: loop.counters[key] for key in ("overruns", "missed", "lost_samples", "lost_inputs")},
            "late_ns": {key: late[key] for key in picked},
            "exec_ns": {key: execution[key] for key in picked},
            "buses": result.readable_buses(self.engine.wires.counters()),
            **self.interventions(),
        }

    def wait_until(self, condition: str, timeout_s: float) -> float:
        """Runs, or in a background run waits, until the condition holds.

        Args:
            condition: such as "sensor.h1 > 0.1 and not plc.alarm_h1", looked at after each tick (in real time about
                once in a millisecond).
            timeout_s: bench time to wait at the most.

        Returns:
            the bench time at which it held.

        Raises:
            BenchError: it did not hold in time.
        """
        holds = Condition(condition, self.built.numbers)
        last = self.tick + round(timeout_s / self.period_s)
        background = self.running or self.time == "real"
        if background and not self.running:
            self.start()
        while not holds(self.__getitem__):
            ended = background and not self.running
            if ended:
                self.join()  # raises what ended it
            if ended or self.tick >= last:
                raise BenchError(f"'{condition}' did not hold within {timeout_s:g} s", where=self.rig.name)
            if background:
                clock.sleep(POLL_S)
            else:
                self.run_ticks(1)
        return self.time_s

    def capture(
        self,
        signals: Iterable[str],
        trigger: str,
        pre_s: float,
        post_s: float,
        timeout_s: float = 10.0,
        *,
        name: str | None = None,
        out: str | Path | None = None,
        count: int = 1,
        stop_trigger: str | None = None,
    ) -> Capture:
        """Watches for a condition after each tick from the next one on, and records signals around it. Does not wait.

        Args:
            signals: names of signals, block states or parameters.
            trigger: such as "rise(plc.alarm_h1)" or "sensor.h1 > 0.2 for 0.5 s"; see docs/capture.md.
            pre_s: bench time before the trigger's tick, as far as the capture has watched by then.
            post_s: bench time behind it, or behind the tick at which `stop_trigger` holds.
            timeout_s: longest wait for a trigger, in bench time.
            name: of the capture.
            out: folder of its recording; default: in the bench's recording, else a temporary one.
            count: windows to be taken, one after the other.

        Returns:
            the capture: `.state`, `.wait()`, `.recording`, arrays by signal and "time_s", 0 at the trigger.

        Raises:
            BenchError: a signal, condition or time cannot be used, or there is no room for it.
        """
        from hil.capture import CaptureRequest

        names = (signals,) if isinstance(signals, str) else tuple(signals)
        place = None if out is None else Path(out)
        return self.captures.add(
            CaptureRequest(names, trigger, pre_s, post_s, timeout_s, name, place, count, stop_trigger)
        )
