"""Remaining useful life: when what wears reaches its limit, as the first passage of a Wiener process with drift.

    D(t) = D(0) + v t + s W(t),   seen as x = D + e

(G. A. Whitmore, F. Schenkelberg, Lifetime Data Analysis 3, 1997; X.-S. Si et al., Eur. J. Oper. Res. 213, 2011.) Level,
drift v, s and the size of e are found from the history with their uncertainty: a Kalman filter of (D, v) with a diffuse
start gives the restricted likelihood, a grid over var e / s^2 its posterior, Student's law what few rows leave open.
For known v, s and distance the first passage is inverse Gaussian (R. S. Chhikara, J. L. Folks, The Inverse Gaussian
Distribution, 1989, chapter 3); the life's distribution is its mean over the posterior.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hil.errors import HilError
from hil.twin.forecast.ensemble import Course

Floats = npt.NDArray[np.float64]

LEAST_ROWS = 6
DRAWS = 4000
GRID = 32
DIFFUSE = 1e7  # of the start's variance, over what the data span
LONGEST_S = 3.2e9  # a hundred years: beyond, it is not used up


@dataclass(frozen=True)
class Wear:
    """What a history tells of a quantity that wears: draws from the posterior, shape (draws,) each.

    Attributes:
        level: of the last row's time, in the quantity's unit.
        drift: in units a second.
        diffusion: s, in units a root second.
        noise: deviation of e.
        rows: of the history.
    """

    level: Floats
    drift: Floats
    diffusion: Floats
    noise: Floats
    rows: int

    def life(self, limit: float, *, start: float | None = None) -> Life:
        """Time until the quantity first reaches the limit, from the last row's time on.

        Args:
            start: value of a new one: it tells a limit that is passed already from one ahead; None: it is ahead.
        """
        sign = 1.0 if limit >= (float(np.median(self.level)) if start is None else start) else -1.0
        return Life(limit, sign * (limit - self.level), sign * self.drift, self.diffusion)

    def course(self, name: str, members: int, time_s: npt.ArrayLike, seed: int = 1) -> Course:
        """Ways that it may go, one for each member of a forecast; times in s from the last row on, rising, above 0."""
        times = np.asarray(time_s, dtype=np.float64)
        random = np.random.Generator(np.random.PCG64([seed, 2]))
        chosen = random.integers(0, len(self.level), members)
        steps = np.sqrt(np.diff(times, prepend=0.0)) * random.standard_normal((members, len(times)))
        walk = self.diffusion[chosen, None] * steps.cumsum(axis=1)
        return Course(name, times, self.level[chosen, None] + self.drift[chosen, None] * times + walk)

    def to_dict(self) -> dict[str, Any]:
        """For JSON: mean and 90 % interval of each."""
        return {
            name: {"mean": float(v.mean()), "low": float(np.quantile(v, 0.05)), "high": float(np.quantile(v, 0.95))}
            for name, v in (
                ("level", self.level),
                ("drift", self.drift),
                ("diffusion", self.diffusion),
                ("noise", self.noise),
            )
        } | {"rows": self.rows}


@dataclass(frozen=True)
class Life:
    """The distribution of the time to a limit; it may be that it is never reached.

    Attributes:
        limit: in the quantity's unit.
        distance, drift: towards the limit, draws, shape (draws,).
        diffusion: in units a root second.
    """

    limit: float
    distance: Floats
    drift: Floats
    diffusion: Floats

    def probability(self, time_s: npt.ArrayLike) -> Floats:
        """That the limit is reached until these times, in s from now; shape of `time_s`."""
        times = np.atleast_1d(np.asarray(time_s, dtype=np.float64))
        found = np.array([passed(t, self.distance, self.drift, self.diffusion).mean() for t in times.ravel()])
        return found.reshape(np.shape(time_s))

    @property
    def ever(self) -> float:
        """Probability that it is reached at all."""
        return float(self.probability(LONGEST_S))

    def quantile(self, share: float) -> float:
        """Time by which it is reached with that probability, in s from now; inf: not within a hundred years."""
        if self.ever < share:
            return math.inf
        low, high = 0.0, LONGEST_S
        while high - low > 1e-6 * high + 1e-3:
            middle = math.sqrt(low * high) if low > 1.0 else high / 1e3 if high > 1e3 else (low + high) / 2.0
            low, high = (low, middle) if self.probability(middle) >= share else (middle, high)
        return high

    def draws(self, n: int, seed: int = 1) -> Floats:
        """Lives, shape (n,), in s; inf where the limit is never reached."""
        random = np.random.Generator(np.random.PCG64([seed, 3]))
        chosen = random.integers(0, len(self.distance), n)
        far, v, s = self.distance[chosen], self.drift[chosen], self.diffusion[chosen]
        speed = np.maximum(np.abs(v), 1e-300)
        lives = random.wald(np.maximum(far, 1e-300) / speed, np.maximum(far / s, 1e-150) ** 2)
        never = (v < 0.0) & (random.random(n) >= np.exp(np.minimum(0.0, 2.0 * v * far / s**2)))
        return np.where(far <= 0.0, 0.0, np.where(never, math.inf, lives))

    def to_dict(self) -> dict[str, Any]:
        """For JSON: None for a time beyond a hundred years."""
        times = {f"{share:g}": self.quantile(share) for share in (0.05, 0.5, 0.95)}
        return {
            "limit": self.limit,
            "ever": self.ever,
            "time_s": {share: t if math.isfinite(t) else None for share, t in times.items()},
        }


def passed(time_s: float, distance: Floats, drift: Floats, diffusion: Floats) -> Floats:
    """Probability that a Wiener process with drift has gone so far until then; elementwise."""
    from scipy.special import log_ndtr, ndtr

    far = np.maximum(distance, 0.0)
    root = diffusion * math.sqrt(max(time_s, 1e-300))
    gone = ndtr((drift * time_s - far) / root)
    back = 2.0 * drift * far / diffusion**2 + log_ndtr(-(far + drift * time_s) / root)
    return np.where(distance <= 0.0, 1.0, np.minimum(1.0, gone + np.exp(np.minimum(back, 0.0))))


def wear(time_s: npt.ArrayLike, values: npt.ArrayLike, *, draws: int = DRAWS, seed: int = 1) -> Wear:
    """Finds how a quantity wears from its history.

    Rows that err together (a filter's estimate, row after row) should be thinned until they do not: the noise e is
    taken for independent.

    Args:
        time_s: rising, shape (rows,); rows whose value is not finite are left out.
        values: in the quantity's unit.
        draws: from the posterior.

    Raises:
        HilError: fewer than 6 rows, times that do not rise, or scipy is missing.
    """
    t, x = (np.asarray(a, dtype=np.float64) for a in (time_s, values))
    if t.shape != x.shape or t.ndim != 1:
        raise HilError(f"a history of {t.shape} times and {x.shape} values is none")
    t, x = t[np.isfinite(x)], x[np.isfinite(x)]
    if len(t) < LEAST_ROWS or not (np.diff(t) > 0.0).all():
        why = f"{len(t)} rows tell no drift" if len(t) < LEAST_ROWS else "the times of a history must rise"
        raise HilError(why, mend=f"Give {LEAST_ROWS} rows or more, each later than the one before")
    span, size = t[-1] - t[0], max(float(np.ptp(x)), 1e-9 * float(np.abs(x).max()), 1e-300)
    ratio = np.concatenate([[0.0], np.geomspace(1e-2 * span / len(t), 10.0 * span, GRID)])  # var e / s^2, in s
    mean, P, squares, log_S = _filter((t - t[0]) / span, (x - x[-1]) / size, ratio / span)
    freedom = len(t) - 2
    scale = np.maximum(squares / freedom, 1e-12)
    evidence = -0.5 * (freedom * np.log(scale) + log_S)
    random = np.random.Generator(np.random.PCG64([seed, 4]))
    weight = np.exp(evidence - evidence.max())
    weight[0] *= GRID  # half of the belief beforehand is that rows have no noise: else it would always take from s
    chosen = random.choice(len(ratio), draws, p=weight / weight.sum())
    variance = scale[chosen] * freedom / random.chisquare(freedom, draws)
    root = np.linalg.cholesky(P + 1e-14 * np.eye(2))[chosen]
    state = mean[chosen] + np.sqrt(variance)[:, None] * np.einsum(
        "dij,dj->di", root, random.standard_normal((draws, 2))
    )
    diffusion = np.sqrt(variance / span) * size
    return Wear(
        x[-1] + size * state[:, 0], size / span * state[:, 1], diffusion, diffusion * np.sqrt(ratio[chosen]), len(t)
    )


def _filter(t: Floats, x: Floats, ratio: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """For each ratio, with s = 1: (D, v) at the last row, their covariance, sums of weighted squares and log variances.

    The first two rows find level and drift; from the third on innovations count.
    """
    n = len(ratio)
    mean, P = np.zeros((n, 2)), np.tile(np.eye(2) * DIFFUSE, (n, 1, 1))
    squares, log_S = np.zeros(n), np.zeros(n)
    for k, value in enumerate(x):
        if k:
            dt = t[k] - t[k - 1]
            F = np.array([[1.0, dt], [0.0, 1.0]])
            mean, P = mean @ F.T, F @ P @ F.T
            P[:, 0, 0] += dt
        error, S = value - mean[:, 0], P[:, 0, 0] + ratio + 1e-12
        gain = P[:, :, 0] / S[:, None]
        mean = mean + gain * error[:, None]
        P = P - gain[:, :, None] * P[:, None, 0, :]
        P = (P + P.transpose(0, 2, 1)) / 2.0
        if k >= 2:
            squares += error**2 / S
            log_S += np.log(S)
    return mean, P, squares, log_S
