"""Faults of a controller and of its clock: which steps are made, at which tick, against a count written down here."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import hil
from hil.replay import replay

STEP = 4  # ticks from one step of the controller to the next
RIG = """
[rig]
name = "steps"
title = "A controller that counts its steps"
period_s = 0.001
seed = 5

[signals]
"in.u" = { unit = "1", start = 1.0, path = true }
"out.n" = { unit = "1", max_age_s = 0.02 }
"out.slow" = { unit = "1" }

[roles.plc]
every = 4
inputs = ["in.u"]
outputs = ["out.n", "out.slow"]

[blocks.source]
type = "constant"
value = 1.0
out = { y = "in.u" }

[blocks.count]
role = "plc"
type = "integrator"
in = { u = "in.u" }
gain = 250.0
out = { y = "out.n" }

[blocks.slowly]
role = "plc"
type = "integrator"
every = 8
in = { u = "in.u" }
gain = 125.0
out = { y = "out.slow" }
"""
N = 400


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("steps")
    (folder / "rig.toml").write_text(RIG)
    return folder


def counts(rig: Path, *faults: str, seed: int = 5) -> np.ndarray:
    """The controller's count of its steps as the bench sees it, tick by tick."""
    with hil.open_bench(rig, faults=faults, seed=seed) as bench:
        seen = []
        for _ in range(N):
            bench.run(0.001)
            seen.append(bench["out.n"])
    return np.array(seen)


def expected(steps: Callable[[int], int]) -> np.ndarray:
    """The same when `steps(tick)` are made at each tick that is due; y is the sum before it, seen a tick later."""
    shown, total, seen = 0.0, 0.0, []
    for tick in range(N):
        seen.append(shown)
        if tick % STEP == 0:
            for _ in range(max(0, steps(tick))):
                shown = total
                total += 1.0
            if steps(tick) < 0:
                total = 0.0
    return np.array(seen)


