"""A rig file becomes one resolved description."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from hil.errors import RigError
from hil.rig import Rig, find_rig, load_rig, shipped_rigs

RIGS = Path(__file__).parent / "rigs"


def load(folder: Path, *changes: tuple[str, str], rig: str = "small", added: str = "") -> Rig:
    """A rig of this folder, with pieces of its rig.toml replaced and text added at the end."""
    for file in (RIGS / rig).iterdir():
        (folder / file.name).write_text(file.read_text(encoding="utf-8"), encoding="utf-8")
    text = (folder / "rig.toml").read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    (folder / "rig.toml").write_text(text + added, encoding="utf-8")
    return load_rig(folder)


@pytest.fixture(scope="module")
def quad_tank() -> Rig:
    return load_rig("quad_tank")


def test_a_rig_is_found_by_folder_by_file_and_by_name(quad_tank: Rig) -> None:
    folder = shipped_rigs()["quad_tank"]
    assert find_rig(folder) == find_rig(folder / "rig.toml") == find_rig("quad_tank")
    assert quad_tank.folder == folder


def test_an_unknown_rig_names_the_nearest_shipped_one() -> None:
    with pytest.raises(RigError, match="Did you mean quad_tank"):
        load_rig("quad_tnk")


def test_a_folder_without_a_rig_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(RigError, match=r"no rig\.toml"):
        load_rig(tmp_path)


def test_quad_tank_has_the_promised_signals(quad_tank: Rig) -> None:
    levels = [f"{where}.h{n}" for where in ("plant", "sensor") for n in (1, 2, 3, 4)]
    assert all(quad_tank.signals[name].unit == "m" for name in levels)
    assert all(quad_tank.signals[f"pump.v{n}"].unit == "V" for n in (1, 2))
    assert {"plc.running", "plc.alarm_h1", "plc.alarm_h2"} <= set(quad_tank.signals)
    assert quad_tank.period_ns == 1_000_000
    assert quad_tank.devices["plc"].url == "modbus-tcp://127.0.0.1:5020"


def test_a_rig_survives_json_and_other_folders(quad_tank: Rig, tmp_path: Path) -> None:
    data = json.loads(json.dumps(quad_tank.to_dict(), allow_nan=False))
    again = Rig.from_dict(data, quad_tank.files).write_files(tmp_path)
    assert again.folder == tmp_path
    assert again.to_dict() == quad_tank.to_dict()
    assert load_rig(tmp_path).to_dict() == quad_tank.to_dict()


def test_stored_files_cannot_leave_their_folder(quad_tank: Rig, tmp_path: Path) -> None:
    evil = Rig.from_dict(quad_tank.to_dict(), {"../evil.py": "1"})
    with pytest.raises(RigError, match=r"leads out of the rig's folder"):
        evil.write_files(tmp_path / "inside")
    assert not (tmp_path / "evil.py").exists()


def test_infinite_parameters_survive_json(tmp_path: Path) -> None:
    rig = load(tmp_path, ('type = "lag"', 'type = "limit"'), ("time_constant_s = 0.05", "hi = 1.0"))
    again = Rig.from_dict(json.loads(json.dumps(rig.to_dict(), allow_nan=False)), rig.files)
    assert again.blocks["filter"].params == {"lo": -math.inf, "hi": 1.0}


def test_a_number_on_a_port_is_a_constant_that_can_be_set(tmp_path: Path) -> None:
    rig = load(tmp_path, rig="controlled")
    constant = rig.blocks["control.setpoint"]
    assert (constant.type, constant.params, constant.role) == ("constant", {"value": 0.1}, "plc")
    assert rig.tunable()["control.setpoint"] == ("control.setpoint", "value")
    assert rig.signals["control.setpoint"].unit == "m"
    assert rig.signals["control.setpoint"].start == 0.1


def test_outputs_without_a_name_are_called_after_their_block(tmp_path: Path) -> None:
    rig = load(tmp_path, added='[blocks.copy]\ntype = "gain"\nin = { u = "tank.seen" }\n')
    assert rig.blocks["copy"].outputs[0].signal == "copy.y"
    assert not rig.signals["copy.y"].declared
    assert not rig.signals["copy.y"].path


def test_role_boundaries_come_from_the_map(tmp_path: Path) -> None:
    role = load(tmp_path, rig="controlled").roles["plc"]
    assert [tag.signal for tag in role.inputs] == ["level"]
    assert [tag.signal for tag in role.outputs] == ["pump"]
    assert (role.outputs[0].kind, role.outputs[0].scale) == (1, 0.001)
    assert (role.outputs[0].low, role.outputs[0].high, role.outputs[0].max_age_s) == (0.0, 10.0, 0.1)
    assert (role.binding, role.device, role.every) == ("pil", "plc", 10)


def test_a_role_without_a_device_carries_doubles(tmp_path: Path) -> None:
    changes = (("[devices.plc]\n", ""), ('url = "modbus-tcp://127.0.0.1:5020"\nmap = "plc.csv"\n', ""))
    lists = ("every = 10\n", 'every = 10\ninputs = ["level"]\noutputs = ["pump"]\n')
    role = load(tmp_path, *changes, lists, rig="controlled").roles["plc"]
    assert (role.binding, role.device) == ("mil", None)
    assert [tag.kind for tag in (*role.inputs, *role.outputs)] == [8, 8]


def test_blocks_of_a_role_run_at_its_rate(tmp_path: Path) -> None:
    rig = load(tmp_path, rig="controlled")
    assert {block.every for block in rig.role_blocks("plc")} == {10}
    assert rig.blocks["tank"].every == 1


def test_limits_of_the_map_reach_signal_and_register(tmp_path: Path) -> None:
    load(tmp_path, rig="controlled")
    text = (tmp_path / "plc.csv").read_text()
    text = text.replace("scale,unit", "scale,unit,limit_min,limit_max,safe").replace("1e-5,m", "1e-5,m,-0.01,0.3,0.0")
    (tmp_path / "plc.csv").write_text(text)
    rig = load_rig(tmp_path)
    assert rig.signals["level"].limits == (-0.01, 0.3)
    assert rig.signals["level"].gated
    assert (rig.roles["plc"].inputs[0].low, rig.roles["plc"].inputs[0].high) == (-0.01, 0.3)


def test_a_parameter_takes_a_quantity_in_another_unit(tmp_path: Path) -> None:
    rig = load(tmp_path, ("time_constant_s = 0.05", 'time_constant_s = "50 ms"'))
    assert rig.blocks["filter"].params["time_constant_s"] == pytest.approx(0.05)


def test_a_model_parameter_takes_a_quantity_in_another_unit(tmp_path: Path, quad_tank: Rig) -> None:
    quad_tank.write_files(tmp_path)
    text = quad_tank.files["rig.toml"].replace('method = "rk4"', 'method = "rk4"\nA1 = "30 cm**2"\nx0 = { h1 = 0.2 }')
    (tmp_path / "rig.toml").write_text(text)
    plant = load_rig(tmp_path).blocks["plant"]
    assert plant.params["A1"] == pytest.approx(30e-4)
    assert plant.config["x0"] == (0.2, 0.1278, 0.0163, 0.0141)


def test_units_pass_through_blocks_that_keep_them(tmp_path: Path) -> None:
    rig = load(tmp_path, ('"tank.seen" = { unit = "m" }\n', ""), ('out = { y = "tank.seen" }\n', ""))
    assert rig.signals["filter.y"].unit == "m"


def test_a_declared_conversion_is_a_gain_on_that_wire(tmp_path: Path) -> None:
    changed = ('"tank.seen" = { unit = "m" }', '"tank.seen" = { unit = "cm" }')
    added = '[[conversions]]\nfrom = "tank.level"\nto = "filter.u"\nfactor = 100.0\n'
    rig = load(tmp_path, changed, added=added)
    gain = rig.blocks["filter.u.conversion"]
    assert (gain.type, gain.params["gain"], gain.inputs[0].signal) == ("gain", 100.0, "tank.level")
    assert rig.blocks["filter"].inputs[0].signal == gain.outputs[0].signal == "filter.u"
    assert rig.signals["filter.u"].unit == "cm"


def test_without_a_record_table_every_declared_signal_is_recorded(tmp_path: Path) -> None:
    group = load(tmp_path).record["signals"]
    assert (group.signals, group.every, group.raw) == (("tank.level", "tank.seen"), 1, True)


def test_record_groups_take_patterns_of_signals_and_states(tmp_path: Path) -> None:
    rig = load(tmp_path, added='[record]\nslow = { every = 10, names = ["tank.*"], states = ["filter.y"] }\n')
    assert rig.record["slow"].signals == ("tank.level", "tank.seen")
    assert rig.record["slow"].states == ("filter.y",)


def test_faults_and_events_of_the_rig_are_in_ticks_and_signal_units(tmp_path: Path) -> None:
    added = """
