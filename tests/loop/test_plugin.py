"""The pytest plugin: a test gets a bench, and whatever it does, the outputs are verified safe afterwards."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from hil.recording import Recording

HEAD = "import pytest\n"


@pytest.fixture
def run_tests(tmp_path):
    """Runs a text as a test file below the rig quad_tank, in a process of its own."""

    def run(text, *args, timeout=60):
        (tmp_path / "test_it.py").write_text(HEAD + text)
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_it.py", *map(str, args)]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=timeout, env=os.environ)

    return run


RIG = "--rig=quad_tank"
TWO = """
import os
def test_fails(bench):
    bench.run(0.2)
    assert bench["pump.v1"] == 42.0

def test_passes(bench):
    bench.run(0.2)
    assert bench["plant.h1"] > 0.1
"""


def test_a_test_that_fails_still_ends_safe(run_tests, tmp_path):
    done = run_tests(TWO, RIG, f"--record={tmp_path / 'rec'}")
    assert done.returncode == 1
    assert "1 failed, 1 passed" in done.stdout
    for name in ("test_fails", "test_passes"):
        recording = Recording(tmp_path / "rec" / name)
        assert recording.complete
        assert recording.events[-1]["text"] == "all outputs verified safe"
        assert recording.ticks == 200


def test_a_test_that_is_interrupted_or_leaves_it_running_still_ends_safe(run_tests, tmp_path):
    text = """
def test_leaves_it_running(bench):
    bench.start()

def test_interrupted(bench):
    bench.start()
    raise KeyboardInterrupt
"""
    done = run_tests(text, RIG, f"--record={tmp_path / 'rec'}")
    assert "1 passed" in done.stdout
    assert "KeyboardInterrupt" in done.stdout
    for name in ("test_leaves_it_running", "test_interrupted"):
        recording = Recording(tmp_path / "rec" / name)
        assert recording.complete
        assert recording.events[-1]["text"] == "all outputs verified safe"


def test_a_bench_that_did_not_end_well_fails_its_test(run_tests):
    text = """
import pytest
from hil.errors import HilError

@pytest.mark.bench_options(bind={"plc": "pil"})
def test_looks_away(bench):
    bench.run(0.05)
    bench.engine.wires.wires["plc"].emulated.process.kill()
    with pytest.raises(HilError):
        bench.run(1)
"""
    done = run_tests(text.replace("plc", "plc"), RIG, "--time=lockstep")
    assert done.returncode == 1
    assert "the bench did not end well" in done.stdout
    assert "lock-step ended" in done.stdout


def test_the_rig_comes_from_the_marker_the_folder_or_the_option(run_tests, rig_copy, tmp_path):
    text = '\n@pytest.mark.rig("{}")\ndef test_it(bench):\n    assert bench.rig.name == "quad_tank"\n'
    rig = rig_copy("quad_tank")
    assert run_tests(text.format(rig)).returncode == 0
    (rig / "tests").mkdir()
    (rig / "tests" / "test_below.py").write_text("def test_it(bench):\n    bench.run(0.1)\n    assert bench.tick == 100\n")
    assert run_tests("", rig / "tests").returncode == 0
    done = run_tests("def test_it(bench):\n    pass\n")
    assert done.returncode == 1
    assert "no rig.toml above this test. Name a rig with --rig" in done.stdout


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ([RIG, "--bind", "plc"], "write ROLE=LEVEL, as in plc=pil"),
        ([RIG, "--bind", "pcl=pil", "--time", "lockstep"], "Did you mean plc?"),
        (["--rig", "quad_tnak"], "quad_tank"),
        ([RIG, "--time", "fast"], "invalid choice"),
    ],
)
def test_bad_options_are_one_line(run_tests, options, words):
    done = run_tests("def test_it(bench):\n    pass\n", *options)
    assert done.returncode != 0
    assert words in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.realtime
def test_over_the_wire_in_real_time(run_tests, rig_copy):
    text = """
def test_it(bench):
    assert (bench.time, bench.bindings) == ("real", {"plc": "pil"})
    bench.run(0.5)
    assert bench["plc.running"] == 1.0
"""
    done = run_tests(text, f"--rig={rig_copy('quad_tank')}", "--time=real", "--bind=plc=pil")
    assert done.returncode == 0, done.stdout
