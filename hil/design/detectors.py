"""Thresholds of detectors from a wanted mean time between false alarms.

All times are counted in samples of independent Gaussian noise that is as large as the detector believes; a false alarm
ends the run and the detector starts anew (`after_alarm = "restart"`). Where no closed form is good enough there is a
simulation with a fixed seed, so that the same rig always gets the same number.
"""

from __future__ import annotations

import functools
import math

import numpy as np

from hil.design.distributions import Array, chi_square_bound, normal_density, normal_tails, root

SEED = 20_210_304  # of every simulation here
LONGEST = 1e12  # samples; beyond, rounding decides the answer
LONGEST_WINDOW = 5000  # samples that are simulated: some hundred megabytes
LARGEST_MEAN = 1e10  # samples that may be asked for: a hundred days at a kilohertz
BOTH = "both"


def cusum_run_length(threshold: float, slack: float, shift: float = 0.0, leak: float = 0.0) -> float:
    """Mean number of samples until a one-sided CUSUM of N(shift, 1) passes `threshold`, all in standard deviations.

    With a leak it is that of S = max(0, (1 - leak) S + z - slack).

    Page's integral equation L(s) = 1 + L(0) P(z <= slack - s) + integral of L(y) p(y - s + slack) dy, 0 < y < threshold
    (E. S. Page, Biometrika 41, 1954), by Gauss-Legendre quadrature; exact to some 1e-6 below 1e9 samples.
    """
    nodes, weights = _quadrature(32 * (1 + int(threshold / 5.0)))
    n = len(nodes)
    y = np.concatenate(([0.0], 0.5 * threshold * (nodes + 1.0)))
    kept = (1.0 - leak) * y
    step = y[None, :] - kept[:, None] + slack - shift
    kernel = normal_density(step) * np.concatenate(([0.0], 0.5 * threshold * weights))
    kernel[:, 0] = normal_tails(kept - slack + shift)  # the sum is back at zero: P(z <= slack - s)
    return float(np.linalg.solve(np.eye(n + 1) - kernel, np.ones(n + 1))[0])


@functools.cache
def _quadrature(n: int) -> tuple[Array, Array]:
    """Nodes and weights on -1 .. 1; six nodes a standard deviation are ample for a normal kernel."""
    return np.polynomial.legendre.leggauss(n)


@functools.cache
def cusum_threshold(samples: float, slack: float, sides: str = BOTH) -> float:
    """Threshold of `cusum` for a mean of `samples` between false alarms.

    Args:
        samples: wanted mean, 2 to 1e9 samples; with both sides each gets twice that (the rates add up: K. W. Kemp,
            J. R. Statist. Soc. B 23, 1961).
        slack: in standard deviations, as the block's.
        sides: "both", "high" or "low".
    """
    check_mean(samples)
    wanted = math.log(samples * (2.0 if sides == BOTH else 1.0))
    return root(lambda h: math.log(_limited(cusum_run_length(h, slack))) - wanted, 0.0, 2.0, 1e-6)


@functools.cache
def page_hinkley_threshold(samples: float, slack: float, mean_samples: int, sides: str = BOTH) -> float:
    """Threshold of `page_hinkley`: as `cusum_threshold`, but the mean is an estimate and errs.

    An exponential mean that forgets over n samples has the variance 1 / (2 n - 1) and moves slowly against the sums, so
    the rates of false alarms are averaged over its error (Gauss-Hermite). And it follows what the sums gather: on its
    likeliest way to an alarm the noise drifts by 2 slack, a sum S has seen 2 S of it, and the mean has moved by 2 S / n.
    The first `mean_samples` come on top.
    """
    check_mean(samples)
    points, weights = np.polynomial.hermite_e.hermegauss(9)
    errors = points / math.sqrt(2.0 * mean_samples - 1.0)
    weights = weights / weights.sum()
    one_side = 1.0 / samples / (2.0 if sides == BOTH else 1.0)

    def excess(h: float) -> float:
        rates = [1.0 / _limited(cusum_run_length(h, slack, error, 2.0 / mean_samples)) for error in errors]
        return math.log(one_side) - math.log(float(np.dot(weights, rates)))

    return root(excess, 0.0, 2.0, 1e-4)


def check_mean(samples: float) -> None:
    """Raises ValueError for a mean time that no threshold can be designed for."""
    if not 2.0 <= samples <= LARGEST_MEAN:
        raise ValueError(f"{samples:g} samples between false alarms are not within 2 and {LARGEST_MEAN:g}")


def _limited(samples: float) -> float:
    """A run length past what doubles can resolve comes out as anything, also negative."""
    return samples if 0.0 < samples < LONGEST else LONGEST


