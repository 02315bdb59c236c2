"""From a change of the plant to the actuator's latch: the loop's target, and every binding of a board's firmware."""

from __future__ import annotations

from dataclasses import replace
from statistics import median
from typing import Any

import pytest

from hil.latency import measure
from hil.latency.roundtrip import at_rate
from hil.rig import load_rig

pytestmark = [pytest.mark.bench, pytest.mark.realtime, pytest.mark.usefixtures("real_time_priority")]

MOST_TICKS = 3  # one of them is the role's boundary
SECONDS, STARTS = 1.0, 3


def trips(name: str, late_ticks: int = 0) -> dict[str, Any]:
    """The figure of a rig at 1 kHz in all its parts, and what was skipped; its roles may be later than usual."""
    rig = load_rig(name)
    [device] = rig.devices.values()
    rig = at_rate(rig, rig.roles[device.role], device, 1000.0)
    roles = {name: replace(role, delay_ticks=role.delay_ticks + late_ticks) for name, role in rig.roles.items()}
    found = measure(replace(rig, roles=roles), only=["roundtrip"], seconds=SECONDS)
    return {**found.figures["roundtrip"], "skipped": found.skipped}


def test_at_1_khz_the_emulated_plc_answers_within_3_ticks() -> None:
    """The median of the p50 of some devices: the phase of each one's clock to the bench's is chance."""
    found = [trips("quad_tank")["plc.every_tick"] for _ in range(STARTS)]
    for trip in found:
        print(f"\n{trip['pil']}")
        assert trip["mil"]["p50_ticks"] == 1
        assert trip["pil"]["unanswered"] <= 0.1 * trip["pil"]["changes"]
        assert trip["age_ns"]["p50"] > 0, "what is latched came over the wire"
    assert 1 < median(trip["pil"]["p50_ticks"] for trip in found) <= MOST_TICKS


def test_the_gate_sees_a_role_that_takes_two_ticks_more() -> None:
    trip = trips("quad_tank", late_ticks=2)["plc.every_tick"]
    print(f"\n{trip['pil']}")
    assert trip["mil"]["p50_ticks"] == 3
    assert trip["pil"]["p50_ticks"] > MOST_TICKS


def test_a_board_is_measured_at_every_binding() -> None:
    """Of some starts, as above: a board may answer within its tick, as fast as the simulated ones."""
    starts = [trips("dc_motor") for _ in range(STARTS)]
    assert 1 < median(found["board.every_tick"]["pil"]["p50_ticks"] for found in starts) <= MOST_TICKS
    found = starts[0]
    trip = found["board.every_tick"]
    print(f"\n{ {level: trip[level] for level in ('mil', 'sil', 'pil', 'chip')} }")
    assert trip["mil"]["p50_ticks"] == trip["sil"]["p50_ticks"] == 1, "the role's boundary, and nothing else"
    assert trip["age_ns"]["p50"] > 0, "what is latched came over the wire"
    assert trip["sil"]["p50_us"] == pytest.approx(1000, abs=200)
    if trip["chip"] is None:
        pytest.skip(found["skipped"]["roundtrip.board.every_tick.chip"])
    assert trip["chip"]["p50_ticks"] == trip["chip"]["p99_ticks"] == 1, "lock-step: the same bits as simulated"
    assert trip["chip"]["p50_exchange_us"] > 0
