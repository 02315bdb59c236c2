"""Alarms of a twin: the life cycle of ISA-18.2, dead band, delays, suppression, shelf, flood figure."""

from __future__ import annotations

import pytest

from hil.errors import HilError
from hil.twin.alarms import FLOOD_COUNT, Alarms, State
from hil.twin.spec import DetectorTable


def alarms(**detectors: dict[str, object]) -> Alarms:
    return Alarms.of({name: DetectorTable.model_validate({"text": name, **d}) for name, d in detectors.items()})


def states(found: Alarms, name: str, samples: list[tuple[float, float]]) -> list[State]:
    signals = {alarm.table.signal for alarm in found.by_name.values()}
    seen = []
    for time_s, value in samples:
        found.see(time_s, dict.fromkeys(signals, value))
        seen.append(found.by_name[name].state)
    return seen


def test_an_alarm_goes_through_its_life_cycle() -> None:
    found = alarms(a={"signal": "s"})
    assert states(found, "a", [(0, 0), (1, 1)]) == [State.NORMAL, State.UNACKNOWLEDGED]
    assert found.acknowledge("a", 2.0).state is State.ACKNOWLEDGED
    assert states(found, "a", [(3, 1), (4, 0)]) == [State.ACKNOWLEDGED, State.NORMAL]
    assert states(found, "a", [(5, 1), (6, 0)]) == [State.UNACKNOWLEDGED, State.RETURNED]
    assert states(found, "a", [(7, 1)]) == [State.UNACKNOWLEDGED], "it is raised anew"
    assert states(found, "a", [(8, 0)]) == [State.RETURNED]
    assert found.acknowledge("a", 9.0).state is State.NORMAL
    assert found.by_name["a"].count == 3


def test_a_latched_alarm_stands_until_it_is_reset() -> None:
    found = alarms(a={"signal": "s", "latch": True})
    states(found, "a", [(0, 1)])
    with pytest.raises(HilError, match="not latched"):
        found.reset("a", 1.0)
    found.acknowledge("a", 1.0)
    assert states(found, "a", [(2, 0), (3, 0)]) == [State.LATCHED, State.LATCHED]
    assert found.reset("a", 4.0).state is State.NORMAL


def test_dead_band_and_delays_keep_a_value_at_its_limit_quiet() -> None:
    found = alarms(a={"signal": "s", "high": 10.0, "dead_band": 1.0, "on_delay_s": 2.0, "off_delay_s": 2.0})
    around = [(float(k), 10.0 if k % 2 else 9.9) for k in range(10)]
    assert set(states(found, "a", around[:1])) == {State.NORMAL}
    assert states(found, "a", around)[-1] is State.UNACKNOWLEDGED, "within the dead band it has never gone back"
    assert found.by_name["a"].count == 1
    assert states(found, "a", [(20, 8.9), (21, 8.9), (22, 8.9)])[-1] is State.RETURNED
    low = alarms(a={"signal": "s", "low": 10.0, "dead_band": 1.0, "on_delay_s": 2.0})
    assert states(low, "a", [(0, 9.0), (1, 11.5), (2, 9.0), (3, 9.0)])[-1] is State.NORMAL, "too short each time"


def test_no_number_is_no_news() -> None:
    found = alarms(a={"signal": "s"})
    assert states(found, "a", [(0, 1), (1, float("nan"))]) == [State.UNACKNOWLEDGED] * 2


def test_one_alarm_suppresses_another_and_lets_it_come_when_it_goes() -> None:
    found = alarms(lid={"signal": "lid"}, cold={"signal": "cold", "suppressed_by": ["lid"]})
    found.see(0.0, {"lid": 1.0, "cold": 1.0})
    assert found.by_name["cold"].state is State.SUPPRESSED
    assert found.on() == {"lid", "cold"}, "a symptom it is all the same"
    found.see(1.0, {"lid": 0.0, "cold": 1.0})
    assert found.by_name["cold"].state is State.UNACKNOWLEDGED
    found.see(2.0, {"lid": 1.0, "cold": 0.0})
    assert found.by_name["cold"].state in (State.RETURNED, State.NORMAL)


def test_a_shelved_alarm_is_quiet_until_its_time_is_over() -> None:
    found = alarms(a={"signal": "s"})
    found.shelve("a", 0.0, 10.0)
    assert states(found, "a", [(1, 1), (9, 1), (10, 1)]) == [State.SHELVED, State.SHELVED, State.UNACKNOWLEDGED]
    found.shelve("a", 11.0, 10.0)
    assert found.unshelve("a", 12.0).state is State.UNACKNOWLEDGED
    for wrong in (0.0, -1.0, 1e9, float("nan")):
        with pytest.raises(HilError, match="no time to shelve"):
            found.shelve("a", 13.0, wrong)


def test_what_cannot_be_done_is_said() -> None:
    found = alarms(heater={"signal": "s"})
    with pytest.raises(HilError, match="nothing to acknowledge"):
        found.acknowledge("heater", 0.0)
    with pytest.raises(HilError, match="Did you mean heater"):
        found.acknowledge("heeter", 0.0)


def test_more_than_ten_alarms_in_ten_minutes_are_a_flood() -> None:
    found = alarms(a={"signal": "s"})
    for k in range(FLOOD_COUNT + 1):
        states(found, "a", [(20.0 * k, 1), (20.0 * k + 10.0, 0)])
    figure = found.to_dict(300.0)
    assert (figure["in_ten_minutes"], figure["flood"]) == (FLOOD_COUNT + 1, True)
    assert found.to_dict(10_000.0)["flood"] is False
    assert found.largest_flood == FLOOD_COUNT + 1
