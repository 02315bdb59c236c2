"""Several people at one running bench, each a process in its own session: who may write, and what a kill leaves."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from hil import control
from hil.control import ControlClient
from hil.control.lease import AUTOMATIC_S
from hil.errors import BenchError
from hil.new import make_rig
from hil.recording import Recording
from hil.report import write_report

pytestmark = pytest.mark.realtime
TRIES = 200
HIL = [sys.executable, "-m", "hil"]

# Reads "hil" requests from its input, one JSON object a line, and prints the answer or the error.
OPERATOR = """
import json, sys
from pathlib import Path
from hil.control import ControlClient
from hil.errors import BenchError
client = ControlClient(Path(sys.argv[1]))
print("ready", flush=True)
for line in sys.stdin:
    name, *given = json.loads(line)
    try:
        told = client.take_lease(*given) if name == "take" else client.release_lease() if name == "release" \\
            else client.request(name, **given[0])
        print(json.dumps({"ok": True, "told": told}), flush=True)
    except BenchError as error:
        print(json.dumps({"ok": False, "told": str(error)}), flush=True)
"""


class Operator:
    """A person's program that keeps a connection, in a session of its own."""

    def __init__(self, socket_path: Path) -> None:
        command = [sys.executable, "-c", OPERATOR, str(socket_path)]
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self.process = subprocess.Popen(command, text=True, start_new_session=True, **pipes)
        assert self.process.stdout
        assert self.process.stdout.readline() == "ready\n"

    def say(self, *words: Any) -> None:
        assert self.process.stdin
        self.process.stdin.write(json.dumps(words) + "\n")
        self.process.stdin.flush()

    def hear(self) -> dict[str, Any]:
        assert self.process.stdout
        return dict(json.loads(self.process.stdout.readline()))

    def ask(self, *words: Any) -> dict[str, Any]:
        self.say(*words)
        return self.hear()


