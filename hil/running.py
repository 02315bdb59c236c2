"""How a bench runs: for a while, or in the background until it is stopped."""

from __future__ import annotations

import threading
from typing import Any

from hil.built import Built
from hil.commands import LATEST_S
from hil.engine import Engine
from hil.errors import BenchError, HilError
from hil.looking import Looking
from hil.realtime import MachineWatch
from hil.result import RunResult
from hil.rig import Rig


class Running(Looking):
    """The part of a bench that starts and ends its loop.

    Attributes:
        watch: what the machine did beside the run; None before the first tick.
        failures: why the run did not pass, as `fail` was told.
        stepped: the generators that drove it, as the manifest names them.
        played: the timed scripts that were played on it, and what came of them.
    """

    def __init__(self, rig: Rig, built: Built) -> None:
        super().__init__(rig, built)
        self.watch: MachineWatch | None = None
        self.engine: Engine | None = None
        self._thread: threading.Thread | None = None
        self._failure: BaseException | None = None
        self._broken: HilError | None = None
        self._result: RunResult | None = None
        self.failures: list[str] = []
        self.stepped: list[dict[str, Any]] = []
        self.played: list[dict[str, Any]] = []

    @property
    def running(self) -> bool:
        """True between `start` and its end."""
        return self._thread is not None and self._thread.is_alive()

    def run(self, seconds: float) -> None:
        """Runs so many seconds of bench time and waits for their end.

        Raises:
            BenchError: the bench runs already, a lock-step device broke off, or the overrun policy ended the run.
        """
        self.run_ticks(self._ticks(seconds))

    def _ticks(self, seconds: float) -> int:
        if not 0 <= seconds <= LATEST_S:
            raise BenchError(
                f"{seconds} s cannot be run", where=self.rig.name, mend="Give a number of seconds from 0 on"
            )
        return round(seconds / self.period_s)

    def run_ticks(self, ticks: int | None) -> None:
        """Runs so many ticks and waits for their end, None: until `request_stop`; raises as `run` does."""
        if self.running:
            raise BenchError("the bench runs already", mend="Call stop() first")
        self._advance(self._open_engine(), ticks)

    def fail(self, reason: str) -> None:
        """The run has not passed, for this reason; result and recording will say so."""
        self.failures.append(reason)

    def run_until_stopped(self) -> None:
        """Runs until `request_stop`; not in the background."""
        self.run_ticks(None)

    def _advance(self, engine: Engine, ticks: int | None) -> None:
        try:
            engine.advance(ticks)
        except HilError as error:
            self._broken = error  # the result says so, even if the caller goes on
            raise

    def _open_engine(self) -> Engine:
        if self.engine is None or self._result is not None:
            raise BenchError("the bench is closed", mend="Open a new one")
        self.watch = self.watch or MachineWatch()
        return self.engine

    def start(self, duration_s: float | None = None) -> None:
        """Runs in the background until `stop`, or for so many seconds of bench time."""
        if self.running:
            raise BenchError("the bench runs already", mend="Call stop() first")
        engine = self._open_engine()
        ticks = None if duration_s is None else self._ticks(duration_s)
        self._failure = None
        self._thread = threading.Thread(target=self._background, args=(engine, ticks), name=f"hil {self.rig.name}")
        self._thread.start()

    def _background(self, engine: Engine, ticks: int | None) -> None:
        try:
            self._advance(engine, ticks)
        except BaseException as error:  # raised again in join()
            self._failure = error

    def join(self, timeout_s: float | None = None) -> bool:
        """Waits for the end of a background run; False when it still runs. Raises what ended it."""
        if self._thread is not None:
            self._thread.join(timeout_s)
            if self._thread.is_alive():
                return False
            self._thread = None
        if self._failure is not None:
            failure, self._failure = self._failure, None
            raise failure
        return True

    def request_stop(self) -> None:
        """Ends the run after its tick, or the next run before its first; does not wait. Safe in a signal handler."""
        if self.engine is not None:
            self.engine.stop()

    def stop(self) -> None:
        """Ends a background run and waits for its end."""
        if self.running:
            self.request_stop()
        try:
            self.join()
        finally:
            if self.engine is not None:
                self.engine.forget_stop()
