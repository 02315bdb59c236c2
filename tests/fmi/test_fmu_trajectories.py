"""An FMU in the loop gives what FMPy gives: the same calls, the same values."""

from __future__ import annotations

import math
import shutil

import fmpy
import numpy as np
import pytest

import hil

PERIOD_S, STEPS = 0.001, 1000
# All Linux FMUs of the wheel; FMPy 0.3.32 can simulate every one of them.
NAMES = ("FMU3Model", "MassSpringSubSystem1", "MassSpringSubSystem2", "MassSpringSystem", "Mass_Damper", "add", "ramp")


def sine(start: float, number: int) -> tuple[float, float, float]:
    """(offset, amplitude, frequency) of an input: away from 0, as masses and stiffnesses are among them."""
    return start + 0.5, 0.25, 0.5 + 0.25 * number


def of_fmpy(fmu, inputs, outputs, starts=None, steps=STEPS, period=PERIOD_S):
    """Its trajectories by name, one row a step."""
    t = np.arange(steps + 1) * period
    signals = np.zeros(len(t), dtype=[("time", float), *((name, float) for name in inputs)])
    signals["time"] = t
    for name, (offset, amplitude, frequency) in inputs.items():
        signals[name] = offset + amplitude * np.sin(2 * math.pi * frequency * t)
    return fmpy.simulate_fmu(
        str(fmu), stop_time=t[-1], output_interval=period, input=signals if inputs else None, output=list(outputs),
        start_values={**{name: values[0] for name, values in inputs.items()}, **(starts or {})},
        fmi_type="CoSimulation",
    )  # fmt: skip


def rig_text(fmu_file, inputs, outputs, keys=(), period=PERIOD_S):
    lines = [f'[rig]\nname = "other"\nperiod_s = {period}\n[blocks.plant]\nfmu = "{fmu_file}"', *keys]
    lines += [f'"{name}" = {values[0]!r}' for name, values in inputs.items()]  # starts, as of_fmpy has them
    lines.append("in = {" + ", ".join(f'"{name}" = "in.{i}"' for i, name in enumerate(inputs)) + "}")
    lines.append("out = {" + ", ".join(f'"{name}" = "out.{i}"' for i, name in enumerate(outputs)) + "}")
    for i, (offset, amplitude, frequency) in enumerate(inputs.values()):
        lines.append(
            f'[blocks.source{i}]\ntype = "sine"\nout = {{ y = "in.{i}" }}\noffset = {offset!r}\n'
            f"amplitude = {amplitude}\nfrequency_hz = {frequency}"
        )
    lines.append("[signals]")
    lines += [f'"out.{i}" = {{}}' for i in range(len(outputs))]
    return "\n".join(lines)


def scalars(fmu, causality):
    variables = fmpy.read_model_description(str(fmu)).modelVariables
    return [v for v in variables if v.causality == causality and not v.dimensions and v.type in ("Real", "Float64")]


@pytest.mark.parametrize(
    ("name", "isolate"), [*((name, False) for name in NAMES), ("FMU3Model", True), ("MassSpringSystem", True)]
)
def test_an_fmu_gives_fmpys_trajectory_inside_the_loop(gemseo_fmus, tmp_path, name, isolate):
    fmu = gemseo_fmus[name]
    inputs = {v.name: sine(float(v.start or 0), i) for i, v in enumerate(scalars(fmu, "input"))}
    outputs = [v.name for v in scalars(fmu, "output")]
    theirs = of_fmpy(fmu, inputs, outputs)
    shutil.copy(fmu, tmp_path)
    rig = tmp_path / "rig.toml"
    rig.write_text(rig_text(fmu.name, inputs, outputs, ["isolate = true"] if isolate else []))
    with hil.open_bench(rig) as bench:
        bench.run((STEPS + 1) * PERIOD_S)
        for i, output in enumerate(outputs):
            ours = bench.history(f"out.{i}")
            assert len(ours) == len(theirs) == STEPS + 1
            np.testing.assert_allclose(ours, theirs[output], rtol=0, atol=1e-6)
            assert np.ptp(ours) > 0.01  # it moves, so that the comparison says something


def test_no_fmu_of_the_wheel_is_left_out(gemseo_fmus):
    assert sorted(gemseo_fmus) == sorted(NAMES)


@pytest.mark.parametrize("version", [2, 3])
def test_every_type_of_variable_passes(lag, tmp_path, version):
    fmu, inputs = lag(version), {"u": (0.5, 0.25, 0.5)}
    outputs = ["x", "high", "count[steps]", *(["small"] if version == 3 else [])]
    theirs = of_fmpy(fmu, inputs, outputs, {"gain": 3.0, "x_start": -0.5})
    shutil.copy(fmu, tmp_path)
    rig = tmp_path / "rig.toml"
    rig.write_text(rig_text(fmu.name, inputs, outputs, ["gain = 3", "x_start = -0.5"]))
    with hil.open_bench(rig) as bench:
        bench.run((STEPS + 1) * PERIOD_S)
        for i, output in enumerate(outputs):
            np.testing.assert_allclose(bench.history(f"out.{i}"), theirs[output], rtol=0, atol=1e-12)
        assert bench["out.1"] == 1.0
        assert bench["out.2"] == STEPS
        assert bench.state.get(bench.built.offset("plant.steps")) == STEPS + 1


@pytest.mark.parametrize("version", [2, 3])
def test_a_tunable_parameter_changes_in_mid_run(lag, fmu_rig, version):
    with hil.open_bench(fmu_rig(lag(version))) as bench:
        bench.run(1)
        bench.set("plant.gain", 100.0)
        bench.run(0.5)
        assert bench["x"] == pytest.approx(bench["u"], abs=0.05)  # a fast lag is close behind
        assert abs(bench.history("x")[99] - bench.history("u")[99]) > 0.2
