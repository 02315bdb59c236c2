"""The latch of a board behind Modbus RTU: rigs/tank_level on the posix board and in QEMU tells its master why it is
safe, and is told to open, by HIL's own bench and by pymodbus."""

from __future__ import annotations

import itertools
import re
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pymodbus.client import ModbusSerialClient
from rtu_peers import Pty, adu
from tank_board import (
    LEVEL,
    LONGER,
    RUN,
    SETPOINT,
    Board,
    build_board,
    linked,
    needs_qemu,
    posix_board,
    qemu_board,
    state,
    until,
)

from hil import open_bench
from hil._bus import RtuClient, Tag, now_ns
from hil.drivers.serial_line import open_line
from hil.errors import BusError
from hil.mcu.latch import CAUSES, Latch
from hil.mcu.messages import NOW
from hil.mcu.reports import DEVICE_FAULTS, Op

CLEAR, RELEASE = 1, 2
LATCH_OF_PUMP = 1  # the host was lost; output 0
ROWS = re.compile(r"^@latch.*\n", re.MULTILINE)


@pytest.fixture
def rig(rig_copy: Callable[..., Path]) -> Path:
    return rig_copy("tank_level", LONGER)


@pytest.fixture(params=["posix", pytest.param("qemu", marks=needs_qemu)])
def board(request: pytest.FixtureRequest, rig: Path) -> Iterator[Board]:
    name, switched_on = {"posix": ("posix", posix_board), "qemu": ("stm32f405", qemu_board)}[request.param]
    with switched_on(build_board(rig, name)) as board:
        yield board


@pytest.fixture
def process_board(rig: Path) -> Iterator[Board]:
    with posix_board(build_board(rig, "posix")) as board:
        yield board


def at(rig: Path, board: Board) -> Path:
    """The rig with the board's port as its line."""
    toml = rig / "rig.toml"
    toml.write_text(toml.read_text().replace("/dev/ttyUSB0", board.field))
    return rig


def run(rig: Path, seconds: float) -> subprocess.Popen[str]:
    options = ["--bind", "controller=hil", "--duration", str(seconds), "--no-record"]
    command = [sys.executable, "-m", "hil", "run", str(rig), *options]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def bench_at(rig: Path, **options: Any) -> Any:
    """HIL's own bench as the master, in this process."""
    return open_bench(rig, time="real", bind={"controller": "hil"}, **options)


# ---- HIL's own bench as the master ----


@pytest.mark.realtime
def test_a_killed_host_is_told_at_the_next_connect_and_clear_latch_goes_on(
    request: pytest.FixtureRequest, board: Board, rig: Path
) -> None:
    host = run(at(rig, board), 60)
    with linked(board) as watch:
        try:
            until(lambda: not state(watch).safe, 20)
            assert state(watch).cause == 0
        finally:
            host.kill()
            host.communicate()
        until(lambda: state(watch).cause == 1)
        assert state(watch).output == "pump.v"
    if "posix" in request.node.name:
        host = run(rig, 1)
        said, line = host.communicate(timeout=60)
        assert (host.returncode, said, line.count("\n")) == (2, "", 1)
        assert line.startswith("hil: board at modbus-rtu://")
        assert "killed program" in line, "the usual mend"
        assert line.endswith("Then add --clear-latch\n")
    why = "the board is latched safe: the host was lost, pump.v was not refreshed"
    with pytest.raises(BusError, match=why):  # looking does not clear
        bench_at(rig)
    with bench_at(rig, clear_latch=True) as bench:
        bench.run(0.5)
        assert bench["controller.running"] == 1.0
    assert bench.finish().passed
    with linked(board) as watch:
        assert (state(watch).cause, state(watch).safe) == (0, 1), "an ordinary end is no silence"


@pytest.mark.realtime
def test_a_latch_in_mid_run_fails_the_run(process_board: Board, rig: Path) -> None:
    told: list[str] = []
    overrun = struct.pack("<qBId", NOW, DEVICE_FAULTS.index("overrun") + 1, 0, 10)

    def note(event: dict[str, Any]) -> None:
        told.extend(text for text in [str(event.get("text"))] if "latched" in text)

    with linked(process_board) as watch, bench_at(at(rig, process_board), on_event=note) as bench:
        bench.start()
        until(lambda: not state(watch).safe)
        watch.done(Op.FAULT, overrun)
        until(lambda: told)
        bench.stop()
        result = bench.finish()
    assert told[0] == "latched safe: the control task overran"
    assert not result.passed
    assert result.reason.startswith("board: latched safe: the control task overran")


@pytest.mark.realtime
def test_a_map_without_the_registers_goes_on_as_before_and_one_with_them_asks_for_them(
    rig: Path, rig_copy: Callable[..., Path]
) -> None:
    table = rig / "board.csv"
    table.write_text(ROWS.sub("", table.read_text()))
    with posix_board(build_board(rig, "posix")) as board:
        with pytest.raises(BusError, match=r"the device has no input_register 3 \(3x00004\), @latch \(exception 2\)"):
            bench_at(at(rig_copy("tank_level", LONGER), board))
        with pytest.raises(BusError, match="no message over this wire opens a latch") as refused:
            bench_at(at(rig, board), clear_latch=True)
        assert "@latch.command" in str(refused.value.mend)
        with bench_at(rig) as bench:
            bench.run(0.5)
            assert bench["controller.running"] == 1.0
        assert bench.finish().passed


