"""Each communication fault through the proxy, as libmodbus and pymodbus see it."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from modbus_peers import LibmodbusClient, PymodbusServer, adu, libmodbus_server, read_frame, until
from pymodbus.client import ModbusTcpClient
from pymodbus.exceptions import ConnectionException, ModbusIOException
from yardstick import free_port

from hil.proxy import KINDS, Proxy, open_proxy, read_plan

READ_INPUTS = bytes([4, 0, 3, 0, 2])  # two input registers from address 3: 22 and 29
GOOD = [22, 29]

Through = Callable[..., Proxy]


@pytest.fixture(scope="module")
def device(peer: Callable[[str], Path]) -> Iterator[int]:
    port = free_port()
    with libmodbus_server(peer("libmodbus_server"), port):
        yield port


@pytest.fixture
def through(device: int, tmp_path: Path) -> Iterator[Through]:
    """`proxy = through('kind = "loss"')`: in front of libmodbus's server."""
    with contextlib.ExitStack() as stack:

        def start(fault: str, port: int = device, **options: Any) -> Proxy:
            plan = tmp_path / "plan.toml"
            plan.write_text(f"seed = 1\n[[fault]]\n{fault}\n")
            url = f"modbus-tcp://127.0.0.1:{port}"
            return stack.enter_context(open_proxy("modbus-tcp://127.0.0.1:0", url, plan=plan, **options))

        yield start


@pytest.fixture
def libmodbus(peer: Callable[[str], Path]) -> Iterator[Callable[[Proxy], LibmodbusClient]]:
    with contextlib.ExitStack() as stack:

        def connect(proxy: Proxy) -> LibmodbusClient:
            client = LibmodbusClient(peer("libmodbus_client"), proxy.port)
            stack.callback(client.close)
            return client

        yield connect


@contextlib.contextmanager
def pymodbus(proxy: Proxy, timeout: float = 0.15) -> Iterator[ModbusTcpClient]:
    client = ModbusTcpClient("127.0.0.1", port=proxy.port, timeout=timeout, retries=0)
    assert client.connect()
    try:
        yield client
    finally:
        client.close()


@contextlib.contextmanager
def raw(proxy: Proxy) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=5) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield sock


def acted(proxy: Proxy, n: int = 1) -> dict[str, Any]:
    """The n-th activation, which has to be told."""
    return until(lambda: proxy.events[n - 1 : n], what="an activation")[0]


# ---- libmodbus as the client: what its reads and writes come to ----

ANSWERS = [
    ('kind = "wrong_transaction"', "error Invalid data"),
    ('kind = "wrong_function"', "error Invalid data"),
    ('kind = "loss"', "error Connection timed out"),
    ('kind = "late"\ntime = "700ms"', "error Connection timed out"),
    ('kind = "reset"', "error Connection reset by peer"),
    ('kind = "busy"', "error Slave device or server is busy"),
    ('kind = "busy"\non = "response"', "error Slave device or server is busy"),
    ('kind = "swapped"', [29, 22]),
    ('kind = "bit_flip"\nat = 72', [22 + 256, 29]),
    ('kind = "masquerade"\naddress = 5', [36, 43]),
    ('kind = "duplicate"', GOOD),
    ('kind = "split"', GOOD),
    ('kind = "split"\ntime = "1ms"', GOOD),
    ('kind = "gap"\ntime = "20ms"', GOOD),
    ('kind = "delay"\ntime = "50ms"', GOOD),
    ('kind = "flood"\non = "request"\ncopies = 3', GOOD),
]


@pytest.mark.parametrize(
    ("fault", "answer"), ANSWERS, ids=lambda x: x.replace("\n", ", ") if isinstance(x, str) else ""
)
def test_libmodbus_client_sees_the_fault(through: Through, libmodbus: Any, fault: str, answer: Any) -> None:
    proxy = through(f"{fault}\nnth = 2")
    client = libmodbus(proxy)
    assert client(4, 3, 2) == GOOD
    assert client(4, 3, 2) == answer
    event = acted(proxy)
    assert (event["transaction"], event["before"] != "") == (2, True)
    assert proxy.summary()["faults"][0]["acted"] == 1


EXCEPTIONS = {
    1: "Illegal function",
    2: "Illegal data address",
    3: "Illegal data value",
    4: "Slave device or server failure",
    5: "Acknowledge",
    6: "Slave device or server is busy",
    7: "Negative acknowledge",
    8: "Memory parity error",
    10: "Gateway path unavailable",
    11: "Target device failed to respond",
}


@pytest.mark.parametrize("code", EXCEPTIONS)
def test_libmodbus_client_sees_every_exception_code(through: Through, libmodbus: Any, code: int) -> None:
    client = libmodbus(through(f'kind = "exception"\ncode = {code}'))
    assert client(4, 3, 2) == f"error {EXCEPTIONS[code]}"


# ---- pymodbus as the client ----


