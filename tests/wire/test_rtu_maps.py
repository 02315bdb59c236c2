"""Random I/O maps over serial lines, in both roles, with libmodbus at the other end."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from modbus_peers import READ_FUNCTION, LibmodbusClient
from register_oracle import Case, cases, cells_of, limits, raw_of, same, words_of
from rtu_peers import Cable, client_on, libmodbus_slave, server_on

shared_line = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def cable() -> Iterator[Cable]:
    cable = Cable()
    yield cable
    cable.close()


@pytest.fixture(scope="module")
def slave_line(peer: Callable[[str], Path], cable: Cable) -> Iterator[str]:
    with libmodbus_slave(peer("libmodbus_rtu_server"), cable.a):
        yield cable.b


@shared_line
@given(cases(writable=True), limits)
def test_what_our_master_writes_to_a_libmodbus_slave_comes_back(
    slave_line: str, written: list[Case], options: dict[str, Any]
) -> None:
    tags = [c.tag for c in written]
    options = {k: v for k, v in options.items() if k != "depth"}  # one request at a time
    master = client_on(slave_line, tags, tags, timeout_s=5, **options)
    values = [0.0 if math.isnan(c.value) else c.value for c in written]
    master.set_out(values)
    master.exchange(1)
    master.exchange(2)  # with code 23 a read may come before another write: the second cycle sees all
    found = master.take_in()[2]
    master.stop()
    expected = [Case(t, raw_of(t, v)).value for t, v in zip(tags, values, strict=True)]
    assert [t.name for t, a, b in zip(tags, expected, found, strict=True) if not same(a, b)] == []


@pytest.fixture(scope="module")
def our_line() -> Iterator[Cable]:
    cable = Cable()
    yield cable
    cable.close()


@pytest.fixture(scope="module")
def master(peer: Callable[[str], Path], our_line: Cable) -> Iterator[LibmodbusClient]:
    master = LibmodbusClient(peer("libmodbus_client"), our_line.b)
    yield master
    master.close()


@shared_line
@given(cases(writable=True), cases(writable=False))
def test_our_slave_serves_any_map_to_a_libmodbus_master(
    our_line: Cable, master: LibmodbusClient, written: list[Case], served: list[Case]
) -> None:
    served = [Case(case.tag._replace(address=case.tag.address + 200), case.raw) for case in served]
    server = server_on(our_line.a, [c.tag for c in written], [c.tag for c in served])
    server.set_out([0.0 if math.isnan(c.value) else c.value for c in served])
    server.start()
    try:
        for case in served:
            value = 0.0 if math.isnan(case.value) else case.value
            found = master(READ_FUNCTION[case.tag.table], case.tag.address, words_of(case.tag))
            assert found == cells_of(case.tag, raw_of(case.tag, value))
        for case in written:
            assert master(15 if case.tag.table == "coil" else 16, case.tag.address, *case.cells) == "ok"
        taken = server.take_in()[2]
        assert [c.tag.name for c, v in zip(written, taken, strict=True) if not same(c.value, v)] == []
        assert server.counters()["exceptions"] == 0
    finally:
        server.stop()
