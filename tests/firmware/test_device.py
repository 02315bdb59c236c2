"""The firmware's device, function by function, on a clock that the test turns (see bench_of_one.py)."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import bench_of_one as one
import pytest
from bench_of_one import FREE, LOCKSTEP, MS, NOW, Pair

from hil.errors import BusError
from hil.mcu.description import check_device
from hil.mcu.reports import Op, Refusal, Report

SAFE = [-7.0, 3.0]


@pytest.fixture(scope="module")
def rig(tmp_path_factory):
    return one.make_rig(tmp_path_factory.mktemp("one"))


@pytest.fixture
def pair(rig):
    pair = Pair(rig)
    pair.connect()
    return pair


def test_outputs_are_safe_before_anybody_has_connected(rig):
    assert Pair(rig).board.pins == SAFE


def test_a_device_tells_what_it_is_and_the_rig_agrees(pair):
    told = pair.told()
    check_device(told, pair.description, "the board")
    assert [s.name for s in told.outputs] == ["x.out", "x.slow"]
    assert told.outputs[0].max_age_s == 0.02


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"safe": -6.0}, "output x.out: safe is -7.0 on the board and -6.0 in the rig"),
        ({"max_age_s": 0.03}, "output x.out: max_age_s is 0.02 on the board and 0.03 in the rig"),
        ({"type": "float32"}, "output x.out: type is float64 on the board and float32 in the rig"),
        ({"unit": "V"}, "output x.out: unit is 1 on the board and V in the rig"),
        ({"high": 101.0}, "output x.out: high is 100.0 on the board and 101.0 in the rig"),
        ({"name": "x.exit"}, "outputs: the board has x.out, x.slow, the rig x.exit, x.slow"),
    ],
)
def test_a_mismatch_names_the_field(pair, change, words):
    wanted = pair.description
    wanted = replace(wanted, outputs=(replace(wanted.outputs[0], **change), wanted.outputs[1]))
    with pytest.raises(BusError, match=words.replace(".", r"\.")):
        check_device(pair.told(), wanted, "the board")


def test_another_controller_is_refused(pair):
    with pytest.raises(BusError, match="another controller"):
        check_device(pair.told(), replace(pair.description, program="0" * 16), "the board")


def test_lockstep_runs_each_step_once_and_answers_a_repeated_one_again(pair):
    pair.begin(LOCKSTEP)
    for k in range(5):
        pair.send(float(k))
        assert (pair.images[-1].tick, pair.images[-1].values[0]) == (k, 2.0 * k)
    pair.send(99.0, tick=4)  # the answer was lost: the same step again, whose inputs are known
    assert (pair.images[-1].tick, pair.images[-1].values[0]) == (4, 8.0)
    n = len(pair.images)
    pair.send(5.0, tick=9)  # a step that is not the next one
    pair.send(5.0, tick=2)
    assert len(pair.images) == n
    assert pair.statistics().ticks == 5


def test_lockstep_does_not_age_while_the_host_thinks(pair):
    pair.begin(LOCKSTEP)
    pair.send(1.0)
    pair.wait(3000 * MS, step=50 * MS)
    pair.send(2.0)
    assert pair.images[-1].values[0] == 4.0
    assert pair.state().cause == 0


def test_an_output_that_is_not_refreshed_goes_safe_within_its_age_and_is_latched(pair):
    pair.begin(FREE)
    pair.wait(30 * MS, lambda: pair.send(3.0))
    assert pair.board.pins[0] == 6.0
    last = pair.board.now
    while pair.board.pins != SAFE:
        assert pair.board.now <= last + 20 * MS, "older than its maximum age and not safe"
        pair.board.now += MS // 4
        pair.pump()
    pair.wait(5 * MS, lambda: pair.send(3.0))
    assert pair.board.pins == SAFE, "fresh data do not open the latch"
    state = pair.state()
    assert (state.cause, state.output, state.safe) == (1, "x.out", 1)
    assert "x.out was not refreshed for" in str(state)
    assert state.tripped_ns - state.refreshed_ns <= 21 * MS
    pair.done(Op.CLEAR)
    pair.wait(3 * MS, lambda: pair.send(3.0))
    assert pair.board.pins[0] == 6.0


def test_the_cause_is_told_to_the_next_host(pair):
    pair.begin(FREE)
    pair.wait(10 * MS, lambda: pair.send(1.0))
    pair.wait(100 * MS)
    pair._make_host()
    pair.connect(78)
    assert pair.state().cause == 1
    pair.begin(FREE)
    pair.wait(5 * MS, lambda: pair.send(1.0))
    assert pair.board.pins == SAFE, "a new session does not open the latch"


def test_a_goodbye_makes_outputs_safe_and_latches_nothing(pair):
    pair.begin(FREE)
    pair.wait(10 * MS, lambda: pair.send(1.0))
    one.lib.hil_link_disconnect(pair.link)
    pair.pump()
    assert pair.board.pins == SAFE
    pair._make_host()
    pair.connect(79)
    assert pair.state().cause == 0


def test_a_parameter_changes_at_its_tick(pair):
    pair.begin(LOCKSTEP)
    assert pair.set("law.gain", 10.0, due=3)[0] == Report.DONE
    for k in range(5):
        pair.send(1.0)
        assert pair.images[-1].values[0] == (10.0 if k >= 3 else 2.0)


def test_a_late_command_is_refused_and_says_when_it_came(pair):
    pair.begin(LOCKSTEP)
    for _ in range(5):
        pair.send(1.0)
    report, body = pair.set("law.gain", 10.0, due=2)
    refusal = Refusal.parse(body)
    assert (report, refusal.late, refusal.due, refusal.now) == (Report.REFUSED, True, 2, 5)
    pair.send(1.0)
    assert pair.images[-1].values[0] == 2.0


def test_a_time_stamped_command_acts_at_its_device_time(pair):
    pair.begin(FREE)
    due = pair.board.now + 10 * MS
    assert pair.set("law.gain", 5.0, due=due)[0] == Report.DONE
    pair.wait(20 * MS, lambda: pair.send(1.0))
    changed = next(i for i in pair.images if i.values[0] == 5.0)
    assert due <= changed.times[0] <= due + MS + MS // 2
    assert Refusal.parse(pair.set("law.gain", 1.0, due=due)[1]).late


@pytest.mark.parametrize("payload", [b"", b"\0" * 17, b"\0" * 19])
def test_a_message_of_the_wrong_length_is_refused(pair, payload):
    assert pair.ask(Op.SET, payload)[0] == Report.REFUSED


def test_unknown_parameters_and_operations_are_refused(pair):
    pair.begin(LOCKSTEP)
    assert pair.ask(Op.SET, one.struct.pack("<qHd", NOW, 999, 1.0))[0] == Report.REFUSED
    assert pair.ask(99)[0] == Report.REFUSED
    assert pair.set("law.gain", float("nan"))[0] == Report.REFUSED


@pytest.mark.parametrize(("reset", "cause"), [(3, 3), (4, 6)])
def test_brown_out_and_watchdog_come_up_latched(rig, reset, cause):
    pair = Pair(rig, cause=reset)
    pair.connect()
    assert (pair.state().cause, pair.state().reset) == (cause, reset)
    assert pair.board.pins == SAFE


def test_wrong_tables_come_up_latched_and_do_not_clear(rig):
    pair = Pair(rig, wrong_hash=True)
    pair.connect()
    assert pair.state().cause == 5
    assert pair.ask(Op.CLEAR)[0] == Report.REFUSED
    assert pair.ask(Op.START, bytes([LOCKSTEP, 1]))[0] == Report.REFUSED


def test_a_frozen_output_keeps_its_value(pair):
    pair.begin(LOCKSTEP)
    pair.send(1.0)
    assert pair.fault("freeze", 0, 1.0, due=2)[0] == Report.DONE
    values = []
    for k in range(4):
        pair.send(float(k + 2))
        values.append(pair.images[-1].values[0])
    assert values == [4.0, 4.0, 4.0, 4.0]
    pair.fault("freeze", 0, 0.0)
    pair.send(9.0)
    assert pair.images[-1].values[0] == 18.0


def test_a_bit_flip_in_a_named_variable_shows_from_its_tick_on(pair):
    pair.begin(LOCKSTEP)
    offset = pair.controller.built.offset("law.gain")
    assert pair.fault("bit_flip", offset + 6, 4.0, due=2)[0] == Report.DONE  # lowest bit of the exponent: 2 -> 4 or 1
    values = []
    for _ in range(4):
        pair.send(1.0)
        values.append(pair.images[-1].values[0])
    assert values[:2] == [2.0, 2.0]
    assert values[2] == values[3] != 2.0


def test_dropped_exchanges_are_counted_and_can_be_asked_again(pair):
    pair.begin(LOCKSTEP)
    pair.send(1.0)
    pair.fault("drop", 0, 1.0)
    n = len(pair.images)
    pair.send(2.0)
    assert len(pair.images) == n
    pair.send(2.0, tick=pair.tick - 1)
    assert pair.images[-1].values[0] == 4.0
    assert pair.statistics().dropped == 1


def test_a_late_exchange_comes_after_its_delay(pair):
    pair.begin(LOCKSTEP)
    pair.fault("late", 1, 5.0 * MS)
    begin, n = pair.board.now, len(pair.images)
    pair.send(1.0)
    assert len(pair.images) == n
    pair.wait(10 * MS)
    assert 5 * MS <= pair.images[-1].at - begin <= 6 * MS


def test_the_clock_drifts_and_steps_as_it_is_told(pair):
    pair.begin(FREE)
    pair.fault("clock_drift", 0, 50.0)
    pair.wait(2 * MS, lambda: pair.send(1.0))
    before, at = pair.state().now_ns, pair.board.now
    pair.wait(1000 * MS, lambda: pair.send(1.0), step=MS)
    drifted = pair.state().now_ns - before - (pair.board.now - at)
    assert drifted == pytest.approx(50_000, abs=100)
    before, at = pair.state().now_ns, pair.board.now
    pair.fault("clock_step", 0, 3e6)
    pair.wait(2 * MS, lambda: pair.send(1.0))
    assert pair.state().now_ns - before - (pair.board.now - at) == pytest.approx(3_000_000, abs=1000)


def test_overruns_are_counted_and_several_in_a_row_close_the_latch(pair):
    pair.begin(FREE)
    pair.wait(10 * MS, lambda: pair.send(1.0))
    pair.board.busy_ns = 20_000
    pair.fault("overrun", 0, 1.0)
    pair.wait(10 * MS, lambda: pair.send(1.0))
    assert pair.statistics().overruns == 1
    assert any(i.flags & 4 for i in pair.images), "the next image tells"
    assert pair.state().cause == 0
    pair.fault("overrun", 0, 12.0)
    pair.wait(50 * MS, lambda: pair.send(1.0))
    assert pair.state().cause == 2
    assert pair.board.pins == SAFE


def test_a_reset_is_asked_of_the_board(pair):
    pair.begin(LOCKSTEP)
    pair.fault("reset", 1)
    pair.send(1.0)
    assert pair.board.resets == [1]


def test_two_devices_in_one_process_share_nothing(rig):
    first, second = Pair(rig), Pair(rig)
    for pair, session in ((first, 1), (second, 2)):
        pair.connect(session)
        pair.begin(LOCKSTEP)
    first.send(1.0)
    first.send(1.0)
    second.send(5.0)
    assert (first.images[-1].values[0], second.images[-1].values[0]) == (2.0, 10.0)
    assert (first.statistics().ticks, second.statistics().ticks) == (2, 1)


def test_steps_are_measured(pair):
    pair.begin(LOCKSTEP)
    for _ in range(3):
        pair.send(1.0)
    s = pair.statistics()
    assert (s.steps, s.count_min, s.count_max) == (3, 21, 21)


@pytest.mark.parametrize("phase", [0, 200_000, 500_000, 900_000])
def test_ticks_settle_half_a_period_behind_the_images_of_the_host(pair, phase):
    """Whatever the phase at the start, and with a clock that drifts: no image is seen twice or not at all."""
    pair.begin(FREE)
    pair.fault("clock_drift", 0, 100.0)
    pair.wait(phase, step=50_000)
    for k in range(300):
        pair.send(float(k))
        pair.wait(MS, step=50_000)
    newest = pair.images[-100:]
    behind = [image.times[0] - image.times[2] for image in newest]
    assert all(400_000 <= ns <= 600_000 for ns in behind), (min(behind), max(behind))
    assert [b.times[1] - a.times[1] for a, b in pairwise(newest)] == [1] * 99


def test_what_happened_is_told_as_a_log(pair):
    pair.begin(FREE)
    pair.wait(10 * MS, lambda: pair.send(1.0))
    pair.wait(50 * MS)
    pair.done(Op.CLEAR)
    pair.state()
    told = [body[8:].decode() for report, _, body in pair.reports if report == Report.LOG]
    assert told == ["started: power on", "outputs latched safe", "latch opened by the host"]
