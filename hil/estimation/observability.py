"""What measurements can tell of the state of x(k+1) = A x(k) + w, y(k) = C x(k), and what drives it.

R. E. Kalman, "Mathematical Description of Linear Dynamical Systems", SIAM J. Control 1, 1963; detectability:
W. M. Wonham, "Linear Multivariable Control", Springer 1979, section 3.6.

The rank is that of the observability matrix [C; C A; ...; C A^(n-1)]. Its rows are not formed as they stand: sampled
fast, A is nearly the identity, and the rows would differ by less than their rounding. A shifted and scaled,
(A - mu I) / s, spans the same space, and each power is orthogonalised against those before it, which leaves one
decision of rank a step.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Matrix = NDArray[np.float64]

TOLERANCE = 1e-8
"""A direction that a step adds counts if its singular value is above this part of the largest one."""
UNIT_CIRCLE = 1e-9
"""A mode is stable if its eigenvalue's magnitude is below 1 by more than this."""


@dataclass(frozen=True)
class Hidden:
    """A subspace that no measurement sees (or that no noise drives), split into its modes.

    Attributes:
        n: states.
        rank: of the observability matrix.
        modes: eigenvalues of A on the subspace, (n - rank,), the largest magnitude first.
        directions: a unit vector in the state space for each mode, (n - rank, n); of a complex pair its two parts.
    """

    n: int
    rank: int
    modes: NDArray[np.complex128]
    directions: Matrix

    @property
    def stable(self) -> NDArray[np.bool_]:
        """Whether each mode dies out by itself, (n - rank,)."""
        return np.asarray(np.abs(self.modes) < 1.0 - UNIT_CIRCLE)


def unobservable(A: ArrayLike, C: ArrayLike, scale: ArrayLike | None = None, tolerance: float = TOLERANCE) -> Hidden:
    """What the measurements cannot see.

    Args:
        A: (n, n), of one sample.
        C: (m, n).
        scale: usual size of each state, above 0, (n,), as the root of its variance; it makes states of different units
            comparable.
        tolerance: of each decision of rank.
    """
    a, c, size = _scaled(A, C, scale)
    seen = _observable_rows(a, c, tolerance)
    hidden = _complement(seen)
    modes, inside = np.linalg.eig(hidden.T @ a @ hidden)
    order = np.argsort(-np.abs(modes), kind="stable")
    directions = [_real(hidden @ inside[:, k], modes[k]) * size for k in order]
    unit = [v / np.linalg.norm(v) for v in directions]
    return Hidden(len(a), len(seen), np.asarray(modes[order], np.complex128), np.array(unit).reshape(-1, len(a)))


def undriven(A: ArrayLike, Q: ArrayLike, scale: ArrayLike | None = None, tolerance: float = TOLERANCE) -> Hidden:
    """What the process noise of the covariance Q (n, n) does not reach: the dual question, asked of (A', root of Q).

    A direction is one of the state space's rows: the combination of states that evolves without noise.
    """
    a = np.asarray(A, dtype=np.float64)
    size = np.ones(len(a)) if scale is None else np.asarray(scale, dtype=np.float64)
    values, vectors = np.linalg.eigh(np.asarray(Q, dtype=np.float64) / np.outer(size, size))
    root = (vectors * np.sqrt(np.clip(values, 0.0, None))).T
    return unobservable((a / size[:, None] * size).T, root, None, tolerance)


def sampled(A: ArrayLike, dt_s: float) -> Matrix:
    """The transition exp(A dt) of dx/dt = A x over one sample, (n, n), by scaling and squaring of its series."""
    step = np.asarray(A, dtype=np.float64) * dt_s
    halvings = max(0, int(np.ceil(np.log2(np.linalg.norm(step, 1) + 1e-300))) + 4)
    part = step / 2.0**halvings
    result = term = np.eye(len(step))
    for i in range(1, 13):
        term = term @ part / i
        result = result + term
    for _ in range(halvings):
        result = result @ result
    return result


def names_of(direction: Matrix, names: list[str], scale: ArrayLike | None = None, least: float = 0.05) -> str:
    """A direction in words, as "0.71 position - 0.71 bias"; parts below `least` of the largest one are left out.

    With `scale` a part's size is judged in it.
    """
    weight = np.abs(direction / (1.0 if scale is None else np.asarray(scale)))
    parts = [i for i in range(len(names)) if weight[i] >= least * weight.max()]
    if len(parts) == 1:
        return names[parts[0]]
    first, *rest = parts
    signed = direction * np.sign(direction[first])
    text = f"{signed[first]:.2g} {names[first]}"
    return text + "".join(f" {'-' if signed[i] < 0 else '+'} {abs(signed[i]):.2g} {names[i]}" for i in rest)


def _scaled(A: ArrayLike, C: ArrayLike, scale: ArrayLike | None) -> tuple[Matrix, Matrix, Matrix]:
    """A and C over states of size 1, rows of C of length 1."""
    a, c = np.asarray(A, dtype=np.float64), np.asarray(C, dtype=np.float64)
    size = np.ones(len(a)) if scale is None else np.asarray(scale, dtype=np.float64)
    a, c = a / size[:, None] * size, c * size
    length = np.linalg.norm(c, axis=1, keepdims=True)
    return a, c / np.where(length > 0.0, length, 1.0), size


def _observable_rows(a: Matrix, c: Matrix, tolerance: float) -> Matrix:
    """An orthonormal basis of the observability matrix's row space."""
    n = len(a)
    moved = a - np.trace(a) / n * np.eye(n)
    moved /= np.linalg.norm(moved, 2) or 1.0
    basis, new = np.zeros((0, n)), c
    while len(new) and len(basis) < n:
        new = new - new @ basis.T @ basis
        new = new - new @ basis.T @ basis  # twice is enough: Parlett, The Symmetric Eigenvalue Problem, section 6.9
        _, size, rows = np.linalg.svd(new, full_matrices=False)
        fresh = rows[size > tolerance]
        basis, new = np.vstack([basis, fresh]), fresh @ moved
    return basis


def _complement(rows: Matrix) -> Matrix:
    """An orthonormal basis, column by column, of what is orthogonal to all rows."""
    n = rows.shape[1]
    return np.linalg.svd(rows, full_matrices=True)[2][len(rows) :].T if len(rows) else np.eye(n)


def _real(v: NDArray[np.complex128], mode: complex) -> Matrix:
    """Of a complex pair the real part for one, the imaginary part for the other, turned so that both are there."""
    turned = v * np.exp(-1j * np.angle(v[np.argmax(np.abs(v))]))
    return np.asarray(turned.imag if mode.imag < 0.0 else turned.real, dtype=np.float64)
