"""Many runs at once are what the same runs are one by one: the same bits, for any number of threads."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import hil
from hil import BatchRun, HilError, open_bench
from hil.batches import BatchResult
from hil.batches.needed import resting
from hil.rig.shipped import shipped_rigs

SECONDS = 0.6
RUNS = [
    BatchRun(),
    BatchRun(set={"level1.kp": 80.0, "level1.setpoint": 0.13}),
    BatchRun(set={"level1.kp": 300.0}, seed=7),
    BatchRun(faults=["sensor.h1=bias(1cm)@0.1s..0.3s", "sensor.h2=noise(2mm)@0.2s.."], seed=2**64 - 1),
    BatchRun(at=[(0.25, "level2.setpoint", 0.14), (0.3, "plant.a1", 5e-6)]),
]
RECORD = ["plant.h1", "sensor.h1", "sensor.h2", "pump.v1"]


def single(run: BatchRun, record: list[str] = RECORD) -> tuple[str, dict[str, np.ndarray]]:
    """The run on a bench of its own."""
    with open_bench("quad_tank") as bench:
        if run.seed is not None:
            bench.state.reseed(run.seed)
        for fault in run.faults:
            bench.fault(fault)
        for name, value in run.set.items():
            bench.set(name, value)
        for time_s, name, value in run.at:
            bench.set(name, value, at=time_s)
        bench.run(SECONDS)
        return bench.state_hash, {name: bench.history(name) for name in record if name in bench.names}


def kept(result: BatchResult) -> list[bytes]:
    return [array.tobytes() for array in (*result.rows.values(), *result.reduced.values())]


@pytest.fixture(scope="module")
def result() -> BatchResult:
    return hil.batch("quad_tank", RUNS, duration_s=SECONDS, record=RECORD, every=10, states=True)


def test_each_run_has_the_bits_of_a_single_run(result: BatchResult) -> None:
    assert len(set(result.hashes)) == len(RUNS)
    for number, run in enumerate(RUNS):
        state_hash, history = single(run)
        assert result.hashes[number] == state_hash, run
        for name, values in history.items():
            assert np.array_equal(result[name][number], values[::10]), name
    assert np.allclose(result.time_s, np.arange(60) * 0.01)


@pytest.mark.parametrize("threads", [1, 2, 3, 8])
def test_the_number_of_threads_changes_no_bit(result: BatchResult, threads: int) -> None:
    again = hil.batch("quad_tank", RUNS * 4, duration_s=SECONDS, record=RECORD, every=10, threads=threads)
    assert again.threads == threads
    assert again.hashes == result.hashes * 4
    assert kept(again) == [np.tile(array, (4, 1)).tobytes() for array in result.rows.values()]


def test_reductions_are_those_of_the_rows() -> None:
    wanted = {
        "low": "min(sensor.h1)",
        "high": "max(sensor.h1)",
        "mean": "mean(sensor.h1)",
        "end": "last(sensor.h1)",
        "above": "first(sensor.h1 > 0.1228)",
        "below": "first(sensor.h1<=0.1224)",
        "never": "first(sensor.h1 >= 9)",
    }
    runs = {"level1.setpoint": np.linspace(0.11, 0.14, 20)}
    found = hil.batch("quad_tank", runs, 900, seeds=range(20), record=["sensor.h1"], reduce=wanted)
    rows, tick_s = found["sensor.h1"], 0.001
    assert np.array_equal(found["low"], rows.min(axis=1))
    assert np.array_equal(found["high"], rows.max(axis=1))
    assert np.array_equal(found["end"], rows[:, -1])
    np.testing.assert_allclose(found["mean"], rows.mean(axis=1), rtol=1e-14)
    for name, hit in (("above", rows > 0.1228), ("below", rows <= 0.1224)):
        first = np.where(hit.any(axis=1), np.argmax(hit, axis=1) * tick_s, np.nan)
        np.testing.assert_allclose(found[name], first, rtol=1e-15)
        assert np.isfinite(found[name]).any()
    assert np.isnan(found["never"]).all()


def test_values_that_are_no_numbers_are_left_out(tmp_path: Path) -> None:
    """A sine, and in each second half second nothing: zero times infinity."""
    (tmp_path / "rig.toml").write_text(
        """
