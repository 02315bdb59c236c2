"""Parameters of `data_quality` from a measurement's noise and a wanted mean time between false verdicts.

The measurement is a slow signal with independent Gaussian noise on it, read with a resolution. Range and gap are no
matter of noise and are given, not designed. Times are counted in samples.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntFlag

import numpy as np

from hil.design.distributions import Array, normal_density, normal_tail, normal_tails, root


class Reason(IntFlag):
    """Bits of the output `reason` of `data_quality`."""

    GAP = 1
    RANGE = 2
    RATE = 4
    SPIKE = 8
    STUCK = 16
    CROSS_CHECK = 32
    RECOVERING = 64


@dataclass(frozen=True)
class Measurement:
    """What is known of a measurement.

    Attributes:
        noise: standard deviation of its noise, without its resolution.
        resolution: smallest step of its converter; 0: none.
        slope_per_s: fastest change of what is measured.
        reference_noise: standard deviation of the reference's noise.
        period_s: time between two samples.
    """

    noise: float
    period_s: float
    resolution: float = 0.0
    slope_per_s: float = 0.0
    reference_noise: float = 0.0


def cross_check(m: Measurement, samples: float) -> float:
    """Distance from the reference; both errors are Gaussian and independent."""
    return math.hypot(m.noise, m.reference_noise, m.resolution / math.sqrt(12.0)) * _two_sided(1.0 / samples)


def rate_per_s(m: Measurement, samples: float) -> float:
    """Rate of change: the fastest true one and the difference of two noises."""
    return m.slope_per_s + math.sqrt(2.0) * _spread(m) * _two_sided(1.0 / samples) / m.period_s


def spike(m: Measurement, samples: float) -> float:
    """Distance from the median of the last five samples, whose density is 30 F^2 (1 - F)^2 f (order statistics)."""
    x = np.linspace(-8.0, 8.0, 1601)
    upper = normal_tails(x)
    density = 30.0 * (1.0 - upper) ** 2 * upper**2 * normal_density(x)
    weights = density / density.sum()

    def excess(distance: float) -> float:
        return -math.log(2.0 * float(np.dot(weights, normal_tails(x + distance))) * samples)

    return _spread(m) * root(excess, 0.0, 4.0, 1e-6) + 3.0 * m.slope_per_s * m.period_s


def stuck_s(m: Measurement, samples: float) -> float:
    """Time without a change, for a true value that rests where the converter changes most rarely.

    It is a whole number of samples, so the mean time is kept or surpassed: `stuck_mean_samples` tells by how much.

    Raises:
        ValueError: without a resolution noise never repeats a value, and with hardly any noise nothing ever changes.
    """
    p = _shares(m)
    if p.max() > 1.0 - 1e-6:
        raise ValueError("the noise is too small against the resolution: the value rests for ever without being stuck")
    n = root(lambda n: math.log(_runs(p, n) / samples), 0.0, 8.0, 1e-6)
    return max(1, math.ceil(n)) * m.period_s


def stuck_mean_samples(m: Measurement, stuck_s: float) -> float:
    """Mean number of samples between false verdicts of a `stuck_s`."""
    return _runs(_shares(m), round(stuck_s / m.period_s))


def _shares(m: Measurement) -> Array:
    """Probabilities of the converter's values."""
    if m.resolution <= 0.0 or m.noise <= 0.0:
        raise ValueError("stuck can be designed only with a noise and a resolution above 0")
    step = m.resolution / m.noise
    edges = (np.arange(-int(9.0 / step) - 1, int(9.0 / step) + 2) + 0.5) * step
    tails = normal_tails(np.asarray(edges, dtype=np.float64))
    p: Array = tails[:-1] - tails[1:]
    return p[p > 0.0]


def _runs(p: Array, n: float) -> float:
    """Mean distance of runs of n unchanged samples: one begins where the sample before differs, (1 - p) p^(n + 1)."""
    return 1.0 / float(np.sum((1.0 - p) * p ** (n + 1.0)))


def _spread(m: Measurement) -> float:
    return math.hypot(m.noise, m.resolution / math.sqrt(12.0))


def _two_sided(probability: float) -> float:
    """Standard deviations that N(0, 1) passes to either side with this probability."""
    return root(lambda z: math.log(probability / 2.0) - math.log(normal_tail(z)), 0.0, 4.0)
