"""Programs with memory, with many variables, with several tasks: each written into a small rig of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from hil import open_bench
from hil.errors import RigError
from hil.rig import load_rig

RIG = """
[rig]
name = "small"
period_s = 0.01
[signals]
{signals}
{blocks}
[roles.plc]
program = {files}
{role}
[devices.plc]
url = "modbus-tcp://127.0.0.1:15502"
side = "server"
map = "plc.csv"
"""
HEADER = "tag,direction,table,address,type,bit,variable\n"


def small(folder: Path, rows: str, role: str = "", **programs: str) -> Path:
    """A rig with a constant for each tag that the bench writes; `programs` are sources by name."""
    tags = [row.split(",") for row in rows.split()]
    written = [tag[0] for tag in tags if tag[1] == "write"]
    blocks = "\n".join(
        f'[blocks.b{n}]\ntype = "constant"\nvalue = {n}\nout = {{ y = "{name}" }}' for n, name in enumerate(written)
    )
    signals = "\n".join(f'"{tag[0]}" = {{}}' for tag in tags)
    files = str([f"{name}.st" for name in programs])
    (folder / "rig.toml").write_text(RIG.format(signals=signals, blocks=blocks, files=files, role=role))
    (folder / "plc.csv").write_text(HEADER + "\n".join(rows.split()) + "\n")
    for name, text in programs.items():
        (folder / f"{name}.st").write_text(text)
    return folder


def test_memory_is_the_programs_where_no_tag_writes_it(tmp_path):
    program = """
PROGRAM main
VAR count AT %MW0 : UINT; given AT %MW1 : UINT; sum AT %MW2 : UINT := 40; END_VAR
count := count + 1; sum := sum + given;
END_PROGRAM"""
    rows = "in.given,write,holding_register,1025,uint16,, out.count,read,holding_register,1024,uint16,,"
    rows = "in.zero,write,holding_register,1030,uint16,,spare " + rows
    rows += " out.sum,read,holding_register,1026,uint16,,"
    program = program.replace("END_VAR", "spare AT %MW6 : UINT; END_VAR")
    with open_bench(small(tmp_path, rows, main=program)) as bench:
        bench.run(0.11)  # 11 scans, the last of which is latched in the next tick
        assert (bench["out.count"], bench["out.sum"]) == (10.0, 50.0)
        plc = bench.plc("plc")
        plc.force("count", 500)
        bench.run(0.02)
        assert bench["out.count"] == 501.0
        plc.release()
        bench.run(0.03)
        assert bench["out.count"] > 501.0


def test_hundreds_of_variables_each_way(tmp_path):
    program = """
PROGRAM main
VAR u AT %IW0 : ARRAY[0..299] OF UINT; y AT %QW0 : ARRAY[0..299] OF UINT; i : INT; END_VAR
FOR i := 0 TO 299 DO y[i] := u[299 - i]; END_FOR;
END_PROGRAM"""
    rows = " ".join(
        f"in.{n},write,input_register,{n},uint16,, out.{n},read,holding_register,{n},uint16,," for n in range(300)
    )
    with open_bench(small(tmp_path, rows, main=program)) as bench:
        bench.run(0.05)
        assert [bench[f"out.{n}"] for n in range(300)] == [float(299 - n) for n in range(300)]
        bench.plc("plc").force("u[7]", 1234)
        bench.run(0.02)
        assert bench["out.292"] == 1234.0


TASKS = """
CONFIGURATION c
VAR_GLOBAL fast AT %QW0 : UINT; slow AT %QW1 : UINT; END_VAR
RESOURCE r ON plc
TASK t1(INTERVAL := T#20ms, PRIORITY := 0); TASK t2(INTERVAL := T#{slow}ms, PRIORITY := 1);
PROGRAM a WITH t1 : quick; PROGRAM b WITH t2 : lazy;
END_RESOURCE
END_CONFIGURATION"""
QUICK = "PROGRAM quick\nVAR_EXTERNAL fast : UINT; END_VAR\nfast := fast + 1;\nEND_PROGRAM"
LAZY = "PROGRAM lazy\nVAR_EXTERNAL slow : UINT; END_VAR\nslow := slow + 1;\nEND_PROGRAM"
TWO = "out.fast,read,holding_register,0,uint16,, out.slow,read,holding_register,1,uint16,,"


def test_several_programs_share_one_block_with_tasks_of_their_own(tmp_path):
    folder = small(tmp_path, TWO, quick=QUICK, lazy=LAZY, tasks=TASKS.format(slow=100))
    with open_bench(folder) as bench:
        bench.run(1.01)
        assert (bench["out.fast"], bench["out.slow"]) == (50.0, 10.0)
        assert [task.name for task in bench.built.plcs["plc_program"].tasks] == ["t1", "t2"]


def test_the_interval_of_every_task_is_a_multiple_of_the_roles(tmp_path):
    folder = small(tmp_path, TWO, quick=QUICK, lazy=LAZY, tasks=TASKS.format(slow=25))
    with pytest.raises(RigError, match=r"rig\.toml:\d+: roles\.plc\.program = .*the interval of task t2, 0\.025 s"):
        load_rig(folder)


def test_variables_of_one_name_are_called_by_their_addresses(tmp_path):
    one = "PROGRAM one\nVAR x AT %QW0 : UINT; END_VAR\nx := 1;\nEND_PROGRAM\n"
    two = one.replace("one", "two").replace("%QW0", "%QW1").replace("x := 1", "x := 2")
    tasks = """
CONFIGURATION c
RESOURCE r ON plc
TASK t(INTERVAL := T#10ms, PRIORITY := 0); PROGRAM a WITH t : one; PROGRAM b WITH t : two;
END_RESOURCE
END_CONFIGURATION"""
    with open_bench(small(tmp_path, TWO, one=one, two=two, tasks=tasks)) as bench:
        bench.run(0.1)
        assert (bench["out.fast"], bench["out.slow"]) == (1.0, 2.0)
        bench.plc("plc").force("%QW1", 9)
        bench.run(0.02)
        assert (bench["out.fast"], bench["out.slow"]) == (1.0, 9.0)


def test_a_file_in_a_code_page_is_read_and_recorded(tmp_path):
    text = "PROGRAM main\nVAR x AT %QW0 : UINT; (* F\u00fcllstand *) END_VAR\nx := 3;\nEND_PROGRAM\n"
    folder = small(tmp_path, "out.x,read,holding_register,0,uint16,,", main=text)
    (folder / "main.st").write_bytes(text.encode("cp1252"))
    assert load_rig(folder).files["main.st"] == text
