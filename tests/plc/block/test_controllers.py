"""A role's controller is its blocks or its program; a mistake between tags and variables is one line with its place."""

from __future__ import annotations

import json

import pytest

from hil import open_bench
from hil.cli import main
from hil.errors import BenchError, RigError
from hil.rig import Rig, load_rig


def test_the_caller_chooses_and_the_rig_has_only_that_one(tank):
    program, blocks = load_rig(tank), load_rig(tank, controllers={"plc": "blocks"})
    assert [b.name for b in program.role_blocks("plc")] == ["plc_program"]
    assert "plc_program" not in blocks.blocks
    assert len(blocks.role_blocks("plc")) == 8
    assert (program.roles["plc"].controller, blocks.roles["plc"].controller) == ("program", "blocks")
    # What is said of the other one is left out with it.
    assert [event.block for event in program.events] == ["plc_program"]
    assert [event.block for event in blocks.events] == ["half"]
    assert "half.y" in blocks.signals
    assert "half.y" not in program.signals
    assert "plc_program.running" not in blocks.signals


def test_without_a_choice_blocks_come_first(changed):
    folder = changed(("rig.toml", 'controller = "program"\n', ""))
    assert load_rig(folder).roles["plc"].controller == "blocks"


def test_a_rig_survives_its_recording(tank):
    rig = load_rig(tank)
    assert Rig.from_dict(json.loads(json.dumps(rig.to_dict())), rig.files).blocks == rig.blocks


def test_a_loaded_rig_has_chosen(tank):
    with pytest.raises(BenchError, match=r"load_rig\(\.\.\., controllers="):
        open_bench(load_rig(tank), controllers={"plc": "blocks"})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"plk": "program"}, "there is no role 'plk' to choose a controller for. Did you mean plc?"),
        ({"plc": "both"}, "controller 'both' is not known. Write blocks or program"),
    ],
)
def test_a_choice_that_is_none_is_refused(tank, given, message):
    with pytest.raises(RigError) as error:
        load_rig(tank, controllers=given)
    assert message in str(error.value)


MAP = "plc.csv"
MISTAKES = [
    ((MAP, ",1e-4,-0.01,m,%IW0", ",1e-4,-0.01,m,levle"),
     "plc.csv:2: sensor.level.variable = levle: the program has no located variable levle. Did you mean level?"),
    ((MAP, ",1e-4,-0.01,m,%IW0", ",1e-4,-0.01,m,"),
     ("plc.csv:2: sensor.level: the bench writes this tag, and speed (%QW0 : UINT) is an output of the program. "
     "Use another direction, or name the right variable in the column variable")),
    ((MAP, "holding_register,0,uint16,,1e-4,-0.01,m,%IW0", "holding_register,1030,uint16,,1e-4,-0.01,m,"),
     ("plc.csv:2: sensor.level: no variable of the program lies at %MW6, the address of holding_register 1030 "
     "(4x01031). Declare one AT %MW6, or name another in the column variable")),
    ((MAP, "holding_register,0,uint16,,1e-4,-0.01,m,%IW0", "holding_register,2049,uint16,,1e-4,-0.01,m,"),
     ("plc.csv:2: sensor.level: holding register 2049 lies amid the 2 registers of %MD0. "
     "Write its variable into the column variable")),
    ((MAP, ",heat", ",divisor"),
     ("plc.csv:8: sensor.heat.variable = divisor: divisor (%IW3 : UINT) is already written by switch.divisor. "
     "Name another variable")),
    ((MAP, "holding_register,4,float32,,,,,heat", "holding_register,4,uint16,,,,,heat"),
     ("plc.csv:8: sensor.heat.variable = heat: heat (%ID10 : REAL) does not fit uint16. "
     "It takes INT, UINT, WORD; change the tag's type or the variable's")),
    ((MAP, "input_register,4,float32,,,,,power", "input_register,4,float32,,,,,heat"),
     ("plc.csv:15: plc.power.variable = heat: the bench reads this tag, and heat (%ID10 : REAL) is an input of "
     "the program. Use another direction, or name the right variable in the column variable")),
    (("rig.toml", "every = 2\nprogram", "every = 3\nprogram"),
     ('rig.toml:79: roles.plc.program = "plc/tank.st": the interval of task cyclic, 0.02 s, is no multiple of '
     "the role's, 0.03 s. Change every of the role, or the task's INTERVAL")),
    (("rig.toml", "plc/tank.st", "plc/tankk.st"), "roles.plc.program = \"plc/tankk.st\": there is no such file"),
    (("rig.toml", 'controller = "program"', 'controller = "programm"'), "roles.plc.controller = \"programm\": must be"),
    (("rig.toml", 'watch = ["p.integral"]', 'watch = ["p.integrel"]'), "there is no variable p.integrel to watch"),
    (("plc/tank.st", "lamp := step = 2;", "lamp := stepp = 2;"), "plc/tank.st:36:13: there is no variable stepp. "),
]  # fmt: skip


