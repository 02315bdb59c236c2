"""The values that formulas are evaluated on."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from hil.nearest import did_you_mean
from hil.requirements.errors import FormulaError

Floats = npt.NDArray[np.float64]
SAMPLES_AT_ONCE = 1 << 16  # half a megabyte an array: what one operator leaves is in the cache for the next


@dataclass(frozen=True)
class Trace:
    """Signals sampled every `period_s` seconds.

    Attributes:
        values: arrays of shape (..., n): the last axis is time, the others are runs.
        samples: n.
        crisp: comparisons give +1 or -1 instead of a distance, which decides those that are exactly on the edge.
    """

    values: Mapping[str, Floats]
    period_s: float
    samples: int
    crisp: bool = False

    @property
    def duration_s(self) -> float:
        """Time from the first sample to the last."""
        return (self.samples - 1) * self.period_s

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the runs, () for one."""
        return np.broadcast_shapes(*(array.shape[:-1] for array in self.values.values()))

    def runs(self, chosen: npt.NDArray[np.bool_]) -> Trace:
        """Some of its runs, where these are its one leading axis."""
        return replace(self, values={name: array[chosen] for name, array in self.values.items()})

    def split(self) -> Iterator[tuple[slice, Trace]]:
        """A few runs at a time, with one leading axis, and which of all runs in C order they are."""
        shape, n = self.shape, self.samples
        flat = {name: np.broadcast_to(array, (*shape, n)).reshape(-1, n) for name, array in self.values.items()}
        step = max(1, SAMPLES_AT_ONCE // n)
        for first in range(0, math.prod(shape), step):
            part = slice(first, first + step)
            yield part, replace(self, values={name: array[part] for name, array in flat.items()})

    def __getitem__(self, name: str) -> Floats:
        if name not in self.values:
            raise FormulaError(f"there is no signal '{name}'", mend=did_you_mean(name, self.values))
        return self.values[name]


def make_trace(values: Mapping[str, npt.ArrayLike], names: frozenset[str], period_s: float) -> Trace:
    """A trace with the signals that a formula names; with all where it names none.

    Raises:
        FormulaError: a signal is missing, lengths differ, there is no sample, or the period is not positive.
    """
    if not 0 < period_s < float("inf"):
        raise FormulaError(f"a period of {period_s:g} s is not possible", mend="Give seconds, more than 0")
    for name in sorted(names):
        if name not in values:
            raise FormulaError(f"there is no signal '{name}'", mend=did_you_mean(name, values))
    arrays = {name: np.asarray(values[name], dtype=np.float64) for name in sorted(names) or values}
    lengths = {name: array.shape[-1] if array.ndim else 0 for name, array in arrays.items()}
    if not lengths or min(lengths.values()) == 0:
        raise FormulaError("there is no sample to evaluate", mend="Give arrays whose last axis is time")
    if len(set(lengths.values())) > 1:
        text = ", ".join(f"{name}: {length}" for name, length in lengths.items())
        raise FormulaError(f"signals differ in their number of samples ({text})", mend="Bring them to one period")
    return Trace(arrays, period_s, next(iter(lengths.values())))
