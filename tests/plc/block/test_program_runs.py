"""A PLC program in the loop: steps, restarts, forces and stops are state and events, so copies and replays agree."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import hil
from hil import BatchRun, open_bench
from hil.errors import BenchError, HilError
from hil.replay import replay

STOP = "plc/tank.st:23: division by zero"


def stops(bench) -> list[str]:
    return [event["text"] for event in bench.recorder.events if event["kind"] == "plc_stop"]


def test_the_tank_is_filled_step_by_step(tank):
    with open_bench(tank) as bench:
        plc = bench.plc("plc")
        bench.run(0.9)
        assert bench["pump.speed"] == 0.0
        assert plc.read("step") == 0
        bench.run(0.4)
        assert bench["pump.speed"] == 0.8
        assert (plc.read("step"), plc.read("starts")) == (1, 1)
        bench.run(6.0)
        assert (plc.read("p.step"), bench["plc.lamp"], bench["pump.speed"]) == (2, 1.0, 0.0)
        assert 0.14 < bench["tank.level"] < 0.15  # 0.1 mm a count from -10 mm on: 1500 is 0.14 m
        assert plc.read("integral") == bench["plc_program.p.integral"]
        assert bench["plc.power"] == pytest.approx(plc.read("integral") * 0.5, abs=0.1)
        assert plc.statistics.scans == 365
        assert plc.statistics.mean_scan_s is None


def test_bits_in_words_and_signed_registers_go_both_ways(tank):
    with open_bench(tank) as bench:
        bench.set("acknowledge.value", 1.0)
        bench.run(0.5)
        assert (bench["switch.acknowledge"], bench["plc.acknowledge"]) == (1.0, 0.0)
        door, echo = bench.history("switch.door"), bench.history("plc.door")
        assert set(door) == {-1.0, 1.0} or set(door) == {1.0}
        assert set(echo[10:] + (door[10:] > 0)[: len(echo[10:])]) <= {0.0, 1.0, 2.0}
        sent, back = bench.history("sensor.offset"), bench.history("plc.echo")
        assert np.abs(back[4:] - sent[2:-2]).max() < 1.6  # two ticks of a sine, and half a count
        assert back.max() > 20


def test_copies_in_the_middle_of_the_waiting_time_go_on_alike(tank):
    with open_bench(tank) as bench:
        bench.run(0.5)
        assert 0 < bench.plc("plc").read("wait.ET") < 1e9
        saved = bench.snapshot()
        branches = [bench.fork() for _ in range(3)]
        for branch in branches:
            branch.run(2.0)
        bench.run(2.0)
        assert {branch.hash for branch in branches} == {bench.state_hash}
        bench.restore(saved)
        bench.run(2.0)
        assert branches[0].hash == bench.state_hash
        assert branches[0]["pump.speed"] == 0.8


def test_a_hundred_runs_of_a_batch_are_single_runs(tank, full):
    events = [(0.3, "plc_program.run", 0.0), (0.4, "plc_program.run", 1.0), (1.3, "divisor.value", 0.0)]
    n = 100
    runs = [
        BatchRun(set={"flow.gain": 0.05 + 0.001 * i, "plc_program.restart": float(i % 3)}, at=events) for i in range(n)
    ]
    result = hil.batch(tank, runs, duration_s=1.5, record=["tank.level", "plc_program.running"])
    assert len(set(result.hashes)) == n
    for i in range(0, n, n // full(10, n)):
        with open_bench(tank) as bench:
            for name, value in runs[i].set.items():
                bench.set(name, value)
            for at, name, value in events:
                bench.set(name, value, at=at)
            bench.run(1.5)
            assert bench.state_hash == result.hashes[i]
            assert np.array_equal(bench.history("tank.level"), result["tank.level"][i])
            assert not bench.plc("plc").running


def everything(bench) -> None:
    """Forces, releases, stops and all restarts."""
    plc = bench.plc("plc")
    bench.run(1.2)
    plc.force("level", 1600)
    plc.force("SPEED", 300)
    bench.run(0.2)
    assert plc.forces() == {"level": 1600.0, "speed": 300.0}
    assert (bench["plc.lamp"], bench["pump.speed"]) == (1.0, 0.3)
    plc.release()
    bench.run(0.1)
    assert plc.forces() == {}
    assert bench["pump.speed"] == 0.0
    plc.stop()
    bench.run(0.1)
    assert (plc.running, bench["plc.lamp"]) == (False, 0.0)
    plc.run()
    bench.run(0.1)
    assert (plc.running, plc.read("step"), plc.read("starts")) == (True, 0, 1)
    bench.set("divisor.value", 0.0)
    bench.run(0.1)
    assert plc.statistics.stopped == STOP
    bench.set("divisor.value", 5.0)
    plc.cold_restart()
    bench.run(0.1)
    assert (plc.running, plc.read("starts"), plc.statistics.stopped) == (True, 0, "")


def test_a_replay_of_forces_stops_and_restarts_is_identical_from_the_recording_alone(changed, tmp_path):
    folder = changed()
    with open_bench(folder, record=tmp_path / "recording") as bench:
        everything(bench)
        assert bench.finish().passed
    for path in sorted(folder.rglob("*"), reverse=True):  # the rig is gone
        path.unlink() if path.is_file() else path.rmdir()
    found = replay(tmp_path / "recording")
    assert found["identical"], found["reason"]
    events = [json.loads(line) for line in (tmp_path / "recording" / "events.jsonl").read_text().splitlines()]
    told = [event for event in events if event["kind"] == "plc_stop"]
    assert [(event["text"], event["target"], event["b"]) for event in told] == [(STOP, "plc_program", 23.0)]
    assert {"plc_program.force.level.on", "plc_program.run", "plc_program.start"} <= {e["target"] for e in events}


@pytest.mark.parametrize(("restart", "starts", "waited"), [(0.0, 0, 0), (1.0, 1, 0), (2.0, 1, 10**9)])
def test_what_a_restart_keeps(tank, restart, starts, waited):
    """RETAIN over a warm start, everything over a hot one."""
    with open_bench(tank) as bench:
        plc = bench.plc("plc")
        bench.run(1.5)
        bench.set("plc_program.restart", restart)
        plc.stop()
        bench.run(0.2)
        bench.set("enable.value", 0.0 if restart < 2.0 else 1.0)
        bench.run(0.1)
        bench.set("plc_program.run", 1.0)
        bench.run(0.02)
        assert (plc.read("starts"), plc.read("wait.ET")) == (starts, waited)
        assert plc.statistics.scans == (1 if restart < 2.0 else 76)


def test_a_loss_of_power_is_a_warm_start(tank):
    with open_bench(tank, faults=["plc=reset@1.5s..1.6s"]) as bench:
        plc = bench.plc("plc")
        bench.run(1.55)
        assert (plc.read("step"), plc.read("starts"), plc.statistics.scans) == (0, 1, 0)
        bench.run(0.55)
        assert plc.read("step") == 0
        bench.run(1.0)
        assert (plc.read("step"), plc.read("starts")) == (1, 2)


def test_a_stop_is_told_once_and_the_plant_goes_on(tank):
    with open_bench(tank) as bench:
        bench.run(1.5)
        bench.set("divisor.value", 0.0)
        bench.run(1.0)
        bench.run(1.0)
        assert stops(bench) == [STOP]
        assert (bench["pump.speed"], bench["plc_program.running"], bench["plc_program.stop_line"]) == (0.0, 0.0, 23.0)
        assert bench.status("pump.speed") == 0
        before = bench["switch.door"], bench.tick
        bench.run(1.0)
        assert bench.tick == before[1] + 100
        assert bench.finish().passed


def test_outputs_can_hold_in_stop(changed):
    folder = changed(("rig.toml", 'controller = "program"', 'controller = "program"\noutputs_in_stop = "hold"'))
    with open_bench(folder) as bench:
        bench.run(1.5)
        bench.plc("plc").stop()
        bench.run(0.5)
        assert (bench["pump.speed"], bench["plc_program.running"]) == (0.8, 0.0)


def test_an_input_that_is_no_number_keeps_its_last_good_value(tank):
    with open_bench(tank) as bench:
        bench.run(1.01)
        bench.set("heat.amplitude", 1e300)  # the register's float becomes infinite
        bench.run(0.01)
        before = bench.plc("plc").read("heat")
        bench.run(0.5)
        assert abs(bench["sensor.heat"]) > 1e290
        assert bench.plc("plc").read("heat") == before != 0
        assert np.isfinite(bench["plc.power"])


def test_mistakes_online_are_one_line(tank):
    with open_bench(tank) as bench:
        plc = bench.plc("plc")
        for wrong, what in (
            (lambda: plc.force("levle", 1), "Did you mean level?"),
            (lambda: plc.force("level", 70000), "outside its range"),
            (lambda: plc.read("integrel"), "Did you mean"),
            (lambda: bench.plc("plk"), "Did you mean plc?"),
        ):
            with pytest.raises(HilError, match=what.replace("?", r"\?")) as error:
                wrong()
            assert "\n" not in str(error.value)
    with open_bench(tank, controllers={"plc": "blocks"}) as bench, pytest.raises(BenchError, match="is no PLC program"):
        bench.plc("plc")


def test_the_recorded_rig_holds_the_program(tank, tmp_path):
    with open_bench(tank, record=tmp_path / "recording") as bench:
        bench.run(0.1)
    stored = json.loads((tmp_path / "recording" / "rig.json").read_text())
    assert stored["files"]["plc/tank.st"] == Path(tank / "plc/tank.st").read_text()
