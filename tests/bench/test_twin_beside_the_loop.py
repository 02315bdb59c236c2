"""A twin's services do not disturb the loop: ticks missed at 1 kHz with all of them running and without, in turns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest
from missed_ticks import undisturbed

import hil
from hil.rig import Rig, load_rig
from hil.twin.run import TwinRequest, TwinRun
from hil.twin.service import with_group

pytestmark = pytest.mark.realtime
BIND = {"controller": "sil"}


def fast(rig_copy: Callable[..., Path]) -> Rig:
    """The incubator at 1 kHz, its observers each 3 ms: a forecast of 200 members a second, and all rows followed."""
    rig = load_rig(rig_copy("incubator", ("\nperiod_s = 1.0", "\nperiod_s = 0.001")))
    ahead = {"signals": ["box.temperature", "box.air"], "horizon_s": 2.0, "members": 200, "every_s": 1.0}
    return with_group(replace(rig, twin={**rig.twin, "forecasts": {"temperature": ahead}}))


def with_twin(rig: Rig, out: Path, seconds: float) -> tuple[int, int]:
    """Missed ticks, and forecasts made."""
    with TwinRun(TwinRequest(rig, out, time="real", duration_s=seconds, bind=BIND)) as run:
        run.go()
        result = run.result()
    assert result.run.passed, result.run.reason
    assert result.verified
    return result.run.overruns, result.status["entries"]["forecast"]


def without(rig: Rig, folder: Path, seconds: float) -> int:
    with hil.open_bench(rig, time="real", bind=BIND, record=folder, history=False) as bench:
        bench.run(seconds)
    result = bench.finish()
    assert result.passed, result.reason
    return result.overruns


def test_the_loop_misses_no_more_ticks_with_a_twin_than_without(
    tmp_path: Path, rig_copy: Callable[..., Path], full: Callable[[int, int], int]
) -> None:
    rig = fast(rig_copy)
    pairs, seconds = full(3, 6), full(2, 10)
    places = (tmp_path / f"run{number}" for number in count())

    def missed(twin: bool) -> int:
        if not twin:
            return without(rig, next(places), seconds)
        overruns, forecasts = with_twin(rig, next(places), seconds)
        assert forecasts >= (seconds - 1) / 2, "there was work to do"
        return overruns

    undisturbed(missed, pairs, seconds * 1000)
