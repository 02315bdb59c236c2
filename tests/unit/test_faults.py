"""Faults as people write them."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.errors import HilError
from hil.faults import KINDS, FaultSpec, kinds_text, parse_fault

UNITS = {"sensor.h1": "m", "sensor.t": "K", "valve": "1", "free": None}
MS = 1_000_000
HEADER = Path(__file__).parents[2] / "core" / "include" / "hil" / "fault.h"


def test_the_numbers_are_those_of_the_core() -> None:
    numbers = {name.lower(): int(n) for name, n in re.findall(r"HIL_FAULT_([A-Z_]+) =\s+(\d+)", HEADER.read_text())}
    own = {kind.name: kind.number for kind in KINDS.values() if not kind.derived}
    assert own == {name: number for name, number in numbers.items() if name not in ("mix", "clock")}
    assert {kind.number for kind in KINDS.values() if kind.name != "upset"} == set(numbers.values())


@pytest.mark.parametrize(
    ("text", "start", "end", "values"),
    [
        ("sensor.h1=stuck@8s..14s", 8000, 14000, (math.nan, math.nan)),
        ("sensor.h1=stuck(0.1)@8s..14s", 8000, 14000, (0.1, math.nan)),
        ("sensor.h1=bias(0.01)@5s..", 5000, None, (0.01, 0.0)),
        ("sensor.h1=bias(1cm)@5s", 5000, None, (0.01, 0.0)),
        ("sensor.h1 = bias( 1 cm ) @ 5 s .. 6 s", 5000, 6000, (0.01, 0.0)),
        ("sensor.h1=drift(1e-4)@800t..900t", 800, 900, (1e-4, 0.0)),
        ("sensor.h1=drift(1 mm/s, 2 cm)@2s+5s", 2000, 7000, (1e-3, 0.02)),
        ("sensor.h1=drift(60 mm/min)", None, None, (1e-3, 0.0)),
        ("sensor.h1=noise(0.002)@..3s", None, 3000, (0.002, 0.0)),
        ("sensor.h1=dropout(30%)@200ms..", 200, None, (0.3, 0.0)),
        ("sensor.h1=delay(0.2s)@1min..", 60000, None, (200.0, 0.0)),
        ("sensor.h1=delay(150t)", None, None, (150.0, 0.0)),
        ("sensor.h1=gain(1.1)@1ms..2ms", 1, 2, (1.1, 0.0)),
        ("sensor.t=stuck(20 degC)", None, None, (293.15, math.nan)),
        ("sensor.t=bias(5 delta_degC)", None, None, (5.0, 0.0)),
        ("valve=stuck(50%)", None, None, (0.5, math.nan)),
        ("free=bias(3)", None, None, (3.0, 0.0)),
    ],
)
def test_a_fault_is_read(text: str, start: int | None, end: int | None, values: tuple[float, float]) -> None:
    spec = parse_fault(text, UNITS)
    assert (spec.start(MS), spec.end(MS)) == (start, end)
    assert spec.core_values(MS)[:2] == pytest.approx(values, nan_ok=True)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sensor.h1", "is not a fault. Write signal=kind"),
        ("sensor.h1=", "is not a fault"),
        ("sensr.h1=stuck", "no signal 'sensr.h1' that a fault can act on. Did you mean sensor.h1?"),
        ("sensor.h1=stuk", "no fault 'stuk'. Did you mean stuck?"),
        ("sensor.h1=xyz", "no fault 'xyz'. Valid: bias, gain, stuck, noise, drift, dropout, delay"),
        ("sensor.h1=bias", "bias takes (bias), not 0 values"),
        ("sensor.h1=drift(1,2,3)", "drift takes (rate, [limit]), not 3 values"),
        ("sensor.h1=bias(1V)", "V cannot become m"),
        ("sensor.h1=bias(1 blub)", "is not a unit"),
        ("sensor.h1=bias(abc)", "'abc' in"),
        ("free=bias(1V)", "the value has the unit V, the signal has none"),
        ("sensor.h1=dropout(1.5)", "must be between 0 and 1"),
        ("sensor.h1=dropout(150%)", "must be between 0 and 1"),
        ("sensor.h1=noise(-1)", "must be at least 0"),
        ("sensor.h1=bias(1e999)", "is not a finite number"),
        ("sensor.h1=stuck@8", "Write times as 8s, 200ms, 2min or 800t (ticks)"),
        ("sensor.h1=stuck@8x", "'8x' in"),
        ("sensor.h1=stuck@", "names no time"),
        ("sensor.h1=stuck@..", "names no time"),
        ("sensor.h1=stuck@5s..5s", "ends (5) before it starts (5)"),
        ("sensor.h1=stuck@5t..4t", "ends (4) before it starts (5)"),
        ("sensor.h1=stuck@-1s..", "before the start of the run"),
        ("sensor.h1=stuck@1.5t..", "whole number of ticks"),
        ("sensor.h1=stuck@1s+0s", "cannot last 0"),
    ],
)
def test_a_fault_that_cannot_be_says_why(text: str, message: str) -> None:
    with pytest.raises(HilError) as caught:
        parse_fault(text, UNITS)
    assert message in str(caught.value)


def test_without_units_they_are_kept_until_the_signal_is_known() -> None:
    spec = parse_fault("anything=bias(1cm)")
    assert (spec.values, spec.units) == ((1.0,), ("cm",))


def test_a_time_is_the_nearest_tick() -> None:
    assert parse_fault("x=stuck@0.29s").start(MS) == 290
    assert parse_fault("x=stuck@0.1s").start(300_000) == 333


def test_every_kind_is_explained() -> None:
    assert [line.partition("(")[0] for line in kinds_text().splitlines()] == list(KINDS)


@given(
    kind=st.sampled_from(["bias", "gain", "stuck"]),
    value=st.floats(-1e6, 1e6).map(lambda v: float(f"{v:g}")),
    start=st.none() | st.integers(0, 10**6),
    length=st.integers(1, 10**6),
)
def test_a_fault_as_text_is_the_same_fault(kind: str, value: float, start: int | None, length: int) -> None:
    spec = FaultSpec("x", kind, (value,), start_tick=start, end_tick=None if start is None else start + length)
    again = parse_fault(str(spec))
    assert (again.values, again.start(MS), again.end(MS)) == (spec.values, spec.start(MS), spec.end(MS))


def complaint(text: str) -> str:
    """What is said about a fault; nothing when it can be read."""
    try:
        parse_fault(text, UNITS)
    except HilError as error:
        return str(error)
    return ""


@given(st.text(alphabet="abs=stuck()@.,0123s+-e%hin1m/ ", max_size=40))
def test_any_text_is_a_fault_or_one_readable_line(text: str) -> None:
    assert "\n" not in complaint(f"sensor.h1={text}")


@given(st.text(max_size=40))
def test_no_text_ends_in_a_traceback(text: str) -> None:
    complaint(text)