@dataclass
class Lab:
    """A bench in real time, in its own process, and those who come to it."""

    process: subprocess.Popen[str]
    recording: Path
    socket: Path
    operators: list[Operator]

    def operator(self) -> Operator:
        self.operators.append(Operator(self.socket))
        return self.operators[-1]

    def hil(self, *words: str, elsewhere: bool = False, **variables: str) -> subprocess.CompletedProcess[str]:
        """One command, in this session or in another one."""
        env = {**os.environ, **variables}
        run = [*HIL, *words]
        return subprocess.run(run, capture_output=True, text=True, env=env, start_new_session=elsewhere, timeout=60)

    def ended(self) -> dict[str, Any]:
        out, err = self.process.communicate(timeout=30)
        assert self.process.returncode == 0, err
        return dict(json.loads(out))


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    rig, folder = make_rig("motor", tmp_path), tmp_path / "recording"
    command = [*HIL, "run", str(rig), "--duration", "200", "--record", str(folder), "--no-report", "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    made: Lab | None = None
    try:
        made = Lab(process, folder, _socket_of(process), [])
        yield made
    finally:
        for operator in made.operators if made else []:
            operator.process.kill()
            operator.process.communicate()
        process.kill()
        process.communicate()


def _socket_of(process: subprocess.Popen[str]) -> Path:
    end = time.monotonic() + 30
    while time.monotonic() < end:
        assert process.poll() is None, process.communicate()[1]
        with contextlib.suppress(BenchError), control.connect(None, process.pid) as client:
            return client.path
        time.sleep(0.05)
    pytest.fail("the bench did not listen in time")


def test_of_two_who_take_the_lease_at_once_exactly_one_wins(lab: Lab) -> None:
    two = lab.operator(), lab.operator()
    wins = [0, 0]
    for k in range(TRIES):
        first, second = two if k % 2 else two[::-1]
        first.say("take", 30.0)
        second.say("take", 30.0)
        answers = [operator.hear() for operator in two]
        assert [a["ok"] for a in answers].count(True) == 1, answers
        winner = 0 if answers[0]["ok"] else 1
        wins[winner] += 1
        assert f"pid {two[winner].process.pid})" in answers[1 - winner]["told"]
        assert two[winner].ask("release")["ok"]
    assert min(wins) > 0  # else it was no race


def test_a_second_writer_is_told_who_holds_the_lease_and_reading_and_stop_go_on(lab: Lab) -> None:
    holder = lab.operator()
    assert holder.ask("take", 60.0)["ok"]
    rig, user = "motor", control.lease.user_name(os.getuid())
    writes = (
        ("set", rig, "control.setpoint", "70"),
        ("force", rig, "sensor.speed", "5"),
        ("release", rig, "sensor.speed"),
        ("fault", rig, "sensor.speed=stuck(7)"),
        ("clear", rig),
        ("enable", rig, "--off"),
        ("safe", rig),
        ("mark", rig, "hello"),
        ("note", "hello", rig),
        ("lease", "take", rig),
    )
    for words in writes:
        refused = lab.hil(*words)
        assert refused.returncode == 2, words
        (line,) = refused.stderr.splitlines()
        assert f"{user}@{os.uname().nodename} (python" in line
        assert f"pid {holder.process.pid}) holds the lease for another " in line
    with ControlClient(lab.socket) as client, pytest.raises(BenchError, match="holds the lease"):
        client.request("capture", signals=["sensor.speed"], trigger="sensor.speed > 0")
    for words in (("status", rig), ("watch", rig, "--once"), ("lease", "show", rig)):
        assert lab.hil(*words).returncode == 0, words
    assert holder.ask("set", {"name": "control.setpoint", "value": 70.0})["ok"]
    assert lab.hil("stop", rig).returncode == 0
    assert lab.ended()["passed"]
    told = [(event["kind"], str(event.get("text"))) for event in Recording(lab.recording).events]
    assert not [text for _, text in told if "hello" in text or "stuck" in text]
    assert [text for _, text in told if "control.setpoint" in text]


def test_a_killed_holder_leaves_the_bench_running_and_the_lease_to_expire(lab: Lab) -> None:
    holder, other = lab.operator(), lab.operator()
    taken = time.monotonic()
    assert holder.ask("take", 4.0)["ok"]
    os.kill(holder.process.pid, signal.SIGKILL)
    holder.process.wait(10)
    refused = other.ask("set", {"name": "control.setpoint", "value": 70.0})
    assert f"pid {holder.process.pid}, which has ended) holds the lease" in refused["told"]
    ticks = [other.ask("status", {})["told"]["tick"] for _ in range(2) if time.sleep(0.2) is None]
    assert ticks[1] > ticks[0]
    while not other.ask("set", {"name": "control.setpoint", "value": 70.0})["ok"]:
        assert time.monotonic() < taken + 20
        time.sleep(0.02)
    assert time.monotonic() >= taken + 4.0
    assert lab.process.poll() is None


def test_a_terminal_keeps_its_lease_from_command_to_command_and_can_carry_it(lab: Lab) -> None:
    taken = lab.hil("lease", "take", "motor", "--for", "1min", "--person", "Ann", "--json")
    found = json.loads(taken.stdout)
    assert found["left_s"] == pytest.approx(60.0, abs=0.1)
    assert lab.hil("set", "motor", "control.setpoint", "70").returncode == 0
    with ControlClient(lab.socket) as client:  # a Python program of this terminal
        client.request("set", name="control.setpoint", value=71.0)
    refused = lab.hil("set", "motor", "control.setpoint", "72", elsewhere=True)
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
    assert "Ann, " in refused.stderr
    assert "(hil lease, pid " in refused.stderr
    carried = lab.hil("set", "motor", "control.setpoint", "73", elsewhere=True, HIL_LEASE=found["token"])
    assert carried.returncode == 0
    assert lab.hil("lease", "release", "motor", elsewhere=True).returncode == 2
    renewed = json.loads(lab.hil("lease", "renew", "motor", "--for", "90s", "--json").stdout)
    assert renewed["left_s"] == pytest.approx(90.0, abs=0.1)
    assert "token" not in renewed
    assert "token" not in json.loads(lab.hil("lease", "show", "motor", "--json").stdout)
    assert lab.hil("lease", "release", "motor").stdout == "nobody holds the lease\n"
    assert lab.hil("set", "motor", "control.setpoint", "74", elsewhere=True).returncode == 0
    assert list(lab.socket.parent.glob(".*lease")) == []


def test_a_command_alone_needs_no_lease_and_holds_others_off_for_a_moment(lab: Lab) -> None:
    written = time.monotonic()
    for value in ("70", "71"):
        assert lab.hil("set", "motor", "control.setpoint", value).returncode == 0
    shown = json.loads(lab.hil("lease", "show", "motor", "--json").stdout)
    assert shown["automatic"] is True
    assert 0 < shown["left_s"] <= AUTOMATIC_S
    other = lab.operator()
    while not (answer := other.ask("set", {"name": "control.setpoint", "value": 72.0}))["ok"]:
        assert "(hil set, pid " in answer["told"]
        assert time.monotonic() < written + 60
        time.sleep(0.02)
    assert time.monotonic() >= written + AUTOMATIC_S


def test_a_time_that_is_none_is_one_line_and_takes_nothing(lab: Lab) -> None:
    for text in ("soon", "5 kg", "0s", "2h", "-3", "nan"):
        refused = lab.hil("lease", "take", "motor", f"--for={text}")
        assert (refused.returncode, refused.stderr.count("\n")) == (2, 1), refused.stderr
    assert lab.hil("lease", "show", "motor").stdout == "nobody holds the lease\n"


def test_a_note_is_in_the_recording_with_its_person_and_tick_and_in_the_report(lab: Lab) -> None:
    assert (
        json.loads(lab.hil("note", "fan <b>hums</b>", "motor", "--person", "Ann", "--json").stdout)["person"] == "Ann"
    )
    assert lab.hil("note", "second", HIL_PERSON="Bob").returncode == 0
    assert lab.hil("note", "third").returncode == 0
    assert lab.hil("note", " ").returncode == 2
    assert lab.hil("stop", "motor").returncode == 0
    lab.ended()
    recording = Recording(lab.recording)
    marks = [event for event in recording.events if event["kind"] == "mark"]
    user = control.lease.user_name(os.getuid())
    assert [mark["text"] for mark in marks] == ["Ann: fan <b>hums</b>", "Bob: second", f"{user}: third"]
    assert all(mark["tick"] > 0 for mark in marks)
    page = write_report(recording).read_text(encoding="utf-8")
    assert "Ann: fan &lt;b&gt;hums&lt;/b&gt;" in page
