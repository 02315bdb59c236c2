"""Requirements on recordings of a real rig in virtual time, with groups of different rates, and with faults."""

from __future__ import annotations

import numpy as np
import pytest

import hil
from hil.recording import Group, Recording, RecordingWriter
from hil.requirements import FormulaError, check_recording, eventually, signal
from hil.requirements.recorded import sampled


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    folder = tmp_path_factory.mktemp("requirements") / "recording"
    with hil.open_bench("quad_tank", record=folder) as bench:
        bench.fault("sensor.h1=stuck(0.03)@1s..3s")
        bench.run(4)
    return folder


def test_the_verdict_on_a_recording_is_that_on_its_arrays(recording):
    rec = Recording(recording)
    verdict = check_recording(rec, {"REQ-1": "plant.h1 < 18cm", "REQ-2": "plant.h1 < 12.45cm"})
    assert verdict["REQ-1"].satisfied
    assert verdict["REQ-1"].robustness == pytest.approx(0.18 - rec["plant.h1"].max(), abs=1e-15)
    over = rec["plant.h1"] >= 0.1245
    assert bool(verdict["REQ-2"].satisfied) is not over.any()


def test_a_fault_is_a_signal_that_is_1_from_its_first_tick_to_its_last(recording):
    found = check_recording(
        recording,
        {
            "acts": "fault.sensor.h1 -> sensor.h1 == 3cm",
            "late": "rise(fault.sensor.h1) -> H[1ms,1s] not fault.sensor.h1",
            "long": "rise(fault.sensor.h1) -> G[0s,1999ms] fault.sensor.h1 and F[2s,2s] not fault.sensor.h1",
            "never": "not fault.sensor.h1",
            "other": "not fault.sensor.h2",
        },
    )
    assert {name for name, verdict in found.items() if verdict.satisfied} == {"acts", "late", "long", "other"}
    assert found["never"].at_s == pytest.approx(1.0, abs=1e-3)


def test_a_part_of_a_recording_can_be_judged(recording):
    early = Recording(recording).window(0, 0.9)
    assert check_recording(early, {"never": "not fault.sensor.h1"})["never"].satisfied


@pytest.mark.parametrize(
    ("requirement", "message"),
    [
        ("plant.h9 < 1", "REQ-7: 'plant.h9 < 1', column 1: there is no signal 'plant.h9'. Did you mean plant.h"),
        (eventually(0, 1, signal("plant.hh1")), "REQ-7: 'plant.hh1' was not recorded"),
        ("G[0s,60s](plant.h1 < 1)", "REQ-7: G.*: its windows reach to 60 s, beyond the end"),
    ],
)
def test_a_requirement_that_does_not_fit_is_named(recording, requirement, message):
    with pytest.raises(FormulaError, match=message):
        check_recording(recording, {"REQ-7": requirement})


def test_signals_of_slower_groups_hold_their_value(tmp_path):
    groups = {"fast": Group([("tank.level", "m")]), "slow": Group([("tank.limit", "m")], every=10)}
    writer = RecordingWriter(tmp_path / "r", {}, {"period_s": 0.001}, groups)
    ticks = np.arange(100)
    writer.write_rows("fast", ticks, ticks * 0, ticks * 0, ticks[:, None] * 0.01)
    slow = ticks[::10]
    writer.write_rows("slow", slow, slow * 0, slow * 0, np.where(slow < 50, 1.0, 0.6)[:, None])
    writer.close({"ticks": 100})
    rec = Recording(tmp_path / "r")
    values, period_s = sampled(rec, frozenset(("tank.level", "tank.limit")))
    assert period_s == 0.001
    np.testing.assert_array_equal(values["tank.limit"], np.where(ticks < 50, 1.0, 0.6))
    verdict = check_recording(rec, {"below": "tank.level <= tank.limit", "slow": "tank.limit > 70cm"})
    assert verdict["below"].at_s == pytest.approx(0.061)
    assert verdict["slow"].at_s == pytest.approx(0.05)  # five rows of its own, 10 ms each
