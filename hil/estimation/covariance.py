"""Which matrices can be covariances, and which innovations have none that a filter can divide by."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

Matrix = NDArray[np.float64]

ROUNDING = 1e-12
"""Part of the largest variance by which symmetry and eigenvalues may be off, as the core allows it."""


def why_no_covariance(given: Matrix, names: Sequence[str]) -> str | None:
    """What a square matrix lacks of a covariance of the named states; None if it is one."""
    size = float(np.diag(given).max(initial=0.0))
    apart = np.abs(given - given.T)
    if apart.max(initial=0.0) > ROUNDING * size:
        i, j = sorted(int(k) for k in np.unravel_index(np.argmax(apart), apart.shape))
        pair, across = f"({names[i]}, {names[j]})", f"({names[j]}, {names[i]})"
        return f"is not symmetric: {pair} is {given[i, j]:g}, {across} is {given[j, i]:g}"
    values, vectors = np.linalg.eigh(given)
    if values[0] < -ROUNDING * size:
        most = names[int(np.argmax(np.abs(vectors[:, 0])))]
        return f"is not positive semidefinite: it has the eigenvalue {values[0]:.3g}, mostly of {most}"
    return None


def singular_innovations(C: ArrayLike, P: ArrayLike, R: ArrayLike) -> list[int]:
    """Numbers of the measurements among which the covariance C P C' + diag(R) of the innovation is singular.

    Measured against the variances on its diagonal, so that units do not matter; empty if it can be inverted.
    """
    c, p, r = (np.asarray(m, dtype=np.float64) for m in (C, P, R))
    S = c @ p @ c.T + np.diag(r)
    diagonal = np.diag(S)
    nothing = [int(i) for i in np.flatnonzero(diagonal <= 0.0)]
    if nothing:
        return nothing
    root = np.sqrt(diagonal)
    values, vectors = np.linalg.eigh(S / np.outer(root, root))
    if values[0] > ROUNDING:
        return []
    return [int(i) for i in np.flatnonzero(np.abs(vectors[:, 0]) > 1e-3)]
