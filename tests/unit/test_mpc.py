"""The block mpc: OSQP's solution, hard bounds that hold whatever happens, bounded work, the same bits after a copy."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from mpc_cases import Controller, largest_error, osqp_solution, random_problem

from hil.design.mpc import MpcProblem, condense
from hil.errors import HilError

CASES = [(plant, horizon) for plant in ("double integrator", "cart-pole") for horizon in (10, 20)]


def problems(count, seed=1):
    rng = np.random.default_rng(seed)
    return ((rng, *random_problem(rng, *CASES[i % len(CASES)])) for i in range(count))


def test_plan_and_slack_are_those_of_osqp(full):
    """Few problems are beyond OSQP at this tolerance; there the conditions of an optimum hold the same bound."""
    worst = slackest = iterations = proved = 0.0
    count, unsolved = full(32, 1000), 0
    for rng, problem, x in problems(count):
        before = rng.uniform(problem.u_lo[0], problem.u_hi[0], 1)
        controller = Controller(condense(problem), start=[before[0]])
        _, status, used, slack = controller.step(x)
        found = osqp_solution(problem, x, before)
        assert status == 0
        if found is None:
            unsolved += 1
            proved = max(proved, largest_error(problem, x, before, controller.plan))
        else:
            worst = max(worst, float(np.abs(controller.plan - found[0]).max()))
            slackest = max(slackest, abs(slack - found[1]))
        iterations = max(iterations, used)
    print(f"\nlargest difference to OSQP: input {worst:.2g}, slack {slackest:.2g}; iterations up to {iterations:.0f}")
    print(f"{unsolved} of {count} beyond OSQP, from their optimum at most {proved:.2g}")
    assert worst < 1e-6
    assert slackest < 1e-6
    assert proved < 1e-6
    assert unsolved <= 0.01 * count


def test_the_bound_without_a_solver_sees_a_plan_that_is_not_the_optimum(full):
    for rng, problem, x in problems(full(16, 200)):
        before = rng.uniform(problem.u_lo[0], problem.u_hi[0], 1)
        controller = Controller(condense(problem), start=[before[0]])
        controller.step(x)
        assert largest_error(problem, x, before, controller.plan) < 1e-6
        off = controller.plan + rng.choice([-1e-5, 1e-5], len(controller.plan))
        assert largest_error(problem, x, before, off) > 1e-6


@pytest.mark.parametrize("limit", [1, 4, None])
def test_hard_bounds_hold_in_every_sample_whatever_comes(limit, full):
    seen = set()
    for rng, problem, _ in problems(full(8, 200), seed=2):
        controller = Controller(condense(replace(problem, max_iterations=limit)))
        lo, hi, rate = (np.asarray(v) for v in (problem.u_lo, problem.u_hi, problem.rate))
        before = np.zeros(1)
        for _ in range(60):
            theta = rng.normal(size=controller.n) * 10 ** rng.uniform(-2, 3)
            if rng.random() < 0.15:
                theta[rng.integers(controller.n)] = rng.choice([np.nan, np.inf, -np.inf, 1e149])
            u, status, iterations, _ = controller.step(theta)
            assert (lo <= u).all()
            assert (u <= hi).all()
            assert (np.abs(u - before) <= rate).all()
            assert iterations <= (limit or iterations)
            seen.add(status)
            before = u
    assert seen == ({0, 3} if limit is None else {0, 1, 3})


def test_bounds_hold_where_the_sum_of_input_and_rate_is_rounded():
    problem = MpcProblem(A=1, B=1, Q=1, R=1e-3, P=1, horizon=3, u_lo=-1e3, u_hi=1e3, rate=0.1)
    controller = Controller(condense(problem))
    before = np.zeros(1)
    for _ in range(2000):
        u, *_ = controller.step([-1e9])
        assert u - before <= 0.1
        before = u
    assert u > 199


def test_work_is_bounded_from_states_far_outside_all_bounds(full):
    most = 0
    for rng, problem, x in problems(full(24, 1000), seed=3):
        design = condense(problem)
        controller = Controller(design)
        for _ in range(5):
            _, status, iterations, slack = controller.step(x * 10 ** rng.uniform(0, 4))
            assert status == 0
            assert slack >= 0
            most = max(most, iterations / len(design.config["lo"]))
    print(f"\niterations: at most {most:.2f} for each row")
    assert 1 < most < 6


def test_a_warm_start_finds_the_cold_optimum_in_fewer_iterations(full):
    warm_sum = cold_sum = 0
    for _, problem, x in problems(full(8, 200), seed=4):
        A, B = np.asarray(problem.A), np.asarray(problem.B)
        warm = Controller(condense(problem))
        before = 0.0
        for _ in range(10):
            cold = Controller(condense(problem), start=[before])
            u, _, used, _ = warm.step(x)
            again, _, needed, _ = cold.step(x)
            assert np.allclose(warm.plan, cold.plan, rtol=0, atol=1e-8)
            assert abs(u - again) < 1e-8
            warm_sum, cold_sum = warm_sum + used, cold_sum + needed
            x = A @ x + B @ u
            before = float(u[0])
    print(f"\niterations of a warm start: {warm_sum / cold_sum:.2f} of a cold one's")
    assert warm_sum < 0.6 * cold_sum


def test_a_copied_state_goes_on_with_the_same_bits():
    rng = np.random.default_rng(5)
    problem, x = random_problem(rng, "cart-pole", 10)
    design = condense(problem)
    first, second = Controller(design), Controller(design)
    for _ in range(10):
        first.step(x * rng.normal())
    second.state.restore(first.state.snapshot())
    for _ in range(10):
        theta = x * rng.normal()
        assert first.step(theta)[0] == second.step(theta)[0]
    assert first.state.hash() == second.state.hash()


def test_without_bounds_it_is_the_lqr():
    rng = np.random.default_rng(6)
    problem, x = random_problem(rng, "cart-pole", 10)
    free = replace(problem, u_lo=[-1e6], u_hi=[1e6], rate=None, S=None, C=None, y_lo=None, y_hi=None, soft=None)
    A, B, P, R = (np.asarray(v) for v in (free.A, free.B, free.P, free.R))
    K = np.linalg.solve(R + B.T @ P @ B, B.T @ P @ A)
    u, _, iterations, slack = Controller(condense(free)).step(x)
    assert abs(u + K @ x) < 1e-9 * np.abs(K).max()
    assert (iterations, slack) == (1, 0.0)


def test_output_rests_at_its_reference_under_a_measured_disturbance_around_an_operating_point():
    A, B, E = np.array([[0.9, 0.1], [0.0, 0.8]]), np.array([[0.0], [0.5]]), np.array([[0.1], [0.0]])
    x0, u0, d = np.array([2.0, 2.0]), 0.8, 0.5
    problem = MpcProblem(
        A=A, B=B, Q=np.eye(2), R=0.1, P=10 * np.eye(2), horizon=15, u_lo=0.0, u_hi=2.0, rate=0.2, C=[[1, 0]], E=E,
        y_hi=3.2, soft=1e5, references=True, measured=True, x0=x0, u0=u0, y0=x0[:1],
    )  # fmt: skip
    controller = Controller(condense(problem))
    x, u, tops = x0.copy(), np.array([u0]), []
    for _ in range(300):
        u, status, _, _ = controller.step([*x, 3.0, d, *u])
        assert status == 0
        x = x0 + A @ (x - x0) + B @ (u - u0) + E[:, 0] * d
        tops.append(x[0])
    assert abs(x[0] - 3.0) < 1e-6
    assert max(tops) < 3.2 + 1e-3


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"Q": [[1, 0], [0, -1]]}, "Q: is not positive semidefinite"),
        ({"R": [[0.0]], "Q": np.zeros((2, 2)), "P": np.zeros((2, 2))}, "does not decide on all inputs"),
        ({"u_lo": [2.0], "u_hi": [1.0]}, "above u_hi"),
        ({"B": np.zeros((3, 1))}, "B: has the shape"),
        ({"soft": [0.0]}, "slack is not positive"),
        ({"horizon": 0}, "at least one sample"),
    ],
)
def test_problems_that_are_none_are_named(changed, told):
    problem, _ = random_problem(np.random.default_rng(7), "double integrator", 10)
    with pytest.raises(HilError, match=told):
        condense(replace(problem, S=None, **changed))
