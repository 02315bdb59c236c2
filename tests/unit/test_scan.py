"""`hil scan` against a pymodbus device with holes in its map, and against peers that are no Modbus device."""

from __future__ import annotations

import asyncio
import contextlib
import csv
import itertools
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pymodbus import ModbusDeviceIdentification
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from hil import scan
from hil.drivers.discovery import Limits, Survey, survey_modbus
from hil.errors import BusError
from hil.iomap_reader import read_map

FLOAT_REGISTERS = [0x4144, 0x28F6]  # 12.26 as float32
HOLDING = {0: [5, 0, 7, *FLOAT_REGISTERS, 0, 0, 0, 0, 9], 40: [1, 2, 3, 4, 5], 701: [11, 12]}
INPUTS = {100: list(range(200, 232)), 999: [3]}
COILS = {0: [True, False] * 8}
IDENTITY = ModbusDeviceIdentification(
    info_name={"VendorName": "Acme", "ProductCode": "T-100", "MajorMinorRevision": "2.1"}
)
FAST = Limits(timeout_s=30.0, rate_hz=1e5)


def words(areas: dict[int, list[int]]) -> list[SimData]:
    return [SimData(at, values=v, datatype=DataType.REGISTERS) for at, v in areas.items()]


def device(holding: dict[int, list[int]], action: Any = None) -> SimDevice:
    coils = [SimData(at, values=list(v), datatype=DataType.BITS) for at, v in COILS.items()]
    # pymodbus wants at least one discrete input; 60000 lies outside of what is looked at.
    inputs = [SimData(60000, values=[True] * 16, datatype=DataType.BITS)]
    blocks = (coils, inputs, words(holding), words(INPUTS))
    return SimDevice(1, simdata=blocks, action=action)


@contextlib.contextmanager
def serving(what: SimDevice) -> Iterator[int]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    def run(work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, loop).result(10)

    async def start() -> ModbusTcpServer:
        server = ModbusTcpServer(what, address=("127.0.0.1", 0), identity=IDENTITY)
        await server.serve_forever(background=True)
        return server

    server = run(start())
    try:
        yield server.transport.sockets[0].getsockname()[1]
    finally:
        run(server.shutdown())
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@pytest.fixture
def port() -> Iterator[int]:
    with serving(device(HOLDING)) as port:
        yield port


