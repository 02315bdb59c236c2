"""Fits: planted values are found again, intervals hold what they say, what cannot be told apart is named."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hil import open_bench
from hil.cli import main
from hil.errors import HilError
from hil.identify import FitResult, fit, fragment
from hil.identify.data import read_csv
from hil.identify.information import inform, shortening
from hil.identify.least_squares import least_squares
from hil.identify.problem import make_problem
from hil.identify.simulate import Simulator
from hil.models import compile_model
from hil.rig import Rig, load_rig

MODEL = '''
from hil.models import Input, Model, Output, Param, State


class Plant(Model):
    """Two lags, an output that is their sum with a gain, a product of parameters, and a parameter without effect."""

    x = State(0.5, unit="1")
    z = State(0.0, unit="1", min=-0.4, max=0.6, clamp=True)
    u = Input(unit="1")
    y = Output(unit="V")
    w = Output(unit="A")
    tau = Param(1.0, unit="s", min=0.01, max=100)
    gain = Param(1.0, unit="1", min=0.0, max=100)
    other = Param(1.0, unit="1", min=0.0, max=100)
    offset = Param(0.0, unit="1", min=-10, max=10)
    idle = Param(2.0, unit="1", min=0.0, max=10)

    def equations(self):
        return {"x": (self.gain * self.other * self.u - self.x) / self.tau, "z": self.x - 2 * self.z**3}

    def outputs(self):
        return {"y": self.x + self.offset + 0.0 * self.idle, "w": self.z + 0.1 * self.u}
'''
RIG = """
[rig]
name = "planted"
period_s = 0.05
[blocks.drive]
type = "square"
offset = 0.5
amplitude = 0.5
frequency_hz = 0.3225806451612903
[blocks.plant]
model = "model.py:Plant"
in = { u = "drive.y" }
[signals]
"drive.y" = { unit = "1" }
"plant.y" = { unit = "V" }
"plant.w" = { unit = "A" }
[fit]
parameters = ["tau", "gain", "offset"]
columns = { u = "u", y = "y", w = "w" }
"""
TRUE = {"tau": 0.7, "gain": 2.2, "offset": 0.3}


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Rig:
    folder = tmp_path_factory.mktemp("planted")
    (folder / "model.py").write_text(MODEL)
    (folder / "rig.toml").write_text(RIG)
    return load_rig(folder)


def rows_of(rig: Rig, seconds: float, **values: float) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """What the core itself computes with these values."""
    with open_bench(rig) as bench:
        for name, value in values.items():
            bench.set(f"plant.{name}", value)
        bench.run(seconds)
        columns = {
            name: bench.history(signal) for name, signal in (("u", "drive.y"), ("y", "plant.y"), ("w", "plant.w"))
        }
        return bench.history_time_s(), columns


def write_csv(path: Path, time_s: np.ndarray, columns: dict[str, np.ndarray]) -> Path:
    rows = [",".join(["time_s", *columns])]
    rows += [",".join(map(repr, map(float, row))) for row in zip(time_s, *columns.values(), strict=True)]
    path.write_text("\n".join(rows) + "\n")
    return path


def noisy(
    columns: dict[str, np.ndarray], seed: int, deviation: float = 0.05, rho: float = 0.0
) -> dict[str, np.ndarray]:
    """White noise, or noise of the first order with the same deviation, on the outputs."""
    random = np.random.default_rng(seed)
    noise = {name: random.normal(0.0, deviation, len(values)) for name, values in columns.items()}
    for series in noise.values():
        for k in range(1, len(series) if rho else 0):
            series[k] = rho * series[k - 1] + np.sqrt(1 - rho**2) * series[k]
    return {name: values + (noise[name] if name != "u" else 0.0) for name, values in columns.items()}


# ---- values ----


def test_planted_values_are_found_to_many_digits(planted: Rig, tmp_path: Path) -> None:
    """Without noise what is left is the difference between this integration and the core's: none, as both are RK4."""
    found = fit(planted, write_csv(tmp_path / "d.csv", *rows_of(planted, 20, **TRUE)))
    for name, value in TRUE.items():
        assert found.parameters[name].value == pytest.approx(value, rel=1e-6), name
    assert found.rmse < 1e-6
    assert found.hold_out_rmse is not None
    assert found.hold_out_rmse < 1e-6
    assert found.start == pytest.approx({"x": 0.5, "z": 0.0}, abs=1e-6)
    assert not found.groups