@pytest.mark.parametrize(("change", "message"), MISTAKES)
def test_a_mistake_is_one_line_with_file_key_and_mend(changed, change, message):
    with pytest.raises(RigError) as error:
        load_rig(changed(change))
    lines = [line for line in str(error.value).splitlines() if message in line]
    assert len(lines) == 1, str(error.value)


def test_a_program_on_a_role_without_tags_is_refused(changed):
    text = '[devices.plc]\nurl = "modbus-tcp://127.0.0.1:15502"\nmap = "plc.csv"\n'
    with pytest.raises(RigError, match=r"roles\.plc\.program: the role has no tags"):
        load_rig(changed(("rig.toml", text, "")))


def test_a_role_without_a_device_finds_its_variables_by_name(changed):
    text = '[devices.plc]\nurl = "modbus-tcp://127.0.0.1:15502"\nmap = "plc.csv"\n'
    lists = 'inputs = ["sensor.level", "switch.enable", "sensor.heat"]\noutputs = ["pump.speed"]\n'
    folder = changed(("rig.toml", text, ""), ("rig.toml", "every = 2\n", f"every = 2\n{lists}"))
    for name in ("lamp", "door", "acknowledge", "echo", "power", "quotient"):
        path = folder / "rig.toml"
        path.write_text(path.read_text().replace(f'"plc.{name}" = {{}}\n', ""))
    block = load_rig(folder).blocks["plc_program"]
    assert [(w.port, w.signal) for w in block.inputs][:2] == [("level", "sensor.level"), ("enable", "switch.enable")]


def test_check_lists_what_no_tag_feeds_or_takes(changed, capsys):
    folder = changed((MAP, "switch.divisor,write,holding_register,3,uint16,,,,,divisor\n", ""),
                     (MAP, "plc.quotient,read,input_register,3,uint16,,,,,quotient\n", ""),
                     ("rig.toml", '"plc.quotient" = {}\n', ""),
                     ("plc/tank.st", "UINT#1000 / divisor", "divisor"))  # fmt: skip
    assert main(["check", str(folder), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["findings"]
    texts = [finding["message"] for finding in found if "plc/tank.st" in finding["where"]]
    assert texts == [
        "no tag feeds the input divisor (%IW3 : UINT)",
        "no tag takes the output quotient (%QW3 : UINT)",
    ]


def test_the_command_line_takes_the_choice(tank, capsys):
    run = ["run", str(tank), "--virtual", "--duration", "1.5", "--no-record", "--json"]
    assert main([*run, "--controller", "plc=program"]) == 0
    assert json.loads(capsys.readouterr().out)["passed"]
    assert main([*run, "--controller", "plc=blocks"]) == 0
    capsys.readouterr()
    assert main([*run, "--controller", "plc"]) == 2
    assert "Write ROLE=program" in capsys.readouterr().err
