"""The quadruple tank of the shipped rig against its paper: K. H. Johansson, IEEE Trans. CST 8 (2000), 456-465."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from hil.models import CompiledModel, compile_model, load_model
from hil.models.compiled import Vector

RIG = Path(__file__).resolve().parents[2] / "rigs" / "quad_tank"
REST_CM = [12.26, 12.78, 1.63, 1.41]


@pytest.fixture(scope="module")
def tank(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CompiledModel]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HIL_CACHE_DIR", str(tmp_path_factory.mktemp("models")))
        yield compile_model(load_model("model.py:QuadTank", RIG))


def params(tank: CompiledModel, **changed: float) -> Vector:
    values = {v.name: v.value for v in tank.p}
    assert set(changed) <= set(values)
    return np.array(list((values | changed).values()))


def settled(tank: CompiledModel, u: list[float], p: Vector, x: Vector | None = None, time_s: float = 3000) -> Vector:
    return tank.step(tank.x0 if x is None else x, u, p, time_s, round(time_s / 0.05))


def test_levels_at_rest_with_three_volts_are_those_of_the_paper(tank: CompiledModel) -> None:
    from_empty = settled(tank, [3, 3], tank.p0, np.zeros(4))
    from_full = settled(tank, [3, 3], tank.p0, np.full(4, 0.25))
    assert np.round(100 * from_empty, 2).tolist() == REST_CM
    assert np.allclose(from_empty, from_full, atol=1e-6)
    assert np.allclose(tank.ode(from_empty, [3, 3], tank.p0), 0, atol=1e-9)


def test_the_start_is_at_rest_to_the_last_digit_of_the_paper(tank: CompiledModel) -> None:
    assert (100 * tank.x0).tolist() == pytest.approx(REST_CM)
    assert np.abs(tank.step(tank.x0, [3, 3], tank.p0, 1.0) - tank.x0).max() < 1e-5


def test_time_constants_and_gains_are_those_of_the_paper(tank: CompiledModel) -> None:
    """Table II: T = 62, 90, 23, 30 s at the operating point P-; equation (4) for the input matrix."""
    x = settled(tank, [3, 3], tank.p0)
    A, B, C, D = tank.jacobian(x, [3, 3], tank.p0)
    assert -1 / np.diag(A) == pytest.approx([62, 90, 23, 30], rel=0.03)
    assert A[0, 2] == pytest.approx(-A[2, 2])  # what leaves tank 3 arrives in tank 1
    assert A[1, 3] == pytest.approx(-A[3, 3])
    expected = [[0.7 * 3.33 / 28, 0], [0, 0.6 * 3.35 / 32], [0, 0.4 * 3.35 / 28], [0.3 * 3.33 / 32, 0]]
    assert np.allclose(100 * B, expected)
    assert np.array_equal(C, np.eye(4))
    assert not D.any()


def test_more_water_through_the_pumps_stands_in_the_tanks(tank: CompiledModel) -> None:
    """Volume gained equals volume pumped minus volume that left through the lower outlets, summed over a minute."""
    p, x, u, h = tank.p0, tank.x0, [4.0, 3.5], 0.01
    area = np.array([28e-4, 32e-4, 28e-4, 32e-4])
    left = 0.0
    for _ in range(6000):
        middle = tank.step(x, u, p, h / 2)[:2]
        left += h * float(np.sum(np.array([0.071e-4, 0.057e-4]) * np.sqrt(2 * 9.81 * middle)))
        x = tank.step(x, u, p, h)
    pumped = 60 * (3.33e-6 * u[0] + 3.35e-6 * u[1])
    assert float(np.sum(area * (x - tank.x0))) == pytest.approx(pumped - left, rel=1e-6)


def test_a_tank_without_inflow_empties_and_never_goes_negative(tank: CompiledModel) -> None:
    x = tank.x0
    for _ in range(3000):
        x = tank.step(x, [0, 0], tank.p0, 0.1)
        assert x.min() >= 0
    assert x.tolist() == [0, 0, 0, 0]
    assert np.all(tank.step(x, [1, 1], tank.p0, 1.0) > 0)


def test_an_empty_tank_has_a_finite_jacobian(tank: CompiledModel) -> None:
    for x in (np.zeros(4), np.array([-0.01, 0, 0.1, 0])):
        assert all(np.isfinite(part).all() for part in tank.jacobian(x, [0, 0], tank.p0))


def test_a_blocked_outlet_fills_the_tank_until_it_spills(tank: CompiledModel) -> None:
    blocked = settled(tank, [3, 3], params(tank, a1=0.0))
    assert blocked[0] == 0.25
    assert blocked[1:] == pytest.approx(settled(tank, [3, 3], tank.p0)[1:], abs=1e-9)


def test_a_blocked_upper_outlet_starves_the_tank_below(tank: CompiledModel) -> None:
    normal, blocked = settled(tank, [3, 3], tank.p0), settled(tank, [3, 3], params(tank, a3=0.0))
    assert blocked[2] == 0.25
    assert blocked[0] < 0.6 * normal[0]


def test_a_leak_lowers_its_own_tank_and_a_leak_above_also_the_one_below(tank: CompiledModel) -> None:
    normal = settled(tank, [3, 3], tank.p0)
    low = settled(tank, [3, 3], params(tank, leak2=0.02e-4))
    assert low[1] < 0.7 * normal[1]
    assert low[[0, 2, 3]] == pytest.approx(normal[[0, 2, 3]], abs=1e-9)
    high = settled(tank, [3, 3], params(tank, leak3=0.02e-4))
    assert high[2] < normal[2]
    assert high[0] < normal[0]


def test_a_pump_does_not_suck(tank: CompiledModel) -> None:
    assert tank.ode(tank.x0, [-5, -5], tank.p0).tolist() == tank.ode(tank.x0, [0, 0], tank.p0).tolist()


def test_everything_is_in_si_units(tank: CompiledModel) -> None:
    assert {v.unit for v in (*tank.x, *tank.y)} == {"m"}
    assert [v.name for v in tank.y] == ["h1", "h2", "h3", "h4"]
    assert [(v.name, v.unit) for v in tank.u] == [("v1", "V"), ("v2", "V")]
    assert not tank.feedthrough