def test_a_recording_is_fitted_by_the_signals_on_the_wires(planted: Rig, tmp_path: Path) -> None:
    with open_bench(planted, record=tmp_path / "rec") as bench:
        for name, value in TRUE.items():
            bench.set(f"plant.{name}", value)
        bench.run(10)
    wanted = replace(planted.fit, columns={})
    found = fit(planted, tmp_path / "rec", wanted, starts=2)
    assert {n: p.value for n, p in found.parameters.items()} == pytest.approx(TRUE, rel=1e-5)


def test_every_start_within_a_factor_of_three_ends_in_the_same_optimum(planted: Rig, tmp_path: Path) -> None:
    time_s, columns = rows_of(planted, 10, **TRUE)
    found = fit(planted, write_csv(tmp_path / "d.csv", time_s, noisy(columns, 1)), starts=6)
    assert (found.agreeing, found.searches) == (6, 6)


def test_rows_without_a_value_are_left_out(planted: Rig, tmp_path: Path) -> None:
    time_s, columns = rows_of(planted, 10, **TRUE)
    columns["y"][40:90] = np.nan
    columns["u"][15] = columns["u"][14]
    found = fit(planted, write_csv(tmp_path / "d.csv", time_s, columns), starts=1)
    assert found.parameters["tau"].value == pytest.approx(TRUE["tau"], rel=1e-5)


# ---- intervals ----


def coverage(planted: Rig, folder: Path, runs: int, rho: float) -> tuple[float, float]:
    """Share of 95 % intervals that hold the true value; and of those that take the rows for independent."""
    time_s, columns = rows_of(planted, 15, **TRUE)
    held, naive = 0, 0
    for seed in range(runs):
        file = write_csv(folder / "d.csv", time_s, noisy(columns, seed, rho=rho))
        found = fit(planted, file, starts=1, hold_out=0.0)
        for name, value in TRUE.items():
            p = found.parameters[name]
            assert p.high is not None
            off, half = abs(p.value - value), p.high - p.value
            held += off <= half
            naive += off <= half / np.sqrt(max(found.shortening.values()))
    return held / (runs * len(TRUE)), naive / (runs * len(TRUE))


@pytest.mark.parametrize("rho", [0.0, 0.8])
def test_intervals_hold_the_true_value_as_often_as_they_say(
    planted: Rig, tmp_path: Path, full: Callable[[int, int], int], rho: float
) -> None:
    """Of white noise, and of noise that is correlated from row to row. The band is three deviations of a count in which
    the three parameters of a run count as one, which is pessimistic."""
    runs = full(12, 400)
    found, naive = coverage(planted, tmp_path, runs, rho)
    print(f"\n95 % intervals held the true value in {found:.1%} of {runs} runs x 3 parameters, rho {rho} ({naive:.1%})")
    assert abs(found - 0.95) < 3 * np.sqrt(0.95 * 0.05 / runs) + 0.01
    if rho:
        assert naive < 0.8, "rows taken for independent promise too much"


def test_correlated_residuals_count_for_less() -> None:
    random = np.random.default_rng(3)
    white = random.normal(size=4000)
    slow = white.copy()
    for k in range(1, len(slow)):
        slow[k] = 0.9 * slow[k - 1] + white[k]
    assert shortening(white) < 1.1
    assert shortening(slow) == pytest.approx(19.0, rel=0.2)
    assert shortening(np.zeros(50)) == 1.0


