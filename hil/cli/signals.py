"""SIGINT and SIGTERM end a command in good order: everything that it has started ends with it."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextlib.contextmanager
def exit_on_terminate() -> Iterator[None]:
    """SIGTERM raises SystemExit(143), as Ctrl-C raises KeyboardInterrupt, so `with` blocks clean up."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(number: int, _: FrameType | None) -> None:
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


class StopFlag:
    """In a `with` block signals only leave a note: `number` is the first one, 0 when there was none."""

    def __init__(self) -> None:
        self.number = 0

    @property
    def exit_code(self) -> int:
        """130 for Ctrl-C, 143 for SIGTERM, 0 without a signal."""
        return 128 + self.number if self.number else 0

    def _note(self, number: int, _: FrameType | None) -> None:
        self.number = self.number or number

    def __enter__(self) -> StopFlag:
        self._main = threading.current_thread() is threading.main_thread()
        if self._main:
            self._before = [signal.signal(number, self._note) for number in SIGNALS]
        return self

    def __exit__(self, *error: object) -> None:
        if self._main:
            for number, handler in zip(SIGNALS, self._before, strict=True):
                signal.signal(number, handler)
