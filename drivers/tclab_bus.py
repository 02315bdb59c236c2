"""A Temperature Control Lab as a bus of the loop: a thread that asks and tells, beside two boxes of values."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from typing import Any

from hil._port import ValuePort
from hil.drivers.slow_thread import SlowThread
from hil.drivers.tclab import CONNECT_S, TCLab
from hil.errors import BusError

# Questions and commands by the last part of a signal's name.
READS = {"t1": "T1", "t2": "T2", "r1": "R1", "r2": "R2"}
WRITES = {"q1": "Q1", "q2": "Q2", "p1": "P1", "p2": "P2", "led": "LED"}
HEATERS = ("Q1", "Q2")
REFRESH_S = 2.0  # what has not changed is told again, in case the board has restarted unseen
MOST_FAILURES = 3  # unanswered cycles in a row: the port is opened anew
COUNTED = ("cycles", "images", "requests", "answers", "timeouts", "failed_cycles", "missed_cycles", "refused_writes",
           "connects", "failed_connects", "disconnects", "reconnects")  # fmt: skip


class TCLabBus:
    """Reads `reads`, writes `writes` (names of signals, in the order of the port), period by period.

    An image carries the time of its oldest reading. A board that is gone is looked for with back-off; its values
    meanwhile grow old, which the loop sees. What the loop does not refresh for `hold_s` counts as lost: heaters off.
    """

    def __init__(self, url: str, reads: Sequence[str], writes: Sequence[str], *, hold_s: float = 5.0) -> None:
        self.where, self.hold_s = url, hold_s
        self.board = TCLab(url)
        self.questions = [self._known(name, READS) for name in reads]
        self.commands = [self._known(name, WRITES) for name in writes]
        self.port = ValuePort(len(reads), len(writes))
        self.n_in, self.n_out = len(reads), len(writes)
        self.count = dict.fromkeys(COUNTED, 0)
        self.longest_ns = 0
        self._told: dict[str, tuple[float, float]] = {}  # command -> value, when
        self._wanted: list[float] = []
        self._wanted_s = 0.0
        self._failures = 0
        self._lost = False
        self._thread = SlowThread(self, "tclab", url, self.board.ended)

    def connect(self, wait_s: float = CONNECT_S) -> None:
        """Connects now, or raises BusError. Not while the thread runs."""
        if not self.board.connected:
            self.board.ended.clear()
            self.board.connect(max(wait_s, CONNECT_S))
            self.count["connects"] += 1

    def start(self, start_ns: int, period_ns: int, phase_ns: int = 0, **_: Any) -> None:
        """Runs cycles in an own thread: number n is due at start_ns + phase_ns + n * period_ns (time.monotonic_ns)."""
        self._thread.start(start_ns + phase_ns, period_ns)

    def stop(self) -> None:
        """Ends the thread, switches the heaters off and closes the port."""
        self._thread.join()
        self.board.close()
        self._told.clear()

    @property
    def connected(self) -> bool:
        """A board answers, or did in one of the last cycles."""
        return self.board.connected

    def counters(self) -> dict[str, Any]:
        """What has happened so far."""
        return {**self.count, "longest_cycle_ns": self.longest_ns, "version": self.board.version}

    def port_ptr(self) -> int:
        """Address of the struct hil_bus_port, for the loop."""
        return self.port.port_ptr()

    def reconnect(self) -> bool:
        """Looks for the board once; False when it is not there."""
        self._told.clear()
        try:
            self.board.connect(CONNECT_S)
        except BusError:
            self.count["failed_connects"] += 1
            return False
        self.count["connects"] += 1
        self.count["reconnects"] += self._lost
        self._failures, self._lost = 0, False
        return True

    def cycle(self) -> None:
        """Tells and asks once."""
        self.count["cycles"] += 1
        begun_ns = time.monotonic_ns()
        try:
            self._tell()
            read_ns = time.monotonic_ns()
            values = [self._asked(question) for question in self.questions]
        except BusError:
            self._failed()
            return
        self.longest_ns = max(self.longest_ns, time.monotonic_ns() - begun_ns)
        self._failures = 0
        self.count["images"] += 1
        self.port.publish(values, read_ns)

    def missed(self, cycles: int) -> None:
        """Counts cycles that had no time of their own."""
        self.count["missed_cycles"] += cycles

    def _known(self, name: str, known: dict[str, str]) -> str:
        part = name.rpartition(".")[2]
        if part not in known:
            mend = f"Its last part must be one of: {', '.join(known)}"
            raise BusError(f"{name} is nothing that a Temperature Control Lab has", where=self.where, mend=mend)
        return known[part]

    def _failed(self) -> None:
        self.count["failed_cycles"] += 1
        self._failures += 1
        if self.board.connected:
            self.count["timeouts"] += 1
            if self._failures >= MOST_FAILURES:
                self.board.drop()
        if not self.board.connected:
            self.count["disconnects"] += 1
            self._lost = True

    def _asked(self, question: str) -> float:
        self.count["requests"] += 1
        value = self.board.number(question)
        self.count["answers"] += 1
        return value

    def _tell(self) -> None:
        """Writes what has changed, and now and then what has not."""
        image, now_s = self.port.take_out(), time.monotonic()
        if image is not None:
            self._wanted, self._wanted_s = image[2], now_s
        silent = now_s - self._wanted_s > self.hold_s
        for command, wanted in zip(self.commands, self._wanted, strict=False):
            if silent and command not in HEATERS:
                continue
            value = 0.0 if silent or not math.isfinite(wanted) else wanted
            told, when_s = self._told.get(command, (math.nan, 0.0))
            if value != told or now_s - when_s > REFRESH_S:
                self._write(command, value, now_s)

    def _write(self, command: str, value: float, now_s: float) -> None:
        if command == "LED" and value == 0.0 and command not in self._told:
            return  # a dark lamp is no override
        self.count["requests"] += 1
        self._told.pop(command, None)  # not known until it is answered
        self.board.set(command, value)
        self.count["answers"] += 1
        self._told[command] = (value, now_s)