# ---- pymodbus as the master ----


def test_any_master_reads_the_cause_and_opens_the_latch_by_a_command_that_counts_once(process_board: Board) -> None:
    master, beats = ModbusSerialClient(process_board.field, baudrate=115200, timeout=5), itertools.count(1)
    assert master.connect()

    def write(command: int = 0) -> list[int]:
        """As a master does that writes its whole block each time: what is at the pins, and the latch."""
        assert not master.write_registers(0, [LEVEL, SETPOINT, RUN, next(beats) % 65536, command]).isError()
        return list(master.read_input_registers(0, count=4).registers)

    def latch() -> int:
        return int(master.read_input_registers(3, count=1).registers[0])

    assert latch() == 0
    until(lambda: write()[1] == 1)
    until(lambda: latch() == LATCH_OF_PUMP)  # silence
    assert [write()[1] for _ in range(10)] == [0] * 10, "a latch that no value opens"
    assert write(CLEAR)[3] == 0
    until(lambda: write(CLEAR)[1] == 1)  # the old command, again and again
    until(lambda: latch() == LATCH_OF_PUMP)
    assert [write(CLEAR)[3] for _ in range(10)] == [LATCH_OF_PUMP] * 10, "an old command opens nothing"
    assert master.write_register(4, 0).registers == [0]
    assert not master.write_register(4, CLEAR).isError()
    assert master.read_input_registers(0, count=4).registers[3] == 0
    assert not master.write_register(3, next(beats)).isError()
    time.sleep(0.2)
    assert master.read_input_registers(0, count=2).registers == [0, 0], "inputs from before the latch drive nothing"
    until(lambda: write()[1] == 1)
    assert not master.write_register(4, RELEASE).isError()
    time.sleep(1.2)
    assert master.read_input_registers(0, count=4).registers[:2] == [0, 0]
    assert latch() == 0, "a goodbye is no silence"
    until(lambda: write(RELEASE)[1] == 1)
    master.close()


# ---- the pieces ----


def test_what_a_register_tells_reads_as_on_the_link() -> None:
    for cause, (text, mend) in enumerate(CAUSES[1:], 1):
        latch = Latch.from_register(cause + 256, ["a", "b"])
        assert str(latch).startswith(text)
        assert latch.mend == mend
    assert "b was not refreshed" in str(Latch.from_register(LATCH_OF_PUMP + 256, ["a", "b"]))
    assert str(Latch.from_register(99, [])) == "cause 99", "of somebody else's firmware"
    assert str(Latch(1, "a", 0.1, 3.0)) == "the host was lost, a was not refreshed for 100.0 ms, 3.0 s ago"


def test_a_last_request_waits_for_the_answer_that_is_still_owed() -> None:
    pty, heard = Pty(), []
    line = open_line(f"modbus-rtu://{pty.path}")
    client = RtuClient(line.fd, line.path, [Tag("x", "input_register", 0, "uint16")], [], timeout_s=3)

    def answer(*, late: bool) -> None:
        request = pty.hear_frame(8)
        heard.append(request)
        if late:
            assert pty.hear(0.3) == b"", "nothing is sent while an answer is owed"
        pty.say(adu(b"\x04\x02\x12\x34") if late else request)

    def slave() -> None:
        answer(late=True)
        answer(late=False)

    other = threading.Thread(target=slave)
    other.start()
    client.start(now_ns(), 5_000_000)
    until(lambda: heard)
    client.rest()
    assert client.transact(b"\x06\0\x04\0\x02") == b"\x06\0\x04\0\x02"
    other.join()
    assert heard == [adu(b"\x04\0\0\0\x01"), adu(b"\x06\0\x04\0\x02")]
    assert client.counters()["late_answers"] == 1
    client.stop()
    pty.close()


def test_the_newest_latch_is_kept_beside_the_cycle_and_no_request_is_spent_on_it() -> None:
    pty = Pty()
    line = open_line(f"modbus-rtu://{pty.path}")
    tags = [Tag("x", "input_register", 0, "uint16"), Tag("@latch", "input_register", 1, "uint16", latch=True)]
    client = RtuClient(line.fd, line.path, tags, [], timeout_s=3)
    seen: list[Any] = []
    for word in (0, 0x0102, 0x0203, 0):
        slave = threading.Thread(target=lambda answer: (seen.append(pty.hear_frame(8)), pty.say(answer)),
                                 args=(adu(b"\x04\x04\0\0" + word.to_bytes(2, "big")),))  # fmt: skip
        slave.start()
        client.exchange(0)
        slave.join()
        seen.append(client.latch)
    assert seen[1::2] == [0, 0x0102, 0x0102, 0x0102], "the first one of a run stays"
    assert set(seen[0::2]) == {adu(b"\x04\0\0\0\x02")}
    client.stop()
    pty.close()
