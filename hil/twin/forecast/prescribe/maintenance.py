"""When to do maintenance: the least expected cost over the times at which it is allowed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hil.errors import HilError

Floats = npt.NDArray[np.float64]

DAY_S = 86400.0
STEP_S = 900.0  # between two beginnings that are looked at
HORIZON_S = 7 * DAY_S
HOUR_S = 3600.0
MOST_BEGINNINGS = 20_000


@dataclass(frozen=True)
class Window:
    """One time at which the work may begin.

    Attributes:
        begin_s: bench time.
        cost: expected, in the unit of the costs given.
        low, high: 95 % interval of `cost`, from so many drawn lives.
        failure: probability that life ends before the work is done.
        wasted_s: life that is given away, expected, in s.
    """

    begin_s: float
    cost: float
    low: float
    high: float
    failure: float
    wasted_s: float

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Windows:
    """All of them.

    Attributes:
        candidates: in order of time; never empty.
        best: of the least expected cost.
        wait: cost, and probability of failure, without any work until the horizon.
        worth_it: the best one costs less than waiting.
    """

    candidates: Sequence[Window]
    best: Window
    wait: Window

    @property
    def worth_it(self) -> bool:
        """The best window costs less than no work at all until the horizon."""
        return self.best.cost < self.wait.cost

    def to_dict(self) -> dict[str, Any]:
        """For JSON: the best one and each that is not worse beyond doubt."""
        close = [w.to_dict() for w in self.candidates if w.low <= self.best.high]
        return {"best": self.best.to_dict(), "close": close, "wait": self.wait.to_dict(), "worth_it": self.worth_it}


def best_window(
    lives_s: npt.ArrayLike,
    *,
    now_s: float,
    allowed: Sequence[tuple[float, float]],
    duration_s: float,
    cost_of_work: float,
    cost_of_failure: float,
    cost_of_waste: float = 0.0,
    horizon_s: float = HORIZON_S,
    step_s: float = STEP_S,
) -> Windows:
    """The time of least expected cost:

        work + failure P(T <= t + duration) + waste E[(min(T, horizon) - t)+]

    A preventive replacement at an age t, of one life with its age known (R. E. Barlow, F. Proschan, Mathematical Theory
    of Reliability, 1965, chapter 4), over allowed times. A failure also costs the work.

    Args:
        lives_s: draws of the remaining life from now, in s, inf where it does not end (`Life.draws`), shape (n,).
        now_s: bench time.
        allowed: times of day at which the work may begin, (from_s, to_s) behind midnight of bench time, to_s included;
            over midnight with to_s < from_s.
        duration_s: of the work; the parameter is restored at its end.
        cost_of_work, cost_of_failure: in one unit.
        cost_of_waste: of an hour of life that is given away.
        horizon_s: how far ahead, in s.
        step_s: between beginnings that are looked at.

    Raises:
        HilError: no allowed time lies within the horizon, or a number cannot be.
    """
    lives = np.asarray(lives_s, dtype=np.float64)
    if not len(lives) or np.isnan(lives).any() or (lives < 0).any():
        raise HilError("the lives are none", mend="Give times from 0 s on, inf for one that does not end")
    numbers = (duration_s, cost_of_work, cost_of_failure, cost_of_waste)
    if not all(0.0 <= x < math.inf for x in numbers) or not step_s > 0.0 or not horizon_s <= step_s * MOST_BEGINNINGS:
        raise HilError("durations and costs must be 0 or more, and the step not too small for the horizon")
    begins = [t for t in np.arange(now_s, now_s + horizon_s + 1e-9, step_s) if _allowed(t, allowed)]
    if not begins:
        raise HilError(f"no allowed time begins within {horizon_s:g} s", mend="Allow others, or look further ahead")
    costs = (cost_of_work, cost_of_failure, cost_of_waste)
    found = [_window(lives, float(t), now_s, duration_s, horizon_s, costs) for t in begins]
    failed = lives <= horizon_s
    wait = _priced(
        now_s + horizon_s, np.where(failed, cost_of_failure + cost_of_work, 0.0), failed, np.zeros(len(lives))
    )
    return Windows(found, min(found, key=lambda w: w.cost), wait)


def _window(
    lives: Floats, begin_s: float, now_s: float, duration_s: float, horizon_s: float, costs: tuple[float, float, float]
) -> Window:
    work, failure, waste = costs
    until = begin_s - now_s
    failed = lives <= until + duration_s
    wasted = np.where(failed, 0.0, np.maximum(np.minimum(lives, horizon_s) - until, 0.0))
    return _priced(begin_s, work + failed * failure + waste * wasted / HOUR_S, failed, wasted)


def _priced(begin_s: float, cost: Floats, failed: npt.NDArray[np.bool_], wasted: Floats) -> Window:
    mean, half = float(cost.mean()), 1.96 * float(cost.std()) / math.sqrt(len(cost))
    return Window(begin_s, mean, mean - half, mean + half, float(failed.mean()), float(wasted.mean()))


def _allowed(time_s: float, allowed: Sequence[tuple[float, float]]) -> bool:
    of_day = time_s % DAY_S
    return any(a <= of_day <= b if a <= b else of_day >= a or of_day <= b for a, b in allowed)
