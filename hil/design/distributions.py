"""The few distributions that detectors are designed with, so that a rig needs no statistics package."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def normal_tail(z: float) -> float:
    """P(N(0, 1) > z)."""
    return 0.5 * math.erfc(z / math.sqrt(2.0))


def normal_tails(z: Array) -> Array:
    """`normal_tail` of every element."""
    return np.array([normal_tail(value) for value in z.ravel()]).reshape(z.shape)


def normal_density(z: Array) -> Array:
    """Density of N(0, 1)."""
    return np.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi)


def chi_square_tail(x: float, freedom: float) -> float:
    """P(chi-square > x): the regularised incomplete gamma function Q(freedom / 2, x / 2).

    Series and continued fraction of Abramowitz, Stegun: Handbook of Mathematical Functions, 6.5.29 and 6.5.31.
    """
    a, z = freedom / 2.0, x / 2.0
    if z <= 0.0:
        return 1.0
    front = math.exp(a * math.log(z) - z - math.lgamma(a))
    return 1.0 - front * _series(a, z) if z < a + 1.0 else front * _fraction(a, z)


def chi_square_bound(probability: float, freedom: float, side: int = 1) -> float:
    """The x with P(chi-square > x) = `probability`; with side = -1 that with P(chi-square < x)."""
    wanted = math.log(probability)
    if side > 0:
        return root(lambda x: wanted - math.log(chi_square_tail(x, freedom) or 1e-300), 0.0, freedom + 10.0)
    return math.exp(
        root(
            lambda y: math.log(1.0 - chi_square_tail(math.exp(y), freedom) or 1e-300) - wanted,
            -700.0,
            math.log(freedom),
        )
    )


def _series(a: float, z: float) -> float:
    term = total = 1.0 / a
    n = a
    while term > 1e-16 * total:
        n += 1.0
        term *= z / n
        total += term
    return total


def _fraction(a: float, z: float) -> float:
    """Lentz's method; for z > a + 1 it converges within some square roots of a."""
    tiny = 1e-300
    b = z + 1.0 - a
    c, d = 1.0 / tiny, 1.0 / b
    value = d
    for i in range(1, 100_000):
        step = -i * (i - a)
        b += 2.0
        d = 1.0 / (step * d + b or tiny)
        c = b + step / c or tiny
        value *= c * d
        if abs(c * d - 1.0) < 1e-15:
            break
    return value


def root(f: Callable[[float], float], low: float, high: float, tolerance: float = 1e-9) -> float:
    """Where the increasing function `f` is 0: the Illinois method; `high` is doubled until it lies behind.

    Raises:
        ValueError: there is none below 1e12, or none above `low`.
    """
    at_low, at_high = f(low), f(high)
    while at_high < 0.0:
        low, at_low, high = high, at_high, 2.0 * high if high > 0.0 else 1.0
        if high > 1e12:
            raise ValueError("no root below 1e12")
        at_high = f(high)
    if at_low > 0.0:
        raise ValueError(f"no root above {low:g}")
    side = 0
    while high - low > tolerance * max(1.0, abs(high)):
        middle = (low * at_high - high * at_low) / (at_high - at_low) if at_high > at_low else high
        if not low < middle < high:
            middle = 0.5 * (low + high)
        value = f(middle)
        if value == 0.0:
            return middle
        if value < 0.0:
            low, at_low, at_high, side = middle, value, at_high * (0.5 if side < 0 else 1.0), -1
        else:
            high, at_high, at_low, side = middle, value, at_low * (0.5 if side > 0 else 1.0), 1
        if abs(value) < tolerance:
            return middle
    return 0.5 * (low + high)
