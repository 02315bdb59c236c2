"""What moving-horizon estimation is asked for, checked: a wrong argument is named with the mend."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from hil.design.matrices import vector
from hil.errors import HilError
from hil.estimation.mhe_window import SOLVERS, Floats
from hil.models import METHODS, ModelInfo
from hil.nearest import did_you_mean


@dataclass(frozen=True)
class Unknown:
    """A parameter to estimate, constant over a window. Both in its unit.

    Attributes:
        deviation: standard deviation of its value at the start, > 0.
        drift: of its random walk from sample to sample in the arrival cost; 0: it settles for good.
    """

    deviation: float
    drift: float = 0.0


@dataclass(frozen=True)
class Problem:
    """The model's names as arrays.

    Attributes:
        info: the model.
        p: all parameters, shape (n_p,).
        unknown: those to estimate, by name; theta in this order.
        low: least (x, theta), may be infinite; high likewise.
    """

    info: ModelInfo
    p: Floats
    unknown: Mapping[str, Unknown]
    low: Floats
    high: Floats

    @property
    def free(self) -> list[int]:
        """Numbers of the unknown parameters."""
        names = [v.name for v in self.info.p]
        return [names.index(name) for name in self.unknown]

    @classmethod
    def checked(
        cls,
        info: ModelInfo,
        values: Mapping[str, float],
        unknown: Mapping[str, Unknown],
        bounds: Mapping[str, tuple[float, float]],
    ) -> Problem:
        """From what `estimate` is given.

        Raises:
            HilError: a name that the model has not, or a value that cannot be.
        """
        params, states = {v.name: v for v in info.p}, {v.name: v for v in info.x}
        ranges = {name: (v.min, v.max) if v.clamp else (-math.inf, math.inf) for name, v in states.items()}
        for what, given, known in (("values", values, params), ("unknown", unknown, params)):
            _check_names(what, given, known)
        for name, one in unknown.items():
            if not (one.deviation > 0 and one.drift >= 0 and math.isfinite(one.deviation + one.drift)):
                raise HilError(f"is {one}", where=f"unknown[{name}]", mend="Give deviation > 0 and drift >= 0")
            ranges[name] = (params[name].min, params[name].max)
        _check_names("bounds", bounds, ranges)
        ranges.update(bounds)
        for name, (low, high) in ranges.items():
            if not low < high:
                raise HilError(f"is {low} .. {high}", where=f"bounds[{name}]", mend="Give (low, high), low < high")
        p = vector("values", [values.get(name, v.value) for name, v in params.items()], len(params))
        sides = np.array(list(ranges.values()), dtype=np.float64).reshape(-1, 2)
        return cls(info, p, unknown, sides[:, 0], sides[:, 1])


def _check_names(what: str, given: Mapping[str, object], known: Mapping[str, object]) -> None:
    for name in given:
        if name not in known:
            raise HilError(
                "the model has nothing of this name here", where=f"{what}[{name}]", mend=did_you_mean(name, known)
            )


def check_choices(period_s: float, horizon: int, substeps: int, method: str | None, solver: str) -> None:
    """Numbers and names of `estimate`."""
    for name, value in (("horizon", horizon), ("substeps", substeps)):
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise HilError(f"is {value!r}", where=name, mend="Give a whole number from 1 on")
    if not (period_s > 0 and math.isfinite(period_s)):
        raise HilError(f"is {period_s!r}", where="period_s", mend="Give a time in s")
    for name, choice, known in (("method", method or METHODS[0], METHODS), ("solver", solver, tuple(SOLVERS))):
        if choice not in known:
            raise HilError(f"{choice!r} is not known", where=name, mend=did_you_mean(choice, known))


def columns(name: str, given: ArrayLike, n: int) -> Floats:
    """A row a sample, n columns."""
    found = np.asarray(given, dtype=np.float64)
    if found.ndim != 2 or found.shape[1] != n:
        raise HilError(f"has the shape {found.shape}", where=name, mend=f"Give a row a sample, {n} columns")
    return found


def held(u: Floats, info: ModelInfo) -> Floats:
    """Inputs, those that are not finite at their last value; before the first one the model's."""
    found, last = u.copy(), np.array([v.value for v in info.u])
    for row in found:
        row[:] = last = np.where(np.isfinite(row), row, last)
    return found


def variances(R: ArrayLike, n: int) -> Floats:
    """Above 0, one a measurement."""
    found = vector("R", R, n)
    if not ((found > 0).all() and np.isfinite(found).all()):
        raise HilError(f"is {found.tolist()}", where="R", mend="Give the variance of each measurement, above 0")
    return found
