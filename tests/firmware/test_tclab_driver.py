"""Our driver of a real TCLab, and its bus under a bench in real time, against the emulated board."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tclab_board import Board, Host, running

from hil import open_bench
from hil.drivers.tclab import ANSWER_S, TCLab
from hil.drivers.tclab_bus import TCLabBus
from hil.errors import BusError

READS = ["temperature.t1", "temperature.t2"]
WRITES = ["heater.q1", "heater.q2", "heater.p1", "heater.p2"]
FAR_NS = 10_000_000
FASTER = (("period_s = 0.5 ", "period_s = 0.1 "), ("max_age_s = 3.0", "max_age_s = 1.5"))


def until(holds: Callable[[], bool], timeout_s: float = 15.0) -> bool:
    end = time.monotonic() + timeout_s
    while not holds() and time.monotonic() < end:
        time.sleep(0.02)
    return holds()


def ask(board: Board, question: bytes) -> float:
    """What somebody else reads on the same line, while nobody else uses it."""
    opened = Host(board)
    answer = float(opened.say(question + b"\n"))
    opened.close()
    return answer


@pytest.fixture
def board(tclab_program: Path) -> Iterator[Board]:
    with running(tclab_program) as started:
        yield started


# ---- the driver by itself ----


def test_it_reads_sets_and_leaves_the_heaters_off(board: Board) -> None:
    with TCLab(f"serial://{board.path}?baud=115200") as lab:
        assert lab.version.startswith("TCLab Firmware 1.4")
        assert lab.temperatures() == (pytest.approx(21.0, abs=0.2), pytest.approx(21.0, abs=0.2))
        assert lab.set_heaters(33.25, 150.0) == (33.25, 100.0)
        assert lab.heaters() == (33.25, 100.0)
        assert lab.set_power(180.0, 90.0) == (180.0, 90.0)
        assert lab.led(70.0) == 70.0
        with pytest.raises(ValueError, match="Q1 cannot be nan"):
            lab.set_heaters(math.nan, 0.0)
    assert not lab.connected
    assert (ask(board, b"R1"), ask(board, b"R2")) == (0.0, 0.0)


def test_a_plain_path_is_an_address_too(board: Board) -> None:
    with TCLab(board.path) as lab:
        assert lab.connected


def test_a_late_answer_is_not_taken_for_another_one(board: Board) -> None:
    with TCLab(board.path, timeout_s=0.2) as lab:
        lab.set_heaters(70.0, 30.0)
        with board.paused(), pytest.raises(BusError, match="no answer to R1"):
            lab.number("R1")
        time.sleep(0.3)  # it answers R1 now, and what was asked after it
        assert lab.number("T1") == pytest.approx(21.0, abs=3.0)
        assert lab.heaters() == (70.0, 30.0)


def test_a_port_that_is_not_there_or_busy_is_one_line(board: Board, tmp_path: Path) -> None:
    with pytest.raises(BusError, match="Plug the adapter in"):
        TCLab(str(tmp_path / "ttyACM9")).connect()
    with TCLab(board.path), pytest.raises(BusError, match="another program uses this port"):
        TCLab(board.path).connect()


def test_something_else_on_the_port_is_not_taken_for_a_board() -> None:
    master, slave = os.openpty()  # a terminal that echoes, as a modem does
    try:
        with pytest.raises(BusError, match="no Temperature Control Lab answers"):
            TCLab(os.ttyname(slave)).connect(1.0)
    finally:
        os.close(master)
        os.close(slave)


# ---- the bus ----


def test_a_name_that_no_board_has_is_refused() -> None:
    with pytest.raises(BusError, match=r"plant\.h1 is nothing that a Temperature Control Lab has"):
        TCLabBus("/dev/ttyACM0", ["plant.h1"], [])


def test_an_unplugged_board_is_counted_and_found_again(board: Board) -> None:
    bus = TCLabBus(board.path, READS, WRITES)
    bus.connect()
    bus.start(time.monotonic_ns(), FAR_NS * 5)
    try:
        assert until(lambda: bus.counters()["images"] >= 5)
        board.unplug()
        assert until(lambda: not bus.connected)
        images = bus.counters()["images"]
        assert until(lambda: bus.counters()["failed_connects"] >= 2)
        assert bus.counters()["images"] == images  # nothing is made up: the values grow old
        board.plug_in()
        bus.board.where = board.path  # a pseudo-terminal comes back with another name, a USB port with the same
        assert until(lambda: bus.counters()["images"] > images + 5)
        counted = bus.counters()
    finally:
        bus.stop()
    assert counted["disconnects"] == counted["reconnects"] == 1
    assert counted["connects"] == 2


def test_stopping_does_not_hang_on_a_board_that_is_silent(board: Board) -> None:
    bus = TCLabBus(board.path, READS, WRITES)
    bus.connect()
    bus.start(time.monotonic_ns(), FAR_NS)
    assert until(lambda: bus.counters()["images"] >= 3)
    with board.paused():
        assert until(lambda: bus.counters()["failed_cycles"] >= 1)
        begun = time.monotonic()
        bus.stop()
        took_s = time.monotonic() - begun
    assert not bus.connected
    assert took_s < 60 * ANSWER_S, "some unanswered questions; a line that is asked until it answers never ends"


@pytest.fixture
def rig(tclab_program: Path, rig_copy: Any) -> Iterator[tuple[Path, Board]]:
    """The shipped rig with its board on a pseudo-terminal; the board's clock is four times as fast as the bench's."""
    with running(tclab_program, 4.0) as started:
        yield rig_copy("tclab", ("/dev/ttyACM0", started.path), *FASTER), started


@pytest.mark.realtime
def test_a_bench_heats_the_board_over_the_wire(rig: tuple[Path, Board]) -> None:
    folder, board = rig
    with open_bench(folder, time="real", bind={"board": "hil"}) as bench:
        bench.run(4)
        t1, q1 = bench.history("temperature.t1"), bench.history("heater.q1")
        assert bench.status("temperature.t1") == 0
        assert bench.status("heater.q1") == 0
        assert q1[-1] > 50.0
        assert t1[-1] > t1[0] + 0.3
        assert np.all(np.diff(t1[10:]) >= 0.0)
    assert ask(board, b"R1") == 0.0, "the bench has gone, and the heaters are off"


@pytest.mark.realtime
def test_a_cable_pulled_in_a_run_switches_the_heaters_off_at_the_gate(rig: tuple[Path, Board]) -> None:
    folder, board = rig
    with open_bench(folder, time="real", bind={"board": "hil"}) as bench:
        bench.run(2.5)
        assert bench["heater.q1"] > 50.0
        board.unplug()
        for _ in range(12):  # until a value is too old
            bench.run(0.5 if bench["heater.q1"] else 0.1)
        assert bench.status("temperature.t1") != 0, "stale"
        assert bench["heater.q1"] == 0.0
        assert bench["heater.q2"] == 0.0
