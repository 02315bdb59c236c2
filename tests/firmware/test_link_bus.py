"""The bus of the link: messages from any thread, and lock-step, with the firmware on a real line."""

from __future__ import annotations

import concurrent.futures

import pytest
from link_rig import FLOAT64, MS, OUTPUTS, bus_on, fault, reset, start, state

from hil._link import LinkBus, now_ns
from hil.errors import BusError
from hil.mcu.description import Description
from hil.mcu.reports import Op, Report

# ---- messages ----


def test_a_long_description_arrives_in_pieces(bus):
    text = bus.describe()
    told = Description.parse(text, "the board")
    assert [s.name for s in told.outputs] == OUTPUTS
    assert len(text) > 200, "more than one message"


def test_answers_find_who_asked_from_many_threads(bus):
    start(bus)

    def ask(_):
        assert bus.ask(Op.STATE)[0] == Report.STATE
        assert bus.ask(99)[0] == Report.REFUSED
        return bus.describe()

    with concurrent.futures.ThreadPoolExecutor(8) as threads:
        told = list(threads.map(ask, range(40)))
    assert len(set(told)) == 1
    counters = bus.counters()
    assert counters["asked"] == counters["answers"] >= 40 * 4
    assert counters["refusals"] == 40
    assert counters["late_answers"] == 0


def test_an_answer_that_comes_too_late_is_not_another_ones(relay):
    with bus_on(relay.fd) as bus:
        bus.connect()
        relay.cut = True
        with pytest.raises(BusError, match="no answer in time"):
            bus.ask(Op.STATE, timeout_s=0.1)
        relay.cut = False
        assert bus.ask(99)[0] == Report.REFUSED
        assert bus.counters()["late_answers"] == 1


def test_a_message_too_long_for_a_frame_is_refused(bus):
    with pytest.raises(BusError, match="does not fit"):
        bus.ask(Op.STATE, bytes(198))
    assert bus.ask(Op.STATE, bytes(197))[0] == Report.REFUSED  # of another length than it should have


# ---- lock-step ----


def test_every_step_is_computed_once_on_its_own_inputs(bus):
    bus.begin(True, True)
    total = 0.0
    for k in range(500):
        bus.set_out([float(k)])
        bus.exchange(1000 * k)
        number, time_ns, values = bus.take_in()
        assert (number, time_ns) == (k + 1, 1000 * k)
        assert values[0] == 2.0 * k
        assert values[1] == pytest.approx(total)
        total += k * 0.001
    assert bus.ask(Op.STATE)[0] == Report.STATE  # in between, too
    assert state(bus).ticks == 500
    assert bus.counters()["cycles"] == 500


def test_nothing_is_sent_before_the_bench_has_published(bus):
    bus.begin(True, True)
    bus.exchange(0)
    assert bus.take_in() is None
    assert bus.counters()["images_out"] == 0


def test_a_lost_answer_is_asked_for_again_and_no_step_is_run_twice(bus):
    bus.begin(True, True)
    for k in range(30):
        if k in (5, 20):
            fault(bus, "drop", argument=1.0)
        bus.set_out([float(k)])
        bus.exchange(k)
        assert bus.take_in()[2][0] == 2.0 * k
    assert state(bus).ticks == 30
    assert bus.counters()["repeated_steps"] >= 2


def test_lockstep_holds_on_a_line_that_loses_and_changes(relay):
    with bus_on(relay.fd, timeout_s=20) as bus:
        bus.connect()
        bus.begin(True, True)
        relay.loss = relay.corruption = 0.1
        for k in range(200):
            bus.set_out([float(k)])
            bus.exchange(k)
            assert bus.take_in()[2][0] == 2.0 * k
        relay.loss = relay.corruption = 0.0
        assert relay.disturbed > 20
        assert state(bus).ticks == 200
        assert bus.counters()["repeated_steps"] > 10


def test_lockstep_goes_on_where_it_was(bus):
    bus.begin(True, True)
    bus.set_out([1.0])
    for k in range(10):
        bus.exchange(k)
    bus.begin(True, False)
    bus.set_out([2.0])
    bus.exchange(10)
    assert state(bus).ticks == 11
    bus.begin(True, True)
    assert state(bus).ticks == 0


def test_a_device_that_was_reset_fails_the_step(bus):
    bus.begin(True, True)
    bus.set_out([1.0])
    bus.exchange(0)
    reset(bus, 1)
    with pytest.raises(BusError, match="no answer in time"):
        bus.exchange(1)
    assert bus.counters()["failed_cycles"] == 1


# ---- what is wrong from the start ----


def test_more_values_than_an_image_holds_are_refused():
    with pytest.raises(BusError, match="does not fit"):
        LinkBus(0, [FLOAT64] * 126, [])
    with pytest.raises(ValueError, match="kind 9"):
        LinkBus(0, [(9, *FLOAT64[1:])], [])


def test_calls_out_of_turn_are_refused(bus):
    with pytest.raises(BusError, match="exchange failed: not in this mode"):
        bus.exchange(0)
    with pytest.raises(BusError, match="cannot start: not in this mode"):
        bus.start(0, MS)
    bus.begin(False, True)
    bus.start(now_ns(), MS)
    with pytest.raises(BusError, match="cannot start: not in this mode"):
        bus.start(0, MS)
    bus.stop()
    bus.close()
    with pytest.raises(BusError, match="cannot connect"):
        bus.connect()
