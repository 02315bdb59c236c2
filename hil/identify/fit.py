"""From a rig and data to a fitted model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from hil.errors import RigError
from hil.identify.data import Floats
from hil.identify.estimate import Bools, Estimator, Optimum, Progress
from hil.identify.information import Information, inform, shortening
from hil.identify.problem import Problem, make_problem
from hil.identify.result import FitResult, Group, Parameter
from hil.identify.simulate import Simulator
from hil.rig import Fit, Rig, load_rig

HOLD_OUT = 0.25
STARTS = 6
CONFIDENCE_95 = 1.959964  # quantile of the normal distribution; data are long
WEIGHINGS = 2  # outputs are weighed by their residuals so often again
NO_ERROR = 1e-9  # of an output's spread: a smaller deviation is rounding
SHOWN_CHANGE = 0.1  # largest relative change that shows a group
AT_BOUND = 1e-3  # relative


def fit(
    rig: str | Path | Rig,
    data: str | Path,
    wanted: Fit | None = None,
    *,
    hold_out: float = HOLD_OUT,
    starts: int = STARTS,
    seed: int = 1,
    progress: Progress | None = None,
) -> FitResult:
    """Finds parameters of a rig's model from measured data.

    The model runs over the recorded inputs alone, from initial values that are found as well; the sum of squares of its
    outputs' errors becomes least. A first fit leaves out the last rows and is judged by them; a second one has all.

    Args:
        rig: folder, file, name of a shipped rig, or a loaded one.
        data: a CSV file, or the folder of a recording.
        wanted: block, parameters, columns; None: the rig's [fit].
        hold_out: share of the rows at the end for the judgement, 0 to 0.9; 0: none.
        starts: of the search: the rig's values, and random ones within a factor of three.
        seed: of these.
        progress: is told what is being done.

    Raises:
        RigError: the rig, a name or a value cannot be used, or casadi is missing (extra `models`).
        RecordingError: the data cannot be used.
    """
    loaded = rig if isinstance(rig, Rig) else load_rig(rig)
    if not 0 <= hold_out <= 0.9 or starts < 1:
        raise RigError(f"hold-out {hold_out:g} and {starts} starts cannot be", mend="Give 0 to 0.9, and 1 or more")
    problem = make_problem(loaded, Path(data), wanted or loaded.fit)
    return fit_problem(loaded.name, problem, str(data), hold_out=hold_out, starts=starts, seed=seed, progress=progress)


def fit_problem(
    rig: str,
    problem: Problem,
    data: str,
    *,
    hold_out: float = HOLD_OUT,
    starts: int = STARTS,
    seed: int = 1,
    progress: Progress | None = None,
) -> FitResult:
    """The fit of a problem that is made already; `rig` and `data` are names for messages and the result. See `fit`."""
    tell = progress or (lambda _: None)
    tell("Deriving the sensitivities")
    return _Fit(rig, problem, Simulator(problem), data, tell).result(hold_out, starts, seed)


class _Fit:
    """One fit in its steps."""

    def __init__(self, rig: str, problem: Problem, simulator: Simulator, data: str, progress: Progress) -> None:
        self.rig, self.problem, self.simulator, self.data, self.progress = rig, problem, simulator, data, progress
        self.known = np.isfinite(problem.outputs)

    def result(self, hold_out: float, starts: int, seed: int) -> FitResult:
        rows = len(self.problem.time_s)
        train = self.known & (np.arange(rows) < rows - round(hold_out * rows))
        if not train.any(axis=1).all() or train.sum() <= self.simulator.n:
            raise RigError("too few rows are left for the fit", where=self.data, mend="Give a smaller hold-out")
        first = self._weighed(train, self._searched(train, starts, seed))
        last = first if hold_out == 0 else self._weighed(self.known, first)
        error = self._errors(last.theta)
        information = self._information(last, error)
        held = self._errors(first.theta)[self.known & ~train]
        outputs = [self.problem.info.y[i] for i in self.problem.measured]
        return FitResult(
            rig=self.rig,
            block=self.problem.block,
            model=self.problem.info.name,
            data=self.data,
            rows=rows,
            duration_s=float(self.problem.time_s[-1]),
            parameters=self._parameters(last.theta, information),
            groups=tuple(self._group(last.theta, information, i) for i in range(len(information.groups))),
            start=self._start(last.theta),
            rmse=_rms(error[self.known]),
            rmse_by_output={v.name: _rms(e[k]) for v, e, k in zip(outputs, error, self.known, strict=True)},
            units={v.name: v.unit for v in outputs},
            shortening={v.name: shortening(e) for v, e in zip(outputs, error, strict=True)},
            hold_out=hold_out,
            hold_out_rmse=_rms(held) if len(held) else None,
            searches=first.searches,
            agreeing=first.agreeing,
            substeps=self.simulator.substeps,
            fisher=information.fisher,
            correlation=information.correlation,
        )

    # ---- steps ----

    def _searched(self, mask: Bools, starts: int, seed: int) -> Optimum:
        spread = np.array([np.std(y[m]) or 1.0 for y, m in zip(self.problem.outputs, mask, strict=True)])
        estimator = Estimator(self.simulator, mask, spread)
        return estimator.search_all(self.simulator.start(), starts, seed, self.progress)

    def _weighed(self, mask: Bools, optimum: Optimum) -> Optimum:
        """Outputs weighed by their residuals: those of a good sensor count more."""
        self.progress("Refining")
        for _ in range(WEIGHINGS):
            deviation = self._deviation(self._errors(optimum.theta), mask)
            better = Estimator(self.simulator, mask, deviation).refine(optimum.theta)
            optimum = replace(optimum, theta=better.theta, cost=better.cost)
            if len(deviation) == 1:
                break
        return optimum

    def _errors(self, theta: Floats) -> Floats:
        return self.simulator.outputs(theta) - self.problem.outputs

    def _deviation(self, error: Floats, mask: Bools) -> Floats:
        """Of each output's residuals, for as many unknowns as it has a share in."""
        n_each = self.simulator.n / len(error)
        found = []
        for e, m, y in zip(error, mask, self.problem.outputs, strict=True):
            freedom = max(1.0, m.sum() - n_each)
            found.append(max(float(np.sqrt(np.sum(e[m] ** 2) / freedom)), NO_ERROR * float(np.std(y[m]) or 1.0)))
        return np.array(found)

    def _information(self, optimum: Optimum, error: Floats) -> Information:
        deviation = self._deviation(error, self.known) * np.sqrt([shortening(e) for e in error])
        jacobian = Estimator(self.simulator, self.known, deviation).jacobian(optimum.theta)
        n, before = len(self.problem.free), self.simulator.start()
        size = np.maximum(np.abs(optimum.theta[:n]), 1e-3 * np.abs(before[:n]))
        return inform(jacobian.T @ jacobian, n, np.where(size > 0, size, 1.0))

    # ---- what is told ----

    def _parameters(self, theta: Floats, information: Information) -> dict[str, Parameter]:
        groups = {member: number for number, group in enumerate(information.groups) for member in group}
        found = {}
        for k, number in enumerate(self.problem.free):
            v, value, half = self.problem.info.p[number], float(theta[k]), CONFIDENCE_95 * information.deviation[k]
            known, near = k not in groups, AT_BOUND * abs(value)
            found[v.name] = Parameter(
                name=v.name,
                unit=v.unit,
                before=float(self.problem.values[number]),
                value=value,
                low=float(value - half) if known else None,
                high=float(value + half) if known else None,
                group=groups.get(k),
                at_bound=bool(value - v.min <= near or v.max - value <= near),
            )
        return found

    def _group(self, theta: Floats, information: Information, number: int) -> Group:
        """Shown by a change along its weakest direction, the initial values as the optimum wants them with it."""
        members, direction = information.groups[number], information.weakest[number]
        n = len(self.problem.free)
        relative = np.expm1(np.log1p(SHOWN_CHANGE) * direction / np.abs(direction[members]).max())
        changed = theta.copy()
        changed[:n] *= 1.0 + relative  # exponents: a product of parameters stays what it is
        changed = self._with_best_start(changed)
        names = [self.problem.info.p[self.problem.free[m]].name for m in members]
        change = {name: float(relative[m]) for name, m in zip(names, members, strict=True)}
        rmse = _rms(self._errors(changed)[self.known])
        return Group(tuple(names), information.free_directions[number], change, rmse)

    def _with_best_start(self, theta: Floats) -> Floats:
        """One Gauss-Newton step in the initial values alone, in which the outputs of most models are nearly linear."""
        n = len(self.problem.free)
        if n == len(theta):
            return theta
        error, by_theta = self._errors(theta)[self.known], self.simulator.sensitivities(theta)[1][self.known]
        step = np.linalg.lstsq(by_theta[:, n:], -error, rcond=None)[0]
        return np.concatenate([theta[:n], theta[n:] + step])

    def _start(self, theta: Floats) -> dict[str, float]:
        n, info = len(self.problem.free), self.problem.info
        return {info.x[i].name: float(x) for i, x in zip(self.problem.free_states, theta[n:], strict=True)}


def _rms(error: Floats) -> float:
    return float(np.sqrt(np.mean(error**2)))
