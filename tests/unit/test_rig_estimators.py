"""Estimators in a rig file: ports by name, matrices as people write them, mistakes and findings with their places."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from hil import open_bench
from hil.checks import check_rig
from hil.errors import RigError
from hil.program import build_bench
from hil.rig import Block, Rig, load_rig

HEAD = """
[rig]
name = "estimators"
period_s = 0.01

[signals]
"place" = { unit = "m" }
"push" = { unit = "N" }

[record]
all = {}

[blocks.place]
type = "sine"
out = { y = "place" }

[blocks.push]
type = "constant"
out = { y = "push" }
"""
MODEL = """
from hil.models import Input, Model, Output, Param, State
from hil.models.math import cos, sin

class Cart(Model):
    place = State(0.0, unit="m", output=True)
    speed = State(0.5, unit="m/s", output=True)
    push = Input(unit="N")
    R = Param(0.2, unit="1/s", min=0.0, max=9.0)
    def equations(self):
        return {"place": self.speed, "speed": self.push - self.R * self.speed}

class Rod(Model):
    angle = State(0.0, unit="m", output=True)
    speed = State(0.0, unit="m/s")
    push = Input(unit="N")
    height = Output(unit="m")
    def equations(self):
        return {"angle": self.speed, "speed": 9.81 * sin(self.angle) + self.push}
    def outputs(self):
        return {"height": cos(self.angle)}
