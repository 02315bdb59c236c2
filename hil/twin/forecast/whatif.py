"""What-ifs: several courses from one present, member by member with the same draws and the same noise."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hil.bench import Bench
from hil.errors import HilError
from hil.fork import Fork
from hil.twin.forecast.belief import Belief
from hil.twin.forecast.crossing import Limit
from hil.twin.forecast.ensemble import HORIZON_S, MEMBERS, Course, Forecast, ensembles, quantiles
from hil.twin.forecast.kpi import Kpi
from hil.twin.forecast.start import Scenario

Floats = npt.NDArray[np.float64]

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Difference:
    """One figure of one scenario against the baseline's, over the pairs of members.

    Attributes:
        kpi, scenario: names.
        mean: of the scenario; baseline: of the baseline.
        difference: mean of the members' differences, scenario minus baseline.
        low, high: interval of `difference`; all of a what-if hold together with 95 %.
        band: 5 % and 95 % quantile of the members' differences: what one run may be.
        smaller: share of the members in which the scenario's is the smaller one.
        members: pairs with finite figures.
    """

    kpi: str
    scenario: str
    mean: float
    baseline: float
    difference: float
    low: float
    high: float
    band: tuple[float, float]
    smaller: float
    members: int

    @property
    def significant(self) -> bool:
        """The difference is beyond what so few members leave open."""
        return self.low > 0.0 or self.high < 0.0

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self), "band": list(self.band), "significant": self.significant}


@dataclass(frozen=True)
class WhatIf:
    """Courses from one present.

    Attributes:
        forecasts: by the scenario's name; the first is the baseline.
        differences: by scenario, then figure, without the baseline.
    """

    forecasts: Mapping[str, Forecast]
    differences: Sequence[Difference]

    @property
    def baseline(self) -> Forecast:
        """What the others are compared with."""
        return next(iter(self.forecasts.values()))

    def difference(self, scenario: str, kpi: str) -> Difference:
        """One of them; raises KeyError."""
        for one in self.differences:
            if (one.scenario, one.kpi) == (scenario, kpi):
                return one
        raise KeyError((scenario, kpi))

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "baseline": self.baseline.scenario.name,
            "scenarios": {name: ahead.to_dict() for name, ahead in self.forecasts.items()},
            "differences": [one.to_dict() for one in self.differences],
            "confidence": CONFIDENCE,
        }


def whatif(
    start: Bench | Fork,
    scenarios: Sequence[Scenario],
    kpis: Mapping[str, str],
    *,
    belief: Belief | None = None,
    signals: Iterable[str] = (),
    limits: Iterable[Limit] = (),
    members: int = MEMBERS,
    horizon_s: float = HORIZON_S,
    every_s: float | None = None,
    seed: int = 1,
    courses: Sequence[Course] = (),
    threads: int | None = None,
) -> WhatIf:
    """Runs all scenarios, the first being the baseline; the other arguments are those of `forecast`.

    Member i begins everywhere with the same draw and meets the same noise, so that most of what differs between members
    cancels in the difference (common random numbers: A. M. Law, Simulation Modeling and Analysis, 5th ed. 2015, section
    11.2).

    Args:
        scenarios: with names of their own, two or more.
        kpis: formulas by name (hil/twin/forecast/kpi.py).

    Raises:
        HilError: fewer than two scenarios or members, a name twice, no figure.
        BenchError: as `forecast`, or a formula is none.
    """
    names = [scenario.name for scenario in scenarios]
    if len(names) < 2 or len(set(names)) < len(names) or members < 2 or not kpis:
        why = f"{len(names)} scenarios ({', '.join(names)}) with {members} members and {len(kpis)} figures"
        raise HilError(f"{why} are no comparison", mend="Give two or more of either with names of their own, and a KPI")
    found = ensembles(
        start,
        scenarios,
        belief=belief,
        signals=signals,
        limits=limits,
        members=members,
        horizon_s=horizon_s,
        every_s=every_s,
        seed=seed,
        kpis=[Kpi(name, text) for name, text in kpis.items()],
        courses=courses,
        threads=threads,
    )
    count = (len(names) - 1) * len(kpis)
    differences = [
        paired(kpi, ahead.scenario.name, ahead.kpis[kpi], found[0].kpis[kpi], count)
        for ahead in found[1:]
        for kpi in kpis
    ]
    return WhatIf(dict(zip(names, found, strict=True)), differences)


def paired(kpi: str, scenario: str, values: Floats, baseline: Floats, comparisons: int = 1) -> Difference:
    """A difference of pairs; the interval is Student's, for so many comparisons at once (Bonferroni).

    Args:
        values, baseline: shape (members,); pairs that are not finite are left out.
        comparisons: that are to hold together.
    """
    from scipy.special import stdtrit

    there = np.isfinite(values) & np.isfinite(baseline)
    a, b = values[there], baseline[there]
    n = len(a)
    if n < 2:
        nan = math.nan
        return Difference(kpi, scenario, nan, nan, nan, nan, nan, (nan, nan), nan, n)
    apart = a - b
    mean, deviation = float(apart.mean()), float(apart.std(ddof=1))
    half = float(stdtrit(n - 1, 1.0 - (1.0 - CONFIDENCE) / (2.0 * comparisons))) * deviation / math.sqrt(n)
    low, high = (float(q) for q in quantiles(apart, (0.05, 0.95)))
    return Difference(
        kpi, scenario, float(a.mean()), float(b.mean()), mean, mean - half, mean + half, (low, high),
        float((apart < 0.0).mean()), n,
    )  # fmt: skip