@contextlib.contextmanager
def peer(handle: Callable[[socket.socket], None]) -> Iterator[int]:
    """A TCP server that treats each connection with `handle`."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(0.1)
    ending = threading.Event()

    def serve() -> None:
        while not ending.is_set():
            with contextlib.suppress(OSError):
                sock, _ = listener.accept()
                sock.settimeout(2)
                with sock, contextlib.suppress(OSError):
                    handle(sock)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        ending.set()
        thread.join()
        listener.close()


def areas_of(survey: Survey, table: str) -> dict[int, list[int]]:
    return {area.first: list(area.values) for area in survey.areas if area.table == table}


def test_every_readable_range_is_found_with_its_values(port: int) -> None:
    survey = survey_modbus("127.0.0.1", port, 1, FAST)
    assert areas_of(survey, "holding_register") == HOLDING
    assert areas_of(survey, "input_register") == INPUTS
    assert areas_of(survey, "coil") == {0: [int(v) for v in COILS[0]]}
    assert areas_of(survey, "discrete_input") == {}
    assert survey.unseen == {}
    assert survey.identity["vendor"] == "Acme"
    assert survey.requests <= FAST.requests


def test_the_map_reads_back_as_the_device(port: int) -> None:
    mistakes: list[Any] = []
    text = scan.make_map(survey_modbus("127.0.0.1", port, 1, FAST))
    tags = read_map(text, lambda *mistake: mistakes.append(mistake))
    assert mistakes == []
    found = {(tag.table, tag.address) for tag in tags}
    holding = {("holding_register", at + k) for at, values in HOLDING.items() for k in range(len(values))}
    inputs = {("input_register", at + k) for at, values in INPUTS.items() for k in range(len(values))}
    assert found == holding | inputs | {("coil", k) for k in range(16)}
    assert {tag.direction for tag in tags} == {"read"}


def test_a_float_in_two_registers_is_pointed_out(port: int) -> None:
    text = scan.make_map(survey_modbus("127.0.0.1", port, 1, FAST))
    rows = {row["tag"]: row for row in csv.DictReader(line for line in text.splitlines() if not line.startswith("#"))}
    assert "float32 with the next register (word order big): 12.26" in rows["hr.3"]["description"]
    assert [tag for tag, row in rows.items() if "float32" in row["description"]] == ["hr.3"]


def test_a_value_that_changes_is_marked() -> None:
    counter = itertools.count(1)

    async def count_up(code: int, start: int, address: int, n: int, registers: list[int], values: Any) -> None:
        if code == 3 and start == 0:
            registers[2] = next(counter) & 0xFFFF

    with serving(device(HOLDING, count_up)) as port:
        survey = survey_modbus("127.0.0.1", port, 1, FAST)
    assert survey.changed == {("holding_register", 2)}


def test_requests_are_bounded_and_what_was_not_seen_is_said(port: int) -> None:
    asked: list[int] = []
    limits = Limits(requests=60, rate_hz=1e5)
    survey = survey_modbus("127.0.0.1", port, 1, limits, progress=lambda n, _: asked.append(n))
    assert survey.requests == 60
    assert asked[-1] == 60
    assert survey.unseen["holding_register"] > 0
    assert any("were not looked at" in line for line in scan.summary(survey))


def test_the_rate_is_kept(port: int) -> None:
    start_s = time.monotonic()
    survey = survey_modbus("127.0.0.1", port, 1, Limits(requests=40, rate_hz=100))
    assert survey.requests == 40
    assert time.monotonic() - start_s >= 0.39 - 0.01


def test_a_device_that_answers_everything_gets_a_short_map() -> None:
    with serving(device({0: [0] * 998 + [17, 0]})) as port:
        survey = survey_modbus("127.0.0.1", port, 1, FAST)
    assert {row["tag"] for row in scan.rows(survey) if row["tag"].startswith("hr.")} == {"hr.998"}
    assert areas_of(survey, "holding_register") == {0: [0] * 998 + [17, 0]}


def test_a_closed_port_is_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(BusError, match=f"127.0.0.1:{port}: connection refused"):
        survey_modbus("127.0.0.1", port, 1, FAST)


def test_something_that_is_not_modbus_is_told_apart_from_silence() -> None:
    def chatter(sock: socket.socket) -> None:
        sock.sendall(b"SSH-2.0-OpenSSH_9.2\r\n" * 20)
        while sock.recv(100):
            pass

    def silence(sock: socket.socket) -> None:
        while sock.recv(100):
            pass

    quick = Limits(timeout_s=0.5, rate_hz=1e5)
    with peer(chatter) as port, pytest.raises(BusError, match="is not Modbus TCP"):
        survey_modbus("127.0.0.1", port, 1, FAST)
    with peer(silence) as port, pytest.raises(BusError, match="answers no Modbus request"):
        survey_modbus("127.0.0.1", port, 1, quick)


def test_a_wrong_unit_is_one_line(port: int) -> None:
    with pytest.raises(BusError) as error:
        survey_modbus("127.0.0.1", port, 77, Limits(last=20, timeout_s=0.2, rate_hz=1e5))
    assert "--unit" in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("limits", "unit"), [(Limits(first=9, last=3), 1), (Limits(last=70000), 1), (Limits(rate_hz=0), 1), (FAST, 300)]
)
def test_impossible_limits_are_refused_before_anything_is_sent(limits: Limits, unit: int) -> None:
    with pytest.raises(BusError):
        survey_modbus("127.0.0.1", 9, unit, limits)
