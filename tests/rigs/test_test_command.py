"""`hil test`: a rig's own tests at every level, and the levels compared back to back."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from xml.etree import ElementTree as Xml

import psutil
import pytest

from hil.back_to_back import back_to_back, bindings_at, check_levels, is_compared
from hil.cli import main
from hil.cli.test import back_to_back_text
from hil.errors import BenchError
from hil.junit import write_junit
from hil.new import make_rig
from hil.recording import Recording
from hil.rig import load_rig

TESTS = """
import pytest

def test_the_level_is_controlled(bench):
    bench.run(0.2)
    assert bench["plc.running"] == 1.0

def test_only_as_blocks(bench):
    assert bench.bindings == {"plc": "mil"}, "over a wire"

def test_leads_nowhere(bench):
    pytest.skip("no road")
"""
GOOD = "[record]\nall = { states = ['*.*'] }\n\n# ---- the PLC:"
# Its echo of a set-point is a controller's model that is another one in the process of an emulated device.
ODD_MODEL = """
import os

class Echo(Model):
    '''What was set, on an emulated device from 0.1 s on a little more.'''

    clock = State(0.0, unit="s")
    u = Input(unit="m")
    y = Output(unit="m")
    late = Param(1.001 if "HIL_EMULATE_UNTIL_STDIN_ENDS" in os.environ else 1.0)

    def equations(self):
        return {"clock": 1.0}

    def outputs(self):
        from hil.models.math import if_else

        return {"y": self.u * if_else(self.clock > 0.095, self.late, 1.0)}
"""


@pytest.fixture
def rig(rig_copy):
    """The water tank with three small tests of its own, and everything recorded, its PLC's inside too."""
    folder = rig_copy("quad_tank", ("# ---- the PLC:", GOOD))
    (folder / "tests").mkdir()
    (folder / "tests/test_tank.py").write_text(TESTS)
    return folder


def test_each_level_runs_the_tests_and_the_levels_are_identical(hil, rig, tmp_path):
    out, junit = tmp_path / "out", tmp_path / "results/junit.xml"
    done = hil("test", rig, "--levels", "mil,pil", "--duration", 0.5, "--json", "--out", out, "--junit", junit)
    found = json.loads(done.stdout)
    assert done.returncode == 1, done.stderr
    assert found["passed"] is False
    mil, pil = found["levels"]["mil"], found["levels"]["pil"]
    assert (mil["bindings"], pil["bindings"]) == ({"plc": "mil"}, {"plc": "pil"})
    names = [
        f"test_tank::{name}" for name in ("test_the_level_is_controlled", "test_only_as_blocks", "test_leads_nowhere")
    ]
    assert mil["tests"] == dict(zip(names, ["passed", "passed", "skipped"], strict=True))
    assert pil["tests"] == dict(zip(names, ["passed", "failed", "skipped"], strict=True))
    assert (mil["passed"], pil["passed"]) == (True, False)
    assert "over a wire" in pil["messages"][names[1]]
    both = found["back_to_back"]
    assert (both["identical"], both["first_difference"], both["rows"]) == (True, None, 500)
    assert "level1.integral" in both["not_compared"]
    assert Recording(out / "pil/recording").manifest["bindings"] == {"plc": "pil"}
    assert "1 failed, 1 passed, 1 skipped" in (out / "pil/tests.txt").read_text()
    suites = {suite.get("name"): suite for suite in Xml.parse(junit).getroot()}
    counts = {name: [suite.get(k) for k in ("tests", "failures", "skipped")] for name, suite in suites.items()}
    assert counts == {
        "quad_tank mil": ["3", "0", "1"],
        "quad_tank pil": ["3", "1", "1"],
        "quad_tank back to back": ["1", "0", "0"],
    }
    again = hil("test", rig, "--levels", "mil,pil", "--out", out)
    assert (again.returncode, again.stderr.count("\n")) == (2, 1)
    assert "not an empty folder" in again.stderr


def test_a_pass_is_a_table_and_exit_code_0(hil, rig):
    done = hil("test", rig, "--levels", "mil", "-k", "controlled or nowhere")
    assert done.returncode == 0, done.stdout + done.stderr
    lines = [line.split() for line in done.stdout.splitlines()]
    assert lines[0] == ["Level", "Roles", "Passed", "Failed", "Skipped", "Time"]
    assert lines[1][:6] == ["mil", "plc:", "mil", "1", "0", "1"]
    assert "mil: test_tank::test_leads_nowhere: skipped: no road" in done.stdout
    assert lines[-1] == ["PASSED", "quad_tank"]


def test_a_role_without_firmware_has_no_sil(tmp_path, capfd):
    make_rig("motor", tmp_path)
    assert main(["test", str(tmp_path / "motor"), "--levels", "mil,sil"]) == 2
    assert "plc=sil: sil needs firmware for this role, and there is none" in capfd.readouterr().err