UNANSWERED = [
    'kind = "wrong_unit"',
    'kind = "wrong_transaction"',
    'kind = "wrong_length"',  # libmodbus's client does not look at the length field
    'kind = "truncate"',
    'kind = "loss"',
    'kind = "loss"\non = "request"',
    'kind = "half_open"',
]


@pytest.mark.parametrize("fault", UNANSWERED, ids=lambda x: x.replace("\n", ", "))
def test_pymodbus_client_gets_no_answer(through: Through, fault: str) -> None:
    proxy = through(f"{fault}\nnth = 1")
    with pymodbus(proxy) as client, pytest.raises((ModbusIOException, ConnectionException)):
        client.read_input_registers(3, count=2, device_id=1)
    acted(proxy)


def test_pymodbus_client_sees_an_exception_and_the_next_answer(through: Through) -> None:
    proxy = through('kind = "exception"\ncode = 2\nfunction = 4\nregister = 4\nnth = 1')
    with pymodbus(proxy, timeout=5) as client:
        assert client.read_input_registers(0, count=4, device_id=1).registers == [1, 8, 15, 22]
        assert client.read_input_registers(3, count=2, device_id=1).exception_code == 2
        assert client.read_input_registers(3, count=2, device_id=1).registers == GOOD


# ---- what only bytes show ----


def test_frozen_registers_are_those_from_before(through: Through, libmodbus: Any) -> None:
    client = libmodbus(through('kind = "frozen"\nregister = 7\nfrom = "200ms"'))
    assert client(6, 7, 1) == "ok"
    assert client(3, 7, 1) == [1]
    time.sleep(0.25)
    assert client(6, 7, 2) == "ok"
    assert client(3, 7, 1) == [1]
    assert client(3, 7, 2) == [2, 0]


def test_a_silently_accepted_write_never_arrives(through: Through, libmodbus: Any) -> None:
    proxy = through('kind = "silent_accept"\nnth = 2')
    client = libmodbus(proxy)
    assert client(16, 40, 5, 6) == "ok"
    assert client(16, 40, 7, 8) == "ok"
    assert client(3, 40, 2) == [5, 6]
    assert acted(proxy)["after"].endswith("011000280002")


def test_a_masquerading_unit_answers_as_the_one_asked(through: Through) -> None:
    server = PymodbusServer()
    try:
        with raw(through('kind = "masquerade"\nvalue = 9', server.port)) as sock:
            sock.sendall(adu(7, bytes([3, 0, 0, 0, 1]), unit=1))
            assert read_frame(sock) == adu(7, bytes([3, 2, 0, 0]), unit=1)
    finally:
        server.close()


def test_a_late_answer_comes_after_its_successor(through: Through) -> None:
    with raw(through('kind = "late"\ntime = "200ms"\nnth = 1')) as sock:
        for number in (1, 2):
            sock.sendall(adu(number, READ_INPUTS))
        assert [read_frame(sock)[1] for _ in range(2)] == [2, 1]


def test_a_delayed_answer_keeps_its_place(through: Through) -> None:
    with raw(through('kind = "delay"\ntime = "100ms"\nnth = 1')) as sock:
        begin = time.monotonic()
        for number in (1, 2):
            sock.sendall(adu(number, READ_INPUTS))
        assert [read_frame(sock)[1] for _ in range(2)] == [1, 2]
        assert time.monotonic() - begin >= 0.1


def test_reordered_answers_change_places(through: Through) -> None:
    with raw(through('kind = "reorder"\nnth = 1')) as sock:
        for number in (1, 2, 3):
            sock.sendall(adu(number, READ_INPUTS))
        assert [read_frame(sock)[1] for _ in range(3)] == [2, 1, 3]


def test_duplicates_and_a_flood_are_so_many(through: Through) -> None:
    for fault, n in (('kind = "duplicate"\ncopies = 3', 4), ('kind = "flood"\ncopies = 5000', 5001)):
        with raw(through(f"{fault}\nnth = 1")) as sock:
            sock.sendall(adu(1, READ_INPUTS))
            assert {read_frame(sock) for _ in range(n)} == {adu(1, bytes([4, 4, 0, 22, 0, 29]))}
            sock.sendall(adu(2, READ_INPUTS))
            assert read_frame(sock)[1] == 2


def test_split_comes_in_segments(through: Through) -> None:
    with raw(through('kind = "split"\nbytes = 5\ntime = "500ms"')) as sock:
        sock.sendall(adu(1, READ_INPUTS))
        assert [len(sock.recv(64)) for _ in range(3)] == [5, 5, 3]


def test_extra_bytes_follow_the_frame_or_lie_in_it(through: Through) -> None:
    with raw(through('kind = "extra"\ndata = "de ad"')) as sock:
        sock.sendall(adu(1, READ_INPUTS))
        assert sock.recv(64) == adu(1, bytes([4, 4, 0, 22, 0, 29])) + b"\xde\xad"
    with raw(through('kind = "extra"\ndata = "de ad"\nrepair = true')) as sock:
        sock.sendall(adu(1, READ_INPUTS))
        assert sock.recv(64) == adu(1, bytes([4, 4, 0, 22, 0, 29, 0xDE, 0xAD]))


