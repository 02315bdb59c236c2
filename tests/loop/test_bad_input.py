"""Bad input: one line a mistake, with the mend; exit code 2; nothing half-written and nothing left running."""

from __future__ import annotations

import os
import re
import resource
import signal
import socket
import subprocess
import threading

import psutil
import pytest

from hil.cli import main
from hil.recording import Recording
from hil.replay import replay

H1 = '"plant.h1" = { unit = "m",'
PLANT = 'model = "model.py:QuadTank"'
LAG = '[blocks.lt1]\ntype = "lag"\nin = { u = "plant.h1" }'


@pytest.fixture
def refused(tmp_path, capfd, monkeypatch):
    """`refused("run", rig)`: the lines on stderr, after it has been checked that nothing is left."""

    def run(*args, n=1):
        work = tmp_path / "work"
        work.mkdir(exist_ok=True)
        monkeypatch.chdir(work)
        before = {path: path.stat().st_mtime_ns for path in work.rglob("*")}
        threads, children = set(threading.enumerate()), set(psutil.Process().children())
        assert main([str(arg) for arg in args]) == 2
        lines = capfd.readouterr().err.splitlines()
        assert len(lines) == n, lines
        assert all(line.startswith("hil: ") for line in lines), lines
        assert {path: path.stat().st_mtime_ns for path in work.rglob("*")} == before, "something was written"
        assert set(threading.enumerate()) == threads
        assert set(psutil.Process().children()) == children
        return "\n".join(lines)

    return run


def port_of(rig):
    return int(re.search(r"127\.0\.0\.1:(\d+)", (rig / "rig.toml").read_text()).group(1))


# ---- the rig ----


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("[loop]", "[loop", [r"rig\.toml:\d+", "loop"]),
        ("period_s = 0.001", "period_s = 0.001\nperiod_s = 0.002", [r"rig\.toml", "period_s"]),
        ("every = 10", "evrey = 10", ["roles.plc.evrey", "every"]),
        ('unit = "m", range = [0.0, 0.25], start = 0.1226', 'unit = "parsnip"', ['"plant.h1".unit', "parsnip"]),
        ('in = { u = "plant.h1" }', 'in = { u = "plant.h9" }', ["plant.h9", "plant.h"]),
        ('in = { v1 = "pump.v1",', 'in = { v1 = "plant.h1",', ["plant.h1", "V", "m"]),
        (PLANT, 'model = "tank.py:QuadTank"', ["tank.py", "model.py"]),
        (PLANT, 'model = "model.py:QuadTnak"', ["QuadTnak", "QuadTank"]),
        ('type = "pid"\nin = { setpoint = 0.124,', 'type = "pdi"\nin = { setpoint = 0.124,', ["pdi", "pid"]),
        ("kp = 150.0", 'kp = "much"', ["level1.kp", "much"]),
        ("seed = 1\n", "seed = -1\n", ["seed", "-1"]),
        ('map = "plc.csv"', 'map = "plk.csv"', ["plk.csv"]),
        ("modbus-tcp://", "modbus-tpc://", ["modbus-tpc", "modbus-tcp"]),
    ],
)
def test_a_mistake_in_the_rig_file(refused, rig_copy, old, new, words):
    rig = rig_copy("quad_tank", (old, new))
    line = refused("run", rig, "--virtual", "--duration", 1, "--record", "r")
    for word in words:
        assert re.search(word, line), line


def test_two_mistakes_are_two_lines(refused, rig_copy):
    rig = rig_copy("quad_tank", ("every = 10", "evrey = 10"), ("kp = 150.0", "kpp = 150.0"))
    lines = refused("run", rig, "--virtual", n=2)
    assert "roles.plc.evrey" in lines
    assert "level1.kpp" in lines


def test_an_algebraic_loop_names_its_signals_and_blocks(refused, rig_copy):
    loop = LAG.replace("lt1", "a").replace("lag", "gain").replace("plant.h1", "b.y") + "\n\n"
    loop += LAG.replace("lt1", "b").replace("lag", "gain").replace("plant.h1", "a.y") + "\n\n"
    line = refused("run", rig_copy("quad_tank", ("[blocks.lt1]", loop + "[blocks.lt1]")), "--virtual")
    assert "algebraic loop" in line
    assert re.search(r"a\.y -> b\.y -> a\.y|b\.y -> a\.y -> b\.y", line)
    assert "Put a delay or an integrator" in line


