"""A field device behind Modbus RTU: firmware on the posix board, minimalmodbus and our own master on its port."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import minimalmodbus
import pytest

from hil._bus import RtuClient, Tag
from hil.drivers.serial_line import open_line

RIG = """
[rig]
name = "field"
period_s = 0.002
[signals]
"x.in" = { unit = "1", start = 0.0 }
"y.in" = { unit = "1", start = 0.0 }
"x.out" = { unit = "1", limits = [-100, 100], safe = -7.0, max_age_s = 0.5 }
[blocks.plant]
type = "gain"
in = { u = "x.out" }
out = { y = "x.in" }
[blocks.other]
type = "gain"
in = { u = "x.out" }
out = { y = "y.in" }
[roles.controller]
[blocks.law]
role = "controller"
type = "weighted_sum"
in = { u = ["x.in", "y.in"] }
weights = [1.0, 1.0]
out = { y = "x.out" }
"""
DEVICE = """
[devices.board]
role = "controller"
url = "modbus-rtu:///dev/ttyUSB0?baud=115200"
unit_id = 17
firmware = "field"
map = "board.csv"
"""
MAP = """tag,direction,table,address,type
x.in,write,holding_register,0,float32
y.in,write,holding_register,2,float32
x.out,read,input_register,0,float32
@heartbeat.in,read,input_register,8,uint16
"""
BEAT_OF_THE_MASTER = "@heartbeat.out,write,holding_register,9,uint16\n"
SAFE = -7.0


def serve(folder: Path, table: str) -> subprocess.Popen[bytes]:
    folder.mkdir()
    (folder / "rig.toml").write_text(RIG + DEVICE)
    (folder / "board.csv").write_text(table)
    command = [sys.executable, "-m", "hil", "emulate", str(folder), "board", "--json"]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


@pytest.fixture
def board(tmp_path: Path) -> Iterator[Callable[[str], str]]:
    """`path = board(MAP)`: a device that serves at a pseudo-terminal."""
    running: list[subprocess.Popen[bytes]] = []

    def start(table: str) -> str:
        running.append(serve(tmp_path / f"{len(running)}", table))
        line = running[-1].stdout
        assert line
        return str(json.loads(line.readline())["field"])

    yield start
    for process in running:
        process.terminate()
        process.communicate(timeout=10)


def until(condition: Callable[[], Any], timeout_s: float = 5.0) -> None:
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_minimalmodbus_drives_a_field_device(board: Callable[[str], str]) -> None:
    master = minimalmodbus.Instrument(board(MAP), 17)
    assert master.serial
    master.serial.timeout = 1
    assert master.read_float(0, functioncode=4) == SAFE
    master.write_float(0, 3.0)
    time.sleep(0.05)
    assert master.read_float(0, functioncode=4) == SAFE, "one of two inputs was never written"
    master.write_float(2, 4.0)
    until(lambda: master.read_float(0, functioncode=4) == 7.0)
    until(lambda: master.read_float(0, functioncode=4) == SAFE)  # nothing was written any more
    first = master.read_register(8, functioncode=4)
    until(lambda: master.read_register(8, functioncode=4) != first)  # its heartbeat
    with pytest.raises(minimalmodbus.IllegalRequestError):
        master.write_float(100, 1.0)
    master.serial.close()


def master_on(path: str, tags_out: list[Tag]) -> RtuClient:
    line = open_line(f"modbus-rtu://{path}")
    reads = [Tag("x.out", "input_register", 0, "float32")]
    return RtuClient(line.fd, line.path, reads, tags_out, unit=17, timeout_s=1)


WRITES = [Tag("x.in", "holding_register", 0, "float32"), Tag("y.in", "holding_register", 2, "float32")]


def driven(master: RtuClient, x: float, seconds: float) -> list[float]:
    """What is at the pins while the master writes for so long, each 20 ms."""
    seen = []
    for _ in range(round(seconds / 0.02)):
        master.set_out([x] * master.n_out)
        master.exchange(0)
        seen.append(master.take_in()[2][0])
        time.sleep(0.02)
    return seen


def test_a_master_that_writes_keeps_the_outputs_alive(board: Callable[[str], str]) -> None:
    master = master_on(board(MAP), WRITES)
    assert set(driven(master, 2.0, 0.6)[5:]) == {4.0}
    assert set(driven(master, float("nan"), 1.2)[45:]) == {SAFE}, "no number is no refresh"
    master.stop()


def test_a_master_whose_heartbeat_stands_still_is_not_alive(board: Callable[[str], str]) -> None:
    path = board(MAP + BEAT_OF_THE_MASTER)
    beat = Tag("beat", "holding_register", 9, "uint16", heartbeat=True)
    master = master_on(path, [*WRITES, beat])
    assert set(driven(master, 2.0, 0.6)[5:]) == {4.0}
    master.stop()
    frozen = master_on(path, [*WRITES, beat._replace(heartbeat=False)])
    assert set(driven(frozen, 2.0, 1.2)[45:]) == {SAFE}
    frozen.stop()
