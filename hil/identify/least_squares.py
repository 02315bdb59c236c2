"""Levenberg-Marquardt within bounds.

The damping is Nielsen's (K. Madsen, H. B. Nielsen, O. Tingleff, Methods for Non-Linear Least Squares Problems, 2nd ed.,
DTU 2004, algorithm 3.16); unknowns at a bound that the gradient pushes against are left out of a step, and a step is
cut to the bounds. Of the searches within bounds of scipy 1.17 the trust region reflective one needed twice the steps in
the flat valley of parameters that data cannot tell apart, and the dogbox did not end where the Jacobian lacks rank.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hil.identify.data import Floats

FIRST_DAMPING = 1e-3  # of the largest curvature
MOST_DAMPING = 1e16


@dataclass(frozen=True)
class Minimum:
    """Where a search ended: the unknowns, half the sum of squares, and the steps tried."""

    z: Floats
    cost: float
    steps: int


def least_squares(
    residuals: Callable[[Floats], Floats],
    jacobian: Callable[[Floats], Floats],
    z: Floats,
    low: Floats,
    high: Floats,
    *,
    tolerance: float,
    max_steps: int,
) -> Minimum:
    """Minimises |r(z)|^2 / 2 over low <= z <= high.

    Args:
        residuals: r of z, shape (m,); a value that is not finite counts as a step too far.
        jacobian: dr/dz, shape (m, n).
        z: where it begins, unknowns of about size one.
        low: bounds, may be infinite; high likewise.
        tolerance: it ends when a step changes cost or unknowns relatively less.
        max_steps: at most so many steps are tried.
    """
    z = np.clip(z, low, high)
    r = residuals(z)
    cost, damping, growth, step_count = 0.5 * float(r @ r), -1.0, 2.0, 0
    curvature, gradient = _normal(jacobian(z), r)
    while step_count < max_steps and damping < MOST_DAMPING:
        step_count += 1
        damping = FIRST_DAMPING * float(np.diag(curvature).max(initial=1e-12)) if damping < 0 else damping
        trial = z + _step(curvature, gradient, damping, low - z, high - z)
        step = trial - z
        expected = -float(step @ gradient + 0.5 * step @ curvature @ step)
        tried = residuals(trial)
        gain = cost - 0.5 * float(tried @ tried)
        small = np.linalg.norm(step) <= tolerance * (np.linalg.norm(z) + tolerance)
        if not gain > 0 or not np.isfinite(gain):
            if small:
                break
            damping, growth = damping * growth, growth * 2.0
            continue
        done = small or (gain <= tolerance * cost and expected <= tolerance * cost)
        z, cost = trial, cost - gain
        if done:
            break
        curvature, gradient = _normal(jacobian(z), tried)
        damping *= max(1.0 / 3.0, 1.0 - (2.0 * gain / expected - 1.0) ** 3) if expected > 0 else 1.0
        growth = 2.0
    return Minimum(z, cost, step_count)


def _normal(j: Floats, r: Floats) -> tuple[Floats, Floats]:
    return j.T @ j, j.T @ r


def _step(curvature: Floats, gradient: Floats, damping: float, down: Floats, up: Floats) -> Floats:
    """The damped Gauss-Newton step within down <= step <= up: an unknown that would leave goes to its bound, and the
    step of the others is found anew with it there.
    """
    free = ~(((down >= 0) & (gradient > 0)) | ((up <= 0) & (gradient < 0)))
    step = np.zeros_like(gradient)
    while free.any():
        damped = curvature[np.ix_(free, free)] + damping * np.eye(int(free.sum()))
        step[free] = np.linalg.solve(damped, -(gradient + curvature[:, ~free] @ step[~free])[free])
        leaving = free & ((step < down) | (step > up))
        step[leaving] = np.clip(step, down, up)[leaving]
        free &= ~leaving
        if not leaving.any():
            break
    return step
