"""A better set point: the least expected cost among those that keep limits with a given probability.

Values are tried on one ensemble with common random numbers, first over the whole range, then around the best. Whoever
looks for the best of many finds one that was lucky, too, so what is proposed is judged again on an ensemble of its own.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from hil.bench import Bench
from hil.errors import HilError
from hil.fork import Fork
from hil.twin.forecast.belief import Belief
from hil.twin.forecast.crossing import Crossing, Limit
from hil.twin.forecast.ensemble import HORIZON_S, MEMBERS, Course, Forecast, ensembles, quantiles
from hil.twin.forecast.kpi import Kpi
from hil.twin.forecast.shares import CONFIDENCE, share_upper
from hil.twin.forecast.start import Scenario
from hil.twin.forecast.whatif import Difference, paired

TRIED = 7  # values at once
ROUNDS = 3
PROPOSED = 3
BAND = (0.005, 0.995)


@dataclass(frozen=True)
class Goal:
    """What is wanted.

    Attributes:
        target: what is set, by the name of `Bench.set`.
        low, high: range of the set point.
        kpi: a formula, to be made small on average.
        limits: each must hold with probability 1 - epsilon until the horizon.
        epsilon: 0 to 1, both excluded.
        resolution: values are multiples of it; 0: any.
    """

    target: str
    low: float
    high: float
    kpi: str
    limits: Sequence[Limit] = ()
    epsilon: float = 0.1
    resolution: float = 0.0


@dataclass(frozen=True)
class Option:
    """One value of the set point.

    Attributes:
        cost: mean of the figure.
        band: 0.5 % and 99.5 % quantile of the members' figures: one run's lies within, if the model is right.
        effect: against everything staying as it is.
        crossing: by limit, share of the members that cross it, and the upper end of its one-sided 95 % interval.
        broken: limits that are not kept for sure enough; none: it may be proposed.
    """

    value: float
    cost: float
    band: tuple[float, float]
    effect: Difference
    crossing: Mapping[str, tuple[float, float]]
    broken: tuple[str, ...]

    @property
    def allowed(self) -> bool:
        """All limits are kept."""
        return not self.broken

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        own = {"band": list(self.band), "effect": self.effect.to_dict(), "allowed": self.allowed}
        return {**asdict(self), **own}


@dataclass(frozen=True)
class Advice:
    """What was found.

    Attributes:
        ranked: judged again on an ensemble of their own: allowed ones first, by expected cost.
        now: everything as it is, on the same ensemble.
        searched: all that were tried, by value, on the ensemble of the search.
        members: of each ensemble.
    """

    ranked: Sequence[Option]
    now: Option
    searched: Sequence[Option]
    members: int

    @property
    def best(self) -> Option | None:
        """Allowed, and better than now beyond doubt, or now breaks a limit that it keeps; None: leave it."""
        for option in self.ranked:
            if option.allowed and (option.effect.high < 0.0 or not self.now.allowed):
                return option
        return None

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "best": self.best.to_dict() if self.best else None,
            "ranked": [option.to_dict() for option in self.ranked],
            "now": self.now.to_dict(),
            "searched": [option.to_dict() for option in self.searched],
            "members": self.members,
        }


def least_members(epsilon: float) -> int:
    """Fewer members cannot show that a limit is crossed with a probability below epsilon, even if none crosses it."""
    return math.ceil(math.log(1.0 - CONFIDENCE) / math.log(1.0 - epsilon))


def best_setpoint(
    start: Bench | Fork,
    goal: Goal,
    *,
    belief: Belief | None = None,
    courses: Sequence[Course] = (),
    members: int = MEMBERS,
    horizon_s: float = HORIZON_S,
    seed: int = 1,
    threads: int | None = None,
) -> Advice:
    """Looks for the best value of a set point; the other arguments are those of `forecast`.

    A limit counts as kept when the upper end of the one-sided 95 % interval of its probability lies below epsilon: the
    ensemble's own error is on the side of caution (a chance constraint by samples: J. Luedtke, S. Ahmed, SIAM J. Optim.
    19, 2008).

    Raises:
        HilError: a number cannot be, or so few members could never show that a limit is kept.
        BenchError: as `forecast`.
    """
    if not goal.low < goal.high or not 0.0 < goal.epsilon < 1.0 or goal.resolution < 0.0:
        raise HilError(f"a range of {goal.low:g} to {goal.high:g} at {goal.epsilon:g} cannot be", where=goal.target)
    if goal.limits and members < least_members(goal.epsilon):
        why = f"{members} members cannot show that a limit is kept in {1 - goal.epsilon:.4g} of all cases"
        raise HilError(why, mend=f"Take {least_members(goal.epsilon)} or more; several times as many leave room")
    trial = _Trial(start, goal, belief, courses, members, horizon_s, threads)
    found: dict[float, Option] = {}
    low, high = goal.low, goal.high
    for _ in range(ROUNDS):
        fresh = [value for value in trial.values(low, high) if value not in found]
        if not fresh:
            break
        found |= {option.value: option for option in trial(fresh, seed)[1]}
        best = min(found.values(), key=_order)
        width = (high - low) / (TRIED - 1)
        low, high = max(goal.low, best.value - width), min(goal.high, best.value + width)
    chosen = [option.value for option in sorted(found.values(), key=_order)[:PROPOSED]]
    now, ranked = trial(chosen, seed + 1)
    return Advice(sorted(ranked, key=_order), now, [found[value] for value in sorted(found)], members)


def judge_setpoint(
    start: Bench | Fork,
    goal: Goal,
    value: float,
    *,
    belief: Belief | None = None,
    courses: Sequence[Course] = (),
    members: int = MEMBERS,
    horizon_s: float = HORIZON_S,
    seed: int = 1,
    threads: int | None = None,
) -> Option:
    """One value beside everything staying as it is; arguments and errors are those of `best_setpoint`."""
    return _Trial(start, goal, belief, courses, members, horizon_s, threads)([value], seed)[1][0]


def _order(option: Option) -> tuple[int, float, float]:
    """Allowed first, then the surest, then the cheapest; a figure that is no number comes last."""
    worst = max((upper for _, upper in option.crossing.values()), default=0.0) if option.broken else 0.0
    return len(option.broken), worst, option.cost if math.isfinite(option.cost) else math.inf


@dataclass(frozen=True)
class _Trial:
    """Tries values on an ensemble."""

    start: Bench | Fork
    goal: Goal
    belief: Belief | None
    courses: Sequence[Course]
    members: int
    horizon_s: float
    threads: int | None

    def values(self, low: float, high: float) -> list[float]:
        """To be tried between two, at the goal's resolution."""
        step = self.goal.resolution
        spaced = np.linspace(low, high, TRIED)
        rounded = np.clip(np.round(spaced / step) * step, self.goal.low, self.goal.high) if step else spaced
        return [float(value) for value in dict.fromkeys(np.round(rounded, 12).tolist())]

    def __call__(self, values: Sequence[float], seed: int) -> tuple[Option, list[Option]]:
        """Everything as it is, and with each of the values."""
        goal, kpi = self.goal, Kpi("cost", self.goal.kpi)
        scenarios = [Scenario(), *(Scenario(f"{goal.target} = {v:g}", set={goal.target: v}) for v in values)]
        found = ensembles(
            self.start,
            scenarios,
            belief=self.belief,
            limits=goal.limits,
            members=self.members,
            horizon_s=self.horizon_s,
            seed=seed,
            kpis=[kpi],
            courses=self.courses,
            threads=self.threads,
        )
        now = self._option(math.nan, found[0], found[0], len(values))
        return now, [self._option(v, ahead, found[0], len(values)) for v, ahead in zip(values, found[1:], strict=True)]

    def _option(self, value: float, ahead: Forecast, now: Forecast, comparisons: int) -> Option:
        effect = paired("cost", ahead.scenario.name, ahead.kpis["cost"], now.kpis["cost"], comparisons)
        crossing = {name: _risk(one) for name, one in ahead.crossings.items()}
        broken = tuple(name for name, (_, upper) in crossing.items() if upper > self.goal.epsilon)
        low, high = (float(q) for q in quantiles(ahead.kpis["cost"], BAND))
        return Option(value, effect.mean, (low, high), effect, crossing, broken)


def _risk(crossing: Crossing) -> tuple[float, float]:
    count = int(np.isfinite(crossing.times_s).sum())
    return crossing.probability, share_upper(count, len(crossing.times_s))
