"""Every function code and exception over serial lines, both roles: libmodbus, pymodbus, minimalmodbus and mbpoll."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import minimalmodbus
import pytest
from modbus_peers import LibmodbusClient, use_every_function
from pymodbus.client import ModbusSerialClient
from rtu_peers import Cable, PymodbusSlave, client_on, libmodbus_slave, server_on

from hil._bus import RtuServer, Tag

IN = [
    *(Tag(f"coil{i}", "coil", i, "bool") for i in range(10)),
    *(Tag(f"set{i}", "holding_register", i, "uint16") for i in range(10)),
    Tag("wide", "holding_register", 30, "float32"),
]
OUT = [
    *(Tag(f"switch{i}", "discrete_input", i, "bool") for i in range(10)),
    *(Tag(f"level{i}", "input_register", i, "uint16") for i in range(10)),
    Tag("fixed", "holding_register", 20, "uint16"),
    Tag("far", "input_register", 40, "int32"),
]


@pytest.fixture
def cable() -> Iterator[Cable]:
    cable = Cable()
    yield cable
    cable.close()


@pytest.fixture
def server(cable: Cable) -> Iterator[RtuServer]:
    server = server_on(cable.a, IN, OUT)
    server.set_out([*([1, 0] * 5), *range(100, 110), 4711, -70000])
    server.start()
    yield server
    server.stop()


# ---- others as master ----


def test_libmodbus_master_uses_every_function_of_our_slave(
    peer: Callable[[str], Path], cable: Cable, server: RtuServer
) -> None:
    master = LibmodbusClient(peer("libmodbus_client"), cable.b)
    use_every_function(master)
    master.close()
    assert server.take_in()[2][12:16] == [(500 & 0xFF00) | 0x12, 7, 8, 99]
    found = server.counters()
    assert found["requests"] == found["answers"] == 10
    assert found["wrong_crc"] == found["noise_bytes"] == found["gaps"] == found["exceptions"] == 0


def test_libmodbus_master_gets_the_exceptions_of_the_specification(
    peer: Callable[[str], Path], cable: Cable, server: RtuServer
) -> None:
    master = LibmodbusClient(peer("libmodbus_client"), cable.b)
    assert master(3, 9, 2) == "error Illegal data address"
    assert master(6, 20, 1) == "error Illegal data address"
    assert master(16, 9, 1, 2) == "error Illegal data address"
    server.set_exception(4)
    assert master(3, 0, 1) == "error Slave device or server failure"
    server.set_exception(6)
    assert master(6, 0, 1) == "error Slave device or server is busy"
    server.set_exception(0)
    assert master(3, 0, 1) == [0]
    master.close()
    assert server.counters()["exception_codes"] == {2: 3, 4: 1, 6: 1}


def test_pymodbus_master_uses_every_function_of_our_slave(cable: Cable, server: RtuServer) -> None:
    master = ModbusSerialClient(cable.b, baudrate=115200, timeout=5)
    assert master.connect()
    assert master.read_discrete_inputs(0, count=10).bits[:10] == [True, False] * 5
    assert master.read_input_registers(3, count=2).registers == [103, 104]
    assert not master.write_coil(3, True).isError()
    assert not master.write_coils(4, [True, False]).isError()
    assert master.read_coils(3, count=3).bits[:3] == [True, True, False]
    assert not master.write_register(2, 500).isError()
    assert not master.write_registers(3, [7, 8]).isError()
    assert not master.mask_write_register(address=2, and_mask=0xFF00, or_mask=0x12).isError()
    both = master.readwrite_registers(read_address=2, read_count=3, write_address=4, values=[99])
    assert both.registers == [(500 & 0xFF00) | 0x12, 7, 99]
    assert master.read_holding_registers(300).exception_code == 2
    assert master.read_exception_status().exception_code == 1, "a function whose length we do not know ends by silence"
    master.close()


def test_minimalmodbus_master_reads_and_writes_our_slave(cable: Cable, server: RtuServer) -> None:
    master = minimalmodbus.Instrument(cable.b, 1)
    assert master.serial
    master.serial.timeout = 1  # an exception is shorter than what it waits for, so it waits that long
    assert master.read_bit(2, functioncode=2) == 1
    assert master.read_bits(0, 10, functioncode=2) == [1, 0] * 5
    assert master.read_register(3, functioncode=4) == 103
    assert master.read_registers(0, 10, functioncode=4) == list(range(100, 110))
    assert master.read_long(40, functioncode=4, signed=True) == -70000
    master.write_bit(3, 1)
    master.write_bits(4, [1, 0, 1])
    assert master.read_bits(3, 4, functioncode=1) == [1, 1, 0, 1]
    master.write_register(2, 500, functioncode=6)
    master.write_register(3, 7.5, number_of_decimals=1)
    master.write_registers(4, [1, 65535])
    master.write_float(30, -2.5)
    assert master.read_float(30) == -2.5
    with pytest.raises(minimalmodbus.IllegalRequestError):
        master.read_register(300)
    master.serial.close()
    values = server.take_in()[2]
    assert values[12:16] == [500, 75, 1, 65535]
    assert values[20] == -2.5


def test_mbpoll_reads_and_writes_our_slave(cable: Cable, server: RtuServer) -> None:
    def mbpoll(*words: str) -> str:
        line = ["mbpoll", "-m", "rtu", "-b", "115200", "-P", "none", "-a", "1", "-0", "-1", *words]
        result = subprocess.run(line, capture_output=True, text=True, timeout=20)
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout

    found = re.findall(r"^\[(\d+)\]:\s+(-?\d+)", mbpoll("-t", "3", "-r", "0", "-c", "3", cable.b), re.MULTILINE)
    assert found == [("0", "100"), ("1", "101"), ("2", "102")]
    mbpoll("-t", "4", "-r", "4", cable.b, "321", "654")
    assert server.take_in()[2][14:16] == [321, 654]


# ---- others as slave ----

EVERY_FUNCTION = (
    ("0500ccff00", "0500ccff00"),
    ("0f00cd000a02cd01", "0f00cd000a"),
    ("0100cc000b", "01029b03"),
    ("0600051234", "0600051234"),
    ("1000060002040001abcd", "1000060002"),
    ("16000500f20025", "16000500f20025"),
    ("0300050003", "0306" + f"{(0x1234 & 0xF2) | (0x25 & ~0xF2 & 0xFFFF):04x}" + "0001abcd"),
    ("17000600010007000102beef", "17020001"),
    ("0307cf0002", "8302"),
)


def test_our_master_speaks_every_function_to_libmodbus(peer: Callable[[str], Path], cable: Cable) -> None:
    with libmodbus_slave(peer("libmodbus_rtu_server"), cable.a):
        master = client_on(cable.b, [], [], timeout_s=5)
        for sent, answer in (*EVERY_FUNCTION, ("0200000008", "020149"), ("04000a0002", "04040047004e")):
            assert master.transact(bytes.fromhex(sent)).hex() == answer
        master.stop()
        found = master.counters()
        assert found["requests"] == found["answers"] == 11
        assert found["wrong_crc"] == found["noise_bytes"] == found["timeouts"] == 0


def test_our_master_speaks_every_function_to_pymodbus(cable: Cable) -> None:
    slave = PymodbusSlave(cable.a)
    master = client_on(cable.b, [], [], timeout_s=5)
    try:
        for sent, answer in EVERY_FUNCTION:
            assert master.transact(bytes.fromhex(sent)).hex() == answer
        assert slave.get(3, 6, 2) == [1, 0xBEEF]
    finally:
        master.stop()
        slave.close()


def test_our_master_and_our_slave_exchange_images_in_phase(cable: Cable) -> None:
    server = server_on(cable.a, IN, OUT, unit=42)
    server.set_out([*([1, 0] * 5), *range(100, 110), 4711, -70000])
    server.start()
    master = client_on(cable.b, OUT, IN, unit=42, timeout_s=5)
    sent = [*([0, 1] * 5), *range(10), 0.5]
    master.set_out(sent)
    master.exchange(77)
    _, time_ns, values = master.take_in()
    assert (time_ns, values) == (77, [*([1, 0] * 5), *range(100, 110), 4711, -70000])
    assert server.take_in()[2] == sent
    master.stop()
    server.stop()
