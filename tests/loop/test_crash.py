"""However a run ends, its recording can be read and nothing keeps running: killed, terminated, interrupted."""

from __future__ import annotations

import json
import random
import re
import signal
import socket
import subprocess
import sys
import time

import psutil
import pytest

from hil.export import export
from hil.recording import Recording
from hil.replay import replay
from hil.report import write_report

pytestmark = pytest.mark.realtime


def port_of(rig):
    return int(re.search(r"127\.0\.0\.1:(\d+)", (rig / "rig.toml").read_text()).group(1))


def is_served(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def until(holds, timeout_s=15.0, what="it"):
    end = time.monotonic() + timeout_s
    while not (found := holds()):
        assert time.monotonic() < end, f"{what} did not happen within {timeout_s} s"
        time.sleep(0.01)
    return found


class Run:
    """`hil run` in the background, with the emulated PLC that it starts."""

    def __init__(self, rig, folder, *more, seconds=30):
        self.rig, self.folder, self.port = rig, folder, port_of(rig)
        args = ["run", rig, "--duration", seconds, "--record", folder, "--json", *more]
        command = [sys.executable, "-m", "hil", *map(str, args)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def wait_for_rows(self, seconds):
        """Until so much bench time can be read; notes when."""

        def recorded():
            assert self.process.poll() is None, self.process.communicate()[1]
            return (self.folder / "signals.arrows").exists() and Recording(self.folder).duration_s >= seconds

        until(recorded, what=f"{seconds} s of rows")
        [self.plc] = psutil.Process(self.process.pid).children()

    def end(self, number):
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=20)
        return self.process.returncode, out, err

    def nothing_is_left(self):
        until(lambda: not self.plc.is_running() or self.plc.status() == psutil.STATUS_ZOMBIE, 5, "the end of the PLC")
        until(lambda: not is_served(self.port), 5, "the end of its port")


@pytest.fixture
def run(rig_copy, tmp_path):
    started = []

    def start(*more, **options):
        started.append(Run(rig_copy("quad_tank"), tmp_path / "r", *more, **options))
        return started[-1]

    yield start
    for one in started:
        if one.process.poll() is None:
            one.process.kill()
        one.process.communicate()


def test_killed_in_mid_recording_it_can_be_read_to_within_a_second(run):
    r = run("--fault", "sensor.h1=stuck@1s..")
    r.wait_for_rows(1.5)
    loop_start = (
        time.monotonic() - Recording(r.folder).duration_s
    )  # at the latest: rows reach the disk after their tick
    time.sleep(0.55)
    killed = time.monotonic()
    code, _, _ = r.end(signal.SIGKILL)
    assert code == -signal.SIGKILL
    recording = Recording(r.folder)
    assert not recording.complete
    assert recording.duration_s > killed - loop_start - 1.0
    assert len(recording["sensor.h1"]) == recording.ticks > 1500
    assert any(event["kind"] == "fault_on" and event["tick"] == 1000 for event in recording.events)
    found = replay(r.folder)
    assert found["identical"] is True, found["reason"]
    assert found["ticks"] == recording.ticks
    r.nothing_is_left()
    assert write_report(r.folder).stat().st_size < 5e6
    [table] = export(r.folder, "csv")
    assert table.read_text().count("\n") == recording.ticks + 1


@pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_terminated_it_ends_safe_with_a_whole_recording(run, number, exit_code):
    r = run()
    r.wait_for_rows(0.5)
    code, out, err = r.end(number)
    assert code == exit_code, err
    assert "Traceback" not in err
    result = json.loads(out)
    recording = Recording(r.folder)
    assert recording.complete
    assert recording.events[-1]["text"] == "all outputs verified safe"
    assert result["ticks"] == recording.ticks < 30_000
    assert replay(r.folder)["state_hash"] == result["state_hash"]
    r.nothing_is_left()


def test_an_interrupt_that_comes_while_it_opens_leaves_nothing(run):
    """Ctrl-C goes to the whole foreground group: the emulated PLC gets it too."""
    r = run()
    [r.plc] = until(lambda: psutil.Process(r.process.pid).children(), what="the PLC's process")
    r.plc.send_signal(signal.SIGINT)
    code, _, err = r.end(signal.SIGINT)
    assert code == 130, err
    assert "Traceback" not in err
    r.nothing_is_left()


def test_signals_at_any_moment_leave_nothing_half_made(rig_copy, tmp_path, full):
    """Two of them, the second perhaps in the middle of the teardown."""
    moment, rig = random.Random(1), rig_copy("quad_tank")
    for n in range(full(1, 40)):
        r = Run(rig, tmp_path / f"r{n}", seconds=1)
        number = moment.choice([signal.SIGINT, signal.SIGTERM])
        time.sleep(moment.uniform(0.3, 3.5))
        children = psutil.Process(r.process.pid).children() if r.process.poll() is None else []
        r.process.send_signal(number)
        time.sleep(moment.uniform(0.0, 0.4))
        code, _, err = r.end(number)
        assert code in (0, 128 + number, -number), err
        assert "Traceback" not in err
        psutil.wait_procs(children, 5)
        assert not [child for child in children if child.is_running()]
        if r.folder.exists():
            manifest = Recording(r.folder).manifest
            assert manifest["result"] == ("passed" if manifest["complete"] else "aborted")


def test_the_plc_dies_and_comes_back(run):
    """Its pumps go to their safe value within 0.1 s of its last word, the run goes on and says so; data flows again."""
    r = run("--no-report", seconds=10)
    r.wait_for_rows(0.8)
    r.plc.kill()
    until(lambda: any(e["kind"] == "stale_on" for e in Recording(r.folder).events), what="stale_on in the recording")
    time.sleep(0.3)
    again = subprocess.Popen([sys.executable, "-m", "hil", "emulate", str(r.rig), "plc"], stderr=subprocess.PIPE)
    try:
        out, _ = r.process.communicate(timeout=30)
    finally:
        again.terminate()
        again.communicate(timeout=10)
    result, recording = json.loads(out), Recording(r.folder)
    assert result["ticks"] == 10_000
    assert result["buses"]["plc"]["connects"] >= 2
    kinds = [(event["kind"], event["target"]) for event in recording.events]
    assert ("stale_on", "plc") in kinds
    assert ("safe_on", "pump.v1") in kinds
    assert ("stale_off", "plc") in kinds
    check_stale_span(recording)
    assert replay(r.folder)["identical"] is True
    assert again.returncode == 0


def check_stale_span(recording):
    events = recording.events
    last_image = max(i.tick for i in recording.inputs() if i.kind == 2 and i.tick < first(events, "stale_on"))
    safe_at = first(events, "safe_on")
    assert 0 <= safe_at - last_image <= 101, "no later than 0.1 s after the last image"
    off = first(events, "stale_off")
    for pump in ("pump.v1", "pump.v2"):
        assert (recording[pump][safe_at:off] == 0.0).all()
        assert (recording.status(pump)[safe_at:off] & 1).all()
        assert recording[pump][-1] > 0.0
        assert abs(recording[pump][off + 1 :][1:] - recording[pump][off + 1 :][:-1]).max() <= 0.05 + 1e-9


def first(events, kind):
    return next(event["tick"] for event in events if event["kind"] == kind)
