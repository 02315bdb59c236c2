"""What measurements can tell of a state, against textbook cases and python-control."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.linalg import expm

from hil.estimation.covariance import singular_innovations, why_no_covariance
from hil.estimation.observability import names_of, sampled, undriven, unobservable

Matrix = NDArray[np.float64]
DT_S = 0.01
CHAIN = np.array([[1.0, DT_S], [0.0, 1.0]])  # place and speed


def test_speed_follows_from_the_place_but_never_the_place_from_speed() -> None:
    assert unobservable(CHAIN, [[1.0, 0.0]]).rank == 2
    blind = unobservable(CHAIN, [[0.0, 1.0]])
    assert blind.rank == 1
    assert blind.modes == pytest.approx([1.0])
    assert not blind.stable.any()
    assert np.abs(blind.directions) == pytest.approx(np.array([[1.0, 0.0]]))


def test_a_chain_sampled_fast_is_seen_though_its_observability_matrix_has_lost_its_rank() -> None:
    n = 7
    A = sampled(np.eye(n, k=1), 1e-3)
    C = np.eye(n)[:1]
    powers = np.vstack([C @ np.linalg.matrix_power(A, k) for k in range(n)])
    assert np.linalg.matrix_rank(powers) < n
    assert unobservable(A, C).rank == n
    assert unobservable(A, np.eye(n)[1:2]).rank == n - 1


def test_a_bias_that_is_only_seen_in_a_sum_is_named_as_a_difference() -> None:
    hidden = unobservable(np.eye(2), [[1.0, 1.0]])
    assert names_of(hidden.directions[0], ["level", "bias"]) == "0.71 level - 0.71 bias"


def test_states_of_other_units_are_compared_by_their_usual_sizes() -> None:
    A = np.array([[0.9, 1e-7], [0.0, 0.8]])  # a pressure of 1e5 Pa moves a level of 0.01 m
    assert unobservable(A, [[1.0, 0.0]], [1e-2, 1e5]).rank == 2
    assert unobservable(A * [[1.0, 0.0], [1.0, 1.0]], [[1.0, 0.0]], [1e-2, 1e5]).rank == 1


def test_a_hidden_oscillation_has_both_of_its_modes() -> None:
    turn = 0.9 * np.array([[np.cos(0.3), np.sin(0.3)], [-np.sin(0.3), np.cos(0.3)]])
    A = np.block([[np.array([[0.5]]), np.zeros((1, 2))], [np.zeros((2, 1)), turn]])
    hidden = unobservable(A, [[1.0, 0.0, 0.0]])
    assert np.abs(hidden.modes) == pytest.approx([0.9, 0.9])
    assert hidden.stable.all()
    assert np.linalg.matrix_rank(hidden.directions) == 2
    assert np.abs(hidden.directions[:, 0]).max() < 1e-12


@pytest.mark.parametrize("n", range(2, 9))
def test_the_rank_is_that_of_python_control_and_the_hidden_modes_are_those_planted(n: int) -> None:
    control = pytest.importorskip("control", reason="python-control is not installed (extra design)")
    random = np.random.default_rng(n)
    for hidden in range(n):
        seen = n - hidden
        A = np.zeros((n, n))  # Kalman's decomposition: the hidden part feeds nothing that is seen
        A[:seen, :seen] = np.diag(random.uniform(-0.9, 0.9, seen))
        A[seen:, seen:] = np.diag(modes := random.uniform(-1.5, 1.5, hidden))
        A[seen:, :seen] = random.normal(size=(hidden, seen))
        C = np.hstack([random.uniform(0.5, 1.0, (2, seen)), np.zeros((2, hidden))])
        turned = np.linalg.qr(random.normal(size=(n, n)))[0]
        A, C = turned.T @ A @ turned, C @ turned
        found = unobservable(A, C)
        assert found.rank == seen == np.linalg.matrix_rank(control.obsv(A, C), tol=1e-9)
        assert np.sort(found.modes.real) == pytest.approx(np.sort(modes))
        assert list(found.stable) == [abs(mode) < 1.0 for mode in found.modes]
        assert np.abs(C @ found.directions.T).max(initial=0.0) < 1e-9


def test_noise_on_the_speed_reaches_the_place_and_none_on_the_place_the_speed() -> None:
    assert undriven(CHAIN, np.diag([0.0, 1e-4])).rank == 2
    asleep = undriven(CHAIN, np.diag([1e-4, 0.0]))
    assert asleep.rank == 1
    assert np.abs(asleep.directions) == pytest.approx(np.array([[0.0, 1.0]]))


@pytest.mark.parametrize("dt_s", [1e-4, 0.1, 10.0])
def test_a_sample_is_the_matrix_exponential(dt_s: float) -> None:
    A = np.random.default_rng(4).normal(size=(5, 5))
    assert sampled(A, dt_s) == pytest.approx(expm(A * dt_s), rel=1e-10, abs=1e-12 * np.abs(expm(A * dt_s)).max())


NO_COVARIANCES = [
    ([[1.0, 0.2], [0.1, 1.0]], "is not symmetric: (a, b) is 0.2, (b, a) is 0.1"),
    ([[1.0, 2.0], [2.0, 1.0]], "is not positive semidefinite: it has the eigenvalue -1, mostly of"),
    ([[1.0, 0.0], [0.0, -1e-3]], "it has the eigenvalue -0.001, mostly of b"),
    ([[0.0, 1.0], [1.0, 0.0]], "it has the eigenvalue -1"),
]


@pytest.mark.parametrize(("given", "why"), NO_COVARIANCES)
def test_what_is_no_covariance_is_told_by_its_eigenvalue(given: list[list[float]], why: str) -> None:
    found = why_no_covariance(np.array(given), ["a", "b"])
    assert found is not None
    assert why in found


@pytest.mark.parametrize("root", [np.ones((3, 1)), np.zeros((3, 3)), np.eye(3), 1e-9 * np.eye(3)])
def test_covariances_of_any_rank_are_ones(root: Matrix) -> None:
    assert why_no_covariance(root @ root.T, ["a", "b", "c"]) is None


def test_an_innovation_without_noise_is_singular_where_nothing_is_unknown() -> None:
    P = np.diag([1.0, 0.0])
    assert singular_innovations([[0.0, 1.0]], P, [0.0]) == [0]
    assert singular_innovations([[0.0, 1.0]], P, [1e-12]) == []
    assert singular_innovations([[1.0, 0.0]], P, [0.0]) == []
    twice = [[1.0, 0.0], [0.0, 1.0], [2.0, 0.0]]
    assert singular_innovations(twice, np.eye(2), [0.0, 0.0, 0.0]) == [0, 2], "two exact sensors of one state"
    assert singular_innovations(twice, np.eye(2), [0.0, 0.0, 1e-6]) == []
