"""Models in C: `model = "plant.c"` fills the core's own interface."""

from __future__ import annotations

import math

import pytest

import hil
from hil.errors import HilError, RigError
from hil.models.c_source import compile_source
from hil.rig import load_rig

SOURCE = """
#include <math.h>

static const struct hil_model_name x[] = {{"level", "m", "the level", 0.5, 0.0, 1.0}};
static const struct hil_model_name u[] = {{"inflow", "m/s", "", 0, 0, 0}};
static const struct hil_model_name y[] = {{"level", "m", "", 0, 0, 0}, {"wave", "1", "", 0, 0, 0}};
static const struct hil_model_name p[] = {{"rate", "1/s", "", 2.0, 0.0, 10.0}};

static void step(double *x, const double *u, const double *p, double dt_s, uint32_t substeps)
{
    double h = dt_s / substeps;
    for (uint32_t i = 0; i < substeps; i++)
        x[0] += h * (u[0] - p[0] * x[0]);
}

static void output(const double *x, const double *u, const double *p, double *y)
{
    y[0] = x[0];
    y[1] = sin(x[0]);
}

const struct hil_model hil_model_v1 = {
    HIL_MODEL_ABI, 1, 1, 2, 1, 0, HIL_MODEL_HASH, "Tank", "euler", x, u, y, p, step, NULL, output, NULL,
};
"""
RIG = """
[rig]
name = "c_rig"
period_s = 0.01
[blocks.plant]
model = "plant.c"
substeps = 2
rate = 3.0
in = { inflow = 0.75 }
out = { level = "h" }
[signals]
h = { unit = "m" }
"plant.wave" = {}
"""


@pytest.fixture
def rig(tmp_path):
    (tmp_path / "plant.c").write_text(SOURCE)
    (tmp_path / "rig.toml").write_text(RIG)
    return tmp_path


def test_a_model_in_c_gives_its_own_arithmetic(rig):
    with hil.open_bench(rig) as bench:
        bench.run(1)
        level = 0.5
        for ours, wave in zip(bench.history("h"), bench.history("plant.wave"), strict=True):
            assert ours == level
            assert wave == pytest.approx(math.sin(level), abs=2e-16)
            for _ in range(2):
                level += 0.005 * (0.75 - 3.0 * level)
        bench.set("plant.rate", 0.0)
        bench.run(0.1)
        assert bench["h"] > level


def test_its_text_is_part_of_the_program_and_of_the_recording(rig, tmp_path):
    from hil.replay import replay

    with hil.open_bench(rig, record=tmp_path / "rec") as bench:
        before = bench.built.program.hash
        bench.run(1)
    assert load_rig(rig).files["plant.c"] == SOURCE
    assert replay(tmp_path / "rec")["identical"] is True
    (rig / "plant.c").write_text(SOURCE.replace("p[0] * x[0]", "p[0] * x[0] * x[0]"))
    with hil.open_bench(rig) as bench:
        assert bench.built.program.hash != before


WRONG = [
    ("HIL_MODEL_HASH", "UINT64_C(1)", "Write HIL_MODEL_HASH in its place"),
    ("y[1] = sin(x[0]);", "y[1] = sn(x[0]);", "implicit declaration of function|undefined symbol"),
    ("y[1] = sin(x[0]);", "y[1] = sin(x[0])", "expected"),
    ("HIL_MODEL_ABI,", "99,", "made for version 99"),
    ("0.5, 0.0, 1.0", "1.5, 0.0, 1.0", "level = 1.5 lies outside 0 .. 1"),
    ("NULL, output, NULL", "NULL, NULL, NULL", "no step or no output function"),
    ("hil_model_v1", "some_model", "does not load"),
]


@pytest.mark.parametrize(("old", "new", "why"), WRONG)
def test_a_source_that_is_not_right_is_named(rig, old, new, why):
    (rig / "plant.c").write_text(SOURCE.replace(old, new))
    with pytest.raises(RigError) as caught:
        load_rig(rig)
    assert any(part in str(caught.value) for part in why.split("|")), caught.value
    assert "blocks.plant.model" in str(caught.value)


def test_a_method_of_a_c_source_cannot_be_chosen(rig):
    (rig / "rig.toml").write_text(RIG.replace("substeps", 'method = "rk4"\nsubsteps'))
    with pytest.raises(HilError, match=r"blocks\.plant\.method"):
        load_rig(rig)


def test_the_second_time_it_comes_from_the_cache(rig):
    told: list[str] = []
    (rig / "plant.c").write_text(SOURCE + f"/* {rig} */\n")
    first = compile_source(rig / "plant.c", progress=told.append)
    again = compile_source(rig / "plant.c", progress=told.append)
    assert told == ["Compiling plant.c"]
    assert first.path == again.path
