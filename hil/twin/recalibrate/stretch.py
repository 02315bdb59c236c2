"""A stretch of measured data, and what a set of parameters predicts over it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from hil.errors import RecordingError, RigError
from hil.identify.data import Floats
from hil.identify.estimate import Estimator
from hil.identify.problem import Problem
from hil.identify.simulate import Simulator
from hil.nearest import did_you_mean

LEAST_ROWS = 8


def cut(problem: Problem, from_s: float | None, to_s: float | None, where: str) -> Problem:
    """The rows of a problem with from_s <= time < to_s, counted from its first row; times keep their zero.

    Raises:
        RecordingError: too few rows lie there.
    """
    low = -np.inf if from_s is None else from_s
    high = np.inf if to_s is None else to_s
    return rows(problem, (problem.time_s >= low) & (problem.time_s < high), where)


def rows(problem: Problem, mask: np.ndarray, where: str) -> Problem:
    """The rows of `mask`, shape (rows,), which lie side by side."""
    if mask.sum() < LEAST_ROWS:
        last = problem.time_s[-1]
        why = f"{mask.sum()} rows lie in the window, at least {LEAST_ROWS} are needed"
        raise RecordingError(why, where=where, mend=f"The data go from 0 to {last:g} s")
    return replace(
        problem, time_s=problem.time_s[mask], inputs=problem.inputs[:, mask], outputs=problem.outputs[:, mask]
    )


def with_values(problem: Problem, values: Mapping[str, float]) -> Problem:
    """The problem with other values of parameters, by their names in the model.

    Raises:
        RigError: the model has no such parameter.
    """
    names = [v.name for v in problem.info.p]
    for name in values:
        if name not in names:
            raise RigError(f"the model has no parameter '{name}'", where=problem.where, mend=did_you_mean(name, names))
    changed = np.array([values.get(name, old) for name, old in zip(names, problem.values, strict=True)])
    return replace(problem, values=changed)


def errors(problem: Problem, values: Mapping[str, float], known: int) -> Floats:
    """What the model with these parameters gets wrong, shape (n_measured, rows); NaN where nothing was measured.

    Initial values are the best ones for these parameters over the first `known` rows; from there the model runs on
    over the inputs alone, so that the rows behind are predicted and not followed.

    Raises:
        RigError: the outputs are no numbers with these parameters.
    """
    own = replace(with_values(problem, values), free=())
    simulator = Simulator(own)
    theta = simulator.start()
    if simulator.n:
        mask = np.isfinite(own.outputs) & (np.arange(len(own.time_s)) < known)
        if mask.sum() <= simulator.n:
            raise RigError("too few measured rows for the initial values", where=own.where, mend="Take a longer window")
        spread = np.array([float(np.std(y[m])) or 1.0 for y, m in zip(own.outputs, mask, strict=True)])
        theta = Estimator(simulator, mask, spread).refine(theta).theta
    found = simulator.outputs(theta)
    if not np.isfinite(found).all():
        raise RigError("the model's outputs are no numbers", where=own.where, mend="Look at the values")
    return np.asarray(found - own.outputs)
