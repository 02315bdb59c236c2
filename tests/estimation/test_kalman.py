"""The linear Kalman filter and the Luenberger observer: against others, against statistics, and with broken inputs."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from filterpy.kalman import KalmanFilter
from numpy.typing import NDArray
from scipy.stats import chi2

from hil import _core

BAD, LEFT_OUT, FAILED = 8, 2, 1
Matrix = NDArray[np.float64]
Made = Callable[..., Any]
SIZES = [
    (1, 1, 0),
    (2, 1, 1),
    (3, 2, 1),
    (4, 2, 1),
    (6, 3, 2),
    (7, 8, 0),
    (9, 2, 3),
    (12, 6, 0),
    (13, 4, 2),
    (16, 8, 16),
]


def system(n: int, m: int, n_u: int, seed: int) -> dict[str, Matrix]:
    """A stable random system with zeros, as models have them."""
    random = np.random.default_rng(seed)
    A = random.normal(size=(n, n)) * (random.random((n, n)) < 0.6)
    A *= 0.95 / max(np.abs(np.linalg.eigvals(A)).max(), 0.5)
    G = random.normal(size=(n, n))
    return {
        "A": A,
        "B": random.normal(size=(n, n_u)),
        "C": random.normal(size=(m, n)) * (random.random((m, n)) < 0.7),
        "D": random.normal(size=(m, n_u)),
        "Q": 0.1 * G @ G.T,
        "R": random.uniform(0.1, 2.0, m),
        "P0": np.eye(n) + 0.3,
        "x0": random.normal(size=n),
    }


def filter_of(alone: Made, s: dict[str, Matrix], **more: Any) -> Any:
    n, m, n_u = len(s["x0"]), len(s["R"]), s["B"].shape[1]
    return alone("kalman", n_u + m, 2 * n + m + 2, **{**s, **more})


def dense(s: dict[str, Matrix], us: Matrix, ys: Matrix) -> Matrix:
    """The filter in its textbook form, all measurements at once; a NaN leaves its row out."""
    x, P, rows = s["x0"].copy(), s["P0"].copy(), []
    for k, y in enumerate(ys):
        if k:
            x = s["A"] @ x + s["B"] @ us[k - 1]
            P = s["A"] @ P @ s["A"].T + s["Q"]
        there = np.isfinite(y)
        C, R = s["C"][there], np.diag(s["R"][there])
        e = y[there] - C @ x - (s["D"] @ us[k])[there]
        S = C @ P @ C.T + R
        K = P @ C.T @ np.linalg.inv(S)
        x, P = x + K @ e, (np.eye(len(x)) - K @ C) @ P @ (np.eye(len(x)) - K @ C).T + K @ R @ K.T
        nis = e @ np.linalg.inv(S) @ e
        likelihood = -0.5 * (len(e) * math.log(2 * math.pi) + np.linalg.slogdet(S)[1] + nis)
        innovation = np.zeros(len(y))
        innovation[there] = e
        rows.append([*x, *np.diag(P), *innovation, nis, likelihood])
    return np.array(rows)


@pytest.mark.parametrize("update", [0, 1], ids=["symmetric", "joseph"])
@pytest.mark.parametrize(("n", "m", "n_u"), SIZES)
def test_it_is_the_textbook_filter_to_1e_9(alone: Made, n: int, m: int, n_u: int, update: int) -> None:
    s = system(n, m, n_u, 10 * n + m)
    random = np.random.default_rng(1)
    us, ys = random.normal(size=(60, n_u)), random.normal(size=(60, m))
    ys[random.random(ys.shape) < 0.2] = np.nan
    ys[7] = np.nan  # a sample without any
    ours = filter_of(alone, s, update=update).run(np.hstack([us, ys]))
    wanted = dense(s, us, ys)
    assert np.abs(ours - wanted).max() <= 1e-9 * max(1.0, np.abs(wanted).max())


@pytest.mark.parametrize(("n", "m", "n_u"), [(4, 2, 1), (12, 6, 0)])
def test_it_is_filterpy_to_1e_9(alone: Made, n: int, m: int, n_u: int) -> None:
    s = system(n, m, n_u, n)
    s["D"] = np.zeros((0, 0))
    theirs = KalmanFilter(dim_x=n, dim_z=m, dim_u=n_u)
    theirs.x, theirs.P, theirs.F, theirs.H = s["x0"].reshape(-1, 1), s["P0"], s["A"], s["C"]
    theirs.Q, theirs.R, theirs.B = s["Q"], np.diag(s["R"]), s["B"] if n_u else None
    ours, random = filter_of(alone, s), np.random.default_rng(2)
    u = np.zeros(n_u)
    for k in range(200):
        y = random.normal(size=m)
        if k:
            theirs.predict(u=u.reshape(-1, 1) if n_u else None)
        u = random.normal(size=n_u)
        theirs.update(y)
        out = ours.step([*u, *y])
        assert np.allclose(out[:n], theirs.x.ravel(), rtol=0, atol=1e-9)
        assert np.allclose(out[n : 2 * n], np.diag(theirs.P), rtol=0, atol=1e-9)
        assert out[-1] == pytest.approx(theirs.log_likelihood, abs=1e-9)


def test_nees_and_nis_keep_the_chi_square_bounds(alone: Made) -> None:
    """Bar-Shalom, Li, Kirubarajan 2001, section 5.4: averages over runs, within the two-sided 99.9 % interval."""
    runs, ticks, n, m = 1000, 25, 4, 2
    s = system(n, m, 1, 3)
    it, random = filter_of(alone, s), np.random.default_rng(11)
    G, H = np.linalg.cholesky(s["Q"]), np.linalg.cholesky(s["P0"])
    nees, nis = np.zeros((runs, ticks)), np.zeros((runs, ticks))
    for run in range(runs):
        it.restart()
        x = s["x0"] + H @ random.normal(size=n)
        for k in range(ticks):
            u = random.normal(size=1)
            y = s["C"] @ x + s["D"] @ u + np.sqrt(s["R"]) * random.normal(size=m)
            out = it.step([*u, *y])
            P = it.memory()[-n * n :].reshape(n, n)
            nees[run, k], nis[run, k] = (x - out[:n]) @ np.linalg.solve(P, x - out[:n]), out[-2]
            x = s["A"] @ x + s["B"] @ u + G @ random.normal(size=n)
    for values, dof in ((nees, n), (nis, m)):
        low, high = chi2.ppf([0.0005, 0.9995], dof * runs) / runs
        inside = ((values.mean(axis=0) > low) & (values.mean(axis=0) < high)).mean()
        total = chi2.ppf([1e-4, 1 - 1e-4], dof * runs * ticks) / (runs * ticks)
        assert inside >= 0.92, (dof, inside)
        # NEES of neighbouring samples is correlated, so only the average of NIS is that of independent ones.
        assert dof == n or total[0] < values.mean() < total[1]


def test_a_wrong_variance_leaves_the_bounds(alone: Made) -> None:
    """The test above can fail: half of R gives too large a NIS."""
    s = system(4, 2, 1, 3)
    it, random = filter_of(alone, s, R=0.3 * s["R"]), np.random.default_rng(11)
    x, nis = s["x0"], []
    for _ in range(2000):
        out = it.step([0.0, *(s["C"] @ x + np.sqrt(s["R"]) * random.normal(size=2))])
        nis.append(out[-2])
        x = s["A"] @ x + np.linalg.cholesky(s["Q"]) @ random.normal(size=4)
    assert np.mean(nis) > chi2.ppf(0.9999, 2 * 2000) / 2000


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -math.inf, 1e200])
def test_what_is_not_finite_never_reaches_the_state(alone: Made, wrong: float) -> None:
    it = filter_of(alone, system(4, 2, 1, 3))
    it.run([[0.1, 0.2, 0.3]] * 5)
    out = it.step([0.1, wrong, 0.3])
    assert np.isfinite(it.memory()).all()
    assert np.isfinite(out).all()
    assert it.memory()[LEFT_OUT] == 1
    assert out[8] == 0.0
    assert it.statuses() == [BAD if i == 8 else 0 for i in range(12)]  # the estimate goes on
    it.step([0.1, 0.2, 0.3])
    assert not any(it.statuses())
    it.step([wrong, 0.2, 0.3])
    out = it.step([0.1, 0.2, 0.3])
    assert np.isfinite(it.memory()).all()
    assert np.isfinite(out).all()
    assert all(bits & BAD for bits in it.statuses())  # predicted with an input that nobody knows
    it.step([0.1, 0.2, 0.3])
    assert not any(it.statuses())


def test_a_singular_innovation_leaves_the_state_alone(alone: Made) -> None:
    """Two exact measurements of the same thing: the second has no variance left."""
    it = alone(
        "kalman",
        2,
        2 + 2 + 2 + 2,
        A=np.eye(2),
        C=[[1, 0], [1, 0]],
        Q=np.zeros((2, 2)),
        R=[0, 0],
        P0=np.eye(2),
        x0=[0, 0],
    )
    before = it.memory()
    out = it.step([1.0, 1.0])
    after = it.memory()
    assert after[FAILED] == 1
    assert (np.delete(after, [FAILED, 4]) == np.delete(before, [FAILED, 4])).all()
    assert all(bits & BAD for bits in it.statuses())
    assert np.isfinite(out).all()


def test_a_long_run_neither_diverges_nor_loses_symmetry(alone: Made, full: Callable[[int, int], int]) -> None:
    s = system(4, 2, 1, 3)
    it = filter_of(alone, s)
    ticks = full(10**6, 10**8)
    it.step([0.5, 1.0, -1.0])
    for _ in range(10):
        it.state.run(ticks // 10)
        P = it.memory()[-16:].reshape(4, 4)
        assert (P == P.T).all()
        assert np.linalg.eigvalsh(P).min() > 0
    riccati = s["P0"]
    for _ in range(3000):
        M = s["A"] @ riccati @ s["A"].T + s["Q"]
        S = s["C"] @ M @ s["C"].T + np.diag(s["R"])
        riccati = M - M @ s["C"].T @ np.linalg.solve(S, s["C"] @ M)
    assert np.allclose(P, riccati, rtol=1e-9)


REFUSED = [
    ({"Q": np.diag([1.0, 1.0, 1.0, -1e-3])}, "Q is not symmetric and positive semidefinite"),
    ({"Q": np.eye(4) + np.eye(4, k=1)}, "Q is not symmetric"),
    ({"P0": -np.eye(4)}, "P0 is not"),
    ({"R": [0.1, -0.1]}, "R is not"),
    ({"A": np.ones((3, 4))}, "A must be square"),
    ({"C": np.ones((2, 3))}, "C needs a row"),
    ({"B": np.ones((4, 2))}, "needs a signal for each"),
    ({"x0": [math.inf, 0, 0, 0]}, "must be finite"),
    ({"stale_inflation": 0.5}, "stale_inflation must be"),
]


@pytest.mark.parametrize(("changed", "why"), REFUSED, ids=[w for _, w in REFUSED])
def test_bad_configuration_is_refused_by_name(alone: Made, changed: dict[str, Any], why: str) -> None:
    s = {**system(4, 2, 1, 3), "D": np.zeros(0)}
    with pytest.raises(_core.BuildError, match=why):
        alone("kalman", 3, 12, **{**s, **changed})


def test_an_observer_with_the_filters_final_gain_ends_where_the_filter_does(alone: Made) -> None:
    s = {**system(4, 2, 1, 3), "D": np.zeros(0)}
    M = s["P0"]
    for _ in range(2000):
        S = s["C"] @ M @ s["C"].T + np.diag(s["R"])
        L = M @ s["C"].T @ np.linalg.inv(S)
        M = s["A"] @ (M - L @ s["C"] @ M) @ s["A"].T + s["Q"]
    observer = alone("luenberger", 3, 6, **{k: s[k] for k in ("A", "B", "C", "x0")}, L=L)
    filtered, random = filter_of(alone, s), np.random.default_rng(5)
    rows = random.normal(size=(400, 3))
    assert np.allclose(observer.run(rows)[-1, :4], filtered.run(rows)[-1, :4], rtol=0, atol=1e-9)


@pytest.mark.parametrize("n", [1, 3, 7, 9])
def test_the_state_holds_nothing_but_what_the_filter_put_there(alone: Made, n: int) -> None:
    """Rows of P are padded to an even number: left as the stack had it, no hash of a state would repeat."""
    s = {**system(n, 1, 0, 5), "D": np.zeros(0)}
    it = filter_of(alone, s)
    it.run([[0.1]] * 50)
    assert (it.memory()[-n * (n + 1) :].reshape(n, n + 1)[:, n] == 0).all()