def test_a_register_map_that_overlaps(refused, rig_copy):
    rig = rig_copy("quad_tank")
    csv = (rig / "plc.csv").read_text()
    (rig / "plc.csv").write_text(csv.replace("pump.v2,read,input_register,1", "pump.v2,read,input_register,0"))
    line = refused("run", rig, "--time", "lockstep")
    assert "pump.v2" in line


@pytest.mark.parametrize(
    ("name", "words"), [("quad_tnak", "quad_tank"), ("rigs/nothing", "rigs/nothing"), ("", "rig.toml")]
)
def test_a_rig_that_is_not_there(refused, name, words):
    assert words in refused("run", name, "--virtual")


# ---- the command ----


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--bind", "pcl=mil"], "Did you mean plc"),
        (["--bind", "plc=mul"], "mil, sil, pil, hil"),
        (["--bind", "plc"], "ROLE=LEVEL"),
        (["--bind", "plc=sil"], "Bind it to mil or pil"),
        (["--bind", "plc=pil"], "in virtual time there is no wire"),
        (["--fault", "sensor.h11=stuck"], "sensor.h1"),
        (["--fault", "sensor.h1=melt"], "melt"),
        (["--fault", "sensor.h1"], "as in 'sensor.h1=stuck@8s..14s'"),
        (["--fault", "sensor.h1=bias(1V)"], "V"),
        (["--fault", "sensor.h1=bias(1m)@5s..2s"], "sensor.h1"),
        (["--fault", "sensor.h1=dropout(200%)"], "dropout"),
        (["--fault", "sensor.h1=delay(100s)"], "delay"),
        (["--fault", "pump.v1=stuck(11)"], "the safety gate would clip this fault"),
        (["--duration", "-3"], "larger than 0"),
        (["--duration", "nan"], "larger than 0"),
        (["--duration", "ten"], "--duration"),
        (["--seed", "-1"], "seed"),
        (["--time", "reel"], "real"),
        (["--time", "real"], "contradicts"),
        (["--no-record", "--record", "r"], "contradict"),
        (["--durration", "3"], "--duration"),
    ],
)
def test_a_mistake_on_the_command_line(refused, args, words):
    line = refused("run", "quad_tank", "--virtual", *args)
    assert words in line


def test_a_real_device_takes_no_tokens(refused):
    assert "--time real" in refused("run", "quad_tank", "--time", "lockstep", "--bind", "plc=hil")


@pytest.mark.parametrize("command", ["replay", "report", "export"])
def test_a_folder_that_is_no_recording(refused, tmp_path, command):
    (tmp_path / "other").mkdir()
    assert "recording" in refused(command, tmp_path / "other")
    assert "no such folder" in refused(command, tmp_path / "nothing")


def test_a_device_that_is_not_in_the_rig(refused):
    assert "Did you mean plc?" in refused("emulate", "quad_tank", "pcl")


# ---- the machine ----


def test_a_recording_that_is_there_already_is_kept(refused, tmp_path, capfd):
    work = tmp_path / "work"
    work.mkdir()
    assert main(["run", "quad_tank", "--virtual", "--duration", "1", "--record", str(work / "r"), "--json"]) == 0
    capfd.readouterr()
    assert "--overwrite" in refused("run", "quad_tank", "--virtual", "--record", "r")
    assert replay(work / "r")["identical"] is True


def test_somebody_else_s_folder_is_never_replaced(refused, tmp_path):
    work = tmp_path / "work" / "r"
    work.mkdir(parents=True)
    (work / "thesis.txt").write_text("years")
    for more in ([], ["--overwrite"]):
        refused("run", "quad_tank", "--virtual", "--record", "r", *more)
    (tmp_path / "work" / "file").write_text("")
    refused("run", "quad_tank", "--virtual", "--record", "file")


def test_a_port_that_is_in_use(refused, rig_copy):
    rig = rig_copy("quad_tank")
    with socket.create_server(("127.0.0.1", port_of(rig))):
        line = refused("run", rig, "--duration", 1, "--record", "r")
        assert f"port {port_of(rig)}" in line
        assert "change the port" in line
        line = refused("emulate", rig, "plc")
        assert f":{port_of(rig)}" in line
        assert "choose another port" in line


