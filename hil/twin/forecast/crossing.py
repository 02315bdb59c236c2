"""Whether and when a limit is crossed, over the members of an ensemble."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hil.errors import HilError
from hil.twin.forecast.shares import share_interval

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Limit:
    """What a signal must not go beyond: exactly one of `low` and `high`."""

    name: str
    signal: str
    low: float | None = None
    high: float | None = None
    text: str = ""

    def __post_init__(self) -> None:
        if (self.low is None) == (self.high is None):
            raise HilError(f"the limit {self.name} needs one of low and high")

    @property
    def reduction(self) -> str:
        """The first tick beyond it, as `hil.batch` takes it."""
        side, level = (">", self.high) if self.high is not None else ("<", self.low)
        return f"first({self.signal} {side} {level!r})"


@dataclass(frozen=True)
class Crossing:
    """Of one limit.

    Attributes:
        limit: crossed or not.
        horizon_s: how far ahead was looked.
        times_s: of each member's first tick beyond the limit, in s from the start of the forecast; inf: not until the
            horizon. Shape (members,).
    """

    limit: Limit
    horizon_s: float
    times_s: Floats

    @property
    def probability(self) -> float:
        """Share of the members that cross it within the horizon."""
        return float(np.isfinite(self.times_s).mean())

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the probability, for so few members (Clopper and Pearson 1934)."""
        return share_interval(int(np.isfinite(self.times_s).sum()), len(self.times_s))

    def probability_until(self, times_s: Sequence[float] | Floats) -> Floats:
        """Probability of a crossing until each of these times, in s from the start; at most the horizon."""
        ordered = np.sort(self.times_s)
        return np.asarray(np.searchsorted(ordered, np.asarray(times_s), side="right") / len(ordered))

    def time_s(self, share: float) -> float:
        """Time by which that share of all members has crossed, in s from the start; inf: beyond the horizon."""
        position = share * (len(self.times_s) + 1) - 1
        ordered = np.sort(self.times_s)
        return float(ordered[int(np.clip(np.ceil(position), 0, len(ordered) - 1))])

    def to_dict(self) -> dict[str, Any]:
        """For JSON; a time beyond the horizon is None."""
        times = {f"{share:g}": _finite(self.time_s(share)) for share in (0.05, 0.5, 0.95)}
        return {
            "limit": self.limit.name,
            "signal": self.limit.signal,
            "low": self.limit.low,
            "high": self.limit.high,
            "horizon_s": self.horizon_s,
            "probability": self.probability,
            "interval": list(self.interval),
            "time_s": times,
        }


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None
