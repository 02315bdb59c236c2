"""Every mistake in a rig is one line that names file, line, key, reason and mend; all of them are shown together."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hil.errors import HilError, RigError
from hil.rig import load_rig
from hil.rig.load import read_rig

RIGS = Path(__file__).parent / "rigs"
SMALL = (RIGS / "small" / "rig.toml").read_text(encoding="utf-8")
CONTROLLED = (RIGS / "controlled" / "rig.toml").read_text(encoding="utf-8")
MAP = (RIGS / "controlled" / "plc.csv").read_text(encoding="utf-8")


def mistakes(folder: Path, text: str, plc: str | None = None) -> list[str]:
    """Lines of the error, without the folder."""
    (folder / "rig.toml").write_text(text, encoding="utf-8")
    if plc is not None:
        (folder / "plc.csv").write_text(plc, encoding="utf-8")
    with pytest.raises(RigError) as caught:
        load_rig(folder)
    return str(caught.value).replace(f"{folder}/", "").splitlines()


def replaced(text: str, old: str, new: str) -> str:
    assert old in text
    return text.replace(old, new)


# (what is replaced in the small rig, by what, the whole message)
SMALL_CASES = [
    (
        "time_constant_s = 0.05",
        "time_constant_s = = 1",
        "rig.toml:17:19: broken TOML: invalid value: time_constant_s = = 1",
    ),
    (
        "period_s = 0.001",
        'period_s = "fast"',
        'rig.toml:3: rig.period_s = "fast": must be a number',
    ),
    (
        "period_s = 0.001",
        "period_s = -1.0",
        "rig.toml:3: rig.period_s = -1: must be greater than 0",
    ),
    (
        "period_s = 0.001",
        "period_s = 1.5e-9",
        "rig.toml:3: rig.period_s = 1.5e-09: must be a whole number of nanoseconds",
    ),
    (
        "range = [0.0, 1.0]",
        "range = [0.0]",
        'rig.toml:6: signals."tank.level".range = [0.0]: needs 2 elements, not 1',
    ),
    (
        "range = [0.0, 1.0]",
        "range = [1.0, 0.0]",
        (
            'rig.toml:6: signals."tank.level".range = [1.0, 0.0]: the lower end must be smaller than the '
            "upper one. Swap them"
        ),
    ),
    (
        "range = [0.0, 1.0]",
        "range = [0.0, 1.0], limits = [0.0, 0.5]",
        (
            'rig.toml:6: signals."tank.level".limits = [0.0, 0.5]: the range [0.0, 1.0] reaches beyond '
            "these limits. Widen the limits or narrow the range"
        ),
    ),
    (
        "range = [0.0, 1.0]",
        "limits = [0.0, 1.0], safe = 2.0",
        'rig.toml:6: signals."tank.level".safe = 2: lies outside the limits [0.0, 1.0]',
    ),
    (
        "range =",
        "rnge =",
        'rig.toml:6: signals."tank.level".rnge: unknown key. Did you mean range?',
    ),
    (
        'unit = "m" }',
        'unit = "metr" }',
        "rig.toml:7: signals.\"tank.seen\".unit = \"metr\": 'metr' is not a unit. Did you mean 'metre'?",
    ),
    (
        'unit = "m" }',
        'unit = "V" }',
        (
            "rig.toml:16: blocks.filter.out.y: tank.seen is in V, this output in m. Change the unit, or put "
            "a gain block between"
        ),
    ),
    (
        'type = "lag"',
        'type = "lagg"',
        'rig.toml:14: blocks.filter.type = "lagg": unknown type. Did you mean lag?',
    ),
    (
        'in = { u = "tank.level" }',
        'in = { u = "tank.levle" }',
        "rig.toml:15: blocks.filter.in.u: there is no signal tank.levle. Did you mean tank.level?",
    ),
    (
        'in = { u = "tank.level" }\n',
        "",
        "rig.toml:13: blocks.filter.in.u: lag needs this input: input. Wire it to a signal or a number",
    ),
    (
        "time_constant_s",
        "time_constant_ms",
        (
            "rig.toml:17: blocks.filter.time_constant_ms = 0.05: lag has no parameter or configuration of "
            "this name. Did you mean time_constant_s?"
        ),
    ),
    (
        "time_constant_s = 0.05",
        "time_constant_s = -1",
        ("rig.toml:17: blocks.filter.time_constant_s = -1: must lie within 0 and inf: time constant in s; 0: y = u"),
    ),
    (
        "time_constant_s = 0.05",
        'time_constant_s = "5 V"',
        (
            "rig.toml:17: blocks.filter.time_constant_s = \"5 V\": unit 'V' does not convert to 's'. Give "
            "both the same kind of unit"
        ),
    ),
    (
        'type = "sine"',
        'model = "../plant.py:Tank"',
        (
            'rig.toml:10: blocks.source.model = "../plant.py": the file lies outside the rig\'s folder. Copy '
            "it into the folder"
        ),
    ),
    (
        'type = "sine"',
        'model = "plant.py:Tank"',
        ('rig.toml:10: blocks.source.model = "plant.py": there is no such file. The folder has no .py file'),
    ),
    (
        'type = "sine"',
        'type = "noise"\ndistribution = "norml"',
        'rig.toml:11: blocks.source.distribution = "norml": is none of its choices. Did you mean normal?',
    ),
    (
        'type = "sine"',
        'type = "sine"\nrole = "plc"',
        'rig.toml:11: blocks.source.role = "plc": unknown role. There are none',
    ),
]


@pytest.mark.parametrize(("old", "new", "message"), SMALL_CASES, ids=[case[1] or "no input" for case in SMALL_CASES])
def test_a_mistake_says_where_and_why(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert message in mistakes(tmp_path, replaced(SMALL, old, new))


def test_a_missing_key_names_the_nearest_one_beside_it(tmp_path: Path) -> None:
    assert mistakes(tmp_path, replaced(SMALL, "period_s", "perod_s")) == [
        "rig.toml:1: rig.period_s: is missing",
        "rig.toml:3: rig.perod_s: unknown key. Did you mean period_s?",
    ]


def test_a_doubled_table_is_called_so(tmp_path: Path) -> None:
    (line,) = mistakes(tmp_path, SMALL + "[blocks.filter]\n")
    assert line == "rig.toml:18:15: broken TOML: this key or table stands here twice: [blocks.filter]"


def test_all_mistakes_are_shown_together(tmp_path: Path) -> None:
    text = replaced(SMALL, 'unit = "m" }', 'unit = "metr", colour = 1 }')
    text = replaced(text, "time_constant_s", "time_constant")
    text = replaced(text, 'type = "sine"', 'type = "sine"\namplitud = 2')
    assert [line.partition(": ")[0] for line in mistakes(tmp_path, text)] == [f"rig.toml:{n}" for n in (7, 7, 11, 18)]


def test_two_producers_of_one_signal_are_refused(tmp_path: Path) -> None:
    lines = mistakes(tmp_path, replaced(SMALL, 'y = "tank.seen"', 'y = "tank.level"'))
    assert (
        "rig.toml:16: blocks.filter.out.y: tank.level is already written by source. A signal has one producer" in lines
    )
    assert any(line.startswith('rig.toml:7: signals."tank.seen": no block and no role writes') for line in lines)


def test_a_role_cannot_read_past_its_boundary(tmp_path: Path) -> None:
    text = replaced(CONTROLLED, '"level" = {', '"hidden" = { unit = "m" }\n"level" = {')
    text += '[blocks.other]\ntype = "sine"\nout = { y = "hidden" }\n'
    text = replaced(text, 'measurement = "level"', 'measurement = "hidden"')
    (line,) = mistakes(tmp_path, text, MAP)
    assert "hidden is not an input of role plc. Add it to the role's inputs or its device's map" in line


def test_the_bench_cannot_read_what_stays_inside_a_role(tmp_path: Path) -> None:
    text = CONTROLLED + '[blocks.spy]\ntype = "gain"\nin = { u = "control.setpoint" }\n'
    (line,) = mistakes(tmp_path, text, MAP)
    assert "control.setpoint is internal to role plc. Add it to that role's outputs" in line


def test_every_output_of_a_role_with_blocks_needs_one_that_writes_it(tmp_path: Path) -> None:
    (line,) = mistakes(tmp_path, CONTROLLED, MAP + "plc.alarm,read,coil,0,bool,,\n")
    assert line.startswith("rig.toml:15: roles.plc.outputs: no block of the role writes plc.alarm")


def test_a_role_without_blocks_needs_the_real_device(tmp_path: Path) -> None:
    text = CONTROLLED.partition("[blocks.control]")[0]
    (tmp_path / "rig.toml").write_text(text)
    (tmp_path / "plc.csv").write_text(MAP)
    assert load_rig(tmp_path).roles["plc"].binding == "hil"
    (line,) = mistakes(tmp_path, replaced(text, "every = 10", 'every = 10\nbinding = "pil"'), MAP)
    assert line == 'rig.toml:17: roles.plc.binding = "pil": needs blocks with role = "plc". Write "hil"'


def test_map_and_rig_must_not_contradict_each_other(tmp_path: Path) -> None:
    plc = MAP.replace("scale,unit", "scale,unit,min,max").replace("1e-5,m", "1e-5,m,0,0.3")
    (line,) = mistakes(tmp_path, CONTROLLED, plc)
    assert (
        line == "plc.csv:2: level.range = [0.0, 0.3]: contradicts range = [0.0, 0.25] in rig.toml. Say it in one place"
    )


def test_a_unit_of_the_map_must_be_the_signals(tmp_path: Path) -> None:
    lines = mistakes(tmp_path, CONTROLLED, MAP.replace("1e-5,m", "1e-5,V"))
    assert 'plc.csv:2: level.unit = "V": contradicts unit = "m" in rig.toml. Say it in one place' in lines


def test_a_client_cannot_write_an_input_register(tmp_path: Path) -> None:
    (line,) = mistakes(tmp_path, CONTROLLED, MAP.replace("write,holding", "write,input"))
    assert line.startswith(
        "plc.csv:2: level.table = input_register: the bench is the client here and cannot write input"
    )
    assert line.endswith("Use a holding_register")


def test_firmware_behind_modbus_is_a_slave_on_a_serial_line(tmp_path: Path) -> None:
    text = replaced(CONTROLLED, 'map = "plc.csv"', 'map = "plc.csv"\nfirmware = "plc"')
    (line,) = mistakes(tmp_path, text, MAP)
    assert line.startswith('rig.toml:19: devices.plc.url = "modbus-tcp://127.0.0.1:5020": firmware speaks Modbus RTU')
    text = replaced(text, "modbus-tcp://127.0.0.1:5020", "modbus-rtu:///dev/ttyUSB0")
    (tmp_path / "rig.toml").write_text(text)
    assert load_rig(tmp_path).devices["plc"].firmware == "plc"
    server = replaced(text, 'firmware = "plc"', 'firmware = "plc"\nside = "server"')
    (line,) = mistakes(tmp_path, server, MAP.replace("input_register", "holding_register"))
    assert 'side = "server": firmware is a Modbus slave, so the bench is the client' in line


def test_volts_wired_to_metres_ask_for_a_conversion(tmp_path: Path) -> None:
    text = replaced(CONTROLLED, 'type = "integrator"', 'type = "limit"').replace("gain = 0.01\n", "")
    lines = mistakes(tmp_path, text, MAP)
    assert lines == [
        "rig.toml:12: blocks.tank.out.y: level is in m, this output in V. Change the unit, or put a gain block between"
    ]


def test_an_unknown_fault_kind_lists_the_nearest(tmp_path: Path) -> None:
    lines = mistakes(tmp_path, SMALL + '[[faults]]\nsignal = "tank.level"\nfault = "stuk"\n')
    assert lines == ['rig.toml:20: faults[1].fault = "stuk": there is no such fault. Did you mean stuck?']


def test_keys_in_arrays_of_tables_have_their_own_lines(tmp_path: Path) -> None:
    event = '[[events]]\nat_s = 1.0\nset = "filter.start"\nvalue = {}\n'
    lines = mistakes(tmp_path, SMALL + event.format("1.0") + "\n" + event.format('"x"'))
    assert lines == ['rig.toml:26: events[2].value = "x": must be a number']


def test_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    inside = tmp_path / "rig"
    inside.mkdir()
    (tmp_path / "secret.csv").write_text(MAP)
    (inside / "plc.csv").symlink_to(tmp_path / "secret.csv")
    (line,) = mistakes(inside, CONTROLLED.partition("[blocks.control]")[0])[:1]
    assert "plc.csv" in line
    assert "outside the rig's folder" in line


def complaint(text: str, folder: Path) -> str:
    """What is said about a rig file; nothing when it can be used."""
    try:
        read_rig(text, folder / "rig.toml")
    except HilError as error:
        return str(error)
    return ""


VALUES = [
    "-1",
    "0",
    "1e400",
    "nan",
    '""',
    '"x"',
    "[]",
    "[1]",
    "{}",
    "true",
    '"5 V"',
    "{ u = [1] }",
    "[[1], 2]",
    "99999999999",
]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_a_value_is_replaced_by_the_answer_is_a_rig_or_a_readable_error(
    tmp_path: Path, data: st.DataObject
) -> None:
    """Any single entry of a rig with any wrong value: never a traceback."""
    (tmp_path / "plc.csv").write_text(MAP)
    lines = CONTROLLED.splitlines()
    at = data.draw(st.sampled_from([n for n, line in enumerate(lines) if "=" in line]))
    lines[at] = f"{lines[at].partition('=')[0]}= {data.draw(st.sampled_from(VALUES))}"
    assert all(line.startswith(str(tmp_path)) for line in complaint("\n".join(lines), tmp_path).splitlines())


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(alphabet=st.sampled_from('[]{}="\n.,#ab1 _-'), max_size=60), at=st.integers(0, len(SMALL)))
def test_junk_in_the_file_never_ends_in_a_traceback(tmp_path: Path, text: str, at: int) -> None:
    said = complaint(SMALL[:at] + text + SMALL[at:], tmp_path)
    assert said == "" or said.startswith(str(tmp_path))
