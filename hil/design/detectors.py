"""Thresholds of detectors from a wanted mean time between false alarms.

All times are counted in samples of independent Gaussian noise that is as large as the detector believes; a false alarm ends
the run and the detector starts anew (`after_alarm = "restart"`). Where no closed form is good enough a simulation with a
fixed seed is, so that the same rig always gets the same number.
"""

from __future__ import annotations

import functools
import math

import numpy as np

from hil.design.distributions import Array, chi_square_tail, normal_density, normal_tails, root

SEED = 20_210_304  # of every simulation here
LONGEST = 1e12  # samples; beyond, rounding decides the answer
BOTH = "both"


def cusum_run_length(threshold: float, slack: float, shift: float = 0.0) -> float:
    """Mean number of samples until a one-sided CUSUM of N(shift, 1) passes `threshold`, all in standard deviations.

    Page's integral equation L(s) = 1 + L(0) P(z <= slack - s) + integral of L(y) p(y - s + slack) over 0 < y < threshold
    (E. S. Page, Biometrika 41, 1954), by Gauss-Legendre quadrature; exact to some 1e-6 below 1e9 samples.
    """
    n = int(30 + 6 * threshold)
    nodes, weights = np.polynomial.legendre.leggauss(n)
    y = np.concatenate(([0.0], 0.5 * threshold * (nodes + 1.0)))
    step = y[None, :] - y[:, None] + slack - shift
    kernel = normal_density(step) * np.concatenate(([0.0], 0.5 * threshold * weights))
    kernel[:, 0] = normal_tails(y - slack + shift)  # the sum is back at zero: P(z <= slack - s)
    return float(np.linalg.solve(np.eye(n + 1) - kernel, np.ones(n + 1))[0])


@functools.cache
def cusum_threshold(samples: float, slack: float, sides: str = BOTH) -> float:
    """Threshold of `cusum` for a mean of `samples` between false alarms.

    Args:
        samples: wanted mean, 2 to 1e9 samples; with both sides each gets twice that (the rates add up: K. W. Kemp,
            J. R. Statist. Soc. B 23, 1961).
        slack: in standard deviations, as the block's.
        sides: "both", "high" or "low".
    """
    wanted = math.log(samples * (2.0 if sides == BOTH else 1.0))
    return root(lambda h: math.log(_limited(cusum_run_length(h, slack))) - wanted, 0.0, 2.0, 1e-6)


@functools.cache
def page_hinkley_threshold(samples: float, slack: float, mean_samples: int, sides: str = BOTH) -> float:
    """Threshold of `page_hinkley`: as `cusum_threshold`, but the mean is an estimate and errs.

    An exponential mean that forgets over n samples has the variance 1 / (2 n - 1) and moves slowly against the sums, so
    the rates of false alarms are averaged over its error (Gauss-Hermite). The first `mean_samples` come on top.
    """
    points, weights = np.polynomial.hermite_e.hermegauss(15)
    errors = points / math.sqrt(2.0 * mean_samples - 1.0)
    weights = weights / weights.sum()
    one_side = 1.0 / samples / (2.0 if sides == BOTH else 1.0)

    def excess(h: float) -> float:
        rates = [1.0 / _limited(cusum_run_length(h, slack, error)) for error in errors]
        return math.log(one_side) - math.log(float(np.dot(weights, rates)))

    return root(excess, 0.0, 2.0, 1e-4)


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
    would make them far too rare. What counts is the rate of first ones: the probability that the newest window is
    outside and none was that shares a sample with it. It is simulated under a scaled distribution in which being outside
    is not rare, and weighed back (importance sampling).
    """
    if samples <= window:
        raise ValueError(f"a mean time of {samples:g} samples is not longer than a window of {window}")
    rate = 1.0 / (samples - window + 1.0) / (2.0 if low else 1.0)
    return (_nis_bound(rate, window, freedom, -1) if low else 0.0), _nis_bound(rate, window, freedom, 1)


def _nis_bound(rate: float, window: int, freedom: int, side: int) -> float:
    runs = max(400, 400_000 // window)
    generator = np.random.default_rng(SEED)
    inside = generator.chisquare(freedom, (runs, window))
    before = generator.chisquare(freedom, (runs, window - 1))
    wanted = math.log(rate)

    def excess(bound: float) -> float:
        return wanted - _log_rate(bound, inside, before, freedom, side)

    if side > 0:
        return root(excess, float(freedom), 2.0 * freedom, 1e-5)
    return -root(lambda negative: excess(-negative), -float(freedom), 0.0, 1e-5)


def _log_rate(bound: float, inside: Array, before: Array, freedom: int, side: int) -> float:
    """Logarithm of the rate of first alarms at a bound on the mean of the window; a tiny one when there is none."""
    window = inside.shape[1]
    if bound <= 0.0:
        return -1e6
    scale = bound / freedom
    values = np.concatenate((before, scale * inside), axis=1)
    sums = np.cumsum(values, axis=1)
    sums[:, window:] -= sums[:, :-window].copy()
    windows = sums[:, window - 1 :]  # the newest is the last; all of them share samples with it
    outside = side * (windows - window * bound) > 0.0
    first = outside[:, -1] & ~outside[:, :-1].any(axis=1)
    weight = 0.5 * window * freedom * math.log(scale) - 0.5 * windows[:, -1] * (1.0 - 1.0 / scale)
    total = float(np.exp(weight[first]).sum()) / len(values)
    return math.log(total) if total > 0.0 else -1e6


@functools.cache
def whiteness_threshold(samples: float, window: int, lags: int) -> float:
    """Threshold of `whiteness` for a mean of `samples` between false alarms.

    A window is an independent trial with the probability window / samples. The chi-square distribution of Ljung's and
    Box's Q holds in the middle only: at 1e-4, 100 samples and 5 lags, Q passes its quantile four times as often. So the
    tail is followed by subset simulation (S. K. Au, J. L. Beck, Prob. Eng. Mech. 16, 2001, 263-277).
    """
    wanted = window / samples
    if wanted >= 0.5:
        raise ValueError(f"a mean time of {samples:g} samples is too short for windows of {window}")
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
    return n * (n + 2.0) * total


def chi_square_quantile(probability: float, freedom: float) -> float:
    """The x that chi-square passes with this (upper) probability."""
    return root(lambda x: probability - chi_square_tail(x, freedom), 0.0, freedom + 10.0, 1e-12)
