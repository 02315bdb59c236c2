"""One vocabulary for a controller's faults: blocks and library give the same bits, a board injects them or refuses."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

import hil

FAULTS = (
    "stop@200t..300t",
    "stop@200t..400t duty 5t/20t",
    "reset@200t..250t",
    "overrun(5ms)@200t",
    "clock_step(5ms)@200t",
    "clock_step(-5ms)@200t",
    "clock_drift(20000)@100t..400t",
    "upset(pi.integral, 52)@200t",
    "upset(pi.kp, 52)@200t",
)


@cache
def voltage(level: str, *faults: str) -> Any:
    with hil.open_bench("dc_motor", bind={"controller": level}, faults=faults, use_rig_faults=False) as bench:
        bench.run(0.5)
        return bench.history("controller.voltage")


@pytest.mark.parametrize("fault", FAULTS)
def test_the_library_has_the_same_fault_as_the_blocks(tclab_programs: Any, fault: str) -> None:
    faulty = voltage("mil", f"controller={fault}")
    assert np.array_equal(voltage("sil", f"controller={fault}"), faulty)
    assert not np.array_equal(voltage("mil"), faulty)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("stop@200t", "a board cannot do this to itself"),
        ("overrun(5ms)@200t", "in lock-step a board's time is the count of its ticks"),
        ("upset(pi.integral, 52)@200t p 10%", "a board acts from a start to an end"),
        ("upset(pi.integral, 52)@200t..300t", "on a board it happens once"),
    ],
)
def test_what_a_board_cannot_do_is_refused_before_the_run(one_posix: Any, fault: str, words: str) -> None:
    with pytest.raises(hil.HilError, match=words):
        hil.open_bench("dc_motor", time="lockstep", bind={"controller": "pil"}, faults=[f"controller={fault}"])
