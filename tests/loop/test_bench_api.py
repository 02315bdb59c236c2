"""`hil.open_bench` in a test or a notebook: run, watch, intervene, wait, capture, fork; in virtual and in real time."""

from __future__ import annotations

import contextlib
import math
import threading
import time
from statistics import median

import numpy as np
import pytest

from hil import open_bench
from hil.errors import BenchError, HilError

STALE, FORCED, FAULTED, BAD, SAFE = 1, 2, 4, 8, 16


@pytest.fixture
def bench():
    with open_bench("quad_tank") as opened:
        yield opened


@pytest.fixture
def real(rig_copy):
    with open_bench(rig_copy("quad_tank"), time="real", bind={"plc": "pil"}) as opened:
        yield opened


@pytest.fixture
def wire(rig_copy):
    with open_bench(rig_copy("quad_tank"), time="lockstep", bind={"plc": "pil"}) as opened:
        yield opened


# ---- virtual time ----


def test_values_units_and_names(bench):
    assert bench["plant.h1"] == 0.1226
    assert bench.units["pump.v1"] == "V"
    assert {"plant.h1", "sensor.h4", "pump.v2", "plc.alarm_h1"} <= set(bench.names)
    assert (bench.tick, bench.time_s, bench.period_s, bench.running) == (0, 0.0, 0.001, False)
    bench.run(0.25)
    assert (bench.tick, bench.time_s) == (250, 0.25)
    assert set(bench.snapshot_values()) == set(bench.names)
    assert bench["plant.A1"] == 28e-4


def test_force_release_and_status(bench):
    bench.force("sensor.h1", 0.2)
    bench.run(0.001)
    assert (bench["sensor.h1"], bench.status("sensor.h1")) == (0.2, FORCED)
    bench.release("sensor.h1")
    bench.run(0.001)
    assert bench["sensor.h1"] < 0.13
    assert bench.status("sensor.h1") == 0


def test_what_is_planned_happens_at_its_tick(bench):
    bench.force("sensor.h1", 0.2, at=0.5)
    bench.release("sensor.h1", at=0.6)
    bench.set("plant.leak2", 1e-6, at=0.7)
    bench.run(1)
    h1 = bench.history("sensor.h1")
    assert np.all(h1[500:600] == 0.2)
    assert h1[499] < 0.15 > h1[600]
    accepted = {e["due_tick"] for e in bench.events if e["kind"] == "accepted"}
    assert accepted == {500, 600, 700}


def test_safe_and_back(bench):
    bench.run(0.1)
    bench.safe()
    bench.run(0.001)
    assert (bench["pump.v1"], bench.status("pump.v1")) == (0.0, SAFE)
    assert bench.health()["safe"] == 1
    bench.safe(False)
    bench.run(0.5)
    assert bench["pump.v1"] > 2.0
    assert bench.health()["safe"] == 0


def test_faults_are_listed_and_cleared(bench):
    number = bench.fault("sensor.h1=bias(1cm)@0.1s..")
    assert [f["phase"] for f in bench.health()["faults"]] == ["armed"]
    bench.run(0.2)
    assert [f["phase"] for f in bench.health()["faults"]] == ["active"]
    assert bench.status("sensor.h1") == FAULTED
    bench.clear_fault(number)
    bench.run(0.001)
    assert bench.status("sensor.h1") == 0
    assert bench.health()["faults"] == []


def test_wait_until_runs_to_the_tick_at_which_it_holds(bench):
    bench.force("pump.v1", 10.0)
    at = bench.wait_until("plant.h1 > 0.13 and not plc.alarm_h1", timeout_s=60)
    h1 = bench.history("plant.h1")
    assert at == bench.time_s == pytest.approx(len(h1) * 1e-3)
    assert h1[-2] <= 0.13 < h1[-1]
    with pytest.raises(BenchError, match=r"'plant.h1 < 0' did not hold within 0.05 s"):
        bench.wait_until("plant.h1 < 0", timeout_s=0.05)


def test_capture_cuts_around_the_trigger(bench):
    bench.fault("sensor.h1=stuck(0.2)@1s..2s")
    got = bench.capture(["sensor.h1", "pump.v1"], "sensor.h1 > 0.19", pre_s=0.1, post_s=0.2)
    assert got["time_s"] == pytest.approx(np.arange(-100, 201) * 1e-3)
    assert np.all(got["sensor.h1"][got["time_s"] < 0] < 0.15)
    assert np.all(got["sensor.h1"][got["time_s"] >= 0] == 0.2)
    assert len(got["pump.v1"]) == 301
    assert bench.tick == 1201


