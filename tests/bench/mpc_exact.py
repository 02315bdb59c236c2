"""The optimum of a condensed MPC to 30 digits: Karush, Kuhn and Tucker's conditions, solved and then verified."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np

from hil.design.mpc import MpcProblem

DIGITS = 50
TINY = mpmath.mpf(10) ** -12  # a loose row that just touches its bound


def exact_plan(p: MpcProblem, theta: Any, active: list[int]) -> list[Any]:
    """u(0) .. u(N-1) for one input, where theta = [x, u before].

    Args:
        p: with input, rate and soft output bounds.
        theta: of the sample.
        active: the bounds that the block names: row + 1 at an upper one, - (row + 1) at a lower one.

    Raises:
        AssertionError: with these bounds it is no optimum.
    """
    with mpmath.workdps(DIGITS):
        return _solve(p, [mpmath.mpf(float(v)) for v in theta], active)


def _solve(p: MpcProblem, theta: list[Any], active: list[int]) -> list[Any]:
    N, before = p.horizon, theta[-1]
    H, f, outputs, y_free = _condensed(p, theta[:-1])
    unit = mpmath.eye(N)
    rows = [[unit[k, i] for i in range(N)] for k in range(N)]
    rows += [[unit[k, i] - unit[k - 1, i] for i in range(N)] for k in range(1, N)]
    u_lo, u_hi, rate = (mpmath.mpf(float(np.ravel(v)[0])) for v in (p.u_lo, p.u_hi, p.rate))
    lo = [max(u_lo, before - rate), *[u_lo] * (N - 1), *[-rate] * (N - 1), *(p.y_lo[0] - y for y in y_free)]
    hi = [min(u_hi, before + rate), *[u_hi] * (N - 1), *[rate] * (N - 1), *(p.y_hi[0] - y for y in y_free)]
    give = [*[mpmath.mpf(0)] * (2 * N - 1), *[1 / mpmath.mpf(p.soft[0])] * N]
    return _verified(H, f, mpmath.matrix(rows + outputs), lo, hi, give, active)


def _condensed(p: MpcProblem, x: list[Any]) -> tuple[Any, Any, list[list[Any]], list[Any]]:
    """H, f, and the outputs y(1) .. y(N) over the plan and without it."""
    A, B, Q, R, P = (mpmath.matrix(np.atleast_2d(v).tolist()) for v in (p.A, p.B, p.Q, p.R, p.P))
    C, N = mpmath.matrix(np.atleast_2d(p.C).tolist()), p.horizon
    H, f, outputs, y_free = R[0, 0] * mpmath.eye(N), mpmath.zeros(N, 1), [], []
    free, forced = mpmath.matrix(x), mpmath.zeros(A.rows, N)
    for k in range(N):
        free, forced = A * free, A * forced
        forced[:, k] = forced[:, k] + B[:, 0]
        weighted = forced.T * (P if k == N - 1 else Q)
        H, f = H + weighted * forced, f + weighted * free
        outputs.append([(C * forced)[0, j] for j in range(N)])
        y_free.append((C * free)[0])
    return H, f, outputs, y_free


def _verified(H: Any, f: Any, rows: Any, lo: Any, hi: Any, give: Any, active: list[int]) -> list[Any]:
    N, n = H.rows, len(active)
    whole, right = mpmath.zeros(N + n), mpmath.zeros(N + n, 1)
    whole[:N, :N] = H
    right[:N, 0] = -f
    for j, named in enumerate(active):
        i = abs(named) - 1
        for k in range(N):
            whole[N + j, k] = whole[k, N + j] = rows[i, k]
        whole[N + j, N + j] = -give[i]
        right[N + j] = hi[i] if named > 0 else lo[i]
    found = mpmath.lu_solve(whole, right)
    assert all(found[N + j] * named >= 0 for j, named in enumerate(active))
    values = rows * found[:N, 0]
    loose = set(range(rows.rows)) - {abs(named) - 1 for named in active}
    assert all(lo[i] - TINY <= values[i] <= hi[i] + TINY for i in loose)
    return [found[i] for i in range(N)]
