"""Every function code and exception against libmodbus, pymodbus and mbpoll."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from modbus_peers import LibmodbusClient, libmodbus_server, use_every_function
from pymodbus.client import ModbusTcpClient
from yardstick import free_port

from hil._bus import MbClient, MbServer, Tag

IN = [
    *(Tag(f"coil{i}", "coil", i, "bool") for i in range(10)),
    *(Tag(f"set{i}", "holding_register", i, "uint16") for i in range(10)),
]
OUT = [
    *(Tag(f"switch{i}", "discrete_input", i, "bool") for i in range(10)),
    *(Tag(f"level{i}", "input_register", i, "uint16") for i in range(10)),
    Tag("fixed", "holding_register", 20, "uint16"),
]


@pytest.fixture
def server() -> Iterator[MbServer]:
    server = MbServer("127.0.0.1", 0, IN, OUT)
    server.set_out([*([1, 0] * 5), *range(100, 110), 4711])
    server.start()
    yield server
    server.stop()


def test_libmodbus_client_uses_every_function_of_our_server(peer: Callable[[str], Path], server: MbServer) -> None:
    client = LibmodbusClient(peer("libmodbus_client"), server.port)
    use_every_function(client)
    client.close()
    assert server.take_in()[2][12:16] == [(500 & 0xFF00) | 0x12, 7, 8, 99]


def test_libmodbus_client_gets_the_exceptions_of_the_specification(
    peer: Callable[[str], Path], server: MbServer
) -> None:
    client = LibmodbusClient(peer("libmodbus_client"), server.port)
    assert client(3, 9, 2) == "error Illegal data address"
    assert client(6, 20, 1) == "error Illegal data address"
    assert client(16, 9, 1, 2) == "error Illegal data address"
    server.set_exception(4)
    assert client(3, 0, 1) == "error Slave device or server failure"
    server.set_exception(6)
    assert client(6, 0, 1) == "error Slave device or server is busy"
    assert client(3, 9, 2) == "error Illegal data address"
    server.set_exception(0)
    assert client(3, 0, 1) == [0]
    client.close()
    assert server.counters()["exception_codes"] == {2: 4, 4: 1, 6: 1}


def test_pymodbus_client_uses_every_function_of_our_server(server: MbServer) -> None:
    client = ModbusTcpClient("127.0.0.1", port=server.port, timeout=5)
    client.connect()
    assert client.read_discrete_inputs(0, count=10).bits[:10] == [True, False] * 5
    assert client.read_input_registers(3, count=2).registers == [103, 104]
    assert not client.write_coil(3, True).isError()
    assert not client.write_coils(4, [True, False]).isError()
    assert client.read_coils(3, count=3).bits[:3] == [True, True, False]
    assert not client.write_register(2, 500).isError()
    assert not client.write_registers(3, [7, 8]).isError()
    assert not client.mask_write_register(address=2, and_mask=0xFF00, or_mask=0x12).isError()
    both = client.readwrite_registers(read_address=2, read_count=3, write_address=4, values=[99])
    assert both.registers == [(500 & 0xFF00) | 0x12, 7, 99]
    assert client.read_holding_registers(300).exception_code == 2
    assert client.read_exception_status().exception_code == 1
    client.close()


def test_our_client_speaks_every_function_to_libmodbus(peer: Callable[[str], Path]) -> None:
    port = free_port()
    with libmodbus_server(peer("libmodbus_server"), port):
        client = MbClient("127.0.0.1", port, [], [], timeout_s=5)
        for sent, answer in (
            ("0500ccff00", "0500ccff00"),
            ("0f00cd000a02cd01", "0f00cd000a"),
            ("0100cc000b", "01029b03"),
            ("0200000008", "020149"),
            ("0600051234", "0600051234"),
            ("1000060002040001abcd", "1000060002"),
            ("16000500f20025", "16000500f20025"),
            ("0300050003", "0306" + f"{(0x1234 & 0xF2) | (0x25 & ~0xF2 & 0xFFFF):04x}" + "0001abcd"),
            ("04000a0002", "04040047004e"),
            ("17000600010007000102beef", "17020001"),
            ("0307cf0002", "8302"),
        ):
            assert client.transact(bytes.fromhex(sent)).hex() == answer
        client.stop()


def test_mbpoll_reads_and_writes_our_server(server: MbServer) -> None:
    def mbpoll(*words: str) -> str:
        line = ["mbpoll", "-m", "tcp", "-a", "1", "-0", "-1", "-p", str(server.port), *words]
        result = subprocess.run(line, capture_output=True, text=True, timeout=20)
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout

    found = re.findall(r"^\[(\d+)\]:\s+(-?\d+)", mbpoll("-t", "3", "-r", "0", "-c", "3", "127.0.0.1"), re.MULTILINE)
    assert found == [("0", "100"), ("1", "101"), ("2", "102")]
    mbpoll("-t", "4", "-r", "4", "127.0.0.1", "321", "654")
    assert server.take_in()[2][14:16] == [321, 654]
    mbpoll("-t", "0", "-r", "7", "127.0.0.1", "1")
    assert server.take_in()[2][7] == 1
    found = re.findall(r"^\[(\d+)\]:\s+(\d)", mbpoll("-t", "1", "-r", "0", "-c", "2", "127.0.0.1"), re.MULTILINE)
    assert found == [("0", "1"), ("1", "0")]