def test_a_plc_that_is_not_there(refused, rig_copy):
    rig = rig_copy("quad_tank")
    line = refused("run", rig, "--duration", 1, "--record", "r", "--bind", "plc=hil")
    assert f"plc at modbus-tcp://127.0.0.1:{port_of(rig)}" in line
    assert "bind plc to mil or pil" in line


def test_a_plc_behind_an_address_that_does_not_exist(refused, rig_copy):
    rig = rig_copy("quad_tank")
    toml = (rig / "rig.toml").read_text()
    (rig / "rig.toml").write_text(toml.replace("127.0.0.1", "plc.invalid"))
    line = refused("run", rig, "--bind", "plc=hil", "--record", "r")
    assert "plc.invalid" in line


@pytest.fixture
def fresh_cache(tmp_path):
    return {"HIL_CACHE_DIR": str(tmp_path / "cache")}


def one_line(done):
    lines = done.stderr.splitlines()
    assert done.returncode == 2, done.stderr
    assert len(lines) == 1, lines
    return lines[0]


def test_no_compiler(hil, tmp_path, fresh_cache):
    (tmp_path / "bin").mkdir()
    env = {**fresh_cache, "PATH": str(tmp_path / "bin")}
    line = one_line(hil("run", "quad_tank", "--virtual", "--record", "r", env=env, cwd=tmp_path))
    assert "compiler" in line
    assert "gcc" in line
    assert not (tmp_path / "r").exists()


def test_no_casadi(hil, tmp_path, fresh_cache):
    (tmp_path / "casadi.py").write_text("raise ModuleNotFoundError(\"No module named 'casadi'\", name='casadi')\n")
    env = {**fresh_cache, "PYTHONPATH": str(tmp_path)}
    line = one_line(hil("run", "quad_tank", "--virtual", "--record", "r", env=env, cwd=tmp_path))
    assert "casadi" in line
    assert "pip install" in line
    assert not (tmp_path / "r").exists()


def test_a_folder_that_cannot_be_made(refused, tmp_path):
    (tmp_path / "file").write_text("")
    assert "file" in refused("run", "quad_tank", "--virtual", "--record", tmp_path / "file" / "r")


# ---- a full disk ----


@pytest.fixture
def small_disk(tmp_path):
    """1.5 MB of disk; needs root."""
    place = tmp_path / "disk"
    place.mkdir()
    if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1536k", "tmpfs", place]).returncode:
        pytest.skip("a small disk needs root")
    yield place
    subprocess.run(["umount", "-l", place], check=True)


def spoilt_by_full_disk(done, folder):
    """One line that says so; what was written can be read and replayed."""
    line = one_line(done)
    assert "the disk is full" in line
    assert "--record DIR" in line
    recording = Recording(folder)
    assert not recording.complete
    assert 0 < recording.ticks < 60_000
    assert "full" in recording.problems[0]
    assert replay(folder)["identical"] is True


def test_a_disk_that_gets_full(hil, small_disk):
    done = hil("run", "quad_tank", "--virtual", "--duration", 60, "--record", small_disk / "r", "--json")
    spoilt_by_full_disk(done, small_disk / "r")


def test_a_disk_that_is_full_from_the_start(hil, small_disk):
    (small_disk / "rest").write_bytes(bytes(1500 << 10))
    line = one_line(hil("run", "quad_tank", "--virtual", "--duration", 1, "--record", small_disk / "r"))
    assert "the disk is full" in line
    assert [path.name for path in small_disk.iterdir()] == ["rest"], "nothing half-made"


def test_a_file_size_limit_is_a_full_disk(hil, tmp_path):
    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (4 << 20, 4 << 20))

    done = hil("run", "quad_tank", "--virtual", "--duration", 60, "--record", tmp_path / "r", preexec_fn=limit)
    spoilt_by_full_disk(done, tmp_path / "r")


def test_the_emulated_plc_ends_too_when_the_disk_is_full(hil, rig_copy, small_disk):
    rig = rig_copy("quad_tank")
    done = hil("run", rig, "--time", "lockstep", "--duration", 60, "--record", small_disk / "r")
    spoilt_by_full_disk(done, small_disk / "r")
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port_of(rig))) != 0
