"""What a capture can be: several windows, stop triggers, aborts, losses; and that a run with captures replays."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

import hil
from hil.bench import Bench
from hil.capture import Capture, CaptureRequest, State
from hil.errors import BenchError
from hil.recording import Recording
from hil.replay import replay

LEVEL = 0.1229


@pytest.fixture
def bench() -> Iterator[Bench]:
    with hil.open_bench("quad_tank", time="virtual", history=True) as bench:
        yield bench


def until_triggered(made: Capture) -> None:
    """Waits in a background run; bounded."""
    for _ in range(500):
        if made.trigger_tick is not None:
            return
        time.sleep(0.01)
    pytest.fail(f"{made.name} was not triggered: {made.sentence()}")


def _hits(bench: Bench) -> npt.NDArray[np.int64]:
    return np.flatnonzero(bench.history("sensor.h1") > LEVEL)


def test_windows_follow_each_other_without_a_gap_or_an_overlap(bench: Bench, tmp_path: Path) -> None:
    made = bench.capture(
        ["sensor.h1"], f"sensor.h1 > {LEVEL}", 0.004, 0.010, timeout_s=2, count=5, out=tmp_path / "many"
    )
    bench.run(2.0)
    hits, wanted, free = _hits(bench), [], 0
    while len(wanted) < 5:
        wanted.append(int(hits[hits >= free][0]))
        free = wanted[-1] + 11
    assert [piece.trigger for piece in made.pieces] == wanted
    assert [piece.folder for piece in made.pieces] == [tmp_path / "many" / str(n) for n in range(1, 6)]
    assert made.finished
    for recording, trigger in zip(made.recordings, wanted, strict=True):
        window = np.arange(max(0, trigger - 4), trigger + 11)
        assert np.array_equal(recording.tick(), window)
        assert np.array_equal(recording["sensor.h1"], bench.history("sensor.h1")[window])


def test_a_further_trigger_that_does_not_come_keeps_the_windows_before(bench: Bench) -> None:
    bench.force("sensor.h1", 0.2, at=0.1)
    bench.release("sensor.h1", at=0.102)
    made = bench.capture(["sensor.h1"], "sensor.h1 > 0.19", 0.01, 0.01, timeout_s=0.3, count=2)
    with pytest.raises(BenchError, match="1 of 2 windows: no further trigger came in time"):
        made.wait()
    assert (made.state, made.recording.tick()[10]) == (State.TIMEOUT, 100)
    assert bench.tick == 110 + 1 + 300 + 1, "it counts from the tick behind the window"


def test_a_stop_trigger_ends_the_window(bench: Bench) -> None:
    bench.force("hmi.manual", 1.0, at=0.1)
    bench.release("hmi.manual", at=0.25)
    made = bench.capture(
        ["hmi.manual"], "hmi.manual == 1", 0.02, 0.03, timeout_s=1.0, stop_trigger="fall(hmi.manual == 1)"
    ).wait()
    assert (made.trigger_tick, made.pieces[0].end) == (100, 250 + 30)
    assert made["time_s"][0] == pytest.approx(-0.02)
    assert made.recording.manifest["capture"]["stop_trigger"] == "fall(hmi.manual == 1)"


def test_a_stop_trigger_that_does_not_come_is_a_timeout_that_keeps_what_there_is(bench: Bench) -> None:
    made = bench.capture(["sensor.h1"], "sensor.h1 > 0", 0, 0, timeout_s=0.2, stop_trigger="sensor.h1 > 9")
    with pytest.raises(BenchError, match=r"'sensor.h1 > 9' did not hold within 0\.2 s of the trigger"):
        made.wait()
    assert len(made.recording.tick()) == 201
    assert made.recording.manifest["result"] == "aborted"


@pytest.mark.parametrize("background", [False, True])
def test_an_abort_keeps_what_its_window_has(bench: Bench, background: bool) -> None:
    made = bench.capture(["sensor.h1"], "sensor.h1 > 0", 0, 1000.0, name="long")
    waits = bench.capture(["sensor.h1"], "sensor.h1 > 9", 0, 1.0, timeout_s=1000.0)
    if background:
        bench.start()
        until_triggered(made)
    else:
        bench.run(0.2)
    bench.captures["long"].abort()
    waits.abort()
    for capture in (made, waits):
        with pytest.raises(BenchError, match=r"aborted: .*it was aborted"):
            capture.wait()
        assert capture.state is State.ABORTED
    ticks = made.recording.tick()
    assert np.array_equal(ticks, np.arange(len(ticks)))
    assert background or len(ticks) == 200
    assert made.recording.manifest["capture"]["state"] == "aborted"
    with pytest.raises(BenchError, match=r"aborted: 'sensor.h1 > 9'"):
        waits.recording  # noqa: B018
    with pytest.raises(BenchError, match=r"there is no capture 'lnog'\. Did you mean long"):
        bench.captures["lnog"]


def test_an_abort_at_rest_is_said_at_the_end(bench: Bench) -> None:
    made = bench.capture(["sensor.h1"], "sensor.h1 > 0", 0, 1000.0)
    bench.run(0.1)
    made.abort()
    assert bench.finish().passed
    assert made.sentence() == "aborted: 'sensor.h1 > 0' held at 0 s (tick 0); it was aborted"


def test_a_capture_without_a_trigger_in_time_does_not_fail_the_run(bench: Bench) -> None:
    bench.capture(["sensor.h1"], "sensor.h1 > 9", 0, 1, timeout_s=0.05)
    bench.run(0.1)
    assert bench.finish().passed


@pytest.mark.realtime
def test_lost_rows_are_an_error_that_fails_the_run(rig_copy: Callable[..., Path]) -> None:
    """Python stands still for 4 s with all its threads; the ring is made for less."""
    with hil.open_bench(rig_copy("quad_tank"), time="real", history=False, bind={"plc": "mil"}) as bench:
        made = bench.capture(bench.names[:10], "sensor.h1 > 0", 0.0, 1000.0, name="lossy")
        other = bench.capture(["sensor.h1"], "sensor.h1 > 0", 0.0, 0.1, name="whole")
        bench.start()
        until_triggered(made)
        other.wait()
        ctypes.PyDLL(None).usleep(4_000_000)  # PyDLL: the GIL is not let go
        with pytest.raises(BenchError, match=r"error: .* rows were lost because its ring was full"):
            made.wait()
        result = bench.finish()
    assert (made.state, other.state) == (State.ERROR, State.FINISHED)
    assert not result.passed
    assert "capture lossy: error" in result.reason
    assert "whole" not in result.reason
    recording = made.recording
    assert (recording.manifest["result"], recording.complete) == ("failed", False)
    ticks = recording.tick()
    assert np.array_equal(ticks, np.arange(ticks[0], ticks[-1] + 1)), "what came before the loss is kept, whole"
    assert f"from tick {ticks[-1] + 1:,} on rows were lost" in made.note


def test_a_folder_that_cannot_be_written_is_an_error_that_fails_the_run(bench: Bench, tmp_path: Path) -> None:
    made = bench.capture(["sensor.h1"], "sensor.h1 > 0", 0, 0.1, out=tmp_path / "file" / "out")
    (tmp_path / "file").write_text("in the way")
    bench.run(0.2)
    assert made.state is State.ERROR
    result = bench.finish()
    assert not result.passed
    assert "cannot make this folder (Not a directory). Name another folder with --out" in result.reason


def test_a_run_with_captures_replays_to_the_same_bits(tmp_path: Path) -> None:
    with hil.open_bench(
        "quad_tank", time="virtual", record=tmp_path / "run", faults=["sensor.h1=stuck@0.3s..0.5s"]
    ) as b:
        b.capture(["sensor.h1", "pump.v1"], "faulted(sensor.h1)", 0.1, 0.1, name="fault")
        b.run(0.2)
        b.capture(["pump.v2"], "changed(pump.v2)", 0.1, 0.1, count=3, name="many")
        b.force("sensor.h2", 0.13)
        b.run(0.8)
        states = [capture.state for capture in b.captures]
    assert states == [State.FINISHED] * 2
    run = Recording(tmp_path / "run")
    found = replay(run.folder)
    assert found["identical"], found
    part = Recording(tmp_path / "run" / "captures" / "fault")
    assert np.array_equal(part["sensor.h1"], run["sensor.h1"][200:401])
    assert [item["name"] for item in run.manifest["captures"]] == ["fault", "many"]


# ---- memory ----


def test_more_than_memory_or_disk_is_refused_before_anything_is_made(bench: Bench, tmp_path: Path) -> None:
    def ask(pre_s: float, post_s: float, memory: float, disk: float, name: str) -> None:
        limits = {"memory": memory, "disk": disk}
        request = CaptureRequest(("sensor.h1",), "sensor.h1 > 9", pre_s, post_s, name=name, limits=limits)
        bench.captures.add(request)

    with pytest.raises(BenchError, match=r"pre: a needs \d\.\d MB of memory for 100,000 ticks before .*, 1\.0 MB may"):
        ask(100.0, 1.0, 1e6, 1e9, "a")
    with pytest.raises(BenchError, match=r"post: b may need \d\.\d MB on the disk, 1\.0 MB are free"):
        ask(1.0, 100.0, 1e9, 1e6, "b")
    ask(100.0, 1.0, 6e6, 1e9, "c")
    with pytest.raises(BenchError, match=r"pre: d needs .* of memory"):
        ask(100.0, 1.0, 6e6, 1e9, "d")  # there would be room for it, but for what c may still need
    assert [capture.name for capture in bench.captures] == ["c"]


def test_the_memory_before_a_trigger_stays_what_was_said(bench: Bench) -> None:
    made = bench.capture(["sensor.h1"], "sensor.h1 > 9", 0.5, 1.0, timeout_s=1000.0)
    for _ in range(40):
        bench.run(0.1)
    kept = sum(len(rows[0]) for rows in made._window._pieces)
    assert 500 <= kept <= 500 + 2 * 1024