[[faults]]
signal = "tank.level"
fault = "bias"
value = "1 cm"
at_s = 8.0
until_s = 14.0
[[events]]
at_s = 0.5
set = "filter.time_constant_s"
value = "100 ms"
[[events]]
at_tick = 7
mark = "here"
"""
    rig = load(tmp_path, added=added)
    assert rig.faults[0].values == (0.01,)
    assert (rig.faults[0].start(rig.period_ns), rig.faults[0].end(rig.period_ns)) == (8000, 14000)
    change, mark = rig.events
    assert (change.block, change.param, change.value) == ("filter", "time_constant_s", pytest.approx(0.1))
    assert (change.tick(rig.period_ns), mark.tick(rig.period_ns), mark.mark) == (500, 7, "here")


def test_a_table_can_lie_in_a_csv_file_of_the_rig(tmp_path: Path) -> None:
    (tmp_path / "profile.csv").write_text("t,height\n0,0.1\n1,0.2\n")
    added = '[blocks.series]\ntype = "playback"\nt = "profile.csv:t"\nu = "profile.csv:height"\nbetween = "linear"\n'
    rig = load(tmp_path, added=added)
    assert rig.blocks["series"].config["u"] == (0.1, 0.2)
    assert rig.blocks["series"].config["between"] == (1.0,)
    assert "profile.csv" in rig.files
