"""Towards the worst: points of the unit cube of ever smaller robustness."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from hil.campaign.plan import Falsify
from hil.campaign.search import NEEDED, Points
from hil.errors import BenchError

Evaluate = Callable[[Points], Points]
"""Robustness, shape (points,), of points of shape (points, dimensions)."""
SMALLEST_POPULATION = 8


class _SpentError(Exception):
    """The budget is used up."""


def falsify(how: Falsify, evaluate: Evaluate, tried: Points, robustness: Points, seed: int) -> None:
    """Searches from the worst points that were tried, until the budget is used up or the search has ended.

    Args:
        how: method and budget.
        evaluate: runs points and keeps what they came to.
        tried: points of the search before, shape (runs, dimensions).
        robustness: theirs, shape (runs,).
        seed: of the search.

    Raises:
        BenchError: scipy is missing.
    """
    try:
        from scipy import optimize
    except ImportError as error:
        raise BenchError("falsification needs scipy", mend=NEEDED) from error
    spent = _Budget(how.budget, evaluate)
    random = np.random.default_rng(seed)
    order = np.argsort(robustness, kind="stable")
    bounds = [(0.0, 1.0)] * tried.shape[1]
    try:
        if how.method == "dual_annealing":
            options: dict[str, Any] = {"maxiter": how.budget, "maxfun": how.budget, "rng": random}
            optimize.dual_annealing(spent.one, bounds, x0=tried[order[0]], **options)
        else:
            population = _population(tried[order], how.budget, random)
            options = {"init": population, "maxiter": how.budget, "tol": 0.0, "polish": False, "rng": random}
            optimize.differential_evolution(
                spent.many, bounds, strategy="rand1bin", updating="deferred", vectorized=True, **options
            )
    except _SpentError:
        return


def _population(ranked: Points, budget: int, random: np.random.Generator) -> Points:
    """The worst points, filled up with random ones."""
    wanted = max(SMALLEST_POPULATION, min(10 * ranked.shape[1], budget // 5))
    worst = ranked[:wanted]
    more = random.random((wanted - len(worst), ranked.shape[1]))
    return np.asarray(np.clip(np.concatenate([worst, more]), 0.0, 1.0))


class _Budget:
    """Counts what a search asks for."""

    def __init__(self, left: int, evaluate: Evaluate) -> None:
        self.left, self.evaluate = left, evaluate

    def many(self, columns: Points) -> Points:
        """Robustness of points as scipy has them, shape (dimensions, points)."""
        points = columns.T
        if self.left <= 0:
            raise _SpentError
        some = points[: self.left]
        self.left -= len(some)
        found = np.full(len(points), np.inf)
        found[: len(some)] = self.evaluate(some)
        return found

    def one(self, point: Points) -> float:
        """Robustness of one point."""
        return float(self.many(np.asarray(point).reshape(-1, 1))[0])