# ---- what cannot be told apart ----


def fitted(planted: Rig, folder: Path, *names: str) -> FitResult:
    time_s, columns = rows_of(planted, 10, **TRUE)
    file = write_csv(folder / "d.csv", time_s, noisy(columns, 5, 0.01))
    return fit(planted, file, replace(planted.fit, parameters=names), starts=3)


def test_factors_of_a_product_are_a_group_and_the_rest_is_determined(planted: Rig, tmp_path: Path) -> None:
    found = fitted(planted, tmp_path, "tau", "gain", "other", "offset")
    (group,) = found.groups
    assert group.names == ("gain", "other")
    assert group.directions == 1
    assert sorted(np.sign(list(group.change.values()))) == [-1, 1], "one up, the other down"
    assert group.rmse < 1.1 * found.rmse
    product = found.parameters["gain"].value * found.parameters["other"].value
    assert product == pytest.approx(TRUE["gain"], rel=0.01)
    assert found.parameters["gain"].low is None
    assert found.parameters["tau"].value == pytest.approx(TRUE["tau"], rel=0.02)
    plain = found.to_dict()["parameters"]
    assert plain["gain"]["value"] is None
    assert plain["gain"]["only_together"] == found.parameters["gain"].value
    text = fragment(found)
    assert set(tomllib.loads(text)["blocks"]["plant"]) == {"tau", "offset"}
    assert "# Not told apart by these data, good only together: gain" in text


def test_a_parameter_without_effect_is_a_group_of_its_own(planted: Rig, tmp_path: Path) -> None:
    found = fitted(planted, tmp_path, "tau", "gain", "other", "idle")
    assert [g.names for g in found.groups] == [("gain", "other"), ("idle",)]


def test_two_pairs_are_two_groups_however_their_directions_mix() -> None:
    """Both weak directions have the same eigenvalue, so any mixture of them is an eigenvector."""
    a, b = np.array([1.0, 1, 0, 0, 0]), np.array([0, 0, 1.0, -1, 0])
    fisher = 1e6 * (np.outer(a, a) + np.outer(b, b)) + np.diag([0, 0, 0, 0, 1e4])
    rotation = np.eye(5)
    for scale in (np.ones(5), np.array([1e-3, 1e3, 1, 5, 0.1])):
        found = inform(rotation @ fisher / np.outer(scale, scale), 5, scale)
        assert found.groups == [[0, 1], [2, 3]]
        assert found.deviation[4] / scale[4] == pytest.approx(0.01)


# ---- the parts, against references of others ----


MISRA1A = """77.6 10.07 114.9 14.73 141.1 17.94 190.8 23.93 239.9 29.61 289.0 35.18 332.8 40.02 378.4 44.82 434.8 50.76
477.3 55.05 536.8 61.01 593.1 66.40 689.1 75.47 760.0 81.78"""


def test_certified_values_and_deviations_of_nist() -> None:
    """Misra1a of the NIST Statistical Reference Datasets: y = b1 (1 - exp(-b2 x)), from the first of its two starts."""
    x, y = np.array(MISRA1A.split(), dtype=float).reshape(-1, 2).T
    size = np.array([500.0, 1e-4])

    def residuals(z: np.ndarray) -> np.ndarray:
        b1, b2 = z * size
        return b1 * (1 - np.exp(-b2 * x)) - y

    def jacobian(z: np.ndarray) -> np.ndarray:
        b1, b2 = z * size
        return np.stack([1 - np.exp(-b2 * x), b1 * x * np.exp(-b2 * x)], axis=1) * size

    no_bound = np.full(2, np.inf)
    found = least_squares(residuals, jacobian, np.ones(2), -no_bound, no_bound, tolerance=1e-12, max_steps=200)
    assert found.z * size == pytest.approx([2.3894212918e02, 5.5015643181e-04], rel=1e-8)
    assert 2 * found.cost == pytest.approx(1.2455138894e-01, rel=1e-9)
    variance = 2 * found.cost / (len(x) - 2)
    j = jacobian(found.z) / size
    deviation = inform(j.T @ j / variance, 2, found.z * size).deviation
    assert deviation == pytest.approx([2.7070075241, 7.2668688436e-06], rel=1e-6)


