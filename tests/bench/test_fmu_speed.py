"""A step of an FMU in the loop beside bare dlopen, set, fmi2DoStep, get of the same FMU with the same inputs."""

from __future__ import annotations

import shutil

import pytest
import yardstick

import hil
from hil.latency.fmu import Bare
from hil.latency.quickest import quickest

pytest.importorskip("fmpy", reason="FMPy is not installed: pip install 'hil[fmi]'")
import gemseo_wheel

pytestmark = pytest.mark.bench

GATE = 1.2
PERIOD_S = 0.001
SIDE_S = 0.3  # at most, where a neighbour has a part of the core
# By OpenModelica: one with an input and a state space of two, one with four outputs.
FMUS = {"Mass_Damper": (("f",), ("y",)), "MassSpringSystem": (("k1", "k2"), ("x1", "x2", "v1", "v2"))}


@pytest.fixture(scope="module", params=FMUS)
def name(request) -> str:
    return request.param


@pytest.fixture(scope="module")
def bench(name, tmp_path_factory):
    try:
        fmu = gemseo_wheel.linux_fmus()[name]
    except OSError as error:
        pytest.skip(f"the wheel gemseo-fmu cannot be had: {error}")
    folder = tmp_path_factory.mktemp("fmu")
    shutil.copy(fmu, folder / "plant.fmu")
    inputs, outputs = FMUS[name]
    text = f'[rig]\nname = "speed"\nperiod_s = {PERIOD_S}\n[blocks.plant]\nfmu = "plant.fmu"\n'
    text += "in = {" + ", ".join(f"{u} = 1.0" for u in inputs) + "}\n"
    (folder / "rig.toml").write_text(text + "out = {" + ", ".join(f'{y} = "{y}"' for y in outputs) + "}\n")
    with hil.open_bench(folder) as opened:
        yield opened


def ratio(bench, full, steps: int = 1, **bound: float) -> yardstick.Ratio:
    """A tick of ours beside a bare step; `steps`: so many ticks are counted as one."""
    bare = Bare(bench.built.fmus[0], PERIOD_S)
    state = hil._core.State(bench.built.program)
    assert bare.ns_per_step(100) > 0
    ours = quickest([lambda ticks: state.run(steps * ticks)], SIDE_S)
    theirs = quickest([bare.ns_per_step], SIDE_S)
    return yardstick.paired_until(ours, theirs, pairs=full(10, 20), **bound)


def test_a_step_in_the_loop_costs_little_more_than_a_bare_one(name, bench, full) -> None:
    found = ratio(bench, full, at_most=GATE)
    print(f"\n{name}, a tick / a bare step: {found} ns")
    assert found.median <= GATE


def test_the_gate_sees_an_fmu_that_is_stepped_twice(bench, full) -> None:
    assert ratio(bench, full, steps=2, at_least=GATE).median > GATE


def test_both_sides_compute_the_same(bench) -> None:
    loaded = bench.built.fmus[0]
    bare = Bare(loaded, PERIOD_S)
    state = hil._core.State(bench.built.program)
    bare.ns_per_step(500)
    state.run(501)
    ours = [state.get(bench.built.offset(wire.signal)) for wire in bench.rig.blocks["plant"].outputs]
    assert ours == pytest.approx(list(bare.y), rel=1e-9, abs=1e-9)
