"""The block kalman against a filter that is written densely in NumPy, and against filterpy's; and what it does with
measurements that are missing, stale, bad or impossible."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from hil import _core

filterpy = pytest.importorskip("filterpy.kalman", reason="needs filterpy: pip install 'hil[test]'")
PERIOD_S, STALE, BAD = 1e-3, 1, 8


@dataclass(frozen=True)
class System:
    """A random stable system, its noises, and a first estimate."""

    A: Any
    B: Any
    C: Any
    D: Any
    Q: Any
    R: Any
    P0: Any
    x0: Any

    @property
    def shape(self) -> tuple[int, int, int]:
        """States, known inputs, measurements."""
        return len(self.A), self.B.shape[1], len(self.C)


def system(n: int, n_u: int, m: int, seed: int) -> System:
    rng = np.random.default_rng(seed)
    a = rng.normal(size=(n, n))
    a *= 0.98 / max(abs(np.linalg.eigvals(a)))
    g, p = rng.normal(size=(n, n)) * 0.3, rng.normal(size=(n, n))
    return System(
        a,
        rng.normal(size=(n, n_u)),
        rng.normal(size=(m, n)),
        rng.normal(size=(m, n_u)),
        g @ g.T,
        rng.uniform(0.1, 2.0, m),
        p @ p.T,
        rng.normal(size=n),
    )


def simulate(s: System, samples: int, seed: int) -> tuple[Any, Any, Any]:
    """True states, known inputs, measurements; the first estimate is off by a draw from its own covariance."""
    rng = np.random.default_rng(seed)
    n, n_u, m = s.shape
    x = rng.multivariate_normal(s.x0, s.P0)
    u = rng.normal(size=(samples, n_u))
    states, measured = np.empty((samples, n)), np.empty((samples, m))
    for k in range(samples):
        x = s.A @ x + s.B @ u[k] + rng.multivariate_normal(np.zeros(n), s.Q)
        states[k], measured[k] = x, s.C @ x + s.D @ u[k] + rng.normal(size=m) * np.sqrt(s.R)
    return states, u, measured


def oracle(s: System, u: Any, y: Any, taken: Any) -> dict[str, Any]:
    """All measurements of a sample at once, in Joseph's form; `taken` (samples, m) says which there are."""
    n, _, _ = s.shape
    x, P, rows = s.x0, s.P0, []
    for k in range(len(u)):
        x, P = s.A @ x + s.B @ u[k], s.A @ P @ s.A.T + s.Q
        rest, C, R = y[k] - s.C @ x - s.D @ u[k], s.C[taken[k]], np.diag(s.R[taken[k]])
        rest, S = rest[taken[k]], C @ P @ C.T + R
        K = P @ C.T @ np.linalg.inv(S)
        x, left = x + K @ rest, np.eye(n) - K @ C
        P = left @ P @ left.T + K @ R @ K.T
        nis = rest @ np.linalg.solve(S, rest) if len(rest) else 0.0
        log_l = -0.5 * (nis + np.linalg.slogdet(S)[1] + len(rest) * math.log(2 * math.pi)) if len(rest) else 0.0
        rows.append((x, np.diag(P), nis, log_l))
    return dict(zip(("x", "P", "nis", "log"), map(np.array, zip(*rows, strict=True)), strict=True))


