"""Captures against an independent evaluation of the whole recording: trigger tick and window, exact to the tick."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import hil
from hil.capture import State
from hil.errors import BenchError

SIGNALS = ["sensor.h1", "sensor.h2", "sensor.h3", "pump.v1", "plant.h1"]
RUN_S = 3.0


@pytest.fixture(scope="module")
def history() -> dict[str, np.ndarray]:
    with hil.open_bench("quad_tank", time="virtual") as bench:
        bench.run(RUN_S)
        return {name: bench.history(name) for name in SIGNALS}


def _expected(x: np.ndarray, level: float, hold: int, timeout: int) -> int | None:
    """The first tick at which x > level for so many periods, by counting."""
    run = 0
    for tick, value in enumerate(x[: timeout + 1]):
        run = run + 1 if value > level else 0
        if run > hold:
            return tick
    return None


def test_random_triggers_are_exact_to_the_tick(
    history: dict[str, np.ndarray], full: Callable[[int, int], int], tmp_path: Path
) -> None:
    rng, left, triggered = random.Random(8), full(96, 1000), 0
    while left > 0:
        with hil.open_bench("quad_tank", time="virtual", history=False) as bench:
            wanted = []
            for _ in range(min(left, 16)):  # several at once, most of them overlap
                name = rng.choice(SIGNALS)
                x = history[name]
                level, hold = float(rng.choice(x)), rng.choice([0, 0, 1, 2, 5])
                pre, post, timeout = rng.randint(0, 400), rng.randint(0, 400), rng.randint(100, 2000)
                text = f"{name} > {level!r}" + (f" for {hold} ms" if hold else "")
                made = bench.capture([name, "pump.v2"], text, pre / 1e3, post / 1e3, timeout / 1e3)
                wanted.append((made, x, _expected(x, level, hold, timeout), pre, post))
            bench.run(RUN_S)
            for made, x, tick, pre, post in wanted:
                if tick is None:
                    assert made.state is State.TIMEOUT, made.sentence()
                    continue
                triggered += 1
                assert (made.state, made.trigger_tick) == (State.FINISHED, tick), made.sentence()
                ticks, first = made.recording.tick(), max(0, tick - pre)
                assert np.array_equal(ticks, np.arange(first, tick + post + 1))
                assert np.array_equal(made.recording[made.plan.columns.names[0]], x[first : tick + post + 1])
                assert bool(made.note) == (tick < pre)
        left -= len(wanted)
    assert triggered > 20


def test_captures_change_no_hash() -> None:
    hashes = []
    for captured in (False, True):
        with hil.open_bench("quad_tank", time="virtual") as bench:
            for n in range(8 if captured else 0):
                bench.capture(["sensor.h1"], f"rise(sensor.h1 > 0.1{n})", 0.1, 0.1, 60.0)
            bench.run(1.0)
            hashes.append(bench.state_hash)
    assert hashes[0] == hashes[1]


def test_a_trigger_that_never_comes_ends_in_a_stated_timeout() -> None:
    with hil.open_bench("quad_tank", time="virtual") as bench:
        made = bench.capture(["sensor.h1"], "sensor.h1 > 9", 0.1, 0.1, timeout_s=0.2)
        with pytest.raises(BenchError, match=r"did not hold within 0\.2 s"):
            made.wait()
        assert (made.state, bench.tick) == (State.TIMEOUT, 201)


@pytest.mark.parametrize(
    ("signals", "trigger", "pre", "why"),
    [
        (["sensor.h1"], "sensor.h9 > 1", 0.1, r"column 1: there is no signal 'sensor.h9'\. Did you mean sensor.h"),
        (["sensor.h1"], "plc.step > > 1", 0.1, r"column 12"),
        (["sensor.h8"], "plc.step > 1", 0.1, r"no signal 'sensor.h8'"),
        (["sensor.h1"], "plc.step > 1", -0.1, r"pre: -0.1 s"),
        (["sensor.h1"], "plc.step > 1", 9e6, r"of memory"),
    ],
)
def test_bad_input_is_one_line(signals: list[str], trigger: str, pre: float, why: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with hil.open_bench("quad_tank", time="virtual") as bench:
        with pytest.raises(BenchError, match=why) as error:
            bench.capture(signals, trigger, pre, 0.1, out=out)
        assert "\n" not in str(error.value)
        assert not out.exists()
        assert len(bench.captures) == 0
