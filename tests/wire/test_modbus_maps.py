"""Random I/O maps over real peers: every type, byte and word order, request limit and function code, in both roles."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from modbus_peers import READ_FUNCTION, LibmodbusClient, PymodbusServer, libmodbus_server
from pymodbus.client import ModbusTcpClient
from register_oracle import Case, cases, cells_of, limits, raw_of, same, words_of
from yardstick import free_port

from hil._bus import MbClient, MbServer, Tag, plan_requests

shared_device = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def device() -> Iterator[PymodbusServer]:
    server = PymodbusServer()
    yield server
    server.close()


@shared_device
@given(cases(writable=False), cases(writable=True), limits)
def test_our_client_reads_and_writes_any_map_of_a_pymodbus_device(
    device: PymodbusServer, reads: list[Case], writes: list[Case], options: dict[str, Any]
) -> None:
    options = {**options, "depth": 1}  # pymodbus answers only the first of two requests that arrive together
    for case in writes:
        device.set(READ_FUNCTION[case.tag.table], case.tag.address, [0] * words_of(case.tag))
    client = MbClient("127.0.0.1", device.port, [c.tag for c in reads], [c.tag for c in writes], timeout_s=5, **options)
    values = [0.0 if math.isnan(case.value) else case.value for case in writes]
    client.set_out(values)
    client.exchange(1)
    for case, value in zip(writes, values, strict=True):
        cells = device.get(READ_FUNCTION[case.tag.table], case.tag.address, words_of(case.tag))
        assert cells == cells_of(case.tag, raw_of(case.tag, value))
    for case in reads:
        device.set(READ_FUNCTION[case.tag.table], case.tag.address, case.cells)
    read_only = MbClient("127.0.0.1", device.port, [c.tag for c in reads], [], timeout_s=5, **options)
    read_only.exchange(77)
    _, time_ns, found = read_only.take_in()
    assert time_ns == 77
    assert [c.tag.name for c, v in zip(reads, found, strict=True) if not same(c.value, v)] == []
    for bus in (client, read_only):
        bus.stop()
        assert bus.counters()["exceptions"] == bus.counters()["malformed"] == 0


def apart(served: list[Case]) -> list[Case]:
    """Move what the bench serves behind what clients write, so that no register belongs to both."""
    return [Case(case.tag._replace(address=case.tag.address + 200), case.raw) for case in served]


Read = Callable[[str, int, int], list[int]]
Write = Callable[[str, int, list[int]], None]


def check_server(server: MbServer, written: list[Case], served: list[Case], read: Read, write: Write) -> None:
    server.set_out([0.0 if math.isnan(c.value) else c.value for c in served])
    server.start()
    for case in served:
        value = 0.0 if math.isnan(case.value) else case.value
        assert read(case.tag.table, case.tag.address, words_of(case.tag)) == cells_of(case.tag, raw_of(case.tag, value))
    for case in written:
        write(case.tag.table, case.tag.address, case.cells)
    _, _, found = server.take_in()
    assert [c.tag.name for c, v in zip(written, found, strict=True) if not same(c.value, v)] == []
    assert server.counters()["exceptions"] == 0


@given(cases(writable=True), cases(writable=False))
def test_our_server_serves_any_map_to_a_pymodbus_client(written: list[Case], served: list[Case]) -> None:
    served = apart(served)
    server = MbServer("127.0.0.1", 0, [c.tag for c in written], [c.tag for c in served])
    client = ModbusTcpClient("127.0.0.1", port=server.port, timeout=5)

    def read(table: str, address: int, count: int) -> list[int]:
        if table == "coil":
            return [int(b) for b in client.read_coils(address, count=count).bits[:count]]
        if table == "discrete_input":
            return [int(b) for b in client.read_discrete_inputs(address, count=count).bits[:count]]
        reader = client.read_input_registers if table == "input_register" else client.read_holding_registers
        return list(reader(address, count=count).registers)

    def write(table: str, address: int, cells: list[int]) -> None:
        if table == "coil":
            assert not client.write_coils(address, [bool(c) for c in cells]).isError()
        else:
            assert not client.write_registers(address, cells).isError()

    try:
        client.connect()
        check_server(server, written, served, read, write)
    finally:
        client.close()
        server.stop()


@shared_device
@given(cases(writable=True), cases(writable=False))
def test_our_server_serves_any_map_to_a_libmodbus_client(
    peer: Callable[[str], Path], written: list[Case], served: list[Case]
) -> None:
    served = apart(served)
    server = MbServer("127.0.0.1", 0, [c.tag for c in written], [c.tag for c in served])
    client = LibmodbusClient(peer("libmodbus_client"), server.port)

    def read(table: str, address: int, count: int) -> list[int]:
        answer = client(READ_FUNCTION[table], address, count)
        assert isinstance(answer, list), answer
        return answer

    def write(table: str, address: int, cells: list[int]) -> None:
        assert client(15 if table == "coil" else 16, address, *cells) == "ok"

    try:
        check_server(server, written, served, read, write)
    finally:
        client.close()
        server.stop()


@shared_device
@given(cases(writable=True), limits)
def test_what_our_client_writes_to_a_libmodbus_device_comes_back(
    lib_port: int, written: list[Case], options: dict[str, Any]
) -> None:
    tags = [c.tag for c in written]
    client = MbClient("127.0.0.1", lib_port, tags, tags, timeout_s=5, **options)
    values = [0.0 if math.isnan(c.value) else c.value for c in written]
    client.set_out(values)
    client.exchange(1)
    client.exchange(2)  # with code 23 a read may come before another write: the second cycle sees all
    found = client.take_in()[2]
    client.stop()
    expected = [Case(t, raw_of(t, v)).value for t, v in zip(tags, values, strict=True)]
    assert [t.name for t, a, b in zip(tags, expected, found, strict=True) if not same(a, b)] == []


@pytest.fixture(scope="module")
def lib_port(peer: Callable[[str], Path]) -> Iterator[int]:
    port = free_port()
    with libmodbus_server(peer("libmodbus_server"), port):
        yield port


@given(cases(writable=False, most=40), limits)
def test_every_value_is_read_whole_and_no_request_exceeds_its_limit(reads: list[Case], options: dict[str, Any]) -> None:
    depthless = {k: v for k, v in options.items() if k != "depth"}
    requests = plan_requests([c.tag for c in reads], [], **depthless)
    for case in reads:
        function, first, last = (
            READ_FUNCTION[case.tag.table],
            case.tag.address,
            case.tag.address + words_of(case.tag),
        )
        assert sum(f == function and a <= first and last <= a + n for f, a, n in requests) == 1
    for function, _, quantity in requests:
        most = options["max_read_bits"] or 2000 if function <= 2 else options["max_read_registers"] or 125
        assert quantity <= most
    mapped = {(READ_FUNCTION[c.tag.table], c.tag.address + i) for c in reads for i in range(words_of(c.tag))}
    for function, address, quantity in requests:
        gaps = "".join("x" if (function, a) in mapped else "." for a in range(address, address + quantity)).split("x")
        assert max(map(len, gaps)) <= options["max_gap"]


def test_integers_on_both_sides_of_2_to_53(lib_port: int) -> None:
    tags = [Tag("unsigned", "holding_register", 700, "uint64"), Tag("signed", "holding_register", 704, "int64")]
    client = MbClient("127.0.0.1", lib_port, tags, [])
    for distance, exact in ((-1, True), (0, True), (1, False), (2, False)):
        raw = 2**53 + distance
        for tag, number in zip(tags, (raw, -raw), strict=True):
            cells = cells_of(tag, number)
            pdu = (
                bytes([16])
                + tag.address.to_bytes(2, "big")
                + b"\0\4\10"
                + b"".join(c.to_bytes(2, "big") for c in cells)
            )
            client.transact(pdu)
        client.exchange(0)
        found = client.take_in()[2]
        assert all(same(v, e) for v, e in zip(found, [raw, -raw] if exact else [math.nan] * 2, strict=True))
    client.stop()
