"""`hil watch` in real terminals (tmux) at a bench in real time: keys are sent, screens and the recording are read."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from terminals import HIL, Terminal, terminals

from hil import control
from hil.errors import BenchError, HilError
from hil.recording import Recording
from hil.watch.acts import ACTS
from hil.watch.asker import LEASE_S
from hil.watch.pages import fits


@pytest.mark.parametrize(
    ("act", "line", "request_"),
    [
        ("force", "sensor.h1 0.2", ("force", {"name": "sensor.h1", "value": 0.2})),
        ("force", "sensor.h1 = 13 cm", ("force", {"name": "sensor.h1", "value": "13 cm"})),
        ("set", "level1.on true", ("set", {"name": "level1.on", "value": 1.0})),
        ("clear", "all", ("clear", {"fault_id": None})),
        ("clear", " 7", ("clear", {"fault_id": 7})),
        ("safe", "off", ("safe", {"on": False})),
        (
            "capture",
            "a.x, b when held(a.x > 0.2, 0.1) pre 200ms post 1",
            ("capture", {"signals": ["a.x", "b"], "trigger": "held(a.x > 0.2, 0.1)", "pre": 0.2, "post": 1.0}),
        ),
        (
            "shelve",
            "high 10min being mended",
            ("twin_alarm", {"act": "shelve", "name": "high", "for_s": 600.0, "reason": "being mended"}),
        ),
    ],
)
def test_a_typed_line_becomes_a_request(act: str, line: str, request_: tuple[str, dict[str, Any]]) -> None:
    assert ACTS[act].parse(line) == request_


@pytest.mark.parametrize(
    ("act", "line"),
    [("force", "sensor.h1"), ("release", " "), ("clear", "-1"), ("safe", "yes"), ("capture", "a > 3"), ("note", ""),
     ("capture", "a when a > 1 pre 3 m"), ("shelve", "high"), ("shelve", "high '")],
)  # fmt: skip
def test_a_line_that_cannot_be_read_is_told(act: str, line: str) -> None:
    with pytest.raises(HilError):
        ACTS[act].parse(line)


def test_a_filter_takes_patterns_and_parts_of_names() -> None:
    names = ["sensor.h1", "sensor.h2", "pump.v1"]
    assert [name for name in names if fits("h1, pump.*", name)] == ["sensor.h1", "pump.v1"]
    assert [name for name in names if fits("", name)] == names


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Callable[[str], Terminal]]:
    with terminals(tmp_path) as made:
        yield made


@pytest.fixture
def bench(rig_copy: Callable[..., Path], tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    run = ["run", str(rig_copy("quad_tank")), "--bind", "plc=mil", "--duration", "200", "--no-report", "--json"]
    command = [*HIL, *run, "--record", str(tmp_path / "recording")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def _listening(process: subprocess.Popen[str]) -> control.ControlClient:
    end = time.monotonic() + 30
    while time.monotonic() < end:
        assert process.poll() is None, process.communicate()[1]
        with contextlib.suppress(BenchError):
            return control.connect(None, process.pid)
        time.sleep(0.05)
    pytest.fail("the bench did not listen in time")


@pytest.mark.realtime
def test_two_people_watch_and_one_of_them_acts(
    bench: subprocess.Popen[str], terminal: Callable[[str], Terminal], tmp_path: Path
) -> None:
    with _listening(bench) as client:
        ann, bob = terminal("ann"), terminal("bob")
        ann.watches("--person", "Ann")
        bob.watches("--person", "Bob")

        ann.keys("3")
        ann.sees("nothing is forced")
        ann.line("f", "sensor.h1 0.2", "force: SIGNAL")
        ann.sees("force sensor.h1 0.2, accepted at", "you hold the lease")
        assert client.request("status")["forced"] == ["sensor.h1"]
        ann.line("n", "hums at 40 Hz", "note: ")
        ann.sees("note hums at 40 Hz, accepted at")
        ann.keys("7")
        ann.sees("no capture was armed")
        ann.line("c", "sensor.h1,pump.v1 when sensor.h1 > 0.1 pre 0.1 post 0.1", "arm a capture: ")
        ann.sees("sensor.h1, pump.v1", "finished")
        ann.keys("3")
        ann.sees("forced", "sensor.h1 = 0.2")

        bob.sees("Ann, ", "(hil watch, pid ", "holds the lease for another ")
        bob.line("n", "me too", "note: ")
        refused = " ".join(bob.sees("Reading and hil stop").split())
        assert "quad_tank: Ann, " in refused
        for number, words in ((4, "no bus"), (5, "missed ticks"), (6, "no twin"), (1, "plant.h1")):
            bob.keys(str(number))
            bob.sees(words)
        ann.keys("r")
        ann.sees("release: SIGNAL")
        ann.keys("Enter")  # what is proposed is the one that is held
        ann.sees("release sensor.h1, accepted at")
        assert client.request("status")["forced"] == []

        status = json.loads(subprocess.run([*HIL, "status", "quad_tank", "--json"], capture_output=True).stdout)
        holder = status["lease"]["holder"]
        assert holder["person"] == "Ann"
        tick, killed = client.request("status")["tick"], time.monotonic()
        os.kill(holder["pid"], 9)
        bob.sees("which has ended")
        bob.sees("nobody holds the lease", within_s=LEASE_S + 3)
        assert time.monotonic() - killed < LEASE_S + 3
        assert client.request("status")["tick"] > tick
        bob.line("n", "she has gone", "note: ")
        bob.sees("note she has gone, accepted at", "you hold the lease")
        bob.keys("q")
        bob.sees("quad_tank at ")
        assert not client.request("lease", act="show")["held"], "it is given back at the end"
        bob.keys("-l", "clear\n")
        bob.watches()
        client.request("stop")
    bob.sees("s: the bench has ended")
    out, err = bench.communicate(timeout=30)
    assert bench.returncode == 0, out + err
    events = [(event["kind"], str(event.get("text") or event["target"])) for event in _events(tmp_path / "recording")]
    told = [text for kind, text in events if kind == "mark"]
    assert told[:2] == ["Ann: force sensor.h1 0.2", "Ann: hums at 40 Hz"]
    assert told[2].startswith("Ann: capture sensor.h1, pump.v1 trigger sensor.h1 > 0.1")
    assert told[3:] == ["Ann: release sensor.h1", "Bob: she has gone"]
    assert {"forced", "released", "capture"} <= {kind for kind, _ in events}


def _events(folder: Path) -> list[dict[str, Any]]:
    return list(Recording(folder).events)
