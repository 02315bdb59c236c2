"""The firmware as a Modbus RTU slave: rigs/tank_level on the posix board, with libmodbus, pymodbus, mbpoll and HIL's
own bench as its master, and its link to look behind the registers. test_rtu_latch.py has the latch."""

from __future__ import annotations

import itertools
import os
import re
import select
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from modbus_peers import LibmodbusClient
from pymodbus.client import ModbusSerialClient
from rtu_peers import Pty, adu
from tank_board import (
    LEVEL,
    LONGER,
    RESET,
    RUN,
    SETPOINT,
    Board,
    build_board,
    linked,
    needs_qemu,
    posix_board,
    state,
    until,
)

from hil import open_bench
from hil.drivers.serial_line import open_line
from hil.mcu.reports import Op


@pytest.fixture(scope="module")
def program(rig_copy: Callable[..., Path]) -> Path:
    """The application for the board `posix`, compiled once."""
    return build_board(rig_copy("tank_level", LONGER), "posix")


@pytest.fixture
def board(program: Path) -> Iterator[Board]:
    with posix_board(program) as board:
        yield board


def test_libmodbus_keeps_the_pump_running_and_its_silence_stops_it_for_good(
    peer: Callable[[str], Path], board: Board
) -> None:
    master, beats = LibmodbusClient(peer("libmodbus_client"), board.field), itertools.count(1)

    def write() -> list[int]:
        assert master(16, 0, LEVEL, SETPOINT, RUN, next(beats)) == "ok"
        found = master(4, 0, 3)
        assert isinstance(found, list)
        return found

    assert master(3, 0, 4) == [0, 0, 0, 0]
    assert master(4, 0, 2) == [0, 0], "outputs are safe before anything is written"
    until(lambda: write()[1] == 1)
    assert 5500 < write()[0] <= 10000, "3 V, and 170 V/m for 2 cm"
    until(lambda: master(4, 0, 2) == [0, 0])  # silence
    before = write()[2]
    assert [write()[:2] for _ in range(20)] == [[0, 0]] * 20, "a latch that no write opens"
    until(lambda: write()[2] != before)  # it runs, and answers
    assert open_latch(board) == "pump.v"
    until(lambda: write()[1] == 1)
    master.close()


def open_latch(board: Board) -> str:
    """Over the link; returns the output whose age has closed it."""
    with linked(board) as host:
        output = str(state(host).output)
        host.done(Op.CLEAR)
    return output


def test_a_heartbeat_that_stands_still_stops_the_pump(peer: Callable[[str], Path], board: Board) -> None:
    master, beats = LibmodbusClient(peer("libmodbus_client"), board.field), itertools.count(1)

    def running(beat: int) -> bool:
        assert master(16, 0, LEVEL, SETPOINT, RUN, beat) == "ok"
        return master(4, 1, 1) == [1]

    until(lambda: running(next(beats)))
    until(lambda: not running(7))
    assert not any(running(next(beats)) for _ in range(20))
    master.close()


def test_pymodbus_reads_back_and_writes_by_every_function(board: Board) -> None:
    master, beats = ModbusSerialClient(board.field, baudrate=115200, timeout=5), itertools.count(1)
    assert master.connect()

    def status() -> int:
        assert not master.write_register(3, next(beats)).isError()  # its beat alone is a whole set of inputs
        return int(master.read_input_registers(1, count=1).registers[0])

    assert not master.write_registers(0, [LEVEL, SETPOINT, 0, next(beats)]).isError()
    assert master.read_holding_registers(0, count=3).registers == [LEVEL, SETPOINT, 0]
    assert status() == 0
    assert not master.mask_write_register(address=2, and_mask=0xFFFF & ~RUN, or_mask=RUN).isError()
    until(lambda: status() == 1)
    both = master.readwrite_registers(read_address=0, read_count=3, write_address=0, values=[24100])
    assert both.registers == [24100, SETPOINT, RUN], "0.191 m"
    until(lambda: status() == 2)  # tripped: the alarm, and not running
    assert not master.write_registers(0, [LEVEL, SETPOINT, RUN, next(beats)]).isError()
    assert status() == 2, "latched"
    assert not master.write_register(2, RUN | RESET).isError()
    until(lambda: status() == 1)
    for refused in (
        master.read_holding_registers(5, count=1),
        master.read_input_registers(3, count=2),
        master.read_coils(0, count=1),
        master.write_coil(0, True),
    ):
        assert refused.exception_code == 2
    master.close()