def test_bounds_hold_and_the_optimum_on_one_is_found() -> None:
    """Rosenbrock's valley, whose minimum (1, 1) lies outside."""

    def residuals(z: np.ndarray) -> np.ndarray:
        return np.array([10 * (z[1] - z[0] ** 2), 1 - z[0]])

    def jacobian(z: np.ndarray) -> np.ndarray:
        return np.array([[-20 * z[0], 10.0], [-1.0, 0.0]])

    low, high, start = np.array([-2.0, -2.0]), np.array([0.5, 2.0]), np.array([-1.2, 1.0])
    found = least_squares(residuals, jacobian, start, low, high, tolerance=1e-12, max_steps=300)
    assert found.z == pytest.approx([0.5, 0.25], abs=1e-8)
    free = least_squares(
        residuals, jacobian, start, -np.full(2, np.inf), np.full(2, np.inf), tolerance=1e-12, max_steps=300
    )
    assert free.z == pytest.approx([1.0, 1.0], abs=1e-8)


def test_the_simulation_is_the_loops_own_and_sensitivities_are_its_differences(planted: Rig, tmp_path: Path) -> None:
    file = write_csv(tmp_path / "d.csv", *rows_of(planted, 8, **TRUE))
    problem = make_problem(planted, file, planted.fit)
    simulator = Simulator(problem)
    theta = np.array([0.9, 1.7, -0.2, 0.4, 0.1])
    y, by_theta = simulator.sensitivities(theta)
    assert np.array_equal(y, simulator.outputs(theta))
    compiled, x = compile_model(problem.model), theta[3:]
    values = problem.values.copy()
    values[[0, 1, 3]] = theta[:3]
    for k, u in enumerate(problem.inputs.T[:-1]):
        assert compiled.output(x, u, values) == pytest.approx(y[:, k], abs=1e-12)
        x = compiled.step(x, u, values, problem.time_s[k + 1] - problem.time_s[k])
    for i in range(5):
        h = np.zeros(5)
        h[i] = 1e-6
        difference = (simulator.outputs(theta + h) - simulator.outputs(theta - h)) / 2e-6
        assert by_theta[:, :, i] == pytest.approx(difference, abs=1e-7)


def test_rows_far_apart_are_integrated_in_finer_steps(planted: Rig, tmp_path: Path) -> None:
    time_s, columns = rows_of(planted, 20, **TRUE)
    every = {name: values[::31] for name, values in columns.items()}  # half a period of the drive: u stays constant
    file = write_csv(tmp_path / "d.csv", time_s[::31], every)
    simulator = Simulator(make_problem(planted, file, planted.fit))
    assert simulator.substeps >= 4
    theta = np.array([*TRUE.values(), 0.5, 0.0])
    assert simulator.outputs(theta)[0] == pytest.approx(every["y"], abs=5e-4)


# ---- data and mistakes ----