def test_wrong_unit_of_a_request_reaches_the_device(through: Through) -> None:
    with raw(through('kind = "wrong_unit"\nvalue = 17\non = "request"')) as sock:
        sock.sendall(adu(1, READ_INPUTS))
        assert read_frame(sock)[6] == 17  # libmodbus's server answers to any unit, as the one that it was asked for


def test_a_half_open_connection_passes_the_other_way_and_comes_back(through: Through) -> None:
    proxy = through('kind = "half_open"\ntime = "200ms"\nnth = 1')
    with raw(proxy) as sock:
        sock.settimeout(0.1)
        sock.sendall(adu(1, READ_INPUTS))
        with pytest.raises(TimeoutError):
            sock.recv(64)
        assert proxy.summary()["responses"] == 1
        time.sleep(0.15)
        sock.sendall(adu(2, READ_INPUTS))
        assert read_frame(sock)[1] == 2


def test_half_open_connections_do_not_use_up_the_proxy(through: Through) -> None:
    proxy = through('kind = "half_open"\non = "request"')
    for n in range(1, 41):
        with raw(proxy) as sock:
            sock.sendall(adu(n, READ_INPUTS))
            acted(proxy, n)
    assert proxy.summary()["connections"] == 40
    assert proxy.summary()["unreachable"] == 0


def test_connections_are_refused_for_a_time(through: Through) -> None:
    proxy = through('kind = "refused"\nto = "600ms"')

    def is_refused() -> bool:
        try:
            socket.create_connection(("127.0.0.1", proxy.port), timeout=1).close()
        except ConnectionRefusedError:
            return True
        return False

    until(is_refused, what="a refused connection")
    until(lambda: not is_refused(), what="a connection")
    assert acted(proxy)["classes"] == ["loss"]
    with raw(proxy) as sock:
        sock.sendall(adu(1, READ_INPUTS))
        assert read_frame(sock)


def test_every_kind_has_a_test() -> None:
    text = Path(__file__).read_text(encoding="utf-8")
    rtu = Path(__file__).with_name("test_proxy_serial.py").read_text(encoding="utf-8")
    for kind in KINDS:
        assert f'kind = "{kind}"' in text + rtu, kind


# ---- conditions ----


def test_conditions_choose_the_frames(through: Through) -> None:
    with raw(through('kind = "wrong_transaction"\nvalue = 256\nevery = 3')) as sock:
        numbers = []
        for number in range(1, 8):
            sock.sendall(adu(number, READ_INPUTS))
            numbers.append(read_frame(sock)[0])
    assert numbers == [0, 0, 1, 0, 0, 1, 0]


def test_probability_is_drawn_from_the_seed(through: Through) -> None:
    def acted_on() -> list[int]:
        with raw(through('kind = "wrong_transaction"\nvalue = 256\nprobability = 0.3')) as sock:
            numbers = []
            for number in range(200):
                sock.sendall(adu(number, READ_INPUTS))
                numbers.append(read_frame(sock)[0])
        return numbers

    first = acted_on()
    assert first == acted_on()
    assert 30 < sum(first) < 90


def test_unit_and_function_and_register_have_to_fit(through: Through, libmodbus: Any) -> None:
    proxy = through('kind = "busy"\nunit = 1\nfunction = 3\nregister = [100, 109]')
    client = libmodbus(proxy)
    assert client(3, 90, 10) == [0] * 10
    assert client(4, 100, 1) == [701]
    assert client(3, 99, 2) == "error Slave device or server is busy"
    assert client(3, 109, 1) == "error Slave device or server is busy"
    assert client(3, 110, 1) == [0]


def test_an_unreachable_device_resets_the_client() -> None:
    with open_proxy("modbus-tcp://127.0.0.1:0", f"modbus-tcp://127.0.0.1:{free_port()}") as proxy:
        with contextlib.suppress(ConnectionResetError), raw(proxy) as sock:
            assert sock.recv(1) == b""
        assert until(lambda: proxy.summary()["unreachable"], what="the failed connection") == 1


def test_plan_numbers_come_out_as_written(tmp_path: Path) -> None:
    plan = tmp_path / "plan.toml"
    plan.write_text('[[fault]]\nkind = "delay"\ntime = "200ms"\nregister = [0, 9]\nfrom = "2s"\nto = 10\nevery = 10\n')
    fault = read_plan(plan).faults[0].core
    assert (fault.time_ns, fault.from_ns, fault.to_ns) == (200_000_000, 2_000_000_000, 10_000_000_000)
    assert (fault.first, fault.last, fault.every, fault.ways) == (0, 9, 10, 2)
