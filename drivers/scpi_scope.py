"""The memory of an emulated oscilloscope: what it saw around a trigger, as a preamble and a block of bytes."""

from __future__ import annotations

import math
import threading
from collections import deque

from hil.drivers.scpi_tree import header

POINTS = 400  # of a record; half of it lies before the trigger
RESOLUTION = 1e-3  # V for one count
REFERENCE = 128


class ScopeMemory:
    """A ring of samples. A trigger freezes the record as soon as its second half has been seen."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.samples: deque[tuple[float, float]] = deque(maxlen=POINTS)
        self._record: list[tuple[float, float]] = []
        self._left: int | None = None
        self._trigger_s = 0.0
        self._heads = {
            "trigger": header("*TRG"),
            "single": header("SINGle"),
            "status": header("TRIGger:STATus?"),
            "preamble": header("WAVeform:PREamble?"),
            "data": header("WAVeform:DATA?"),
            "quiet": header("WAVeform:SOURce"),
            "format": header("WAVeform:FORMat"),
        }

    def sample(self, time_s: float, value: float) -> None:
        """One more."""
        with self.lock:
            self.samples.append((time_s, value))
            if self._left is not None:
                self._left -= 1
                if self._left <= 0:
                    self._record, self._left = list(self.samples), None

    def message(self, head: str) -> str | bytes | None:
        """An answer, "" for a command that is taken, None for one that is not the memory's."""
        name = next((name for name, pattern in self._heads.items() if pattern.fullmatch(head)), None)
        if name is None:
            return None
        with self.lock:
            if name in ("trigger", "single"):
                self._trigger()
            if name == "status":
                return "STOP" if self._left is None else "RUN"
            if name == "preamble":
                return self._preamble()
            return self._block() if name == "data" else ""

    def _trigger(self) -> None:
        self._trigger_s = self.samples[-1][0] if self.samples else 0.0
        self._left = POINTS // 2

    def _scale(self) -> tuple[float, float]:
        """V of one count, and V of the reference."""
        values = [value for _, value in self._record if math.isfinite(value)] or [0.0]
        low, high = min(values), max(values)
        return max((high - low) / 200.0, RESOLUTION), (low + high) / 2.0

    def _preamble(self) -> str:
        times = [time_s for time_s, _ in self._record] or [0.0]
        step = (times[-1] - times[0]) / max(1, len(times) - 1) or 1e-3
        scale, middle = self._scale()
        fields = (0, 0, len(self._record), 1, step, times[0] - self._trigger_s, 0, scale, 0, 0)
        parts = [f"{v:.9E}" if isinstance(v, float) else str(v) for v in fields]
        parts[8], parts[9] = f"{-middle / scale:.9E}", str(REFERENCE)
        return ",".join(parts)

    def _block(self) -> bytes:
        scale, middle = self._scale()
        counts = [round((v - middle) / scale) + REFERENCE if math.isfinite(v) else REFERENCE for _, v in self._record]
        data = bytes(min(255, max(0, count)) for count in counts)
        digits = str(len(data))
        return b"#" + str(len(digits)).encode() + digits.encode() + data
