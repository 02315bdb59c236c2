"""Measurements taken up at the time of their source: the estimate is that of a filter that had them all in time."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from timed import Timed, Vector

from hil import _core
from hil.models import CompiledModel, Input, Model, Output, Param, State, compile_model
from hil.models.math import sin

Matrix = NDArray[np.float64]
Made = Callable[..., Timed]
DT_NS, D, STALE, BAD, FAILED = 10_000_000, 6, 1, 8, 1
N, M, TICKS = 3, 2, 120
HEAD = 7 + 1  # counters of the head, u
RING = {"kalman": HEAD + N + N * 4, **dict.fromkeys(("ekf", "ukf"), HEAD + N + 2 * (N * (N + 1) // 2))}

A = np.array([[1.0, 0.01, 0.0], [-0.2, 0.97, 0.1], [0.0, 0.0, 0.995]])
LINEAR = {
    "A": A,
    "B": [[0.0], [0.01], [0.002]],
    "C": [[1.0, 0.0, 0.0], [0.0, 1.0, 0.5]],
    "Q": np.diag([1e-5, 1e-3, 1e-4]),
    "R": [0.01, 0.04],
    "P0": np.eye(N),
    "x0": [0.3, 0.0, -0.2],
}


class Arm(Model):
    """A driven arm on a slow torque; its height and its speed are measured."""

    angle = State(0.3, unit="rad")
    speed = State(0.0, unit="rad/s")
    bias = State(-0.2, unit="1/s**2")
    torque = Input(unit="1/s**2")
    height = Output()
    rate = Output(unit="rad/s")
    stiffness = Param(9.0, unit="1/s**2", min=0.0, max=100.0)

    def equations(self) -> dict[str, Any]:
        push = self.torque + self.bias - self.stiffness * sin(self.angle) - 0.5 * self.speed
        return {"angle": self.speed, "speed": push, "bias": -0.1 * self.bias}

    def outputs(self) -> dict[str, Any]:
        return {"height": sin(self.angle), "rate": self.speed}


@pytest.fixture(scope="module")
def arm() -> CompiledModel:
    return compile_model(Arm, "rk4", ekf=True)


@pytest.fixture(params=["kalman", "joseph", "feedthrough", "ekf", "loops", "ukf"])
def made(request: pytest.FixtureRequest, arm: CompiledModel) -> Made:
    """Makes one of the filters, in each of its forms."""

    def make(delay: int = D, **more: Any) -> Timed:
        config = {"max_delay_s": delay * DT_NS * 1e-9, **more}
        if request.param in ("ekf", "loops", "ukf"):
            config = {"Q": LINEAR["Q"], "R": LINEAR["R"], "P0": LINEAR["P0"], **config}
            substeps = 1 + (request.param == "loops")
            kind = "ukf" if request.param == "ukf" else "ekf"
            return Timed(kind, 1, M, 2 * N + M + 2, DT_NS, model=arm, substeps=substeps, **config)
        config["D"] = [[0.3], [0.0]] if request.param == "feedthrough" else []
        return Timed("kalman", 1, M, 2 * N + M + 2, DT_NS, **{**LINEAR, "update": request.param == "joseph", **config})

    return make


def signals(seed: int = 1) -> tuple[Matrix, Matrix]:
    random = np.random.default_rng(seed)
    return random.normal(size=(TICKS, 1)), random.normal(size=(TICKS, M)) * 0.3


def arriving(ys: Matrix, delays: NDArray[np.int64]) -> list[dict[int, tuple[float, int]]]:
    """Per tick what comes in: measurement [k, i] comes delays[k, i] ticks late."""
    queue: list[dict[int, tuple[float, int]]] = [{} for _ in range(TICKS)]
    for k, i in np.ndindex(ys.shape):
        if delays[k, i] >= 0 and k + delays[k, i] < TICKS:
            queue[k + delays[k, i]][i] = (ys[k, i], k * DT_NS)
    return queue


def delivered(queue: list[dict[int, tuple[float, int]]]) -> NDArray[np.bool_]:
    """Which of the measurements a queue brings: a place holds one of them only."""
    came = np.zeros((TICKS, M), dtype=bool)
    for arrivals in queue:
        for i, (_, time_ns) in arrivals.items():
            came[time_ns // DT_NS, i] = True
    return came


def in_time(ys: Matrix, came: NDArray[np.bool_]) -> list[dict[int, tuple[float, int]]]:
    """The same measurements, each at its own tick."""
    return [{i: (ys[k, i], k * DT_NS) for i in range(M) if came[k, i]} for k in range(TICKS)]


def run(it: Timed, us: Matrix, queue: list[dict[int, tuple[float, int]]], first: int = 0) -> Matrix:
    return np.array([it.step(us[k], queue[k]) for k in range(first, len(queue))])


def estimates(rows: Matrix) -> Matrix:
    return rows[:, : 2 * N]


@pytest.mark.parametrize("delay", [0, 1, 3, D])
def test_a_constant_delay_costs_no_bit_of_the_estimate(made: Made, delay: int) -> None:
    """After the last measurement has come in, what is left is the prediction over the delay, equal to the last bit."""
    us, ys = signals()
    late = arriving(ys, np.full(ys.shape, delay))
    it, oracle = made(), made()
    ours, wanted = run(it, us, late), run(oracle, us, in_time(ys, delivered(late)))
    assert np.array_equal(estimates(ours)[-1], estimates(wanted)[-1])
    assert it.counters(RING[it.kind])["late"] == (TICKS - delay) * M * (delay > 0)


def test_out_of_order_measurements_give_the_bits_of_ordered_ones(made: Made) -> None:
    us, ys = signals(2)
    delays = np.random.default_rng(3).integers(0, D + 1, ys.shape)
    delays[-D:] = 0  # the end is complete
    late = arriving(ys, delays)
    came = delivered(late)
    assert 0.3 < came[:-D].mean() < 0.9, "some are overtaken, some overwrite others"
    ours, wanted = run(made(), us, late), run(made(), us, in_time(ys, came))
    assert not np.array_equal(estimates(ours)[50], estimates(wanted)[50])
    assert np.array_equal(estimates(ours)[-1], estimates(wanted)[-1])


def test_likelihood_and_nis_add_up_to_those_in_time(made: Made) -> None:
    """What late measurements add telescopes: sums over a run are those of the run in time."""
    us, ys = signals(4)
    delays = np.random.default_rng(5).integers(0, D + 1, ys.shape)
    delays[-D:] = 0
    late = arriving(ys, delays)
    ours, wanted = run(made(), us, late), run(made(), us, in_time(ys, delivered(late)))
    assert np.allclose(ours[:, -2:].sum(axis=0), wanted[:, -2:].sum(axis=0), rtol=1e-9)
    assert ours[:, -2].min() > -1e-6 * ours[:, -2].max(), "a new measurement never takes surprise away"


def test_it_is_the_plain_filter_when_everything_is_in_time(made: Made) -> None:
    """Against the block without a delay, fed with NaN where nothing comes."""
    us, ys = signals(6)
    came = np.random.default_rng(7).random(ys.shape) < 0.7
    plain, it, rows = made(0), made(), []
    for k in range(TICKS):
        gone = {i: (ys[k, i] if came[k, i] else math.nan, k * DT_NS) for i in range(M)}
        rows.append(plain.step(us[k], gone))
    assert np.array_equal(run(it, us, in_time(ys, came)), np.array(rows))


def dense(us: Matrix, ys: Matrix, came: NDArray[np.bool_]) -> Vector:
    """Least squares over the whole run at once: no recursion, no order. x and the diagonal of P at the end."""
    G, H = np.linalg.inv(LINEAR["Q"]), np.asarray(LINEAR["C"])
    info, right = np.zeros((N * TICKS, N * TICKS)), np.zeros(N * TICKS)
    at = [slice(N * k, N * k + N) for k in range(TICKS)]
    info[at[0], at[0]] += np.linalg.inv(LINEAR["P0"])
    right[at[0]] += np.linalg.inv(LINEAR["P0"]) @ LINEAR["x0"]
    for k, (a, b) in enumerate(pairwise(at)):
        J = np.hstack([-A, np.eye(N)])
        both = slice(a.start, b.stop)
        info[both, both] += J.T @ G @ J
        right[both] += J.T @ G @ np.asarray(LINEAR["B"]) @ us[k]
    for k, i in zip(*np.nonzero(came), strict=True):
        info[at[k], at[k]] += np.outer(H[i], H[i]) / LINEAR["R"][i]
        right[at[k]] += H[i] * ys[k, i] / LINEAR["R"][i]
    P = np.linalg.inv(info)
    return np.concatenate([(P @ right)[at[-1]], np.diag(P[at[-1], at[-1]])])


def test_it_is_least_squares_over_all_measurements() -> None:
    us, ys = signals(8)
    delays = np.random.default_rng(9).integers(0, D + 1, ys.shape)
    late = arriving(ys, delays)
    it = Timed("kalman", 1, M, 2 * N + M + 2, DT_NS, **LINEAR, max_delay_s=D * DT_NS * 1e-9)
    assert np.abs(estimates(run(it, us, late))[-1] - dense(us, ys, delivered(late))).max() < 1e-9


def test_a_slow_sensor_that_is_held_counts_once(made: Made) -> None:
    """Channel 1 comes every tenth sample and three samples late; then it holds, at the same source time."""
    us, ys = signals(10)
    delays = np.zeros(ys.shape, dtype=np.int64)
    delays[:, 1] = np.where(np.arange(TICKS) % 10 == 0, 3, -1)
    late = arriving(ys, delays)
    it = made()
    ours, wanted = run(it, us, late), run(made(), us, in_time(ys, delivered(late)))
    assert np.array_equal(estimates(ours)[-1], estimates(wanted)[-1])
    counted = it.counters(RING[it.kind])
    assert counted["late"] == TICKS // 10
    assert counted["duplicate"] + counted["too_old"] == TICKS - TICKS // 10  # after six samples the held one is too old


def test_an_innovation_without_a_new_measurement_is_no_sample(made: Made) -> None:
    it = made()
    it.step([0.0], {0: (0.1, 0), 1: (0.2, 0)})
    out = it.step([0.0], {0: (0.1, DT_NS)})
    status = [it.state.get_byte(it.program.offset_status(i)) for i in it.out]
    assert out[2 * N] != 0.0
    assert out[2 * N + 1] == 0.0
    assert status[2 * N : 2 * N + 2] == [0, STALE]
    assert not any(status[: 2 * N])


def test_the_nearest_sample_takes_a_measurement_between_two(made: Made) -> None:
    us, ys = signals(11)
    shift = np.random.default_rng(12).integers(-DT_NS // 2 + 1, DT_NS // 2, ys.shape)
    late = [
        {i: (ys[k - 2, i], (k - 2) * DT_NS + int(shift[k - 2, i])) for i in range(M)} if k > 2 else {}
        for k in range(TICKS)
    ]
    wanted = run(
        made(),
        us,
        [{i: (ys[k, i], k * DT_NS) for i in range(M)} if k in range(1, TICKS - 2) else {} for k in range(TICKS)],
    )
    assert np.array_equal(estimates(run(made(), us, late))[-1], estimates(wanted)[-1])


def test_too_old_and_future_ones_are_left_out_and_counted(made: Made) -> None:
    us, ys = signals(13)
    queue = in_time(ys, np.ones(ys.shape, dtype=bool))
    for k in range(20, TICKS, 7):
        queue[k][0] = (1e3, (k - D - 1) * DT_NS)
        queue[k][1] = (1e3, (k + 2) * DT_NS)
    queue[30][0], queue[31][0] = (1e3, -(2**62)), (1e3, 2**63 - 1)
    came = np.ones(ys.shape, dtype=bool)
    came[20::7] = came[30, 0] = came[31, 0] = False
    came[30, 0] = came[31, 0] = False
    it = made()
    ours, wanted = run(it, us, queue), run(made(), us, in_time(ys, came))
    assert np.array_equal(estimates(ours)[-1], estimates(wanted)[-1])
    counted, wrong = it.counters(RING[it.kind]), len(range(20, TICKS, 7))
    assert counted["too_old"] == wrong + 1
    assert counted["future"] == wrong + 1


def test_a_clock_that_runs_ahead_by_less_than_a_sample_is_taken_as_now_and_once(made: Made) -> None:
    it = made()
    it.step([0.0], {})
    taken = it.step([0.0], {0: (0.5, DT_NS + DT_NS * 7 // 10)})
    assert taken[2 * N] != 0.0
    assert it.step([0.0], {})[2 * N] == 0.0
    assert it.counters(RING[it.kind])["duplicate"] >= 1


def test_a_snapshot_in_the_middle_of_a_window_goes_on_with_the_same_bits(made: Made) -> None:
    us, ys = signals(14)
    late = arriving(ys, np.random.default_rng(15).integers(0, D + 1, ys.shape))
    it, other = made(), made()
    run(it, us, late[:60])
    other.state.restore(it.state.snapshot())
    assert np.array_equal(run(it, us, late, 60), run(other, us, late, 60))
    assert it.state.hash() == other.state.hash()


def test_what_is_not_a_number_never_gets_into_the_ring(made: Made) -> None:
    us, ys = signals(16)
    random = np.random.default_rng(17)
    late = arriving(ys, random.integers(0, D + 1, ys.shape))
    for arrivals in late:
        for i in arrivals:
            if random.random() < 0.3:
                arrivals[i] = (random.choice([np.nan, np.inf, -np.inf, 1e200]), arrivals[i][1])
    us[random.random(us.shape) < 0.2] = np.nan
    it = made()
    rows = run(it, us, late)
    assert np.isfinite(it.memory()).all()
    assert np.isfinite(rows).all()


def test_a_late_measurement_that_fails_leaves_the_rest_as_it_was() -> None:
    """Without any variance its innovation is impossible: that sample is lost, as it is when it comes in time."""
    exact = {**LINEAR, "R": [0.0, 0.04], "P0": np.zeros((N, N)), "Q": np.zeros((N, N))}
    us, ys = signals(18)
    delays = np.full(ys.shape, -1)
    delays[40, 0], delays[:, 1] = 4, 0
    late = arriving(ys, delays)
    it, oracle = (Timed("kalman", 1, M, 2 * N + M + 2, DT_NS, **exact, max_delay_s=D * DT_NS * 1e-9) for _ in range(2))
    before = run(it, us, late[:44])
    it.step(us[44], late[44])
    status = [it.state.get_byte(it.program.offset_status(i)) for i in it.out]
    assert all(bits & BAD for bits in status)
    assert np.isfinite(before).all()
    assert it.memory()[FAILED] == 1
    rows, wanted = run(it, us, late, 45), run(oracle, us, in_time(ys, delivered(late)))
    assert np.array_equal(estimates(rows)[-1], estimates(wanted)[-1])
    assert it.memory()[FAILED] == oracle.memory()[FAILED] == 1


@pytest.mark.parametrize("delay_s", [-0.01, 2.58, math.nan, math.inf])
def test_a_window_that_cannot_be_is_refused(delay_s: float) -> None:
    with pytest.raises(_core.BuildError, match="max_delay_s must be 0 or more, and at most 256 samples"):
        Timed("kalman", 1, M, 2 * N + M + 2, DT_NS, **LINEAR, max_delay_s=delay_s)