def test_a_logger_file_with_nanoseconds_words_and_gaps(tmp_path: Path) -> None:
    path = tmp_path / "d.csv"
    path.write_text(
        "time,on,t,who\n1682912554273107499,True,1.5,a\n1682912557273107500,False,,b\n1682912557273107600,on,nan,c\n"
    )
    data = read_csv(path, None, "ns")
    assert data.time_s == pytest.approx([0.0, 3.000000001, 3.000000101], abs=1e-12)
    assert data["on"].tolist() == [1.0, 0.0, 1.0]
    assert np.isnan(data["t"][1:]).all()
    with pytest.raises(HilError, match="no column 'who'"):
        data["who"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "holds no data"),
        ("time_s,u,y\n0,1,1\n1,1\n", "2 cells under a header of 3"),
        ("a,u,y\n0,1,1\n1,1,1\n", "no column of time"),
        ("time_s,u,y\n0,1,1\n1,1,1\n1,1,1\n", "d.csv:4.*does not increase"),
        ("time_s,u,y\n0,1,1\nsoon,1,1\n", "not a number"),
        ("time_s,u,y,w\n0,1,1,1\n1,1,1,1\n", "too few for 5 unknowns"),
        ("time_s,v,y,w\n0,1,1,1\n1,1,1,1\n", "no column 'u'"),
        ("time_s,u,y,w\n0,,1,1\n1,1,1,1\n2,1,1,1\n3,1,1,1\n", "input u has no value in the first row"),
    ],
)
def test_data_that_cannot_be_used_are_refused_in_a_line(planted: Rig, tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "d.csv").write_text(text)
    with pytest.raises(HilError, match=says):
        fit(planted, tmp_path / "d.csv")


def test_names_that_do_not_exist_are_refused(planted: Rig, tmp_path: Path) -> None:
    file = write_csv(tmp_path / "d.csv", *rows_of(planted, 2))
    wrong = (
        ({"block": "drive"}, "no block 'drive' has a model"),
        ({"parameters": ("tao",)}, "no parameter 'tao'.*tau"),
        ({"columns": {"v": ("u",)}}, "no input or output 'v'"),
        ({"columns": {"y": ("y",)}}, "which column is the input u"),
        ({"columns": {"u": ("u",)}}, "no output of the model is measured"),
        ({"start": {"q": 1.0}}, "no state 'q'"),
    )
    for changed, says in wrong:
        with pytest.raises(HilError, match=says):
            fit(planted, file, replace(planted.fit, **changed))
    with pytest.raises(HilError, match="cannot be read"):
        fit(planted, tmp_path / "none.csv")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('"tau"', '"tao"', r"rig.toml:\d+: fit.parameters: the model has no parameter 'tao'. Did you mean tau"),
        ('u = "u",', 'v = "u",', r"fit.columns: the model has no input or output 'v'"),
        ("[fit]", '[fit]\nblock = "plants"', r'fit.block = "plants": no block of this name has a model'),
        ("[fit]", '[fit]\ntime_unit = "h"', "fit.time_unit"),
        ("[fit]", "[fit]\nstart = { q = 1.0 }", "the model has no state 'q'"),
    ],
)  # fmt: skip
def test_a_wrong_fit_table_is_found_by_check(planted: Rig, tmp_path: Path, old: str, new: str, says: str) -> None:
    assert old in RIG
    (tmp_path / "model.py").write_text(MODEL)
    (tmp_path / "rig.toml").write_text(RIG.replace(old, new))
    with pytest.raises(HilError, match=says):
        load_rig(tmp_path)


def test_the_command_prints_a_page_and_writes_toml(planted: Rig, tmp_path: Path, hil: Callable[..., object]) -> None:
    file, out = write_csv(tmp_path / "d.csv", *rows_of(planted, 6, **TRUE)), tmp_path / "fit.toml"
    done = hil(
        "fit",
        planted.folder,
        file,
        "--param",
        "tau",
        "--param",
        "gain",
        "--param",
        "other",
        "--out",
        out,
        "--starts",
        2,
    )
    assert done.returncode == 0, done.stderr
    assert "gain, other: the data cannot tell them apart" in done.stdout
    assert "Hold-out: RMSE" in done.stdout
    assert set(tomllib.loads(out.read_text())["blocks"]["plant"]) == {"tau"}


def test_an_option_that_is_none_is_refused_in_a_line(
    planted: Rig, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["fit", str(planted.folder), str(tmp_path), "--column", "u", "--json"]) == 2
    assert "PORT=COLUMN" in capsys.readouterr().err
