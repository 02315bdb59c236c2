"""One number for what a run recorded of the bench: equal for two levels of a controller if every bit is.

A state's hash also covers what a level keeps inside, so it tells levels apart; this one does not. Times that were
measured are not part of it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from hil.iomap import CLOCK_TABLES
from hil.rig import Rig


def is_compared(rig: Rig, name: str) -> bool:
    """False for what a device keeps to itself (signals and block states of its controller), and for its clock."""
    base = name if name in rig.signals else name.removesuffix(".raw")
    if any(tag.tag == base and tag.table in CLOCK_TABLES for device in rig.devices.values() for tag in device.tags):
        return False
    if base in rig.signals:
        return rig.signals[base].role is None
    block = rig.blocks.get(name.rpartition(".")[0])
    return block is None or block.role is None


class SignalsHash:
    """Takes rows of groups as they come, in pieces of any size; what need not be the same is left out."""

    def __init__(self, rig: Rig) -> None:
        self._rig = rig
        self._parts: dict[tuple[str, str], hashlib.blake2b] = {}
        self._masks: dict[tuple[str, ...], npt.NDArray[np.bool_]] = {}

    def add(
        self,
        group: str,
        ticks: npt.NDArray[np.int64],
        values: npt.NDArray[np.float64],
        status: npt.NDArray[np.uint8],
        names: tuple[Sequence[str], Sequence[str]],
    ) -> None:
        """Rows of one group: ticks (n,), values (n, columns), status bits (n, columns), and the names of both."""
        kept = values[:, self._mask(names[0])]
        parts = {
            "ticks": ticks,
            "values": np.where(np.isnan(kept), np.nan, kept),
            "status": status[:, self._mask(names[1])],
        }
        for part, data in parts.items():
            self._parts.setdefault((group, part), hashlib.blake2b(digest_size=8)).update(data.tobytes())

    def _mask(self, names: Sequence[str]) -> npt.NDArray[np.bool_]:
        key = tuple(names)
        if key not in self._masks:
            self._masks[key] = np.array([is_compared(self._rig, name) for name in key], dtype=bool)
        return self._masks[key]

    def text(self) -> str:
        """16 hex digits."""
        whole = hashlib.blake2b(digest_size=8)
        for (group, part), digest in sorted(self._parts.items()):
            whole.update(f"{group}/{part}/".encode() + digest.digest())
        return whole.hexdigest()