def test_firmware_in_this_process_gives_the_same_bits(tmp_path):
    loaded = load_rig("tclab")
    assert bindings_at(loaded, "sil") == {"board": "sil"}
    found = back_to_back(loaded, ["mil", "sil"], 20.0, tmp_path)
    assert found.identical, found.first_difference
    assert Recording(found.recordings["sil"]).manifest["bindings"] == {"board": "sil"}


def test_a_controller_that_is_another_one_on_the_device_is_found_and_located(hil, rig, tmp_path):
    model = rig / "model.py"
    model.write_text(model.read_text().replace("Model, ", "Model, Output, ") + ODD_MODEL)
    toml = rig / "rig.toml"
    text = toml.read_text()
    old = text[text.index("[blocks.echo1]") : text.index('out = { y = "plc.setpoint_h1" }')]
    new = '[blocks.echo1]\nrole = "plc"\ntype = "model"\nmodel = "model.py:Echo"\nin = { u = "level1.setpoint" }\n'
    toml.write_text(text.replace(old, new))
    found = back_to_back(load_rig(rig), ["pil", "mil"], 0.5, tmp_path / "out")
    first = found.first_difference
    assert found.identical is False
    assert (first["signal"], first["what"], first["levels"]) == ("plc.setpoint_h1", "value", ["pil", "mil"])
    assert first["a"] == pytest.approx(1.001 * first["b"], rel=1e-6)
    assert 90 <= first["tick"] <= 111
    assert found.to_dict()["differing"] == {"mil": ["plc.setpoint_h1 value", "plc.setpoint_h1.raw value"]}
    text = back_to_back_text(found)
    assert text.startswith(f"differs from tick {first['tick']} (")
    assert f"mil {first['b']!r} {first['b_bits']}" in text
    write_junit(tmp_path / "junit.xml", "quad_tank", [], found)
    failure = Xml.parse(tmp_path / "junit.xml").find(".//testcase[@name='pil and mil']/failure")
    assert f"tick {first['tick']}: plc.setpoint_h1" in failure.get("message")


def test_a_rig_without_tests_is_still_compared(hil, rig, capfd):
    for file in (rig / "tests").iterdir():
        file.unlink()
    done = hil("test", rig, "--levels", "mil,pil", "--duration", 0.2)
    assert done.returncode == 0, done.stderr
    assert "The rig has no tests of its own" in done.stdout
    assert "Back to back: identical (mil, pil;" in done.stdout
    assert main(["test", str(rig), "--levels", "mil"]) == 2
    assert "one level alone" in capfd.readouterr().err


def test_tests_that_cannot_be_read_fail_their_level(hil, rig):
    (rig / "tests/test_tank.py").write_text("import nothing_of_that_name\n")
    done = hil("test", rig, "--levels", "mil")
    assert done.returncode == 1
    assert "mil: test_tank: ModuleNotFoundError: No module named 'nothing_of_that_name'" in done.stdout
    assert "FAILED" in done.stdout


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--levels", "mil,sli"], "Did you mean sil?"),
        (["--levels", "mil,mil"], "name each level once"),
        (["--levels", ","], "mil,sil,pil"),
        (["--levels", "mil,hil"], "--bind ROLE=hil --time real"),
        (["--levels", "mil,pil", "--duration", "0"], "--duration"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(rig, args, words, capfd):
    assert main(["test", str(rig), *args]) == 2
    out, err = capfd.readouterr()
    assert (out, err.count("\n")) == ("", 1), err
    assert words in err


def test_what_lives_inside_a_controller_is_not_compared(rig):
    loaded = load_rig(rig)
    assert is_compared(loaded, "sensor.h1")
    assert is_compared(loaded, "sensor.h1.raw")
    assert is_compared(loaded, "plc.running")
    assert not is_compared(loaded, "highest1.y")
    assert is_compared(loaded, "plant.h1")
    assert bindings_at(loaded, "mil") == {"plc": "mil"}
    with pytest.raises(BenchError):
        check_levels([])


LONG = """
import time
import pytest

@pytest.mark.bench_options(record={folder!r})
def test_long(bench):
    bench.run(0.1)
    open({begun!r}, "w").close()
    time.sleep(100)
"""


@pytest.mark.realtime
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_tests_with_their_bench_safe(rig, tmp_path, number, code):
    folder, begun = tmp_path / "recording", tmp_path / "begun"
    (rig / "tests/test_tank.py").write_text(LONG.format(folder=str(folder), begun=str(begun)))
    command = [sys.executable, "-m", "hil", "test", str(rig), "--levels", "mil"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        until(begun.exists)
        below = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(number)
        out, err = process.communicate(timeout=40)
    finally:
        process.kill()
        process.communicate()
    assert (process.returncode, out, err) == (code, "", "")
    assert below
    assert not any(child.is_running() and child.status() != psutil.STATUS_ZOMBIE for child in below)
    assert Recording(folder).events[-1]["text"] == "all outputs verified safe"


def until(condition, timeout_s=60.0):
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, "did not come true in time"
        time.sleep(0.05)
