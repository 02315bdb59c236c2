"""`hil replay` proves that a recording holds all that came from outside, and names what does not fit."""

from __future__ import annotations

import functools
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from hil import _core, open_bench
from hil.cli import main
from hil.recording import InputKind, Recording
from hil.replay import replay

FAULTS = ["sensor.h1=stuck@1s..2s", "sensor.h2=noise(1mm)@0.5s..2.5s", "plc.error_h1=drift(1mm/s)@1.5s.."]


def run_args(rig, folder, *more):
    faults = [part for fault in FAULTS for part in ("--fault", fault)]
    return ["run", rig, "--record", folder, "--no-report", "--json", *faults, *more]


@pytest.fixture(scope="module")
def real_run(rig_copy, hil, tmp_path_factory):
    """(what `hil run` printed, folder): 3 s in real time against the emulated PLC over Modbus TCP."""
    folder = tmp_path_factory.mktemp("real") / "recording"
    done = hil(*run_args(rig_copy("quad_tank"), folder, "--duration", 3))
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), folder


@pytest.fixture
def copied(real_run, tmp_path):
    """A recording that may be spoilt."""
    return Path(shutil.copytree(real_run[1], tmp_path / "spoilt"))


def batches(path):
    with pa.memory_map(str(path)) as source:
        table = pa.ipc.open_stream(source).read_all()
    return table.schema, table.to_pydict()


def rewrite(path, change):
    """Lets `change` work on the columns of an Arrow file."""
    schema, columns = batches(path)
    change(columns)
    path.unlink()
    with pa.ipc.new_stream(path, schema) as stream:
        stream.write_table(pa.Table.from_pydict(columns, schema=schema))


def images(folder):
    """(row, tick, values) of all recorded images, in order."""
    _, columns = batches(folder / "inputs.arrows")
    rows = zip(columns["kind"], columns["tick"], columns["payload"], strict=True)
    return [(i, tick, np.frombuffer(data)) for i, (kind, tick, data) in enumerate(rows) if kind == InputKind.IMAGE]


def first_changing_image(folder, after):
    """The first image behind a tick whose pump voltage differs from that of the image before."""
    all_images = images(folder)
    for (_, _, before), (row, tick, now) in itertools.pairwise(all_images):
        if tick > after and before[0] != now[0]:
            return row, tick, now
    raise AssertionError("no voltage changes")


# ---- what a recording proves ----


def test_a_real_time_run_over_modbus_replays_to_the_same_bits(real_run, hil, tmp_path):
    result, folder = real_run
    assert (result["time"], result["bindings"], result["ticks"]) == ("real", {"plc": "pil"}, 3000)
    done = hil("replay", os.path.relpath(folder, tmp_path), "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["identical"] is True
    assert found["ticks"] == 3000
    assert found["state_hash"] == result["state_hash"]
    assert found["hashes_compared"] == 3


def test_a_recording_needs_neither_its_rig_nor_its_compiled_models(rig_copy, hil, tmp_path, capfd):
    rig = rig_copy("quad_tank")
    assert main([str(arg) for arg in run_args(rig, tmp_path / "here", "--duration", 3, "--virtual")]) == 0
    ran = json.loads(capfd.readouterr().out)
    shutil.rmtree(rig)
    folder = shutil.move(tmp_path / "here", tmp_path / "elsewhere")
    found = json.loads(hil("replay", folder, "--json", env={"HIL_CACHE_DIR": str(tmp_path / "cache")}).stdout)
    assert found["identical"] is True
    assert found["state_hash"] == ran["state_hash"]


def test_interventions_of_all_kinds_replay(tmp_path):
    with open_bench("quad_tank", record=tmp_path / "r", seed=7) as bench:
        bench.run(0.5)
        bench.force("sensor.h1", 0.2)
        bench.run(0.25)
        bench.set("level2.setpoint", 0.14)
        bench.release("sensor.h1")
        number = bench.fault("sensor.h2=gain(1.1)")
        bench.run(0.25)
        bench.clear_fault(number)
        bench.safe()
        bench.run(0.25)
        bench.safe(False)
        bench.mark("safe again")
        bench.enable_faults(False)
        bench.run(0.5)
        expected = bench.state_hash
    found = replay(tmp_path / "r")
    assert found["identical"] is True, found["reason"]
    assert (found["ticks"], found["state_hash"]) == (1750, expected)


# ---- what does not fit ----


def test_a_lost_image_is_found_at_its_tick(copied):
    row, tick, _ = first_changing_image(copied, 1200)

    def drop(columns):
        for column in columns.values():
            del column[row]

    rewrite(copied / "inputs.arrows", drop)
    found = replay(copied)
    assert found["identical"] is False
    assert found["first_difference"]["tick"] == tick
    assert found["first_difference"]["signal"].startswith("pump.v1")


def test_a_changed_value_in_an_image_is_named_with_tick_and_signal(copied):
    row, tick, values = first_changing_image(copied, 700)

    def change(columns):
        columns["payload"][row] = np.concatenate([[values[0] + 0.001], values[1:]]).tobytes()

    rewrite(copied / "inputs.arrows", change)
    found = replay(copied)
    assert found["identical"] is False
    difference = found["first_difference"]
    assert (difference["tick"], difference["signal"].removesuffix(".raw")) == (tick, "pump.v1")
    assert abs(difference["replayed"] - difference["recorded"]) == pytest.approx(0.001)


def test_one_bit_of_one_recorded_value_is_named_with_tick_and_signal(copied, capfd):
    def change(columns):
        columns["plant.h3"][1234] = np.nextafter(columns["plant.h3"][1234], 1.0)

    rewrite(copied / "signals.arrows", change)
    assert main(["replay", str(copied)]) == 1
    assert "First difference: tick 1234, signal plant.h3" in capfd.readouterr().out


def test_a_changed_fault_is_found(copied):
    def change(columns):
        row = next(i for i, kind in enumerate(columns["kind"]) if kind == InputKind.EVENT)
        columns["payload"][row] = columns["payload"][row][:8] + columns["payload"][row + 1][8:]

    rewrite(copied / "inputs.arrows", change)
    found = replay(copied)
    assert found["identical"] is False
    assert found["first_difference"]["tick"] == 1000


def test_a_wrong_final_hash_is_found(copied):
    manifest = json.loads((copied / "manifest.json").read_text())
    manifest["state_hash"] = "0" * 16
    (copied / "manifest.json").write_text(json.dumps(manifest))
    found = replay(copied)
    assert found["identical"] is False
    assert "final hash" in found["reason"]


# ---- losses ----


def plant_in_manifest(folder, tick):
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps(manifest | {"lost_inputs_from": tick}))