"""
KALMAN = {
    "type": '"kalman"',
    "states": '["place", "speed"]',
    "in": '{ u = ["push"], y = ["place"] }',
    "A": "[[1.0, 0.01], [0.0, 0.99]]",
    "B": "[[0.0], [0.01]]",
    "C": "[[1.0, 0.0]]",
    "Q": "[1e-6, 1e-4]",
    "R": "[1e-3]",
    "P0": "[1.0, 1.0]",
}
EKF = {
    "type": '"ekf"',
    "model": '"model.py:Cart"',
    "in": '{ push = "push", place = "place" }',
    **{key: KALMAN[key] for key in ("Q", "R", "P0")},
}
UKF = {**EKF, "type": '"ukf"'}
JOINT = {**UKF, "estimate": '["R"]', "Q": "[1e-8, 1e-6, 1e-8]", "P0": "[1.0, 1.0, 1.0]"}
LUENBERGER = {
    **{key: KALMAN[key] for key in ("states", "in", "A", "B", "C")},
    "type": '"luenberger"',
    "L": "[[0.3], [1.0]]",
}


def write(folder: Path, keys: dict[str, str], changed: dict[str, str | None], more: str = "") -> None:
    lines = [f"{key} = {value}" for key, value in {**keys, **changed}.items() if value is not None]
    (folder / "model.py").write_text(MODEL, encoding="utf-8")
    (folder / "rig.toml").write_text("\n".join([HEAD, "[blocks.observer]", *lines, more]), encoding="utf-8")


def rig_of(folder: Path, keys: dict[str, str], **changed: str | None) -> Rig:
    """A rig whose block `observer` has these keys; a changed one that is None is left out."""
    write(folder, keys, changed)
    return load_rig(folder)


def observer(folder: Path, keys: dict[str, str], **changed: str | None) -> Block:
    return rig_of(folder, keys, **changed).blocks["observer"]


def signals(block: Block) -> list[str]:
    return [wire.signal for wire in block.outputs]


def test_what_is_not_wired_has_a_signal_of_its_own_name_in_the_blocks_order(tmp_path: Path) -> None:
    wanted = [f"observer.{group}.{state}" for group in ("x", "variance") for state in ("place", "speed")]
    numbers = ["observer.nis", "observer.log_likelihood"]
    assert signals(observer(tmp_path, EKF)) == [*wanted, "observer.innovation.place", *numbers]
    assert signals(observer(tmp_path, KALMAN)) == [*wanted, "observer.innovation.1", *numbers]
    assert signals(observer(tmp_path, LUENBERGER)) == [*wanted[:2], "observer.innovation.1"]


@pytest.mark.parametrize(
    "out", ['{ x = { speed = "v" }, nis = "n" }', '{ x.speed = "v", nis = "n" }', '{ "x.speed" = "v", nis = "n" }']
)
def test_one_signal_is_named_without_the_others(tmp_path: Path, out: str) -> None:
    assert [signals(observer(tmp_path, KALMAN, out=out))[i] for i in (0, 1, 5)] == ["observer.x.place", "v", "n"]


def test_a_list_names_all_of_a_group(tmp_path: Path) -> None:
    assert signals(observer(tmp_path, EKF, out='{ x = ["a", "b"] }'))[:3] == ["a", "b", "observer.variance.place"]


def test_inputs_keep_the_order_of_the_model_and_a_number_is_a_constant(tmp_path: Path) -> None:
    block = observer(tmp_path, EKF, **{"in": '{ speed = 0.5, push = 1.5, place = "place" }'}, R="[1.0, 2.0]")
    assert [(wire.port, wire.signal) for wire in block.inputs] == [
        ("push", "observer.push"),
        ("place", "place"),
        ("speed", "observer.speed"),
    ]


def test_outputs_that_nobody_measures_are_no_part_of_the_model(tmp_path: Path) -> None:
    block = observer(tmp_path, EKF)
    assert block.model is not None
    assert block.model.outputs == ("place",)
    assert len(block.config["R"]) == 1


@pytest.mark.parametrize(
    ("key", "written"),
    [
        ("Q", "[2.0, 3.0]"),
        ("Q", "[[2.0, 0.0], [0.0, 3.0]]"),
        ("Q", "[2.0, 0.0, 0.0, 3.0]"),
        ("Q", "{ speed = 3.0, place = 2.0 }"),
        ("P0", "{ speed = 3.0, place = 2.0 }"),
    ],
)
def test_a_covariance_is_a_diagonal_or_a_whole_matrix(tmp_path: Path, key: str, written: str) -> None:
    for keys in (KALMAN, EKF):
        assert observer(tmp_path, keys, **{key: written}).config[key] == (2.0, 0.0, 0.0, 3.0)


def test_matrices_are_nested_or_as_the_design_stores_them(tmp_path: Path) -> None:
    (tmp_path / "observer.csv").write_text("A\n1.0\n0.01\n0.0\n0.99\n", encoding="utf-8")
    for written in (KALMAN["A"], "[1.0, 0.01, 0.0, 0.99]", '"observer.csv:A"'):
        assert observer(tmp_path, KALMAN, A=written).config["A"] == (1.0, 0.01, 0.0, 0.99)


def test_a_design_goes_into_an_observer_and_comes_back(tmp_path: Path) -> None:
    from hil.design.store import store

    rig_of(tmp_path, KALMAN)
    A, P0 = np.array([[1.0, 0.02], [0.0, 0.9]]), np.diag([4.0, 9.0])
    assert store(tmp_path, {"observer": {"A": A.ravel().tolist(), "P0": P0.ravel().tolist()}})
    block = load_rig(tmp_path).blocks["observer"]
    assert block.config["A"] == tuple(A.ravel())
    assert block.config["P0"] == tuple(P0.ravel())


def test_the_state_begins_at_zero_at_the_models_own_or_where_the_rig_says(tmp_path: Path) -> None:
    assert observer(tmp_path, KALMAN).config["x0"] == (0.0, 0.0)
    assert "x0" not in observer(tmp_path, EKF).config
    assert observer(tmp_path, KALMAN, x0="[1.0, 2.0]").config["x0"] == (1.0, 2.0)
    assert observer(tmp_path, KALMAN, x0="{ speed = 2.0 }").config["x0"] == (0.0, 2.0)
    assert observer(tmp_path, EKF, x0="{ place = 2.0 }").config["x0"] == (2.0, 0.5)


def test_a_parameter_of_the_model_may_be_called_as_a_matrix_is(tmp_path: Path) -> None:
    block = observer(tmp_path, EKF, parameters="{ R = 0.7 }")
    assert block.params == {"R": 0.7}
    assert block.config["R"] == (1e-3,)


def test_units_of_a_model_are_checked_along_the_wires_of_its_observer(tmp_path: Path) -> None:
    assert rig_of(tmp_path, EKF).signals["observer.x.speed"].unit == "m/s"
    with pytest.raises(RigError, match=r"observer.in.push: place is in m, this input takes N"):
        rig_of(tmp_path, EKF, **{"in": '{ push = "place", place = "place" }'})


MISTAKES = [
    (KALMAN, {"Q": "[[1.0, 0.5], [0.4, 1.0]]"}, "Q: is not symmetric: (place, speed) is 0.5, (speed, place) is 0.4"),
    (KALMAN, {"Q": "[1e-6, -1e-4]"}, "Q: is not positive semidefinite: it has the eigenvalue -0.0001, mostly of speed"),
    (EKF, {"P0": "[[1.0, 2.0], [2.0, 1.0]]"}, "P0: is not positive semidefinite: it has the eigenvalue -1"),
    (EKF, {"P0": "[1.0]"}, "P0: has 1 for 2 states: place, speed. Write 2 variances"),
    (EKF, {"Q": "{ place = 1.0 }"}, "Q: says nothing of speed"),
    (EKF, {"Q": "{ place = 1.0, sped = 1.0 }"}, "Q.sped: there is no such name here. Did you mean speed?"),
    (KALMAN, {"R": "[-1.0]"}, "R = -1: the variance of 1 is negative"),
    (EKF, {"R": "[1.0, 2.0]"}, "R: has 2, needs 1 number: place"),
    (EKF, {"R": "[[1.0]]"}, "R: is nested. Measurements are taken up one by one"),
    (KALMAN, {"A": "[[1.0, 0.0]]"}, "A: is 1 x 2, needs 2 x 2: a row and a column for each state"),
    (KALMAN, {"B": "[[0.0, 1.0], [0.0, 1.0]]"}, "B: is 2 x 2, needs 2 x 1: a row for each state, a column"),
    (KALMAN, {"B": None}, "B: is missing: a row for each state, a column for each signal of u"),
    (KALMAN, {"C": "[[1.0]]"}, "C: is 1 x 1, needs 1 x 2"),
    (LUENBERGER, {"L": "[[1.0, 2.0]]"}, "L: is 1 x 2, needs 2 x 1"),
    (KALMAN, {"Q": "[inf, 1.0]"}, "Q: has an element that is not finite"),
    (KALMAN, {"Q": '"a"'}, "must be numbers or a column of a file"),
    (KALMAN, {"states": '["a", "a"]'}, "must be different names"),
    (KALMAN, {"A": None, "states": None}, "A: is missing"),
    (KALMAN, {"in": '{ u = ["push"] }'}, "in.y: kalman needs measurements"),
    (KALMAN, {"out": '{ x = ["a"] }'}, "out.x: names 1 of 2 signals: x.place, x.speed"),
    (KALMAN, {"out": '{ x = { sped = "a" } }'}, "kalman has no output of this name. Did you mean x.speed?"),
    (KALMAN, {"stale_inflation": "0.5"}, "stale_inflation = 0.5: must be 0, which leaves stale measurements out"),
    (KALMAN, {"substeps": "2"}, "substeps: belongs to models"),
    (EKF, {"model": None}, 'type: needs the key model. Write model = "model.py:Class"'),
    (EKF, {"in": '{ push = "push" }'}, "in: no output of Cart is measured. Wire one of place, speed"),
    (EKF, {"in": '{ place = "place" }'}, "in.push: ekf needs this input"),
    (EKF, {"R": "0.1", "Q": None}, "Q: ekf needs it: covariance of a sample's process noise"),
    (EKF, {"parameters": "{ r = 1.0 }"}, "parameters.r: the model has no parameter of this name. Did you mean R?"),
    (EKF, {"parameters": "{ R = 99.0 }"}, "must lie within 0 and 9"),
    (EKF, {"estimate": '["r"]'}, "estimate = ['r']: 'r' is no parameter of Cart"),
    (EKF, {"estimate": "[]"}, "estimate: names no parameter. Leave it out"),
    (EKF, {"estimate": '["R"]', "P0": "[1.0, 1.0, 1.0]"}, "Q: has 2 for 3 states: place, speed, R"),
    (KALMAN, {"estimate": '["R"]'}, "estimate: belongs to models; kalman has none"),
    (JOINT, {"parameters": "{ R = 1.0 }"}, "parameters.R: the model has no parameter of this name"),
    (JOINT, {"speed": "1.0"}, "speed = 1: is a state here, not a parameter. Write x0 = { speed = 1.0 }"),
    (UKF, {"alpha": '"wide"'}, "alpha"),
    (EKF, {"speeed": "1.0"}, "ekf has no parameter or configuration of this name"),
]


@pytest.mark.parametrize(("keys", "changed", "message"), MISTAKES, ids=[m for _, _, m in MISTAKES])
def test_a_mistake_is_one_line(
    tmp_path: Path, keys: dict[str, str], changed: dict[str, str | None], message: str
) -> None:
    with pytest.raises(RigError) as caught:
        rig_of(tmp_path, keys, **changed)
    lines = str(caught.value).splitlines()
    assert message in lines[0]
    assert "blocks.observer." in lines[0]
    assert len(lines) == 1, lines


def findings(folder: Path, keys: dict[str, str], **changed: str) -> list[str]:
    return [str(found) for found in check_rig(rig_of(folder, keys, **changed))]


@pytest.mark.parametrize(
    "keys", [KALMAN, EKF, UKF, JOINT, LUENBERGER], ids=["kalman", "ekf", "ukf", "joint", "luenberger"]
)
def test_an_observer_of_what_can_be_seen_has_no_findings(tmp_path: Path, keys: dict[str, str]) -> None:
    assert findings(tmp_path, keys) == []


def test_a_place_that_cannot_be_seen_is_an_error_and_a_speed_that_dies_out_a_warning(tmp_path: Path) -> None:
    (found,) = findings(tmp_path, KALMAN, C="[[0.0, 1.0]]")
    assert found.startswith(
        "error: rig.toml: blocks.observer.C: place cannot be seen in 1 and does not die out (rank 1"
    )
    (found,) = findings(tmp_path, KALMAN, A="[[0.9, 0.0], [0.0, 0.9]]")
    assert found.startswith(
        "warning: rig.toml: blocks.observer.C: speed cannot be seen in 1 (rank 1 of 2, eigenvalue 0.9)"
    )


def test_a_linear_model_that_is_seen_from_the_wrong_side_is_an_error(tmp_path: Path) -> None:
    (found,) = findings(tmp_path, EKF, **{"in": '{ push = "push", speed = 0.0 }'})
    assert found.startswith("error: rig.toml: blocks.observer.in: place cannot be seen in speed and does not die out")


def test_a_rod_seen_by_its_height_hides_its_angle_only_while_it_is_upright(tmp_path: Path) -> None:
    rod = {"model": '"model.py:Rod"', "in": '{ push = "push", height = "place" }'}
    found = findings(tmp_path, EKF, **rod)
    assert len(found) == 2
    assert all(text.startswith("warning: rig.toml: blocks.observer.in: ") for text in found)
    assert all("at the initial point, though one deviation of P0 beside it" in text for text in found)
    assert findings(tmp_path, EKF, **rod, x0="{ angle = 0.3 }") == []


def test_linear_filters_are_checked_without_casadi() -> None:
    check = "import sys, hil.rig, hil.checks; hil.checks.check_rig(hil.rig.load_rig(sys.argv[1]))"
    rig = Path(__file__).parents[2] / "rigs" / "incubator" / "watch.toml"
    command = [sys.executable, "-c", f"{check}; assert 'casadi' not in sys.modules", str(rig)]
    subprocess.run(command, check=True, timeout=60)


def test_a_wire_to_a_port_of_a_group_may_convert_its_unit(tmp_path: Path) -> None:
    conversion = '[[conversions]]\nfrom = "place"\nto = "observer.y.1"\nfactor = 1000.0'
    write(tmp_path, KALMAN, {}, conversion)
    blocks = load_rig(tmp_path).blocks
    assert blocks["observer.y.1.conversion"].inputs[0].signal == "place"
    assert blocks["observer"].inputs[1].signal == "observer.y.1"


def test_two_exact_sensors_of_one_state_are_an_error_before_the_run(tmp_path: Path) -> None:
    twice = {"in": '{ u = ["push"], y = { left = "place", right = "place" } }', "C": "[[1.0, 0.0], [2.0, 0.0]]"}
    (found,) = findings(tmp_path, KALMAN, **twice, R="[0.0, 0.0]")
    assert found.startswith("error: rig.toml: blocks.observer.R: left, right together have a singular covariance")
    assert findings(tmp_path, KALMAN, **twice, R="[0.0, 1e-3]") == []
    (found,) = findings(tmp_path, EKF, R="[0.0]", P0="[0.0, 1.0]")
    assert found.startswith("error: rig.toml: blocks.observer.R: the innovation of place has a singular covariance")


def test_a_constant_without_noise_is_a_warning_unless_it_is_known(tmp_path: Path) -> None:
    bias = {"A": "[[0.9, 1.0], [0.0, 1.0]]", "Q": "[1e-4, 0.0]"}
    (found,) = findings(tmp_path, KALMAN, **bias)
    assert found.startswith("warning: rig.toml: blocks.observer.Q: gives no noise to speed (eigenvalue 1)")
    assert findings(tmp_path, KALMAN, **bias, P0="[1.0, 0.0]") == []


def test_a_gain_that_does_not_hold_the_error_is_an_error(tmp_path: Path) -> None:
    (found,) = findings(tmp_path, LUENBERGER, L="[[0.0], [0.0]]")
    assert found.startswith("error: rig.toml: blocks.observer.L: the observer's error does not die out")


@pytest.mark.parametrize("keys", [KALMAN, EKF, LUENBERGER], ids=["kalman", "ekf", "luenberger"])
def test_an_observer_in_the_loop_of_what_it_observes_is_no_algebraic_loop(tmp_path: Path, keys: dict[str, str]) -> None:
    feedback = '[blocks.feedback]\ntype = "gain"\nin = { u = "observer.x.speed" }\nout = { y = "force" }\ngain = -1.0\n'
    write(tmp_path, keys, {"in": keys["in"].replace('"push"', '"force"')}, feedback)
    rig = load_rig(tmp_path)
    assert [str(found) for found in check_rig(rig) if "loop" in found.message] == []
    build_bench(rig, {})


@pytest.mark.parametrize("kind", ["ekf", "ukf"])
def test_a_parameter_is_estimated_beside_the_states(tmp_path: Path, kind: str) -> None:
    more = '[blocks.cart]\nmodel = "model.py:Cart"\nin = { push = "push" }\nR = 0.7'
    wired = '{ push = "push", place = "cart.place", speed = "cart.speed" }'
    changed = {"type": f'"{kind}"', "in": wired, "R": "[1e-6, 1e-4]", "x0": "{ R = 5.0 }"}
    write(tmp_path, JOINT, changed, more)
    with open_bench(tmp_path) as bench:
        bench.set("push.value", 1.0)
        bench.run(20)
        assert bench["observer.x.R"] == pytest.approx(0.7, rel=0.02)
        assert bench["observer.variance.R"] < 1e-3
        assert bench["observer.x.speed"] == pytest.approx(bench["cart.speed"], rel=0.01)


def test_late_measurements_are_taken_up_by_their_time_where_the_rig_says_so(tmp_path: Path) -> None:
    assert observer(tmp_path, UKF, max_delay_s="0.1").config["max_delay_s"] == (0.1,)
    found = [str(f) for f in check_rig(rig_of(tmp_path, UKF, max_delay_s="9.0"))]
    assert "observer" in found[0]
    assert "max_delay_s must be 0 or more, and at most 256 samples" in found[0]
