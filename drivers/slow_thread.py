"""The thread of a slow device: cycles in phase with the loop while it is connected, back-off while it is not."""

from __future__ import annotations

import threading
import time
from typing import Protocol

from hil.errors import BusError

BACKOFF_S = (0.1, 2.0)


class SlowDevice(Protocol):
    """What the thread does its work on. Every call is bounded in time and raises nothing."""

    @property
    def connected(self) -> bool:
        """It answers, or did in one of the last cycles."""

    def cycle(self) -> None:
        """Writes and reads once."""

    def reconnect(self) -> bool:
        """Tries to connect once; False when that failed."""

    def missed(self, cycles: int) -> None:
        """So many cycles had no time of their own."""


class SlowThread:
    """Runs a slow device until `ended` is set.

    Attributes:
        ended: ends the thread; every wait of the device may look at it.
    """

    def __init__(self, device: SlowDevice, name: str, where: str, ended: threading.Event | None = None) -> None:
        self.device, self.name, self.where = device, name, where
        self.ended = ended or threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, first_ns: int, period_ns: int) -> None:
        """Cycle n is due at first_ns + n * period_ns (time.monotonic_ns).

        Raises:
            BusError: it runs already.
        """
        if self._thread is not None:
            raise BusError("runs already", where=self.where)
        self.ended.clear()
        self._thread = threading.Thread(target=self._run, args=(first_ns, period_ns), name=self.name, daemon=True)
        self._thread.start()

    def join(self) -> None:
        """Ends the thread and waits for it."""
        self.ended.set()
        if self._thread is not None:
            self._thread.join()  # every wait in it is bounded and looks at `ended`
            self._thread = None

    def _run(self, first_ns: int, period_ns: int) -> None:
        number, backoff_s = 0, BACKOFF_S[0]
        while not self.ended.wait(max(0.0, (first_ns + number * period_ns - time.monotonic_ns()) * 1e-9)):
            if self.device.connected:
                self.device.cycle()
                backoff_s = BACKOFF_S[0]
            elif not self.device.reconnect():
                self.ended.wait(backoff_s)
                backoff_s = min(2.0 * backoff_s, BACKOFF_S[1])
            due = max(number + 1, -((first_ns - time.monotonic_ns()) // period_ns))
            self.device.missed(due - number - 1)
            number = due
