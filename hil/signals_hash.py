"""One number for all recorded signals of a run: equal for two levels of a controller if every recorded bit is.

A state's hash also covers what a level keeps inside, so it tells levels apart; this one does not. Times that were
measured are not part of it.
"""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt


class SignalsHash:
    """Takes rows of groups as they come, in pieces of any size."""

    def __init__(self) -> None:
        self._parts: dict[tuple[str, str], hashlib.blake2b] = {}

    def add(
        self,
        group: str,
        ticks: npt.NDArray[np.int64],
        values: npt.NDArray[np.float64],
        status: npt.NDArray[np.uint8],
    ) -> None:
        """Rows of one group: ticks (n,), values (n, columns), status bits (n, columns)."""
        canonical = np.where(np.isnan(values), np.nan, values)
        for part, data in (("ticks", ticks), ("values", canonical), ("status", status)):
            self._parts.setdefault((group, part), hashlib.blake2b(digest_size=8)).update(data.tobytes())

    def text(self) -> str:
        """16 hex digits."""
        whole = hashlib.blake2b(digest_size=8)
        for (group, part), digest in sorted(self._parts.items()):
            whole.update(f"{group}/{part}/".encode() + digest.digest())
        return whole.hexdigest()
