"""What the data tell of the parameters: Fisher information, intervals, and groups that cannot be told apart.

The Fisher matrix F = sum J'J / deviation^2 is that of normal residuals. Residuals that are correlated from row to row
(a model is never the plant) carry less: a series with autocorrelation rho of its neighbours counts as one that is
(1 + rho) / (1 - rho) times shorter (G. V. Bayley, J. M. Hammersley, JRSS Suppl. 8, 1946). Initial values are eliminated
(Schur complement). Scaled by the parameters' sizes, F has eigenvectors that are relative changes of all parameters
together, and 1 / sqrt(eigenvalue) is how well the data determine such a change (the sloppy and stiff directions of
R. N. Gutenkunst et al., PLoS Comput. Biol. 3, 2007, e189).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hil.identify.data import Floats

WEAK = 0.2  # relative standard deviation of a direction from which on the data do not determine it
MEMBER = 0.04  # share of a parameter in the weak directions, from which on it belongs to them
LINKED = 0.1  # of two parameters in the same directions
FLOOR = 1e-15  # of the largest eigenvalue: below is rounding
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Information:
    """Of the free parameters.

    Attributes:
        fisher: in the parameters' units, shape (n, n).
        deviation: standard deviation of each, in its unit.
        correlation: of the estimates, shape (n, n).
        groups: numbers of parameters that cannot be told apart; one alone is not determined at all.
        weakest: of each group the direction that is determined worst, as relative changes, length n, unit norm.
        free_directions: of each group how many of its directions are not determined.
    """

    fisher: Floats
    deviation: Floats
    correlation: Floats
    groups: list[list[int]]
    weakest: list[Floats]
    free_directions: list[int]


def shortening(residuals: Floats) -> float:
    """By how much correlation shortens a series: (1 + rho) / (1 - rho), 1 where rho is not significant."""
    pairs = residuals[np.isfinite(residuals)]
    pairs = pairs - pairs.mean()
    power = float(pairs @ pairs)
    if len(pairs) < 3 or power == 0.0:
        return 1.0
    rho = float(pairs[1:] @ pairs[:-1]) / power
    significant = rho > 2.0 / np.sqrt(len(pairs))
    return min((1.0 + rho) / max(1.0 - rho, 1e-9), float(len(pairs))) if significant else 1.0


def inform(fisher: Floats, n_free: int, size: Floats) -> Information:
    """What a Fisher matrix over (free parameters, initial values) tells of the parameters.

    Args:
        fisher: shape (n, n), in units.
        n_free: parameters come first.
        size: of each parameter, for what is relative, shape (n_free,).
    """
    own = _eliminated(fisher, n_free)
    values, vectors = np.linalg.eigh(own * np.outer(size, size))
    values = np.maximum(values, FLOOR * max(values.max(initial=0.0), 1e-300))
    relative = (vectors / values) @ vectors.T
    spread = np.sqrt(np.diag(relative))
    groups, weakest, directions = _groups(values, vectors)
    return Information(
        fisher=own,
        deviation=spread * size,
        correlation=relative / np.outer(spread, spread),
        groups=groups,
        weakest=weakest,
        free_directions=directions,
    )


def _eliminated(fisher: Floats, n: int) -> Floats:
    """The Schur complement: as if whatever lies behind the first n had been found for each choice of them."""
    if fisher.shape[0] == n:
        return fisher
    own = fisher[:n, :n] - fisher[:n, n:] @ np.linalg.pinv(fisher[n:, n:], hermitian=True) @ fisher[n:, :n]
    return np.asarray((own + own.T) / 2)


def _groups(values: Floats, vectors: Floats) -> tuple[list[list[int]], list[Floats], list[int]]:
    """Parameters that share weak directions. The projector on these does not depend on how eigenvectors are mixed."""
    weak = vectors[:, values < WEAK**-2]
    projector = weak @ weak.T
    share = np.diag(projector)
    left = [int(i) for i in np.flatnonzero(share >= MEMBER)]
    linked = np.abs(projector) >= LINKED * np.sqrt(np.outer(share, share))
    groups = []
    while left:
        group, new = [], [left[0]]
        while new:
            group += new
            left = [i for i in left if i not in new]
            new = [i for i in left if linked[i, group].any()]
        groups.append(sorted(group))
    directions = [max(1, round(float(share[group].sum()))) for group in groups]
    return groups, [_weakest(values, vectors, group) for group in groups], directions


def _weakest(values: Floats, vectors: Floats, group: list[int]) -> Floats:
    """The first eigenvector (they ascend) that lies mostly within the group."""
    within = (vectors[group] ** 2).sum(axis=0)
    column = int(np.flatnonzero((values < WEAK**-2) & (within >= within[values < WEAK**-2].max() / 2))[0])
    return np.asarray(vectors[:, column])
