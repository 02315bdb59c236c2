"""Which points of the unit cube a campaign tries."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from math import ceil, log2, prod

import numpy as np
import numpy.typing as npt

from hil.campaign.plan import Search
from hil.campaign.space import Dimension
from hil.errors import BenchError

Points = npt.NDArray[np.float64]
NEEDED = "Install it with: pip install 'hil[campaign]'"


def points(search: Search, dimensions: Sequence[Dimension], seed: int) -> Points:
    """Points of a search, shape (runs, dimensions), each coordinate in [0, 1].

    Args:
        search: the method, and how many.
        dimensions: of the space.
        seed: decides random ones.

    Raises:
        BenchError: a grid or covering array of more points than the search may take; a library is missing.
    """
    match search.method:
        case "grid" | "covering":
            found = _levelled(search, dimensions)
        case "random":
            found = np.random.default_rng(seed).random((search.runs, len(dimensions)))
        case _:
            found = _filling(search, len(dimensions), seed)
    return found


def _filling(search: Search, n: int, seed: int) -> Points:
    """Sobol points (Joe and Kuo 2008), of which the first are those of fewer runs, or a Latin hypercube; scrambled."""
    try:
        from scipy.stats import qmc
    except ImportError as error:
        raise BenchError(f"the search '{search.method}' needs scipy", mend=NEEDED) from error
    random = np.random.default_rng(seed)
    if search.method == "latin_hypercube":
        return np.asarray(qmc.LatinHypercube(n, rng=random).random(search.runs))
    exponent = max(0, ceil(log2(search.runs)))
    return np.asarray(qmc.Sobol(n, rng=random).random_base2(exponent))[: search.runs]


def _levels(dimension: Dimension, levels: int) -> list[float]:
    """The middle of each choice, or levels from end to end of a range."""
    if dimension.choices:
        return [(i + 0.5) / dimension.choices for i in range(dimension.choices)]
    return [0.5] if levels == 1 else [i / (levels - 1) for i in range(levels)]


def _levelled(search: Search, dimensions: Sequence[Dimension]) -> Points:
    factors = [_levels(dimension, search.levels) for dimension in dimensions]
    if search.method == "grid":
        n = prod(len(factor) for factor in factors)
        _refuse_too_many(search, n)
        rows: list[tuple[float, ...]] = list(itertools.product(*factors))
    else:
        rows = _covering(factors, search.strength)
        _refuse_too_many(search, len(rows))
    return np.array(rows, dtype=np.float64).reshape(len(rows), len(dimensions))


def _covering(factors: list[list[float]], strength: int) -> list[tuple[float, ...]]:
    """Rows in which every combination of any `strength` factors' levels occurs."""
    if strength >= len(factors):
        return list(itertools.product(*factors))
    try:
        import covertable
    except ImportError as error:
        raise BenchError("a covering array needs covertable", mend=NEEDED) from error
    indices = [[(i, j) for j in range(len(factor))] for i, factor in enumerate(factors)]
    found = covertable.make(indices, strength=strength)
    return sorted(tuple(factors[i][j] for i, j in row) for row in found)


def _refuse_too_many(search: Search, n: int) -> None:
    if n > search.runs:
        mend = f"Allow {n:,} runs, or give fewer levels"
        raise BenchError(f"this {search.method} has {n:,} runs, {search.runs:,} are allowed", mend=mend)