def test_a_snapshot_and_a_fork(bench):
    bench.run(1)
    snapshot, fork = bench.snapshot(), bench.fork()
    fork.run(5)
    assert bench.tick == 1000
    bench.run(5)
    assert fork.hash == bench.state_hash
    assert fork["plant.h1"] == bench["plant.h1"]
    bench.restore(snapshot)
    assert bench.tick == 1000


def test_marks_are_events_with_their_text(bench):
    bench.run(0.1)
    bench.mark("here")
    bench.run(0.1)
    mark = next(e for e in bench.events if e["kind"] == "mark")
    assert (mark["tick"], mark["text"]) == (100, "here")


def test_what_cannot_be_is_said_at_once(bench):
    bench.run(1)
    for act, words in [
        (lambda: bench.set("level1.setpiont", 0.1), "level1.setpoint"),
        (lambda: bench.set("plant.A1", -1.0), "outside its range 0.0001 to 1"),
        (lambda: bench.set("level1.setpoint", math.nan), "not a finite number"),
        (lambda: bench.set("level1.setpoint", 0.1, at=0.5), "0.5 s has passed"),
        (lambda: bench.set("level1.setpoint", 0.1, at=math.inf), "not a bench time"),
        (lambda: bench.force("plant.k1", 0.1), "not a signal"),
        (lambda: bench.force("sensor.h1", math.inf), "not a finite number"),
        (lambda: bench.release("sensr.h1"), "sensor.h1"),
        (lambda: bench.status("plc.alarm"), "plc.alarm_h"),
        (lambda: bench["sensor.h11"], "sensor.h1"),
        (lambda: bench.history("level1.integral"), "not recorded"),
        (lambda: bench.fault("sensor.h1=stuck@0.2s..0.5s"), "has passed"),
        (lambda: bench.fault("sensor.h1=stuck@0.2s..5s"), "has passed"),
        (lambda: bench.fault("sensor.h1=delay(1e300)"), "sensor.h1=delay"),
        (lambda: bench.fault("sensor.h1=melt"), "melt"),
        (lambda: bench.clear_fault(77), "there is no fault 77"),
        (lambda: bench.run(-1), "cannot be run"),
        (lambda: bench.run(math.nan), "cannot be run"),
        (lambda: bench.wait_until("sensor.h1 >", 1), "not a condition"),
        (lambda: bench.wait_until("sensor.h9 > 1", 1), "there is no signal"),
        (lambda: bench.wait_until("open('x')", 1), "open"),
        (lambda: bench.restore(b"rubbish" * 1000), "another"),
    ]:
        with pytest.raises(HilError, match=words):
            act()
    assert bench.tick == 1000
    bench.run(0.1)
    assert not [e for e in bench.events if e["kind"] == "refused"]


def test_a_fault_that_would_overfill_the_memory_is_refused_by_name(bench):
    bench.fault("sensor.h1=delay(0.9s)@0.1s..")
    bench.fault("sensor.h2=delay(0.9s)@0.1s..")
    bench.run(0.2)
    assert [(e["target"], e["kind"]) for e in bench.events if e["kind"] == "refused"]


def test_a_background_run_in_virtual_time(bench):
    bench.start()
    until(lambda: bench.tick > 20_000)
    with pytest.raises(BenchError, match="runs already"):
        bench.run(1)
    with pytest.raises(BenchError, match="stop"):
        bench.snapshot()
    bench.stop()
    assert not bench.running
    stopped_at = bench.tick
    bench.run(0)
    assert bench.tick == stopped_at
    bench.start(duration_s=0.5)
    bench.join()
    assert bench.tick == stopped_at + 500


def test_a_closed_bench_says_so():
    with open_bench("quad_tank") as bench:
        bench.run(0.1)
    assert (bench["pump.v1"], bench["pump.v2"]) == (0.0, 0.0), "the end is the safe state"
    for act in (lambda: bench.run(1), bench.start, lambda: bench.set("plant.k1", 1e-6)):
        with pytest.raises(BenchError, match="closed"):
            act()
    assert bench.finish().passed


def test_an_error_in_the_with_block_still_ends_safe():
    class OopsError(Exception):
        pass

    with contextlib.suppress(OopsError), open_bench("quad_tank") as bench:
        bench.run(0.1)
        raise OopsError
    assert bench["pump.v1"] == 0.0
    assert not [t for t in threading.enumerate() if t.name.startswith("hil")]


# ---- over a wire ----


