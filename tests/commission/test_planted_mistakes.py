"""Mistakes planted in a controller, one at a time: the checks made for them find each of them, and no others do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from hil.commission.commissioning import Request, commission
from hil.commission.results import Results, Verdict

Copy = Callable[..., Path]


def failed(results: Results) -> set[str]:
    return {item.id for item in results.items if item.verdict is Verdict.FAILED}


def told(results: Results, name: str) -> str:
    item = results.item(name)
    assert item is not None
    return f"{item.reason} {' '.join(map(str, item.observations))}"


def test_the_correct_controller_has_no_finding(vessel: Copy) -> None:
    results = commission(Request(vessel()))
    assert results.passed
    assert not results.punch_list
    assert {item.kind for item in results.items if item.passed} >= {
        "tags", "loop", "binary", "wire_break", "alarm", "interlock", "trip", "sequence", "mode", "fail_safe", "timing",
        "tuning", "requirement", "force",
    }  # fmt: skip
    assert all(tag.touched for tag in results.tags)
    assert all(forced.released for forced in results.forced)
    assert {r.id: r.verdict.value for r in results.requirements} == {"RANGE": "passed", "CLOSED": "passed"}


def block(name: str, kind: str, rest: str) -> tuple[str, str]:
    """One block more in the controller."""
    before = "[blocks.no_alarm]"
    return before, f'[blocks.{name}]\nrole = "plc"\ntype = "{kind}"\n{rest}\n\n{before}'


def seen_as(n: int, other: int) -> tuple[str, str]:
    """Input n is read where another one is meant."""
    out = f'" }}\nout = {{ y = "plc.level{n}" }}'
    return f"sensor.level{n}{out}", f"sensor.level{other}{out}"


LATCH = 'set = "high_for_long.q", reset = "cmd.ack"'
CLOSED = 'in = { u = ["plc.alarm", "plc.low"] }'
GAIN2 = 'out = { y = "plc.level2" }\ngain = 1.0'
LOW = 'in = { u = "plc.level2" }\nout = { y = "plc.low" }'
ALARM, LOW_ALARM = "ALARM-plc.alarm-sensor.level1", "ALARM-plc.low-sensor.level2"
# What was planted, all items that fail, and what the first of them says.
MISTAKES = {
    "wrong scaling": (
        [(GAIN2, GAIN2.replace("1.0", "0.9"))],
        ["LOOP-sensor.level2", "LOOP-plc.level2", LOW_ALARM, "WIRE-sensor.level2"],
        "as if scaled by 0.9",
    ),
    "wrong offset": (
        [(GAIN2, f"{GAIN2}\noffset = 0.02")],
        ["LOOP-sensor.level2", "LOOP-plc.level2", LOW_ALARM, "MATRIX-LOW2"],
        "as if shifted by 0.02",
    ),
    "swapped tags": (
        [seen_as(1, 2), seen_as(2, 1)],
        [
            "LOOP-sensor.level1", "LOOP-sensor.level2", "LOOP-plc.level1", "LOOP-plc.level2", "INITIAL-state",
            "WIRE-sensor.level1", "WIRE-sensor.level2", "BINARY-plc.alarm", "BINARY-plc.low", ALARM, LOW_ALARM,
            "MATRIX-FULL", "MATRIX-LOW2", "SEQUENCE-start_up", "TIMING-low", "TUNING-level", "FAILSAFE-restart",
            "MODE-hand",
        ],
        "it arrives in place of sensor.level2: the two are swapped",
    ),
    "alarm without delay": (
        [("delay_s = 0.5", "delay_s = 0.0")],
        [ALARM, "MATRIX-FULL"],
        "shorter than the delay: no alarm: did not hold",
    ),
    "alarm too late": (
        [("delay_s = 0.5", "delay_s = 0.6")],
        [ALARM, "MATRIX-FULL"],
        "after 0.61 s, expected after 0.45 s to 0.55 s",
    ),
    "alarm without dead band": (
        [("hysteresis = 0.02", "hysteresis = 0.0")], [LOW_ALARM], "in the dead band: the alarm stays: did not hold"
    ),
    "alarm at another limit": ([("level = 0.80", "level = 0.81")], [ALARM], "at the limit: alarm"),
    "latch that resets itself": (
        [(LATCH, LATCH.replace("cmd.ack", "normal.y")),
         block("normal", "logic", 'op = "not"\nin = { u = ["high.y"] }')],
        [ALARM, "MATRIX-FULL", "FAILSAFE-restart"],
        "normal again: the latched alarm stays: did not hold",
    ),
    "alarm that nobody can acknowledge": (
        [(LATCH, LATCH.replace('"cmd.ack"', "0.0"))],
        [ALARM, "BINARY-plc.alarm", "MATRIX-FULL"],
        "acknowledged: the alarm ends: never",
    ),
    "missing interlock": (
        [(CLOSED, 'in = { u = ["plc.alarm"] }')], ["MATRIX-LOW2", "TIMING-low"], "LOW2:CLOSE, acts: never"
    ),
    "missing trip": ([(CLOSED, 'in = { u = ["plc.low"] }')], ["MATRIX-FULL", "REQ-CLOSED"], "FULL:CLOSE, acts"),
    "a cause has an effect that it must not have": (
        [(LATCH, LATCH.replace("high_for_long.q", "either.y")),
         block("either", "logic", 'op = "or"\nin = { u = ["high_for_long.q", "plc.low"] }')],
        ["MATRIX-LOW2", ALARM],
        "LOW2:ALARM, must not act: did not hold",
    ),
    "sequence dead end": (
        [("delay_s = 1.0", "delay_s = 1000.0")],
        ["SEQUENCE-start_up", "TAGS-touched"],
        "dead end: it stays in purge and never comes to run",
    ),
    "timer too short": ([("delay_s = 1.0", "delay_s = 0.3")], ["SEQUENCE-start_up"], "too early"),
    "a step left out": ([("delay_s = 1.0", "delay_s = 0.0")], ["SEQUENCE-start_up"], "a forbidden one"),
    "unsafe restart": (
        [('reset = "plc.alarm" }', "reset = 0.0 }")],
        ["FAILSAFE-restart", "SEQUENCE-start_up"],
        "no restart of its own: did not hold",
    ),
    "bumpy change of mode": ([('manual = "by_hand.y"', "manual = 0.0")], ["MODE-hand"], "largest step"),
    "slow answer": (
        [(LOW, LOW.replace("plc.level2", "late.y")),
         block("late", "delay", 'n = 4\nstart = 0.25\nin = { u = "plc.level2" }')],
        ["TIMING-low", LOW_ALARM],
        "expected within 0.06 s",
    ),
    "slow scan": ([("every = 2", "every = 4")], ["TIMING-scan"], "longest scan: 0.04 s"),
    "sluggish control": ([("kp = 10.0\nki_per_s = 5.0", "kp = 1.0\nki_per_s = 0.5")], ["TUNING-level"], "settle"),
}  # fmt: skip


@pytest.mark.parametrize("name", MISTAKES)
def test_a_planted_mistake_is_found_and_named(name: str, vessel: Copy) -> None:
    replaced, items, words = MISTAKES[name]
    results = commission(Request(vessel(*replaced)))
    assert results.completed
    assert failed(results) == set(items)
    assert words in told(results, items[0])
    assert set(items) == {deviation.item for deviation in results.punch_list}