@functools.cache
def nis_bounds(samples: float, window: int, freedom: int = 1, *, low: bool = True) -> tuple[float, float]:
    """Bounds (low, high) of the mean in `nis_test` for a mean of `samples` between false alarms.

    Args:
        samples: wanted mean, more than `window`.
        window: samples of a window.
        freedom: measurements in one innovation.
        low: False leaves the low bound at 0 and gives the high one all false alarms.

    Neighbouring windows share all samples but one, so their alarms come in groups, and a chi-square quantile for each
    would make them far too rare. What counts is the rate of groups, P(alarm) E(1 / alarms in the group | alarm). It is
    simulated under a scaled distribution in which an alarm is not rare, and weighed back (importance sampling: D. Q.
    Naiman, C. E. Priebe, J. Comput. Graph. Statist. 10, 2001, 296-328).
    """
    check_mean(samples)
    if window > LONGEST_WINDOW:
        raise ValueError(f"bounds are designed for windows of at most {LONGEST_WINDOW} samples")
    if samples <= window:
        raise ValueError(f"a mean time of {samples:g} samples is not longer than a window of {window}")
    rate = 1.0 / (samples - window + 1.0) / (2.0 if low else 1.0)
    return (_nis_bound(rate, window, freedom, -1) if low else 0.0), _nis_bound(rate, window, freedom, 1)


def _nis_bound(rate: float, window: int, freedom: int, side: int) -> float:
    if window == 1:
        return chi_square_bound(rate, freedom, side)
    generator = np.random.default_rng(SEED)
    noise = generator.chisquare(freedom, (max(200, 200_000 // window), 3 * window - 2))
    wanted = math.log(rate)

    def excess(distance: float) -> float:
        return wanted - _log_rate(side * distance, noise, window, freedom, side)

    # A group is rarer than an alarm and has at most as many as windows share a sample with one.
    often, rarely = (
        chi_square_bound(p, window * freedom, side) / window for p in (min(2.0 * rate * window, 0.3), rate)
    )
    return side * root(excess, side * often, side * rarely, 1e-4)


def _log_rate(bound: float, noise: Array, window: int, freedom: int, side: int) -> float:
    """Logarithm of the rate of groups of alarms at a bound on the mean of a window."""
    scale = bound / freedom
    values = noise.copy()
    values[:, window - 1 : 2 * window - 1] *= scale  # the window in the middle; all others share a sample with it
    sums = np.cumsum(values, axis=1)
    sums[:, window:] -= sums[:, :-window].copy()
    windows = sums[:, window - 1 :]
    alarms = side * (windows - window * bound) > 0.0
    middle = windows[:, window - 1]
    weight = 0.5 * window * freedom * math.log(scale) - 0.5 * middle * (1.0 - 1.0 / scale)
    hit = alarms[:, window - 1]
    return math.log(float(np.sum(np.exp(weight[hit]) / alarms[hit].sum(axis=1))) / len(values))


@functools.cache
def whiteness_threshold(samples: float, window: int, lags: int) -> float:
    """Threshold of `whiteness` for a mean of `samples` between false alarms.

    A window is an independent trial with the probability window / samples. The chi-square distribution of Ljung's and
    Box's Q holds in the middle only: at 1e-4, 100 samples and 5 lags, Q passes its quantile four times as often. So the
    tail is followed by subset simulation (S. K. Au, J. L. Beck, Prob. Eng. Mech. 16, 2001, 263-277).
    """
    check_mean(samples)
    wanted = window / samples
    if wanted >= 0.5:
        raise ValueError(f"a mean time of {samples:g} samples is too short for windows of {window}")
    if window > LONGEST_WINDOW:
        return chi_square_bound(wanted, lags)  # so many samples make it good enough
    generator = np.random.default_rng(SEED)
    n = max(1000, 400_000 // window)
    v = generator.standard_normal((n, window))
    q, left = portmanteau(v, lags), wanted
    while left < 0.1:
        keep = np.argsort(q)[-n // 10 :]
        level = float(q[keep[0]])
        v, q = np.tile(v[keep], (10, 1))[:n], np.tile(q[keep], 10)[:n]
        for _ in range(10):
            v, q = _move(v, q, level, lags, generator)
        left *= 10.0
    return float(np.quantile(q, 1.0 - left))


def _move(v: Array, q: Array, level: float, lags: int, generator: np.random.Generator) -> tuple[Array, Array]:
    """A step of a chain that keeps the normal distribution above `level`."""
    step = 0.4
    trial = math.sqrt(1.0 - step * step) * v + step * generator.standard_normal(v.shape)
    found = portmanteau(trial, lags)
    taken = found > level
    return np.where(taken[:, None], trial, v), np.where(taken, found, q)


def portmanteau(v: Array, lags: int) -> Array:
    """Ljung's and Box's Q of every row, about zero, as `whiteness` computes it."""
    n = v.shape[1]
    power = np.einsum("ij,ij->i", v, v)
    total = np.zeros(len(v))
    for lag in range(1, lags + 1):
        total += (np.einsum("ij,ij->i", v[:, lag:], v[:, :-lag]) / power) ** 2 / (n - lag)
    return np.asarray(n * (n + 2.0) * total)
