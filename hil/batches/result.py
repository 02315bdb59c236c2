"""What a batch leaves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from hil import _core
from hil.built import Built
from hil.errors import BenchError
from hil.nearest import did_you_mean

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class BatchResult:
    """Arrays by name; the first axis is the run.

    Attributes:
        time_s: bench time of the rows, shape (rows,).
        rows: recorded signals, shape (runs, rows) each; the rows are those of `Bench.history`.
        reduced: reductions, shape (runs,) each; of `first(...)` the bench time in s, NaN where it never held.
        hashes: of each run's last state, 16 hex digits; "" with `needed_only`.
        threads: that ran it.
    """

    time_s: Floats
    rows: Mapping[str, Floats]
    reduced: Mapping[str, Floats]
    hashes: list[str]
    threads: int
    _batch: _core.Batch = field(repr=False)
    _built: Built = field(repr=False)

    def __len__(self) -> int:
        return len(self.hashes)

    def __getitem__(self, name: str) -> Floats:
        """Rows of a signal, or a reduction by its name; raises BenchError with the nearest name."""
        for table in (self.rows, self.reduced):
            if name in table:
                return table[name]
        raise BenchError(f"'{name}' was not kept", mend=did_you_mean(name, [*self.rows, *self.reduced]))

    def final(self, name: str) -> Floats:
        """Last value of any signal, block state or parameter, shape (runs,). Needs `states=True`."""
        offset = self._built.offset(name)
        return np.array([self.state(run).get(offset) for run in range(len(self))])

    def state(self, run: int) -> _core.State:
        """A copy of a run's last state, to begin another batch with. Needs `states=True`.

        Raises:
            BenchError: it was not kept, or there is no such run.
        """
        if not 0 <= run < len(self):
            raise BenchError(f"there is no run {run}", mend=f"The batch has runs 0 to {len(self) - 1}")
        try:
            return self._batch.state(run)
        except BenchError as error:
            raise BenchError(error.message, mend="Call batch with states=True") from None
