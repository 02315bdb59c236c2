"""A host in lock-step that rests, or thinks between two runs, says to its board that it is still there."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable

from hil.errors import BusError

BEAT_S = 1.0  # the board takes a host that is silent for 5 s as gone (FW_LOCKSTEP_AGE)


class Heartbeat:
    """Speaks while no steps are taken. It ends with the process, so a host that is killed is missed as before.

    Args:
        steps: how many were taken; while this moves nothing is said.
        say: one message and its answer.
    """

    def __init__(self, steps: Callable[[], int], say: Callable[[], object]) -> None:
        self._steps, self._say = steps, say
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        last = self._steps()
        while not self._ended.wait(BEAT_S):
            now = self._steps()
            if now == last:
                with contextlib.suppress(BusError):  # whoever takes the next step is told
                    self._say()
            last = now

    def end(self) -> None:
        """Waits for a message that is on its way."""
        self._ended.set()
        self._thread.join()