class Filter:
    """The block in a bench of its own, fed from arrays."""

    def __init__(self, hand_bench: Any, s: System, u: Any, y: Any, update: str = "standard") -> None:
        n, n_u, m = s.shape
        self.n, self.m, b = n, m, hand_bench()
        names = [f"u{i}" for i in range(n_u)] + [f"y{i}" for i in range(m)]
        t = [k * PERIOD_S for k in range(len(u))]
        for name, column in zip(names, np.hstack([u, y]).T, strict=True):
            b.block(f"feed {name}", "playback", [], [name], t=t, u=[float(v) for v in column])
        of = ["A", "C", "Q", "P0", "x0", "B", "D", "R"]
        matrices = {key: [float(v) for v in np.ravel(getattr(s, key))] for key in of}
        outputs = [f"x{i}" for i in range(n)] + [f"p{i}" for i in range(n)] + [f"e{i}" for i in range(m)]
        self.names = [*outputs, "nis", "log"]
        b.block("filter", "kalman", names, self.names, **matrices, update=[float(update == "joseph")])
        self.bench, self.state = b, b.start()

    def step(self) -> dict[str, Any]:
        self.state.run(1)
        row = np.array([self.bench.get(self.state, name) for name in self.names])
        n, m = self.n, self.m
        return {"x": row[:n], "P": row[n : 2 * n], "e": row[2 * n : 2 * n + m], "nis": row[-2], "log": row[-1]}

    def run(self, samples: int) -> dict[str, Any]:
        rows = [self.step() for _ in range(samples)]
        return {key: np.array([row[key] for row in rows]) for key in rows[0]}

    def covariance(self) -> Any:
        """P, which lies behind a counter and x in the block's state; for an even number of states."""
        n = self.n
        memory = self.bench.memory(self.state, "filter", 1 + n + n * n)
        return np.array(memory[1 + n :]).reshape(n, n)

    def status(self, name: str) -> int:
        return int(self.bench.status(self.state, name))


def worst(found: Any, wanted: Any) -> float:
    """Largest difference, relative to numbers above 1."""
    return float(np.max(np.abs(found - wanted) / np.maximum(1.0, np.abs(wanted))))


SIZES = [(1, 1, 1), (2, 1, 1), (3, 2, 2), (4, 1, 2), (6, 2, 3), (7, 0, 4), (12, 3, 6), (16, 2, 8)]


@pytest.mark.parametrize("update", ["standard", "joseph"])
@pytest.mark.parametrize("shape", SIZES)
def test_it_equals_a_dense_filter(hand_bench: Any, shape: tuple[int, int, int], update: str) -> None:
    s = system(*shape, seed=sum(shape))
    _, u, y = simulate(s, 200, 1)
    found = Filter(hand_bench, s, u, y, update).run(200)
    wanted = oracle(s, u, y, np.ones_like(y, dtype=bool))
    for key in wanted:
        assert worst(found[key], wanted[key]) < 1e-9, key


@pytest.mark.parametrize("shape", SIZES[3:7])
def test_it_equals_filterpy(hand_bench: Any, shape: tuple[int, int, int]) -> None:
    s = system(*shape, seed=3)
    n, n_u, m = shape
    _, u, y = simulate(s, 100, 2)
    other = filterpy.KalmanFilter(dim_x=n, dim_z=m, dim_u=n_u)
    other.x, other.P, other.F, other.Q = s.x0[:, None], s.P0, s.A, s.Q
    other.H, other.R, other.B = s.C, np.diag(s.R), s.B if n_u else None
    ours = Filter(hand_bench, s, u, y)
    for k in range(100):
        other.predict(u[k][:, None] if n_u else None)
        other.update((y[k] - s.D @ u[k])[:, None])
        step = ours.step()
        assert worst(step["x"], other.x[:, 0]) < 1e-9
        assert worst(step["P"], np.diag(other.P)) < 1e-9
        assert worst(step["log"], other.log_likelihood) < 1e-9


def test_errors_and_innovations_are_as_large_as_the_filter_says(hand_bench: Any, full: Any) -> None:
    """NEES and NIS of seeded runs lie inside the chi-square bounds of 99.9 % (Bar-Shalom, Li, Kirubarajan 2001, 5.4)."""
    from scipy.stats import chi2

    runs, samples = full(30, 1000), 40
    s = system(4, 1, 2, seed=9)
    nees = nis = 0.0
    for seed in range(runs):
        x, u, y = simulate(s, samples, seed)
        kf = Filter(hand_bench, s, u, y)
        found = kf.run(samples)
        covariance = kf.covariance()
        error = x[-1] - found["x"][-1]
        nees += error @ np.linalg.solve(covariance, error)
        nis += found["nis"].sum()
    assert chi2.ppf(0.0005, 4 * runs) < nees < chi2.ppf(0.9995, 4 * runs)
    assert chi2.ppf(0.0005, 2 * runs * samples) < nis < chi2.ppf(0.9995, 2 * runs * samples)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e200])
