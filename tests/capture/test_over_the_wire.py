"""In real time, against the emulated PLC over Modbus TCP: triggers are exact to the tick of the run's own recording."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from capture_oracle import first_tick, lasted

import hil
from hil.bench import Bench
from hil.capture import Capture, State
from hil.recording import Recording

pytestmark = pytest.mark.realtime
SIGNALS = ["sensor.h1", "sensor.h2", "pump.v1", "plc.error_h1"]
AT_ONCE = 16


@dataclass(frozen=True)
class Asked:
    made: Capture
    signal: str
    level: float
    hold: int
    pre: int
    post: int
    timeout: int


def _ask(bench: Bench, rng: random.Random) -> Asked:
    signal, hold = rng.choice(SIGNALS), rng.choice([0, 0, 1, 2, 5])
    level = bench[signal] * (1 + rng.gauss(0, 2e-3))
    pre, post, timeout = rng.randint(0, 200), rng.randint(0, 200), rng.randint(50, 300)
    text = f"{signal} > {level!r}" + (f" for {hold} ms" if hold else "")
    made = bench.capture([signal, "plant.h3"], text, pre / 1e3, post / 1e3, timeout / 1e3)
    return Asked(made, signal, level, hold, pre, post, timeout)


def _check(run: Recording, asked: Asked) -> bool:
    """Trigger, window and values by the run's recording; True when it triggered."""
    made, ticks = asked.made, run.tick()
    assert made.armed_tick is not None
    begin = int(np.searchsorted(ticks, made.armed_tick))
    holds = lasted(ticks[begin:], run[asked.signal][begin:] > asked.level, asked.hold)
    tick = first_tick(ticks[begin:], holds, asked.timeout)
    assert made.trigger_tick == tick, made.sentence()
    if tick is None:
        assert made.state is State.TIMEOUT
        assert "did not hold within" in made.sentence()
        return False
    assert made.state is State.FINISHED, made.sentence()
    first = max(tick - asked.pre, made.armed_tick)
    window = (ticks >= first) & (ticks <= tick + asked.post)
    assert np.array_equal(made.recording.tick(), ticks[window])
    for name in made.plan.columns.names:
        assert np.array_equal(made.recording[name], run[name][window])
    assert bool(made.note) == (first > tick - asked.pre)
    return True


def test_random_triggers_are_exact_to_the_tick(
    rig_copy: Callable[..., Path], full: Callable[[int, int], int], tmp_path: Path
) -> None:
    rng, wanted = random.Random(21), full(64, 1000)
    asked: list[Asked] = []
    with hil.open_bench(rig_copy("quad_tank"), time="real", record=tmp_path / "run", history=False) as bench:
        bench.start()
        bench.wait_until("plc.running == 1", 5.0)
        end = time.monotonic() + 300
        while len(asked) < wanted and time.monotonic() < end:
            watching = sum(not one.made.state.over for one in asked)
            asked += [_ask(bench, rng) for _ in range(min(AT_ONCE - watching, wanted - len(asked)))]
            time.sleep(rng.uniform(0.001, 0.05))
        for one in asked:
            one.made.wait(check=False)
        result = bench.finish()
    assert (result.passed, len(asked)) == (True, wanted), result.reason
    run = Recording(tmp_path / "run")
    assert run.manifest["lost_samples"] == 0
    triggered = sum(_check(run, one) for one in asked)
    assert wanted * 0.3 < triggered < wanted, "some came, some did not"
    spans = [(one.made.armed_tick or 0, one.made.pieces[-1].end) for one in asked if one.made.pieces]
    assert any(a[0] < b[0] <= a[1] for a in spans for b in spans), "overlapping"
