"""The command line as a person or a script meets it.

`hil` is a process of its own; `here` calls the same entry point in this one, where a start would prove nothing more.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hil.bench import open_bench
from hil.cli import main
from hil.new import make_rig
from hil.recording import Recording
from hil.rig import load_rig

HIL = [sys.executable, "-m", "hil"]
NEW_PORT = "5021"  # of a new rig
# fmt: off
COMMANDS = [
    "new", "check", "run", "test", "watch", "status", "set", "force", "release", "stop", "fault", "clear", "safe",
    "enable", "mark", "emulate", "replay", "report", "export", "fit", "doctor", "scan",
]
PROMISED = [
    "rig", "time", "ticks", "duration_s", "state_hash", "recording", "report", "verdict", "overruns", "lost_samples",
    "buses",
]
# fmt: on


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A working folder with the rig `motor`, and a folder for control sockets (their paths have to be short).

    Its PLC has a port of its own: two runs of these tests at once do not meet.
    """
    make_rig("motor", tmp_path)
    described = tmp_path / "motor" / "rig.toml"
    text = described.read_text()
    assert NEW_PORT in text
    described.write_text(text.replace(NEW_PORT, str(free_port())))
    with tempfile.TemporaryDirectory(prefix="hilt") as runtime:
        monkeypatch.setenv("HIL_RUNTIME_DIR", runtime)
        monkeypatch.chdir(tmp_path)
        yield tmp_path


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def hil(*args: str, code: int = 0, timeout_s: float = 60) -> subprocess.CompletedProcess[str]:
    done = subprocess.run([*HIL, *args], capture_output=True, text=True, timeout=timeout_s)
    assert done.returncode == code, f"{args}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    assert "Traceback" not in done.stderr
    return done


def hil_json(*args: str, code: int = 0) -> Any:
    """The one object on stdout; anything else there does not parse."""
    return json.loads(hil(*args, "--json", code=code).stdout)


