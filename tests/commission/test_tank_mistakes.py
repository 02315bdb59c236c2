"""Ten mistakes in the program of the quadruple tank's PLC: each is found, by the item that is about it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from hil.commission.commissioning import Request, commission
from hil.commission.results import Verdict

# (what is written wrong, what was right, what is wrong, the items that tell it)
ITEMS = 55
MISTAKES = {
    "swapped tags": (
        "level[1] := LevelOf(level1_counts);\n    level[2] := LevelOf(level2_counts);",
        "level[1] := LevelOf(level2_counts);\n    level[2] := LevelOf(level1_counts);",
        {"LOOP-sensor.h1", "LOOP-sensor.h2"},
    ),
    "wrong scaling": ("UINT_TO_REAL(counts) * 1.0E-5", "UINT_TO_REAL(counts) * 1.1E-5", {"LOOP-sensor.h1"}),
    "missing interlock": (" OR trip1.active OR level[1] < low_limit", " OR trip1.active", {"MATRIX-H1_LOST"}),
    "timer too short": ("fill_time : TIME := T#3s", "fill_time : TIME := T#1s", {"SEQUENCE-start_up"}),
    "latch that resets itself": ("ELSIF pressed.Q AND NOT cause THEN", "ELSIF NOT cause THEN", {"MATRIX-H1_HIGH"}),
    "sequence dead end": (
        "IF plausible AND NOT tripped AND acknowledge_button THEN",
        "IF FALSE THEN",
        {"SEQUENCE-start_up"},
    ),
    "bumpy mode change": (
        "        integral := LIMIT(0.0, volts - kp * error, 10.0);\n",
        "",
        {"MODE-back_from_another_output"},
    ),
    "unsafe restart": ("state : SequenceState := Idle;", "state : SequenceState := Controlling;", {"FAILSAFE-stop"}),
    "alarm without delay": (
        "high_delay : TIME := T#200ms",
        "high_delay : TIME := T#0ms",
        {"ALARM-plc.alarm_h1-sensor.h1"},
    ),
    "off by one in an array": ("FOR i := 1 TO 4 DO", "FOR i := 1 TO 3 DO", {"WIRE-sensor.h4"}),
}


def failed_items(rig: Path, *only: str) -> set[str]:
    results = commission(Request(rig, only=only))
    assert not any(item.verdict == Verdict.NOT_COMPLETED for item in results.items)
    return {item.id for item in results.items if item.verdict == Verdict.FAILED}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_found_and_named(
    mistake: str, rig_copy: Callable[..., Path], full: Callable[[int, int], int]
) -> None:
    right, wrong, items = MISTAKES[mistake]
    rig = rig_copy("quad_tank")
    program = rig / "plc/tank.st"
    text = program.read_text()
    assert text.count(right) == 1
    program.write_text(text.replace(right, wrong))
    only = sorted(items) if full(len(items), ITEMS) == len(items) else ()
    assert items <= failed_items(rig, *only)


def test_the_right_program_has_no_finding(rig_copy: Callable[..., Path]) -> None:
    assert failed_items(rig_copy("quad_tank")) == set()
