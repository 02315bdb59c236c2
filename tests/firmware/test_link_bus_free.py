"""The bus of the link, free-running: values with their times, clocks, dead man, resets, a bad line."""

from __future__ import annotations

import time

import pytest
from link_rig import MS, Bench, board_with, bus_on, fault, opened, relay_to, reset, start, state, until

from hil._link import now_ns
from hil.mcu.reports import Op, Report


def test_values_come_with_the_time_of_their_sample(patient_board):
    with opened(patient_board) as fd, bus_on(fd, clock_tags=True) as bus:
        bus.connect()
        assert bus.n_in == 5
        start(bus)
        with Bench(bus) as bench:
            assert until(lambda: len(bench.images) > 150 and bus.clock())
            clock = bus.clock()
        images = bench.images
        assert all(image_ns <= seen_ns for seen_ns, _, image_ns, _ in images)
        assert [n for _, n, _, _ in images] == sorted({n for _, n, _, _ in images})
        fresh = images[50:]
        assert all(v[0] % 2 == 0 and v[0] <= 2 * bench.sent for *_, v in fresh)
        assert any(seen_ns - image_ns < 5 * MS for seen_ns, _, image_ns, _ in fresh)
        offset_s, drift_ppm, bound_s = fresh[-1][3][2:]
        assert offset_s == pytest.approx(clock["offset_s"], abs=2 * bound_s + 1e-6)
        assert abs(drift_ppm) < 200
        assert 0 < bound_s < 2e-3
        assert clock["to_host"](clock["to_device"](now_ns())) == pytest.approx(now_ns(), abs=50 * MS)


def test_the_planted_drift_of_a_board_is_found(patient_board):
    with opened(patient_board) as fd, bus_on(fd) as bus:
        bus.connect()
        start(bus)
        with Bench(bus):
            fault(bus, "clock_drift", argument=500.0)
            assert until(lambda: (c := bus.clock()) and abs(c["drift_ppm"] - 500) < 50 and c["bound_s"] < 1e-3, 30)
            fault(bus, "clock_step", argument=-5e7)
            assert until(lambda: bus.counters()["clock_restarts"] > 0)


def test_a_bench_that_hangs_does_not_keep_the_outputs_alive(tmp_path):
    with board_with(0.3, tmp_path, 0.01) as path, opened(path) as fd, bus_on(fd) as bus:
        bus.connect()
        start(bus)
        bus.set_out([1.0])
        assert until(lambda: state(bus).cause)
        told = state(bus)
        assert told.cause == 1, "the host was lost"
        assert told.safe
        assert until(lambda: bus.counters()["safe_images"] > 0)
        assert bus.connected, "the bus itself goes on"
        assert [report for report, _, _ in bus.reports() if report != Report.LOG] == [Report.STATE]


def test_a_run_that_ends_in_order_latches_nothing(patient_board):
    with opened(patient_board) as fd, bus_on(fd) as bus:
        bus.connect()
        for _ in range(2):
            start(bus)
            with Bench(bus) as bench:
                assert until(lambda bench=bench: len(bench.images) > 20)
            bus.stop()
            told = state(bus)
            assert (told.cause, told.safe, told.mode) == (0, 1, 0)


def test_a_late_image_of_the_run_before_is_not_sent(patient_board):
    with opened(patient_board) as fd, bus_on(fd) as bus:
        bus.connect()
        bus.set_out([1.0])
        start(bus)
        time.sleep(0.1)
        bus.stop()
        assert bus.counters()["images_out"] == 0
        assert bus.counters()["idle_cycles"] > 10


@pytest.mark.parametrize("target", [1, 2], ids=["warm", "cold"])
def test_a_device_that_was_reset_is_found_and_started_again(patient_board, target):
    with opened(patient_board) as fd, bus_on(fd, timeout_s=0.3) as bus:
        bus.connect()
        start(bus)
        with Bench(bus) as bench:
            assert until(lambda: len(bench.images) > 20)
            reset(bus, target)
            assert until(lambda: bus.counters()["reconnects"] == 1)
            seen = len(bench.images)
            assert until(lambda: len(bench.images) > seen + 30)
            assert bench.images[-1][3][0] > 0
        assert bus.counters()["lost_sessions"] == 1


def test_a_latch_stays_closed_over_a_new_session(patient_board):
    with opened(patient_board) as fd, bus_on(fd, timeout_s=0.3) as bus:
        bus.connect()
        start(bus)
        with Bench(bus) as bench:
            assert until(lambda: len(bench.images) > 20)
            reset(bus, 3)  # brown-out
            assert until(lambda: bus.counters()["reconnects"] == 1)
            seen = len(bench.images)
            assert until(lambda: len(bench.images) > seen + 20)
            assert bench.images[-1][3] == [-7.0, 3.0], "safe"
            assert state(bus).cause == 3
        assert any(report == Report.STATE for report, _, _ in bus.reports())


def bad(bus) -> int:
    """Frames that arrived damaged."""
    counters = bus.counters()
    return counters["bad_crc"] + counters["bad_cobs"]


def test_no_wrong_value_passes_on_a_bad_line_and_it_recovers(patient_board):
    with relay_to(patient_board) as relay, bus_on(relay.fd, timeout_s=0.5) as bus:
        bus.connect()
        start(bus)
        with Bench(bus) as bench:
            assert until(lambda: len(bench.images) > 50)
            relay.loss = relay.corruption = 0.2
            time.sleep(2.0)
            assert until(lambda: bad(bus) > 20)
            relay.loss = relay.corruption = 0.0
            healed, seen = time.monotonic(), len(bench.images)
            assert until(lambda: len(bench.images) > seen + 30 and bench.images[-1][3][0] > 0)
            print(f"\nfresh again {1e3 * (time.monotonic() - healed):.0f} ms after the last disturbance")
            assert until(lambda: bus.connected and bus.ask(Op.STATE)[0] == Report.STATE)
        assert relay.disturbed > 100
        assert bad(bus) > 20
        safe = [-7.0, 3.0]
        assert all(v == safe or (v[0] % 2 == 0 and 0 <= v[0] <= 2 * bench.sent) for *_, v in bench.images)
