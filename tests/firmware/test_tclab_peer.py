"""PyPI's package `tclab`, unmodified, through its public API against the emulated board: TCLab, clock, Historian.

It opens only what pyserial lists as a USB device, and no system lists a pseudo-terminal so: the one thing put in
is that entry of the list.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tclab
from serial.tools import list_ports
from serial.tools.list_ports_common import ListPortInfo
from tclab_board import posix_board, running

from hil import open_bench
from hil.drivers.tclab import TCLab

SPEED = 20.0  # the board's clock against the host's: five minutes of heat in 15 s, two in 6 s
STEP_K = 0.3223  # of the board's converter


def list_as_usb(monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    def ports(*args: Any, **options: Any) -> list[ListPortInfo]:
        info = ListPortInfo(path)
        info.hwid = "USB VID:PID=2341:0043 SER=85736323838351F0E1E1 LOCATION=1-1"
        return [info]

    monkeypatch.setattr(list_ports, "comports", ports)


@pytest.fixture
def port(tclab_posix: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The product's board."""
    with posix_board(tclab_posix) as path:
        list_as_usb(monkeypatch, path)
        yield path


@pytest.fixture
def fast_port(tclab_program: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The same firmware on a clock that runs faster."""
    with running(tclab_program, SPEED) as board:
        list_as_usb(monkeypatch, board.path)
        yield board.path


@pytest.mark.realtime
def test_the_package_connects_reads_and_sets(port: str, capsys: pytest.CaptureFixture[str]) -> None:
    with tclab.TCLab(port=port) as lab:
        assert lab.version == "TCLab Firmware 1.4.3 HIL board"
        assert lab.baud == 115200  # no second try at 9600
        assert abs(lab.T1 - 21.0) < STEP_K
        assert abs(lab.T2 - 21.0) < STEP_K
        assert (lab.Q1(33.3), lab.Q1()) == (33.3, 33.3)
        assert (lab.Q2(120), lab.Q2()) == (100.0, 100.0)
        lab.P1, lab.P2 = 150, 300
        assert (lab.P1, lab.P2) == (150.0, 255.0)
        assert lab.LED(40) == 40.0
        assert lab.scan() == (pytest.approx(21.0, abs=1.0), pytest.approx(21.0, abs=1.0), 33.3, 100.0)
        lab.U1 = 12
        assert lab.U1 == 12.0
    assert "disconnected successfully" in capsys.readouterr().out
    with TCLab(port) as ours:  # a board is left with its heaters off, and can be had again
        assert ours.heaters() == (0.0, 0.0)


@pytest.mark.realtime
def test_clock_and_historian_log_a_heating_board(port: str, full: Callable[[int, int], int]) -> None:
    seconds = full(5, 12)
    with tclab.TCLab(port=port) as lab:
        historian = tclab.Historian(lab.sources)
        lab.Q1(100)
        for t in tclab.clock(seconds, step=1):
            historian.update(t)
        times, t1, t2, q1, q2 = np.array(historian.log, dtype=float).T
    assert len(times) == seconds + 1
    assert np.all(q1 == 100.0)
    assert np.all(q2 == 0.0)
    assert np.all(np.diff(t1) >= 0.0)
    # 0.72 W into 2 J/K behind a lag of 21 s: 0.2 K after 5 s, 1.0 K after 12 s, less than 0.1 K in the other sensor.
    heat_k = 0.36 * (seconds - 21.0 * (1.0 - np.exp(-seconds / 21.0)))
    assert abs(t1[-1] - t1[0] - heat_k) < 2 * STEP_K
    assert t2[-1] - t2[0] < 2 * STEP_K


@pytest.mark.realtime
def test_the_board_follows_the_model_that_the_bench_has(fast_port: str, full: Callable[[int, int], int]) -> None:
    seconds = full(6, 15)
    with tclab.TCLab(port=fast_port) as lab:
        historian = tclab.Historian(lab.sources)
        for t in tclab.clock(seconds, step=0.5):
            lab.Q1(80 if t < seconds / 2 else 20)
            lab.Q2(0 if t < seconds / 6 else 60)
            historian.update(t)
        t1, t2 = (np.array(historian.logdict[name]) for name in ("T1", "T2"))
        times = np.array(historian.logdict["Time"]) * SPEED
    wanted1, wanted2 = predicted(times, seconds * SPEED)
    assert t1.max() - t1[0] > 1.5 * seconds, "13 K in the short run, 25 K in the long one"
    # A step of the converter, and 2 s of the board (0.1 s of the host) at 0.3 K/s.
    assert np.abs(t1 - wanted1).max() < 1.0
    assert np.abs(t2 - wanted2).max() < 1.0
    assert np.sqrt(np.mean((t1 - wanted1) ** 2)) < 0.4
    assert np.sqrt(np.mean((t2 - wanted2) ** 2)) < 0.4


def predicted(seconds: np.ndarray, whole_s: float) -> tuple[np.ndarray, np.ndarray]:
    """T1 and T2 of the rig's model with the same heaters, at these times of the board."""
    with open_bench("tclab") as bench:
        for at, q1, q2 in ((0.0, 80.0, 0.0), (whole_s / 6, 80.0, 60.0), (whole_s / 2, 20.0, 60.0)):
            bench.run(at - bench.time_s)
            bench.force("heater.q1", q1)
            bench.force("heater.q2", q2)
        bench.run(seconds[-1] + 2.0 - bench.time_s)
        ticks = np.round(seconds * 10).astype(int)
        return bench.history("temperature.t1")[ticks], bench.history("temperature.t2")[ticks]