[rig]
name = "holes"
period_s = 0.01
[blocks.wave]
type = "sine"
frequency_hz = 1.0
[blocks.half]
type = "comparator"
in = { u = "wave.y" }
[blocks.huge]
type = "gain"
in = { u = "half.y" }
gain = 1e308
[blocks.infinite]
type = "gain"
in = { u = "huge.y" }
gain = 1e308
[blocks.hole]
type = "product"
in = { u = ["infinite.y", 0.0] }
[blocks.root]
type = "sum"
in = { u = ["wave.y", "hole.y"] }
"""
    )
    found = hil.batch(
        tmp_path,
        2,
        200,
        record=["root.y"],
        reduce=["min(root.y)", "max(root.y)", "mean(root.y)", "first(root.y > 0.5)"],
    )
    rows = found["root.y"]
    assert 80 < np.isnan(rows[0]).sum() < 120
    assert np.array_equal(found["min(root.y)"], np.nanmin(rows, axis=1))
    assert np.array_equal(found["max(root.y)"], np.nanmax(rows, axis=1))
    np.testing.assert_allclose(found["mean(root.y)"], np.nanmean(rows, axis=1), rtol=1e-14)
    assert np.isnan(found["first(root.y > 0.5)"]).all(), "its upper half is what is missing"


def test_a_bench_is_where_it_was_and_what_was_sent_to_it_counts() -> None:
    with open_bench("quad_tank") as bench:
        bench.run(0.1)
        bench.set("level1.setpoint", 0.15)  # waits for the next tick
        before = bench.state_hash
        found = bench.batch(3, duration_s=0.2, record=["pump.v1"])
        assert bench.state_hash == before
        bench.run(0.2)
        assert found.hashes == [bench.state_hash] * 3
        assert np.array_equal(found["pump.v1"][2], bench.history("pump.v1")[100:])
        assert found.time_s[0] == pytest.approx(0.1)
        assert bench.fault("sensor.h1=bias(1mm)") == 2, "numbers of events go on as if there had been no batch"


def test_rows_of_a_bench_in_mid_run_are_those_of_its_recorder() -> None:
    with open_bench("quad_tank") as bench:
        bench.run(0.013)
        found = bench.batch(2, 40, record=["plant.h1"], every=7)
        bench.run(0.040)
        ticks = np.arange(14, 53, 7)
        assert np.allclose(found.time_s, ticks * 0.001)
        assert np.array_equal(found["plant.h1"][1], bench.history("plant.h1")[ticks])


def test_a_batch_goes_on_from_the_states_of_another(result: BatchResult) -> None:
    with open_bench("quad_tank") as bench:
        first = bench.batch(RUNS[:3], 300, states=True)
        second = bench.batch([first.state(i) for i in range(3)], 300)
        assert second.hashes == result.hashes[:3]
        bench.run(0.3)
        third = bench.batch([bench.fork()], 300)
        assert third.hashes == result.hashes[:1]
    assert np.array_equal(
        result.final("sensor.h1"), [result.state(i).get(bench.built.offset("sensor.h1")) for i in range(5)]
    )
    with pytest.raises(HilError, match="states=True"):
        second.final("sensor.h1")


def test_a_controller_as_firmware_runs_in_a_batch_too() -> None:
    kp = [0.5, 1.0, 2.0]
    found = {
        level: hil.batch("dc_motor", {"pi.kp": kp}, 300, record=["plant.speed"], bind={"controller": level})
        for level in ("mil", "sil")
    }
    assert kept(found["mil"]) == kept(found["sil"])
    assert len({row.tobytes() for row in found["sil"]["plant.speed"]}) == 3


def test_grid_has_every_combination() -> None:
    assert hil.grid({"a": [1, 2], "b": [3, 4]}) == [
        {"a": 1, "b": 3},
        {"a": 1, "b": 4},
        {"a": 2, "b": 3},
        {"a": 2, "b": 4},
    ]


def test_python_goes_on_while_a_batch_runs() -> None:
    counted, ended = [0], threading.Event()

    def count() -> None:
        while not ended.is_set():
            counted[0] += 1
            time.sleep(0)

    with open_bench("quad_tank") as bench:
        bench.batch(2, 10)
        other = threading.Thread(target=count)
        other.start()
        try:
            before, begin = counted[0], time.perf_counter()
            bench.batch(4, 200_000, threads=2)
            during, seconds = counted[0] - before, time.perf_counter() - begin
        finally:
            ended.set()
            other.join()
    print(f"\nanother thread of Python turned {during:,} times in the {seconds:.2f} s of a batch")
    assert during > 1000, "with the GIL held it would be a handful"


def test_an_interrupt_ends_a_batch_and_leaves_the_bench_usable() -> None:
    def interrupt(_: str) -> None:
        raise KeyboardInterrupt

    with open_bench("quad_tank") as bench:
        begin = time.perf_counter()
        with pytest.raises(KeyboardInterrupt):
            bench.batch(1000, 10_000_000, progress=interrupt)
        assert time.perf_counter() - begin < 60, "a whole run alone takes seconds, all of them an hour"
        assert len(bench.batch(2, 10)) == 2


Call = Callable[[], object]


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: hil.batch("quad_tank", 0, 5), "0 runs are no batch"),
        (lambda: hil.batch("quad_tank", [], 5), "0 runs are no batch"),
        (lambda: hil.batch("quad_tank", [3], 5), "run 0 is a int"),
        (lambda: hil.batch("quad_tank", 2), "needs its length"),
        (lambda: hil.batch("quad_tank", 2, 5, duration_s=1.0), "needs its length"),
        (lambda: hil.batch("quad_tank", 2, duration_s=float("nan")), "cannot be"),
        (lambda: hil.batch("quad_tank", 2, -1), "cannot be"),
        (lambda: hil.batch("quad_tank", 2, 5, every=0), "every 0 ticks"),
        (lambda: hil.batch("quad_tank", 2, 5, threads=0), "0 threads"),
        (lambda: hil.batch("quad_tank", 2, 5, seeds=[1]), "1 seeds for 2 runs"),
        (lambda: hil.batch("quad_tank", 1, 5, seeds=[-1]), "run 0: -1 is not a seed"),
        (lambda: hil.batch("quad_tank", {"level1.kp": [1, 2], "level2.kp": [1]}, 5), "not one a run"),
        (lambda: hil.batch("quad_tank", [{}, {"level1.kq": 1.0}], 5), "run 1.*'level1.kq' cannot be set.*level1.kp"),
        (lambda: hil.batch("quad_tank", {"plant.a1": [-1.0]}, 5), "run 0.*outside its range"),
        (lambda: hil.batch("quad_tank", [BatchRun(faults=["sensor.h1=stuk@1s"])], 5), "no fault 'stuk'.*stuck"),
        (lambda: hil.batch("quad_tank", [BatchRun(faults=["pump.v1=bias(99)@1s"])], 5), "gate would clip"),
        (lambda: hil.batch("quad_tank", [BatchRun(at=[(1.0, "level1.kp", 1.0)] * 65)], 5), "run 0 cannot begin"),
        (lambda: hil.batch("quad_tank", 2, 5, record=["plant.h"]), "no signal 'plant.h'"),
        (lambda: hil.batch("quad_tank", 2, 5, reduce=["max plant.h1"]), "not a reduction"),
        (lambda: hil.batch("quad_tank", 2, 5, reduce=["maxi(plant.h1)"]), "no reduction 'maxi'.*max"),
        (lambda: hil.batch("quad_tank", 2, 5, reduce=["first(plant.h1 > high)"]), "with a number"),
        (lambda: hil.batch("quad_tank", 2, 5, reduce="max(plant.h1)"), "is one text"),
        (lambda: hil.batch("quad_tank", 10**6, 10**6, record=["plant.h1"]), "GB.*Raise every"),
        (lambda: hil.batch("no_rig", 2, 5), "no_rig"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_said(call: Call, says: str) -> None:
    with pytest.raises(HilError, match=says):
        call()


def test_a_role_on_a_wire_is_refused_by_name_and_a_fork_of_it_is_not(rig_copy: Callable[..., Path]) -> None:
    with open_bench(rig_copy("quad_tank"), time="lockstep", bind={"plc": "pil"}) as bench:
        bench.run(0.05)
        with pytest.raises(HilError, match=r"the role plc is on a wire.*bench\.fork\(\)"):
            bench.batch(2, 5)
        fork = bench.fork()
        found = bench.batch([fork, BatchRun(start=fork, set={"level1.kp": 80.0})], 50)
        fork.run(0.05)
        assert found.hashes[0] == fork.hash
        assert found.hashes[1] != fork.hash


# ---- only what is needed ----


@pytest.mark.parametrize("rig", sorted(shipped_rigs()))
def test_what_stands_still_changes_no_bit_of_what_is_kept(rig: str) -> None:
    """Each signal of each shipped rig by itself, against all of them in a whole run."""
    with open_bench(rig, history=False) as bench:
        if bench.built.program.opaque_blocks:
            pytest.skip("an FMU has no batch")
        names = [name for name in bench.names if bench.rig.signals[name].role is None]
        runs = [BatchRun(seed=seed) for seed in (1, 2)]
        whole = bench.batch(runs, 300, record=names, every=7)
        rested = 0
        for name in names:
            rested += sum(resting(bench.built, [name]) or b"")
            found = bench.batch(runs, 300, record=[name], reduce=[f"max({name})"], every=7, needed_only=True)
            assert np.array_equal(found[name], whole[name], equal_nan=True), name
            assert found.hashes == ["", ""]
        assert rested > 0


def test_a_run_with_faults_takes_all_blocks() -> None:
    """A fault whose begin hangs on a signal that nothing kept depends on."""
    runs = [BatchRun(), BatchRun(faults=["sensor.h1=stuck after plc.running>0.5"])]
    with open_bench("quad_tank", history=False) as bench:
        assert resting(bench.built, ["plant.h1"]) is not None
        whole = bench.batch(runs, duration_s=2, record=["plant.h1"])["plant.h1"]
        found = bench.batch(runs, duration_s=2, record=["plant.h1"], needed_only=True)["plant.h1"]
    assert np.array_equal(found, whole)
    assert not np.array_equal(whole[0], whole[1])


def test_the_last_states_are_not_had_of_a_part() -> None:
    with pytest.raises(HilError, match="nothing stands still"):
        hil.batch("quad_tank", 2, 5, states=True, needed_only=True)