def clock(tick: int, start: int, share: float = 0.0, jump: int = 0) -> int:
    if tick < start:
        return 1
    k = -(-(tick - start) // STEP)
    if k < -jump:
        return 0
    return 1 + int(np.floor((k + 1) * share) - np.floor(k * share)) + (jump if k == 0 and jump > 0 else 0)


CASES = {
    "": lambda _: 1,
    "plc=stop@100t..140t": lambda t: 0 if 100 <= t < 140 else 1,
    "plc=stop@98t..141t": lambda t: 0 if 98 <= t < 141 else 1,
    "plc=stop@100t..300t duty 8t/20t": lambda t: 0 if 100 <= t < 300 and (t - 100) % 20 < 8 else 1,
    "plc=reset@100t..120t": lambda t: -1 if 100 <= t < 120 else 1,
    "plc=overrun(20ms)@100t": lambda t: clock(t, 100, jump=-5),
    "plc=overrun(20t)@100t": lambda t: clock(t, 100, jump=-5),
    "plc=clock_step(20ms)@100t": lambda t: clock(t, 100, jump=5),
    "plc=clock_step(-20ms)@102t": lambda t: clock(t, 102, jump=-5),
    "plc=clock_drift(50000)@100t": lambda t: clock(t, 100, 50000 * 1e-6),
    "plc=clock_drift(-50000)@100t..260t": lambda t: clock(t, 100, -50000 * 1e-6) if t < 260 else 1,
}


@pytest.mark.parametrize("fault", CASES)
def test_the_controller_makes_these_steps_and_no_others(rig: Path, fault: str) -> None:
    assert np.array_equal(counts(rig, *filter(None, [fault])), expected(CASES[fault]))


def test_steps_missed_by_chance_are_those_of_the_seed(rig: Path) -> None:
    fault = "plc=stop@100t..300t p 30%"
    first, again, other = counts(rig, fault), counts(rig, fault), counts(rig, fault, seed=6)
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert 60 < first[-1] < 96  # of 98 steps that are seen, some of 50 are missed


def test_outputs_of_a_stopped_controller_get_stale_and_come_back(rig: Path) -> None:
    told: list[dict[str, object]] = []
    with hil.open_bench(rig, faults=["plc=stop@100t..140t"], on_event=told.append) as bench:
        bench.run(0.13)
        assert bench.status("out.n") == 1  # stale
        bench.run(0.02)
        assert bench.status("out.n") == 0
    kinds = {event["kind"]: event for event in told}
    assert (kinds["fault_on"]["tick"], kinds["fault_on"]["a"], kinds["fault_on"]["b"]) == (100, 1.0, 0.0)
    assert kinds["fault_off"]["tick"] == 140
    assert kinds["stale_on"]["tick"] == 117  # the last image is of tick 96, and 21 ms old


def test_the_master_enable_and_clearing_hold_for_controllers_too(rig: Path) -> None:
    with hil.open_bench(rig) as bench:
        number = bench.fault("plc=stop")
        bench.enable_faults(False)
        bench.run(0.1)
        assert bench["out.n"] == 24
        bench.enable_faults(True)
        bench.run(0.1)
        assert bench["out.n"] == 24
        bench.clear_fault(number)
        bench.run(0.1)
        assert bench["out.n"] == 49


def test_a_reset_starts_slower_blocks_anew(rig: Path) -> None:
    """They run in the first step after it, whatever their turn was."""
    with hil.open_bench(rig, faults=["plc=reset@100t..108t"]) as bench:
        bench.run(0.11)
        assert bench["out.slow"] == 0
        assert bench["slowly.y"] == 1
        bench.run(0.007)
        assert bench["slowly.y"] == 2


def test_an_upset_inverts_one_bit_once(rig: Path) -> None:
    told: list[dict[str, object]] = []
    with hil.open_bench(rig, faults=["plc=upset(count.y, 52)@100t"], on_event=told.append) as bench:
        bench.run(0.1)
        before = bench["count.y"]
        bench.run(0.001)
        after = bench["count.y"]
    upset = next(event for event in told if event["target"] == "upset")
    assert upset["a"] == before == 25.0
    flipped = np.array([before]).view(np.uint64) ^ np.uint64(1 << 52)
    assert upset["b"] == flipped.view(np.float64)[0]
    assert after == upset["b"] + 1.0


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("plc=stuck(1)", "stuck is a fault of signals, plc is a role"),
        ("in.u=stop", "stop is a fault of a controller"),
        ("plc=stop@100t..102t", "steps every 4: it might meet none"),
        ("plc=stop ramp 1s", "it has no ramp"),
        ("plc=clock_step(1ms)", "not 1 to 100 steps of plc"),
        ("plc=overrun(10s)", "not 1 to 100 steps of plc"),
        ("plc=clock_drift(1e9)", "must be between -100000 and 100000"),
        ("plc=upset(count.sum, 3)", "no variable 'count.sum'"),
        ("plc=upset(count.y, 64)", "must be between 0 and 63"),
        ("plx=stop", "there is no signal 'plx'"),
    ],
)
def test_what_a_controller_cannot_carry_is_refused_before_the_run(rig: Path, fault: str, words: str) -> None:
    with pytest.raises(hil.HilError, match=words.replace("(", "\\(")):
        hil.open_bench(rig, faults=[fault])


def test_a_batch_and_a_fork_have_them_too(rig: Path) -> None:
    fault = "plc=stop@100t..140t"
    with hil.open_bench(rig) as bench:
        result = hil.batch(bench, [hil.BatchRun(faults=[fault]), hil.BatchRun()], N, reduce=["last(out.n)"])
        bench.fault(fault)
        bench.run(0.12)
        fork = bench.fork()
        bench.run((N - 120) / 1000)
        fork.run((N - 120) / 1000)
        assert fork.hash == bench.state_hash
        assert list(result["last(out.n)"]) == [bench["out.n"], bench["out.n"] + 10]


def test_a_run_with_them_replays(rig: Path, tmp_path: Path) -> None:
    faults = ["plc=stop@100t..140t", "plc=upset(count.y, 3)@200t", "plc=reset@300t..320t"]
    with hil.open_bench(rig, faults=faults, record=tmp_path / "run") as bench:
        bench.run(0.4)
    assert replay(tmp_path / "run")["identical"]