def until(holds, timeout_s=10.0):
    end = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.002)


@pytest.mark.realtime
def test_a_real_time_run_takes_its_time_and_no_more(real):
    took = []
    for _ in range(3):  # the median: others may want the processor once
        began = time.monotonic()
        real.run(0.5)
        took.append(time.monotonic() - began)
    assert sum(took) > 1.45
    assert median(took) < 2.2 / 3
    assert real.tick == 1500
    assert len(real.history("plant.h1")) == 1500
    began = time.monotonic()
    real.run(0)
    assert time.monotonic() - began < 0.5, "no time is no time, not for ever"


@pytest.mark.realtime
def test_live_in_real_time(real):
    real.start()
    assert real.running
    until(lambda: real.tick > 200)
    real.force("sensor.h2", 0.14)
    until(lambda: real.status("sensor.h2") == FORCED)
    at = real.wait_until("plc.error_h2 < -0.011", timeout_s=5)
    assert 0 < at <= real.time_s
    real.release("sensor.h2")
    assert real.fault(f"sensor.h1=stuck(0.21)@{real.time_s + 0.5:.3f}s..")  # the capture is there before it
    got = real.capture(["sensor.h1"], "sensor.h1 > 0.2", 0.1, 0.1)
    assert len(got["time_s"]) == 201
    assert got["sensor.h1"][100] == 0.21 > got["sensor.h1"][99]
    until(lambda: real["plc.alarm_h1"] == 1.0)
    health = real.health()
    assert health["running"] is True
    assert health["buses"]["plc"]["connected"] is True
    assert health["late_ns"]["p50"] < 1e6
    real.mark("seen")
    real.stop()
    assert not real.running
    assert any(e["kind"] == "mark" for e in real.events)
    tick = real.tick
    fork = real.fork()
    fork.run(1)
    assert real.tick == tick
    result = real.finish()
    assert result.passed, result.reason
    assert (real["pump.v1"], real["pump.v2"]) == (0.0, 0.0)


@pytest.mark.realtime
def test_a_bench_that_was_stopped_goes_on_in_phase(real):
    real.run(0.3)
    tick = real.tick
    time.sleep(0.3)
    real.run(0.3)
    assert real.tick == tick + 300
    assert len(real.history("plant.h1")) == 600
    assert real.engine.loop.counters["overruns"] < 100, "the pause is no overrun"


@pytest.mark.realtime
def test_a_parameter_of_the_plc_reaches_the_emulated_plc(real):
    real.start()
    real.set("level1.setpoint", 0.13)
    real.wait_until("abs(plc.setpoint_h1 - 0.13) < 1e-6", timeout_s=2)
    real.set("level1.setpoint", 0.14, at=real.time_s + 0.3)
    real.wait_until("abs(plc.setpoint_h1 - 0.14) < 1e-6", timeout_s=2)


def test_in_lockstep_it_reaches_the_emulated_plc_at_the_same_tick(wire):
    with open_bench(wire.rig) as blocks:
        for bench in (wire, blocks):
            bench.set("level1.setpoint", 0.13, at=1.2345)
            bench.run(1.005)
            bench.set("level2.kp", 100.0)
            bench.run(1)
            bench.set("run.value", 0.0)
            bench.run(0.3)
        assert blocks["plc.setpoint_h1"] == pytest.approx(0.13)
        assert blocks["plc.running"] == 0.0
        for name in blocks.recorder.columns[0].names:
            assert np.array_equal(wire.history(name), blocks.history(name)), name


def test_a_device_that_dies_in_lockstep_is_named(wire):
    wire.run(0.1)
    wire.engine.wires.wires["plc"].emulated.process.kill()
    with pytest.raises(HilError, match=r"plc at modbus-tcp.*lock-step ended at tick 1\d\d"):
        wire.run(1)
    with pytest.raises(HilError, match="does not answer"):
        wire.set("level1.setpoint", 0.13)
    result = wire.finish()
    assert wire["pump.v1"] == 0.0
    assert not result.passed
    assert "lock-step ended" in result.reason


@pytest.mark.realtime
def test_a_planned_parameter_for_a_device_that_has_died_does_not_end_the_run(real):
    real.set("level1.setpoint", 0.13, at=0.3)
    real.start(0.6)
    real.engine.wires.wires["plc"].emulated.process.kill()
    real.join()
    assert real.tick == 600
    assert any(e["kind"] == "refused" and "does not answer" in e["text"] for e in real.events)
    assert (real["pump.v1"], real.status("pump.v1") & STALE) == (0.0, STALE)