def test_mbpoll_shows_the_input_registers_as_the_readme_says(board: Board) -> None:
    readme = (Path(__file__).parents[2] / "rigs" / "tank_level" / "README.md").read_text(encoding="utf-8")
    found = re.search(r"`(mbpoll .*) /dev/ttyUSB0`", readme)
    assert found
    line = found[1].replace("-P even", "-P none").split()  # a pseudo-terminal has no parity
    result = subprocess.run([*line, "-1", board.field], capture_output=True, text=True, timeout=20)
    assert result.returncode == 0, result.stdout + result.stderr
    assert re.findall(r"^\[(\d+)\]:\s+(\d+)", result.stdout, re.MULTILINE)[:2] == [("1", "0"), ("2", "0")]


READ = bytes.fromhex("0400000001")
PAUSE_S = 0.1  # a terminal's silence is 1.75 ms and 20 ms of slack


def test_what_is_no_request_for_it_stays_unanswered_and_the_next_one_is_answered(board: Board) -> None:
    line = open_line(f"modbus-rtu://{board.field}")
    for bad in (
        adu(READ, 2),
        adu(READ)[:-1] + b"\0",
        adu(READ)[:5],
        b"\xff\x00\x13",
        b"\x01" * 300,
        bytes([1]) + b"\x04\x00",
    ):
        assert said(line.fd, bad) == b"", bad
        time.sleep(PAUSE_S)
        assert said(line.fd, adu(READ)) == adu(b"\x04\x02\0\0")
    assert said(line.fd, b"\x55\xaa" + adu(READ)) == adu(b"\x04\x02\0\0"), "noise just before a request"
    line.close()


def test_two_halves_of_a_request_with_silence_between_are_none(board: Board) -> None:
    line = open_line(f"modbus-rtu://{board.field}")
    assert said(line.fd, adu(READ)[:4]) == b""
    assert said(line.fd, adu(READ)[4:]) == b""
    time.sleep(PAUSE_S)
    assert said(line.fd, adu(READ)) == adu(b"\x04\x02\0\0")
    line.close()


def test_a_broadcast_is_done_by_it_and_not_answered(board: Board) -> None:
    line = open_line(f"modbus-rtu://{board.field}")
    values = b"".join(n.to_bytes(2, "big") for n in (LEVEL, SETPOINT, RUN, 1))
    assert said(line.fd, adu(b"\x10\0\0\0\x04\x08" + values, 0)) == b""
    assert said(line.fd, adu(bytes.fromhex("0300000004"))) == adu(b"\x03\x08" + values)
    line.close()


def said(fd: int, request: bytes) -> bytes:
    """What comes within PAUSE_S of silence, or 2 s for a whole frame."""
    os.write(fd, request)
    answer, wait_s = b"", 3 * PAUSE_S
    while select.select([fd], [], [], wait_s)[0]:
        answer, wait_s = answer + os.read(fd, 4096), PAUSE_S
    return answer


# ---- HIL's own bench as the master, in real time ----


@pytest.mark.realtime
@pytest.mark.parametrize("chip", ["posix", pytest.param("stm32f405", marks=needs_qemu)])
def test_the_level_holds_in_real_time(rig_copy: Callable[..., Path], chip: str) -> None:
    rig = rig_copy("tank_level", LONGER, ('board = "stm32f405"', f'board = "{chip}"'))
    with open_bench(rig, time="real", bind={"controller": "pil"}) as bench:
        bench.run(4)
        found = bench.engine.wires.counters()["board"]
        assert bench["controller.running"] == 1.0
        assert bench["pump.v"] > 4.0, "the set-point step has reached the board"
        assert 0.104 < bench["plant.h"] < 0.113, "two seconds after the step; 63 % come after 4.5 s"
        assert bench.status("pump.v") == 0
    assert found["images"] > 60
    assert found["wrong_crc"] == found["gaps"] == 0


def test_a_silent_line_ends_a_run_with_one_line(hil: Callable[..., Any], rig_copy: Callable[..., Path]) -> None:
    pty = Pty()
    rig = rig_copy("tank_level", ("/dev/ttyUSB0", pty.path))
    result = hil("run", rig, "--bind", "controller=hil", "--no-record")
    pty.close()
    assert result.returncode == 2
    assert f"modbus-rtu://{pty.path}?baud=19200&parity=E&stop=1: no answer of unit 1 within 3 s" in result.stderr
    assert "Check wiring, baud rate, parity and unit_id" in result.stderr