def test_what_is_no_measurement_never_reaches_the_state(hand_bench: Any, value: float) -> None:
    s = system(4, 1, 2, seed=5)
    _, u, y = simulate(s, 60, 4)
    taken = np.ones_like(y, dtype=bool)
    taken[10:20, 0] = taken[15:30, 1] = False
    kf = Filter(hand_bench, s, u, np.where(taken, y, value))
    wanted = oracle(s, u, y, taken)
    for k in range(60):
        step = kf.step()
        assert worst(step["x"], wanted["x"][k]) < 1e-9, k
        assert worst(step["nis"], wanted["nis"][k]) < 1e-9, k
        assert [kf.status(f"e{i}") for i in range(2)] == [0 if ok else BAD for ok in taken[k]]
        assert kf.status("x0") == kf.status("nis") == 0, "what is known is still good"


def test_an_input_without_a_value_acts_as_it_did_last(hand_bench: Any) -> None:
    s = system(3, 1, 2, seed=6)
    _, u, y = simulate(s, 40, 4)
    broken, held = u.copy(), u.copy()
    broken[12:15], held[12:15] = math.nan, u[11]
    found = Filter(hand_bench, s, broken, y).run(40)
    assert worst(found["x"], oracle(s, held, y, np.ones_like(y, dtype=bool))["x"]) < 1e-9


def test_a_model_that_explodes_is_told_and_begins_anew(hand_bench: Any) -> None:
    s = System(*(np.array(v, dtype=float) for v in ([[1e60]], [[0]], [[0]], [[0]], [[1]], [1], [[1]], [0.5])))
    u = np.zeros((8, 1))
    kf = Filter(hand_bench, s, u, u + 1.0)
    told = []
    for _ in range(8):
        step = kf.step()
        told.append(kf.status("x0") == BAD)
        assert all(np.isfinite(step[key]).all() for key in step)
    assert any(told)
    assert not told[0]


def test_a_long_run_stays_symmetric_and_converges(hand_bench: Any, full: Any) -> None:
    steps = full(10**5, 10**8)
    s = system(4, 1, 2, seed=7)
    u = np.zeros((2, 1))
    kf = Filter(hand_bench, s, u, np.zeros((2, 2)))
    kf.state.run(1000)
    settled = kf.covariance()
    kf.state.run(steps)
    P = kf.covariance()
    assert (P == P.T).all()
    assert worst(P, settled) < 1e-9
    assert np.linalg.eigvalsh(P).min() > 0


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"Q": [1, 2, 2, 1]}, "Q must be symmetric and positive semidefinite"),
        ({"Q": [1, 0.5, 0, 1]}, "Q must be symmetric and positive semidefinite"),
        ({"P0": [-1, 0, 0, 1]}, "P0 must be symmetric and positive semidefinite"),
        ({"R": [0.0]}, "every variance of a measurement must be above zero"),
        ({"C": [1, 0, 0]}, "C needs a row for each variance in R"),
        ({"A": [1, 0, 0]}, "A must be square"),
        ({"A": [math.nan, 0, 0, 1]}, "all matrices must be finite"),
    ],
)
def test_what_is_no_filter_is_refused(hand_bench: Any, changed: dict[str, list[float]], why: str) -> None:
    given = {"A": [1, 0.1, 0, 1], "C": [1, 0], "Q": [1, 0, 0, 1], "R": [1], "P0": [1, 0, 0, 1]} | changed
    b = hand_bench()
    b.block("kf", "kalman", ["y"], [f"o{i}" for i in range(7)], **given)
    with pytest.raises(_core.BuildError, match=why):
        b.start()
