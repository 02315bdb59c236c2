"""A capture is attached to the test that asked for it: real pytest runs, and what their JUnit XML says."""

from __future__ import annotations

import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import pytest

from hil.recording import Recording

TEXT = """
def test_finished(bench):
    made = bench.capture(["sensor.h1", "pump.v1"], "sensor.h1 > 0", 0.0, 0.1, name="level")
    late = bench.capture(["sensor.h1"], "sensor.h1 > 9", 0.0, 0.1, timeout_s=0.1, name="never")
    made.wait()

def test_not_waited_for(bench):
    bench.capture(["sensor.h1"], "sensor.h1 > 0", 0.0, 1000.0, name="open")
    bench.run(0.2)
    assert bench["sensor.h1"] > 9, "fails while a window is open"

def test_without(bench):
    bench.run(0.01)
"""
# Nothing else of Python runs for 4 s: the ring, made for less, is full by then.
STARVED = """
import ctypes
import time
import pytest

@pytest.mark.bench_options(time="real", history=False)
def test_starved(bench):
    made = bench.capture(bench.names[:10], "sensor.h1 > 9", 0.5, 0.1, name="starved")
    bench.start()
    for _ in range(500):
        if made.armed_tick is not None:
            break
        time.sleep(0.01)
    ctypes.PyDLL(None).usleep(4_000_000)
    made.wait()
"""


def _run(tmp_path: Path, text: str, *options: str, rig: str = "quad_tank") -> tuple[str, list[ET.Element]]:
    (tmp_path / "test_inner.py").write_text(text)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--rig={rig}", "test_inner.py"]
    command += ["--junitxml=junit.xml", f"--basetemp={tmp_path / 'temp'}", *options]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    return done.stdout, list(ET.parse(tmp_path / "junit.xml").iter("testcase"))


def _properties(case: ET.Element) -> dict[str, str]:
    return {p.attrib["name"]: p.attrib["value"] for p in case.iter("property")}


@pytest.mark.parametrize("options", [[], ["--record=rec"]])
def test_captures_are_properties_with_a_folder_that_is_there(tmp_path: Path, options: list[str]) -> None:
    text, cases = _run(tmp_path, TEXT, *options)
    assert "1 failed, 2 passed" in text
    finished, waiting, without = (_properties(case) for case in cases)
    sentence, _, folder = finished["capture level"].partition(" in /")
    assert sentence == "finished: 'sensor.h1 > 0' held at 0 s (tick 0)"
    recording = Recording("/" + folder)
    assert recording.manifest["capture"]["name"] == "level"
    assert (len(recording["pump.v1"]), recording.complete) == (101, True)
    assert ("rec" in Path(folder).parts) == bool(options)
    assert finished["capture never"] == "timeout: 'sensor.h1 > 9' did not hold within 0.1 s"
    # the window was open when the call failed; the XML says how it ended
    assert waiting["capture open"].startswith("aborted: 'sensor.h1 > 0' held at 0 s (tick 0); the run ended in /")
    assert without == {}


@pytest.mark.realtime
def test_rows_that_are_lost_fail_the_test_and_are_in_both_its_cases(
    tmp_path: Path, rig_copy: Callable[..., Path]
) -> None:
    text, cases = _run(tmp_path, STARVED, rig=str(rig_copy("quad_tank")))
    assert "1 failed, 1 error" in text, text
    assert len(cases) == 2, "one for the call, one for the teardown"
    for case in cases:
        said = _properties(case)["capture starved"]
        assert said.startswith("error: 'sensor.h1 > 9'; from tick "), said
        assert said.endswith("rows were lost because its ring was full"), said
    assert "the bench did not end well: capture starved: error" in text
