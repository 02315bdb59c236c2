"""`hil capture`, and captures asked of a running bench by another process."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hil import control
from hil.control import ControlClient
from hil.errors import BenchError
from hil.recording import Recording

Cli = Callable[..., subprocess.CompletedProcess[str]]
TRIGGER = "sensor.h1 > 0.1229"
BASE = ("capture", "quad_tank", "--virtual", "--signals", "sensor.h1, pump.v1", "--trigger", TRIGGER)


def test_json_says_all_of_it(hil: Cli, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = hil(*BASE, "--pre", 0.05, "--post", 0.1, "--out", out, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    said = json.loads(done.stdout)
    assert (said["name"], said["state"], said["passed"], said["reason"]) == ("out", "finished", True, "")
    assert (said["trigger"], said["stop_trigger"], said["signals"]) == (TRIGGER, None, ["sensor.h1", "pump.v1"])
    (window,) = said["windows"]
    assert (window["trigger_tick"], window["folder"]) == (said["trigger_tick"], str(out))
    recording = Recording(out)
    assert np.array_equal(recording.tick(), np.arange(window["from_tick"], window["to_tick"] + 1))
    at = said["trigger_tick"] - window["from_tick"]
    assert recording["sensor.h1"][at] > 0.1229
    assert (recording["sensor.h1"][:at] <= 0.1229).all()


def test_a_second_condition_with_a_duration(hil: Cli, tmp_path: Path) -> None:
    lasting = ("--duration-condition", "plc.running == 1 for 0.3 s")
    done = hil(*BASE, *lasting, "--pre", 0.3, "--post", 0.01, "--out", tmp_path / "out", "--json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["trigger"] == f"({TRIGGER}) and held(plc.running == 1, 0.3)"
    assert said["trigger_tick"] >= 300
    done = hil(*BASE, "--duration-condition", "plc.running == 1", "--out", tmp_path / "other")
    assert done.returncode == 2
    assert "duration condition: 'plc.running == 1' has no duration. As in 'a > 1 for 0.2 s'" in done.stderr


def test_several_windows_with_a_stop_trigger(hil: Cli, tmp_path: Path) -> None:
    more = ("--count", 3, "--stop-trigger", "sensor.h1 < 0.1229", "--pre", 0, "--post", 0.002)
    done = hil(*BASE, *more, "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    for number in (1, 2, 3):
        values = Recording(tmp_path / "out" / str(number))["sensor.h1"]
        assert values[0] > 0.1229 > values[-3]
        assert f"out/{number}: {len(values)} ticks around" in done.stdout.replace("\n", "")


def test_no_trigger_in_time_is_exit_code_1_and_leaves_nothing(hil: Cli, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = hil(*BASE[:-1], "sensor.h1 > 9", "--timeout", 0.5, "--out", out)
    assert done.returncode == 1
    assert done.stdout.strip() == "timeout: 'sensor.h1 > 9' did not hold within 0.5 s"
    assert not out.exists()


@pytest.mark.parametrize(
    ("more", "why"),
    [
        (("--pre", "9e6"), "pre: out needs "),
        (("--post", "9e6", "--count", "10000"), "post: out may need"),
        (("--pre", "nan"), "pre: is not a number of seconds"),
        (("--count", "0"), "count: 0 windows cannot be taken. 1 to 10000"),
        (("--signals", " , "), "signals: no signal is named"),
        (("--trigger", "sensor.h1 >"), "trigger, column 12: 'sensor.h1 >' is not a condition"),
        (("--stop-trigger", "sensr.h1 > 1"), "stop trigger, column 1: there is no signal 'sensr.h1'"),
    ],
)
def test_a_mistake_is_one_line_and_leaves_nothing(hil: Cli, tmp_path: Path, more: tuple[str, ...], why: str) -> None:
    out = tmp_path / "out"
    done = hil(*BASE, "--out", out, *more)
    assert (done.returncode, done.stdout) == (2, "")
    assert why in done.stderr
    assert done.stderr.count("\n") == 1
    assert not out.exists()


def test_a_folder_that_is_not_empty_is_kept(hil: Cli, tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("mine")
    done = hil(*BASE, "--out", tmp_path)
    assert done.returncode == 2
    assert "is there already and not empty. Name another folder, or remove it" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


# ---- a running bench ----


@pytest.fixture
def running(rig_copy: Callable[..., Path], tmp_path: Path) -> Iterator[tuple[ControlClient, Path]]:
    """`hil run` in a process of its own, in real time against the emulated PLC, and a connection to it."""
    folder = tmp_path / "run"
    options = ["--record", str(folder), "--no-report", "--json", "--duration", "60"]
    command = [sys.executable, "-m", "hil", "run", str(rig_copy("quad_tank")), *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ})
    try:
        with _connected(process) as client:
            yield client, folder
            with contextlib.suppress(BenchError):  # it has been stopped
                client.request("stop")
        out, err = process.communicate(timeout=30)
        assert process.returncode == 0, err
        assert json.loads(out)["passed"]
    finally:
        process.kill()
        process.communicate()


def _connected(process: subprocess.Popen[str]) -> ControlClient:
    end = time.monotonic() + 30
    while time.monotonic() < end:
        assert process.poll() is None, process.communicate()[1]
        try:
            return control.connect(None, process.pid)
        except BenchError:
            time.sleep(0.05)
    pytest.fail("the bench did not listen in time")


def _until(client: ControlClient, name: str, *states: str) -> dict[str, Any]:
    end = time.monotonic() + 20
    while time.monotonic() < end:
        found = {item["name"]: item for item in client.request("captures")["captures"]}
        if found[name]["state"] in states:
            return found[name]
        time.sleep(0.02)
    pytest.fail(f"{name} was still {found[name]['state']}")


@pytest.mark.realtime
def test_another_process_captures_from_a_running_bench(running: tuple[ControlClient, Path]) -> None:
    client, folder = running
    signals = ["sensor.h1", "pump.v1"]
    first = client.request("capture", signals=signals, trigger="changed(pump.v1)", pre=0.1, post=0.1, name="pump")
    assert first["capture"]["state"] in ("configured", "armed", "triggered", "finished")
    second = {"trigger": "sensor.h1 > 0", "pre": 0, "post": 0.05, "count": 3, "name": "many"}
    client.request("capture", signals=["sensor.h1"], **second)
    client.request("capture", signals=["sensor.h1"], trigger="sensor.h1 > 9", timeout=0.2, name="never")
    client.request("capture", signals=["sensor.h1"], trigger="sensor.h1 > 0", pre=0, post=1000, name="long")
    _until(client, "long", "triggered")
    client.request("abort", name="long")
    pump, many = _until(client, "pump", "finished"), _until(client, "many", "finished")
    assert len(many["windows"]) == 3
    assert _until(client, "never", "timeout")["windows"] == []
    assert _until(client, "long", "aborted")["note"] == "it was aborted"
    _refused(client)
    client.request("stop")
    end = time.monotonic() + 20
    while not Recording(folder).complete and time.monotonic() < end:
        time.sleep(0.05)
    run = Recording(folder)
    for item in (pump, *({**many, **window} for window in many["windows"])):
        window = item["windows"][0] if item is pump else item
        part = Recording(window["folder"])
        assert part.folder.is_relative_to(folder / "captures" / item["name"])
        rows = np.searchsorted(run.tick(), np.arange(window["from_tick"], window["to_tick"] + 1))
        assert np.array_equal(part.tick(), run.tick()[rows])
        assert np.array_equal(part["sensor.h1"], run["sensor.h1"][rows])
    assert [item["state"] for item in run.manifest["captures"]] == ["finished", "finished", "timeout", "aborted"]
    assert "abort" not in {event["kind"] for event in run.events}


def _refused(client: ControlClient) -> None:
    """Requests that cannot be carried out: one line each, and the bench goes on."""
    good = {"signals": ["sensor.h1"], "trigger": "sensor.h1 > 0"}
    for fields, why in (
        ({**good, "pre": 9e6}, "of memory"),
        ({**good, "pre": "long"}, "is not a number of seconds"),
        ({**good, "name": "pump"}, "there is a capture 'pump' already"),
        ({**good, "name": "../../etc"}, "cannot be its name"),
        ({**good, "count": 1.5}, "windows cannot be taken"),
        ({"trigger": "sensor.h1 > 0"}, "signals must be a list"),
        ({"signals": ["sensor.h1"]}, "trigger is missing"),
    ):
        before = client.request("status")["tick"]
        with pytest.raises(BenchError, match=why) as error:
            client.request("capture", **fields)
        assert "\n" not in str(error.value)
        assert client.request("status")["tick"] >= before
    with pytest.raises(BenchError, match="there is no capture 'nobody'"):
        client.request("abort", name="nobody")