def here(*args: str, code: int = 0) -> str:
    """What a command prints on stdout, in this process."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        found = main(list(args))
    assert found == code, f"{args}: {found}\n{out.getvalue()}\n{err.getvalue()}"
    return out.getvalue()


def here_json(*args: str, code: int = 0) -> Any:
    """The one object on stdout."""
    return json.loads(here(*args, "--json", code=code))


@pytest.fixture
def one_line(folder: Path, capfd: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """The one line with which a command refuses bad input. In this process: there are many of them."""

    def refused(*args: str) -> str:
        assert main(list(args)) == 2
        out, err = capfd.readouterr()
        assert out == ""
        assert err.count("\n") == 1, err
        assert err.startswith("hil: ")
        return err

    return refused


def until(condition: Callable[[], Any], timeout_s: float = 20.0) -> Any:
    end = time.monotonic() + timeout_s
    while not (value := condition()):
        assert time.monotonic() < end, "did not come true in time"
        time.sleep(0.02)
    return value


@contextlib.contextmanager
def running(*args: str) -> Iterator[subprocess.Popen[str]]:
    """A `hil run motor ...` whose control socket is there."""
    pipe = subprocess.PIPE
    process = subprocess.Popen(
        [*HIL, "run", "motor", *args], stdout=pipe, stderr=pipe, text=True, start_new_session=True
    )
    try:
        until(lambda: process.poll() is not None or sockets(process.pid))
        assert process.poll() is None, process.communicate()
        yield process
    finally:
        process.kill()
        process.communicate()


def sockets(pid: int) -> list[Path]:
    return list(Path(os.environ["HIL_RUNTIME_DIR"]).glob(f"*.{pid}.sock"))


def children(pid: int) -> list[int]:
    text = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True).stdout
    return [int(word) for word in text.split()]


def alive(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    return False


# ---- help and start-up ----


def test_every_command_has_help_and_json(capfd: pytest.CaptureFixture[str]) -> None:
    for command in COMMANDS:
        assert main([command, "--help"]) == 0
        assert "--json" in capfd.readouterr().out, command


def test_help_starts_without_the_heavy_modules() -> None:
    code = "import sys; from hil.cli import main; main(['--help']); print(sorted(sys.modules), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    loaded = set(re.findall(r"'([\w.]+)'", done.stderr))
    assert "typer" in loaded
    heavy = {"pyarrow", "pint", "pydantic", "casadi", "numpy", "pymodbus", "jinja2", "hil._core", "hil.bench"}
    assert loaded & heavy == set()


# ---- errors ----


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["run", "no_such_rig"], "there is no such rig"),
        (["check", "no_such_rig"], "there is no such rig"),
        (["run", "motor", "--virtual", "--bogus"], "--bogus"),
        (["frobnicate"], "frobnicate"),
        (["run", "motor", "--virtual", "--duration", "0"], "--duration"),
        (["run", "motor", "--virtual", "--duration", "nan"], "--duration"),
        (["run", "motor", "--virtual", "--time", "real"], "contradicts"),
        (["run", "motor", "--virtual", "--bind", "plc"], "plc=mil"),
        (["run", "motor", "--virtual", "--bind", "plc=warp"], "warp"),
        (["run", "motor", "--virtual", "--bind", "plc=pil"], "no wire"),
        (["run", "motor", "--virtual", "--fault", "sensor.sped=stuck"], "sensor.speed"),
        (["run", "motor", "--virtual", "--fault", "drive.voltage=bias(99)@1s"], "gate would clip"),
        (["run", "motor", "--virtual", "--record", "/proc/nothing"], "/proc/nothing"),
        (["run", "motor", "--bind", "plc=hil"], "127.0.0.1:"),
        (["emulate", "motor", "nothing"], "plc"),
        (["replay", "motor"], "is not a recording"),
        (["report", "nothing"], "no such folder"),
        (["export", "nothing"], "no such folder"),
        (["export", "motor", "--to", "xls"], "xls"),
        (["status", "motor"], "no bench of rig 'motor' runs"),
        (["stop"], "no bench runs"),
        (["set", "motor", "control.setpoint", "1"], "hil run motor"),
        (["new", "motor"], "exists already"),
        (["new", "../x"], "is not a name"),
        (["scan", "modbus", "127.0.0.1:99999"], "is not an address"),
        (["scan", "profinet", "127.0.0.1"], "profinet"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(
    folder: Path, one_line: Callable[..., str], args: list[str], words: str
) -> None:
    before = sorted(folder.rglob("*"))
    assert words in one_line(*args)
    assert sorted(folder.rglob("*")) == before


def test_several_mistakes_in_a_rig_are_a_line_each(folder: Path) -> None:
    file = folder / "motor/rig.toml"
    file.write_text(file.read_text().replace("gain = 10.0", "gian = 10.0").replace('type = "lag"', 'type = "lug"'))
    lines = hil("run", "motor", "--virtual", code=2).stderr.splitlines()
    assert len(lines) >= 2
    assert any("gian" in line and "rig.toml:" in line for line in lines)
    assert any("lug" in line for line in lines)
    told = hil_json("check", "motor", code=2)["error"]
    assert len(told["lines"]) == len(lines)


def test_broken_toml_names_its_line(folder: Path, one_line: Callable[..., str]) -> None:
    file = folder / "motor/rig.toml"
    file.write_text(file.read_text().replace("[signals]", "[signals"))
    assert re.search(r"rig\.toml:\d+", one_line("check", "motor"))


def test_an_error_in_json_is_an_object_too(folder: Path) -> None:
    found = hil_json("run", "no_such_rig", code=2)
    assert "there is no such rig" in found["error"]["message"]


def test_a_port_in_use_is_named_and_nothing_is_left(folder: Path, one_line: Callable[..., str]) -> None:
    port = load_rig("motor").devices["plc"].url.rpartition(":")[2]
    with socket.create_server(("127.0.0.1", int(port))):
        assert port in one_line("run", "motor", "--duration", "1", "--record", "there")
    assert not (folder / "there").exists()


def test_a_bench_at_any_free_port_starts_its_emulated_device_there(folder: Path) -> None:
    rig = load_rig("motor")
    plc = rig.devices["plc"]
    with socket.create_server(("127.0.0.1", plc.port)):
        free = replace(rig, devices={**rig.devices, "plc": replace(plc, port=0)})
        with open_bench(free, time="lockstep", bind={"plc": "pil"}) as bench:
            bench.run(0.02)
            assert bench.tick == 20


# ---- check ----


def test_check_passes_a_good_rig_and_fails_overlapping_registers(folder: Path) -> None:
    assert here_json("check", "motor")["errors"] == 0
    rows = folder / "motor/plc.csv"
    rows.write_text(rows.read_text().replace("plc.running,read,input_register,1", "plc.running,read,input_register,0"))
    found = here_json("check", "motor", code=1)
    assert found["errors"] >= 1
    assert found["passed"] is False
    text = hil("check", "motor", code=1).stdout
    assert "error" in text
    assert "drive.voltage" in text


# ---- run ----


def test_a_virtual_run_records_reports_and_repeats_itself(folder: Path) -> None:
    first = hil_json("run", "motor", "--virtual", "--duration", "3")
    assert set(PROMISED) <= set(first)
    assert (first["rig"], first["time"], first["ticks"], first["passed"]) == ("motor", "virtual", 3000, True)
    assert re.fullmatch(r"[0-9a-f]{16}", first["state_hash"])
    recording = Path(first["recording"])
    assert recording.parent == Path("recordings")
    assert Recording(recording).complete
    assert Path(first["report"]).read_text().lstrip().lower().startswith("<!doctype html")
    second = hil_json("run", "motor", "--virtual", "--duration", "3")
    assert second["state_hash"] == first["state_hash"]
    assert second["recording"] != first["recording"]
    assert here_json("run", "motor", "--virtual", "--duration", "3", "--seed", "2")["state_hash"] != first["state_hash"]


def test_runs_that_begin_in_one_second_have_folders_of_their_own(folder: Path) -> None:
    command = [sys.executable, "-m", "hil", "run", "motor", "--virtual", "--duration", "0.1", "--no-report", "--json"]
    runs = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(4)]
    told = [run.communicate(timeout=60) for run in runs]
    assert [run.returncode for run in runs] == [0] * 4, told
    found = {json.loads(out)["recording"] for out, _ in told}
    assert len(found) == 4
    assert all(Recording(Path(place)).complete for place in found)


def test_no_record_leaves_nothing_behind(folder: Path) -> None:
    before = sorted(folder.rglob("*"))
    found = here_json("run", "motor", "--virtual", "--duration", "1", "--no-record")
    assert found["recording"] is None
    assert found["report"] is None
    assert sorted(folder.rglob("*")) == before


def test_a_recording_is_only_replaced_when_asked(folder: Path, one_line: Callable[..., str]) -> None:
    run = ["run", "motor", "--virtual", "--duration", "1", "--no-report", "--record", "mine"]
    here(*run)
    assert "--overwrite" in one_line(*run)
    here(*run, "--overwrite")


def test_the_summary_names_verdict_hash_and_paths(folder: Path) -> None:
    fault = ["--fault", "sensor.speed=stuck@1s..2s"]
    text = hil("run", "motor", "--virtual", "--duration", "3", "--record", "r", "--report", "page.html", *fault).stdout
    assert text.startswith("PASSED")
    for words in ("Verdict", "Virtual time", "State hash", "sensor.speed=stuck@1s..2s", "r\n", "page.html"):
        assert words in text
    assert (folder / "page.html").is_file()


def test_replay_report_and_export_of_a_recording(folder: Path) -> None:
    ran = here_json("run", "motor", "--virtual", "--duration", "2", "--record", "r", "--no-report")
    assert ran["report"] is None
    replayed = hil_json("replay", "r")
    assert (replayed["identical"], replayed["ticks"]) == (True, 2000)
    assert replayed["state_hash"] == ran["state_hash"]
    written = here_json("report", "r")
    assert written["bytes"] == Path(written["report"]).stat().st_size < 5_000_000
    csv = here_json("export", "r", "--to", "csv", "--out", "out.csv")
    assert csv["files"] == ["out.csv"]
    assert len(Path("out.csv").read_text().splitlines()) == 2001


def test_a_changed_recording_does_not_replay(folder: Path) -> None:
    here("run", "motor", "--virtual", "--duration", "2", "--record", "r", "--no-report")
    manifest = json.loads(Path("r/manifest.json").read_text())
    Path("r/manifest.json").write_text(json.dumps(manifest | {"state_hash": "0" * 16}))
    assert here_json("replay", "r", code=1)["identical"] is False


def test_a_full_disk_is_one_line_and_exit_code_2(folder: Path) -> None:
    if os.getuid() != 0 or subprocess.run(["mountpoint", "-q", "/"]).returncode:
        pytest.skip("only root can mount a small disk")
    small = folder / "small"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(small)]).returncode:
        pytest.skip("no small disk can be mounted here")
    try:
        done = hil("run", "motor", "--virtual", "--duration", "60", "--record", str(small / "r"), code=2)
        assert "the disk is full" in done.stderr
        assert done.stderr.count("\n") == 1
    finally:
        subprocess.run(["umount", str(small)], check=True)


# ---- a bench that runs ----


@pytest.mark.realtime
def test_a_running_bench_is_watched_steered_and_stopped(folder: Path) -> None:
    with running("--duration", "60", "--bind", "plc=mil", "--record", "r", "--no-report") as process:
        status = hil_json("status", "motor")
        assert (status["rig"], status["pid"], status["time"]) == ("motor", process.pid, "real")
        assert process.pid in [bench["pid"] for bench in here_json("status")["benches"]]
        assert "accepted at" in here("set", "motor", "control.setpoint", "150")
        assert here_json("force", "motor", "sensor.speed", "600 rpm")["tick"] > 0
        here("release", "./motor", "sensor.speed")
        number = here_json("fault", "motor", "sensor.speed=bias(1)")["fault_id"]
        assert f"fault {number} active" in here("status", "motor")
        here("clear", "motor", str(number))
        until(lambda: here_json("status", "motor")["faults"] == [])
        here("mark", "motor", "look here")
        frame = here("watch", "motor", "--once", "--signals", "motor.*")
        assert "motor.speed" in frame
        assert "rad/s" in frame
        assert "drive.voltage" not in frame
        until(lambda: here_json("watch", "motor")["values"]["values"]["motor.speed"] > 140.0)
        assert "sensor.speed" in hil("force", "motor", "sensor.sped", "1", code=2).stderr
        here("safe", "motor")
        until(lambda: here_json("watch", "motor")["values"]["values"]["drive.voltage"] == 0.0)
        hil("stop", "motor", "--pid", str(process.pid))
        out, err = process.communicate(timeout=20)
    assert process.returncode == 0, err
    assert out.startswith("PASSED")
    recording = Recording(folder / "r")
    assert recording.complete
    assert any(event["kind"] == "mark" and event.get("text") == "look here" for event in recording.events)
    assert sockets(process.pid) == []


@pytest.mark.realtime
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_run_safely_and_keeps_the_recording(folder: Path, number: int, code: int) -> None:
    with running("--duration", "60", "--record", "r") as process:
        until(lambda: here_json("status", "motor")["time_s"] > 0.5)
        emulated = children(process.pid)
        assert emulated
        os.killpg(process.pid, number)  # as a terminal does: the emulated device gets it as well
        out, err = process.communicate(timeout=20)
    assert process.returncode == code, err
    assert "stopped early" in out
    assert err == ""
    recording = Recording(folder / "r")
    assert recording.complete
    assert recording.events[-1]["text"] == "all outputs verified safe"
    assert not any(alive(pid) for pid in emulated)
    assert sockets(process.pid) == []


@pytest.mark.realtime
def test_after_kill_9_the_emulated_device_ends_and_the_recording_can_be_read(folder: Path) -> None:
    with running("--duration", "60", "--record", "r") as process:
        tick = until(lambda: (t := here_json("status", "motor")["tick"]) > 1500 and t)
        emulated = children(process.pid)
        process.kill()
        process.wait()
    until(lambda: not any(alive(pid) for pid in emulated), timeout_s=5)
    assert Recording(folder / "r").ticks > tick - 1000
    assert process.pid not in [bench["pid"] for bench in here_json("status")["benches"]]
    assert sockets(process.pid) == []


def test_an_emulated_device_serves_until_it_is_told_to_end(folder: Path) -> None:
    command = [*HIL, "emulate", "motor", "plc", "--port", "0", "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout
        address = json.loads(process.stdout.readline())
        assert address["side"] == "server"
        found = here_json("scan", "modbus", f"127.0.0.1:{address['port']}", "--last", "20", "--rate", "5000")
        ranges = {(area["table"], area["first"], len(area["values"])) for area in found["areas"]}
        assert ranges == {("holding_register", 0, 2), ("input_register", 0, 3)}
        process.terminate()
        out, err = process.communicate(timeout=10)
    finally:
        process.kill()
        process.communicate()
    assert (process.returncode, out, err) == (0, "", "")


def test_scan_writes_a_map_and_never_over_another(folder: Path, one_line: Callable[..., str]) -> None:
    command = [*HIL, "emulate", "motor", "plc", "--port", "0", "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout
        port = json.loads(process.stdout.readline())["port"]
        scan = ["scan", "modbus", f"127.0.0.1:{port}", "--last", "20", "--rate", "5000", "--out", "map.csv"]
        text = hil(*scan).stdout
        assert "holding_register" in text
        assert "map.csv" in text
        assert "exists already" in one_line(*scan)
    finally:
        process.terminate()
        process.communicate(timeout=10)


def test_doctor_says_what_can_be_promised() -> None:
    found = hil_json("doctor", "--seconds", "0.1")
    assert found["verdict"]["level"] in ("best effort", "soft real time", "real time kernel")
    assert found["wake_up"]["ticks"] == 100
    text = here("doctor", "--seconds", "0.1")
    assert "This machine can promise" in text
    assert "SCHED_FIFO" in text