def plant_marker(folder, tick):
    def mark(columns):
        row = next(i for i, t in enumerate(columns["tick"]) if t >= tick)
        for name, value in {"tick": tick, "kind": 5, "target": 0, "time_ns": 0, "payload": b""}.items():
            columns[name].insert(row, value)

    rewrite(folder / "inputs.arrows", mark)


@pytest.mark.parametrize("plant", [plant_in_manifest, plant_marker])
def test_a_planted_loss_is_called_not_replayable_from_its_tick(copied, capfd, plant):
    plant(copied, 1777)
    assert main(["replay", str(copied), "--json"]) == 1
    found = json.loads(capfd.readouterr().out)
    assert (found["identical"], found["not_replayable_from"], found["ticks"]) == (False, 1777, 1777)
    assert main(["replay", str(copied)]) == 1
    assert "Not replayable from tick 1,777 on" in capfd.readouterr().out


def test_a_full_input_ring_is_a_loss_that_is_reported(rig_copy, tmp_path, monkeypatch):
    """A listener that blocks for a second, in front of a ring that holds a third of a second."""
    monkeypatch.setattr(_core, "Loop", functools.partial(_core.Loop, input_ring=4096))
    events = []

    def slow(event):
        events.append(event)
        if event["kind"] == "fault_on":
            time.sleep(1.0)

    options = {"bind": {"plc": "pil"}, "record": tmp_path / "r", "on_event": slow, "faults": ["sensor.h1=stuck@0.3s.."]}
    with open_bench(rig_copy("quad_tank"), time="real", **options) as bench:
        bench.run(1.5)
        result = bench.finish()
    assert result.passed is False
    assert "inputs were lost" in result.reason
    lost = Recording(tmp_path / "r").manifest["lost_inputs_from"]
    assert 500 < lost < 1000
    found = replay(tmp_path / "r")
    assert (found["identical"], found["not_replayable_from"], found["ticks"]) == (False, lost, lost)


# ---- overruns ----


POLICIES = ("skip", "catch_up", "safe_state", "stop")


def stalled(rig, folder):
    """What `hil run` printed of 2 s in real time that stood still again and again, for 40 ms, until it ended."""
    command = [sys.executable, "-m", "hil", *map(str, run_args(rig, folder, "--duration", 2))]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        deadline = time.monotonic() + 60
        while process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.3)
            process.send_signal(signal.SIGSTOP)
            time.sleep(0.04)
            process.send_signal(signal.SIGCONT)
        return json.loads(process.communicate(timeout=60)[0])


@pytest.fixture(scope="module")
def stalled_runs(rig_copy, tmp_path_factory):
    """By overrun policy: what was printed, and the folder. All at once: a run may begin when another has ended."""
    place, rigs = tmp_path_factory.mktemp("stalled"), {}
    for policy in POLICIES:
        changed = f'overrun = "{policy}"\ngrace_ticks = 0\nmax_catch_up = 5'
        rigs[policy] = rig_copy("quad_tank", ('overrun = "count"', changed))
    with ThreadPoolExecutor(len(POLICIES)) as pool:
        told = pool.map(lambda policy: stalled(rigs[policy], place / policy), POLICIES)
        return {policy: (result, place / policy) for policy, result in zip(POLICIES, told, strict=True)}


@pytest.mark.realtime
@pytest.mark.parametrize("policy", POLICIES)
def test_overruns_replay_under_every_policy(stalled_runs, policy):
    result, folder = stalled_runs[policy]
    assert result["overruns"] > 0
    assert (result["ticks"] < 2000) == (policy == "stop")
    kinds = [event["kind"] for event in Recording(folder).events]
    assert ("skip" in kinds) == (policy in ("skip", "catch_up"))
    assert ("safe_on" in kinds) or policy != "safe_state"
    found = replay(folder)
    assert found["identical"] is True, found["reason"]
    assert (found["ticks"], found["state_hash"]) == (result["ticks"], result["state_hash"])
