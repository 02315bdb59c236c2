"""Nonlinear least squares from several starts, with bounds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hil.errors import RigError
from hil.identify.data import Floats
from hil.identify.least_squares import least_squares
from hil.identify.simulate import Simulator

ROUGH, FINE = 1e-6, 1e-10  # relative change of the cost, and of the unknowns, at which a search ends
ROUGH_STEPS, FINE_STEPS = 60, 300
SPREAD = 3.0  # starts lie within this factor of the rig's values
SAME_COST = 1e-3  # relative: two searches ended in the same optimum
FAR = 1e6  # deviations: the residual where the model's outputs are no numbers
Bools = npt.NDArray[np.bool_]
Progress = Callable[[str], None]


class Scale:
    """Unknowns without units: relative to a typical size, and what is positive by nature as its logarithm, in which
    products and ratios of parameters are straight lines.
    """

    def __init__(self, simulator: Simulator) -> None:
        problem = simulator.problem
        params = [problem.info.p[i] for i in problem.free]
        states = [problem.info.x[i] for i in problem.free_states]
        value = simulator.start()
        self.n_free = len(params)
        self.low = np.array([v.min for v in (*params, *states)])
        self.high = np.array([v.max for v in (*params, *states)])
        self.log = np.array([v.min >= 0 and x > 0 for v, x in zip(params, value, strict=False)] + [False] * len(states))
        self.size = np.array([_size(x, v.min, v.max) for v, x in zip((*params, *states), value, strict=True)])
        for variable, low, high in zip(params, self.low, self.high, strict=False):
            if not low < high:
                raise RigError(f"{variable.name} has no range to be found in", where=problem.where)

    def to_free(self, theta: Floats) -> Floats:
        """From units."""
        with np.errstate(divide="ignore", invalid="ignore"):
            free: Floats = np.where(self.log, np.log(theta / self.size), theta / self.size)
        return free

    def to_units(self, z: Floats) -> Floats:
        """Back again."""
        shape: Floats = np.where(self.log, np.exp(np.where(self.log, z, 0.0)), z)
        return self.size * shape

    def slope(self, theta: Floats) -> Floats:
        """Derivative of theta by z."""
        slope: Floats = np.where(self.log, theta, self.size)
        return slope

    def bounds(self) -> tuple[Floats, Floats]:
        """Of z."""
        return self.to_free(self.low), self.to_free(self.high)

    def starts(self, theta: Floats, count: int, seed: int) -> list[Floats]:
        """The rig's own values first, then random ones around them; initial values stay."""
        random, (low, high) = np.random.default_rng(seed), self.bounds()
        z, found = self.to_free(theta), [self.to_free(theta)]
        reach = np.where(self.log, np.log(SPREAD), 0.5) * (np.arange(len(z)) < self.n_free)
        return found + [np.clip(z + reach * random.uniform(-1, 1, len(z)), low, high) for _ in range(count - 1)]


def _size(value: float, low: float, high: float) -> float:
    if value != 0.0:
        return abs(value)
    return (high - low) / 2 if np.isfinite(high - low) and high > low else 1.0


@dataclass(frozen=True)
class Optimum:
    """Where a search ended: theta in units, half the sum of squares, and how many searches ended there, of how many."""

    theta: Floats
    cost: float
    agreeing: int = 1
    searches: int = 1


class Estimator:
    """Fits theta to the rows of `mask` (n_measured, rows), residuals divided by `deviation` of each output."""

    def __init__(self, simulator: Simulator, mask: Bools, deviation: Floats) -> None:
        self.simulator, self.scale = simulator, Scale(simulator)
        self.mask, self.deviation = mask, deviation

    def residuals(self, theta: Floats) -> Floats:
        """Measured rows only, divided by their deviation, shape (measured values,)."""
        error = (self.simulator.outputs(theta) - self.simulator.problem.outputs) / self.deviation[:, None]
        return np.nan_to_num(error[self.mask], nan=FAR, posinf=FAR, neginf=-FAR)

    def jacobian(self, theta: Floats) -> Floats:
        """Of the residuals by theta, shape (measured values, n)."""
        by_theta = self.simulator.sensitivities(theta)[1] / self.deviation[:, None, None]
        return np.nan_to_num(by_theta[self.mask], nan=0.0, posinf=0.0, neginf=0.0)

    def search(self, z: Floats, tolerance: float, steps: int) -> Optimum:
        """One search from z."""
        scale = self.scale
        found = least_squares(
            lambda z: self.residuals(scale.to_units(z)),
            lambda z: self.jacobian(scale.to_units(z)) * scale.slope(scale.to_units(z)),
            z,
            *scale.bounds(),
            tolerance=tolerance,
            max_steps=steps,
        )
        return Optimum(scale.to_units(found.z), found.cost)

    def search_all(self, theta: Floats, count: int, seed: int, progress: Progress) -> Optimum:
        """The best of searches from `count` starts, brought to its end.

        Raises:
            RigError: the model gives no numbers wherever it begins.
        """
        found = []
        for number, z in enumerate(self.scale.starts(theta, count, seed), 1):
            progress(f"Searching from start {number} of {count}")
            if np.isfinite(self.simulator.outputs(self.scale.to_units(z))).all():
                found.append(self.search(z, ROUGH, ROUGH_STEPS))
        if not found:
            raise RigError("the model's outputs are no numbers", where=self.simulator.problem.where)
        best = min(found, key=lambda optimum: optimum.cost)
        ended = self.refine(best.theta)
        near = [o for o in found if o.cost <= ended.cost * (1 + SAME_COST) + 1e-300]
        return Optimum(ended.theta, ended.cost, max(1, len(near)), count)

    def refine(self, theta: Floats) -> Optimum:
        """A search with tight tolerances."""
        return self.search(self.scale.to_free(theta), FINE, FINE_STEPS)
