"""Matrices as a user gives them: shapes and weights are checked here, once."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hil.errors import HilError

Matrix = NDArray[np.float64]


def matrix(
    name: str, given: ArrayLike, *, rows: int | None = None, columns: int | None = None, weight: bool = False
) -> Matrix:
    """A finite matrix of this shape; a `weight` is symmetric and positive semidefinite.

    Raises:
        HilError: it is not.
    """
    found = np.atleast_2d(np.asarray(given, dtype=np.float64))
    wanted = (found.shape[0] if rows is None else rows, found.shape[1] if columns is None else columns)
    if found.ndim != 2 or found.shape != wanted:
        text = f"has the shape {found.shape}"
        raise HilError(text, where=name, mend=f"Give {wanted[0]} rows and {wanted[1]} columns")
    if not np.isfinite(found).all():
        raise HilError("has an element that is not finite", where=name)
    if weight:
        _check_weight(name, found)
    return found


def _check_weight(name: str, given: Matrix) -> None:
    size = max(1.0, float(np.abs(given).max(initial=0.0)))
    if not np.allclose(given, given.T, rtol=0.0, atol=1e-9 * size):
        raise HilError("is not symmetric", where=name, mend=f"Give ({name} + {name}') / 2")
    smallest = float(np.linalg.eigvalsh(given)[0])
    if smallest < -1e-9 * size:
        text = f"is not positive semidefinite: its smallest eigenvalue is {smallest:.3g}"
        raise HilError(text, where=name, mend="A weight must not reward")


def vector(name: str, given: ArrayLike | None, n: int) -> Matrix:
    """Give n numbers, or zeros for None. A single one stands for all.

    Raises:
        HilError: another number of them, or NaN.
    """
    found = np.zeros(n) if given is None else np.asarray(given, dtype=np.float64).ravel()
    if found.size == 1:
        found = np.full(n, found[0])
    if found.shape != (n,) or np.isnan(found).any():
        raise HilError(f"is {found.tolist()}", where=name, mend=f"Give {n} numbers")
    return found


def hessian_root(H: Matrix) -> tuple[Matrix, float]:
    """Cholesky's L with L L' = H, and the condition number of H.

    Raises:
        HilError: H is not positive definite.
    """
    try:
        return np.asarray(np.linalg.cholesky(H), dtype=np.float64), float(np.linalg.cond(H))
    except np.linalg.LinAlgError:
        mend = "Make R or S positive definite"
        raise HilError("the cost does not decide on all inputs", where="R", mend=mend) from None
