"""`hil emulate` of a role's blocks behind Modbus RTU on a pseudo-terminal: as pymodbus's slave, and as its master."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pymodbus.client import ModbusSerialClient
from rtu_peers import PymodbusSlave

HIGH_M = 0.2  # above the trip level of 0.19 m


@contextmanager
def emulated(folder: Path, *replaced: tuple[str, str]) -> Iterator[str]:
    """The quadruple tank's PLC on a serial line; yields its terminal."""
    path = folder / "rig.toml"
    text = re.sub(r"modbus-tcp://127\.0\.0\.1:\d+", "modbus-rtu:///dev/ttyUSB0", path.read_text())
    for old, new in replaced:
        assert old in text
        text = text.replace(old, new)
    path.write_text(text)
    command = [sys.executable, "-m", "hil", "emulate", str(folder), "plc", "--json"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout
        yield str(json.loads(process.stdout.readline())["path"])
        process.terminate()


def raw(level_m: float) -> int:
    return round((level_m + 0.05) * 1e5)


def until(condition: Callable[[], bool], timeout_s: float = 8.0) -> None:
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_pymodbus_polls_the_emulated_plc(rig_copy: Callable[..., Path]) -> None:
    with emulated(rig_copy("quad_tank")) as path:
        master = ModbusSerialClient(path, baudrate=115200, timeout=5)
        assert master.connect()

        def status(h1: float, beat: int) -> int:
            levels = [raw(h1), raw(0.12), raw(0.016), raw(0.014), beat]
            assert not master.write_registers(0, levels).isError()
            return int(master.read_input_registers(2, count=1).registers[0])

        assert status(0.12, 1) == 1
        volts, _ = master.read_input_registers(0, count=2).registers
        assert 2000 < volts < 5000
        until(lambda: status(HIGH_M, 2) == 0b011)
        assert master.read_input_registers(0, count=1).registers == [0]
        assert status(0.12, 3) == 0b011, "latched"
        beat = master.read_input_registers(9, count=1).registers
        until(lambda: master.read_input_registers(9, count=1).registers != beat)
        master.close()


def as_master(folder: Path) -> Path:
    """Its map when the PLC polls us: it writes holding registers, ten further on."""
    path = folder / "plc.csv"
    rows = list(csv.reader(path.read_text().splitlines()))
    for row in rows:
        if row[1:3] == ["read", "input_register"]:
            row[2:4] = ["holding_register", str(int(row[3]) + 10)]
    path.write_text("\n".join(",".join(row) for row in rows) + "\n")
    return folder


def test_the_emulated_plc_polls_a_pymodbus_device(rig_copy: Callable[..., Path]) -> None:
    side = ('side = "client" ', 'side = "server" ')
    with emulated(as_master(rig_copy("quad_tank")), side) as path:
        device = PymodbusSlave(path)
        try:
            levels = [raw(0.12), raw(0.12), raw(0.016), raw(0.014), 1]
            device.set(3, 0, levels)
            until(lambda: 2000 < device.get(3, 10, 1)[0] < 5000 and device.get(3, 12, 1) == [1])
            device.set(3, 0, [raw(HIGH_M), *levels[1:]])
            until(lambda: device.get(3, 12, 1) == [0b011])
            beat = device.get(3, 19, 1)
            until(lambda: device.get(3, 19, 1) != beat)
        finally:
            device.close()
