"""The pytest plugin: a test gets a bench, and whatever it does, the outputs are verified safe afterwards."""

from __future__ import annotations

import uuid

import pytest

from hil.recording import Recording


@pytest.fixture
def run_tests(tmp_path, capfd, monkeypatch):
    """Runs a text as a test file, by an inner pytest: (exit code, what it printed).

    In this process, for speed. pytest's own `pytester` would forget modules that an inner run imports first, and
    compiled ones (CasADi, pandas) do not survive a second import.
    """
    monkeypatch.chdir(tmp_path)

    def run(text, *args):
        path = tmp_path / f"test_{uuid.uuid4().hex}.py"  # a name of its own: Python keeps what it has imported
        path.write_text("import pytest\n" + text)
        capfd.readouterr()
        code = pytest.main(["-q", "-p", "no:cacheprovider", "--import-mode=importlib", str(path), *map(str, args)])
        return code, "".join(capfd.readouterr())

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
    code, text = run_tests(TWO, RIG, f"--record={tmp_path / 'rec'}")
    assert code == 1
    assert "1 failed, 1 passed" in text
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
    code, text = run_tests(text, RIG, f"--record={tmp_path / 'rec'}")
    assert code == pytest.ExitCode.INTERRUPTED
    assert "1 passed" in text
    for name in ("test_leaves_it_running", "test_interrupted"):
        recording = Recording(tmp_path / "rec" / name)
        assert recording.complete
        assert recording.events[-1]["text"] == "all outputs verified safe"


def test_a_bench_that_did_not_end_well_fails_its_test(run_tests, rig_copy):
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
    code, text = run_tests(text, f"--rig={rig_copy('quad_tank')}", "--time=lockstep")
    assert code == 1
    assert "the bench did not end well" in text
    assert "lock-step ended" in text


def test_the_rig_comes_from_the_marker_the_folder_or_the_option(run_tests, rig_copy, tmp_path):
    text = '\n@pytest.mark.rig("{}")\ndef test_it(bench):\n    assert bench.rig.name == "quad_tank"\n'
    rig = rig_copy("quad_tank")
    assert run_tests(text.format(rig))[0] == 0
    (rig / "tests").mkdir()
    (rig / "tests" / "test_below.py").write_text(
        "def test_below(bench):\n    bench.run(0.1)\n    assert bench.tick == 100\n"
    )
    code, text = run_tests("", rig / "tests")
    assert (code, "1 passed" in text) == (0, True), text
    code, text = run_tests("def test_it(bench):\n    pass\n")
    assert code == 1
    assert "no rig.toml above this test. Name a rig with --rig" in text


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
    code, text = run_tests("def test_it(bench):\n    pass\n", *options)
    assert code != 0
    assert words in text
    assert "Traceback" not in text


def test_a_test_that_insists_on_virtual_time_keeps_its_simulated_roles(run_tests, rig_copy):
    text = """
@pytest.mark.bench_options(time="virtual")
def test_without_a_wire(bench):
    assert (bench.time, bench.bindings) == ("virtual", {"plc": "mil"})

def test_over_the_wire(bench):
    assert (bench.time, bench.bindings) == ("lockstep", {"plc": "pil"})
"""
    code, text = run_tests(text, f"--rig={rig_copy('quad_tank')}", "--time=lockstep", "--bind=plc=pil")
    assert code == 0, text


def test_firmware_in_this_process_needs_no_wire(run_tests):
    text = """
def test_it(bench):
    assert (bench.time, bench.bindings) == ("virtual", {"board": "sil"})
    bench.run(1.0)
"""
    code, text = run_tests(text, "--rig=tclab", "--bind=board=sil")
    assert code == 0, text


def test_a_binding_that_needs_a_wire_is_not_left_out_silently(run_tests):
    code, text = run_tests("def test_it(bench):\n    pass\n", RIG, "--bind=plc=pil")
    assert code == 1
    assert "in virtual time there is no wire" in text


@pytest.mark.realtime
def test_over_the_wire_in_real_time(run_tests, rig_copy):
    text = """
def test_it(bench):
    assert (bench.time, bench.bindings) == ("real", {"plc": "pil"})
    bench.run(0.5)
    assert bench["plc.running"] == 1.0
"""
    code, text = run_tests(text, f"--rig={rig_copy('quad_tank')}", "--time=real", "--bind=plc=pil")
    assert code == 0, text
