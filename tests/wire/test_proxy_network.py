"""The proxy on serial lines behind a network: socat and pyserial's RFC 2217 server, with libmodbus and pymodbus."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from link_rig import board_with, bus_on, opened
from modbus_peers import LibmodbusClient, until
from pymodbus import FramerType
from pymodbus.client import ModbusTcpClient
from rtu_peers import Cable, libmodbus_slave
from serial_peers import raw_port_server, rfc2217_server

from hil.errors import BusError
from hil.proxy import Proxy, open_proxy

Peer = Callable[[str], Path]
GOOD = [22, 29]

# pyserial 3.5 names and marks its thread in the old way.
pytestmark = pytest.mark.filterwarnings("ignore:set(Daemon|Name):DeprecationWarning")


@pytest.fixture
def far(peer: Peer) -> Iterator[str]:
    """A serial port with libmodbus's slave at the other end of its cable."""
    cable = Cable()
    try:
        with libmodbus_slave(peer("libmodbus_rtu_server"), cable.a):
            yield cable.b
    finally:
        cable.close()


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    file = tmp_path / "plan.toml"
    file.write_text('[[fault]]\nkind = "busy"\nnth = 3\n\n[[fault]]\nkind = "crc"\non = "response"\nnth = 4\n')
    return file


@pytest.mark.parametrize("scheme", ["socket", "rfc2217"])
def test_a_master_reaches_a_slave_behind_a_network_and_sees_the_faults(
    peer: Peer, far: str, plan: Path, scheme: str
) -> None:
    with contextlib.ExitStack() as stack:
        if scheme == "socket":
            url = f"socket://127.0.0.1:{stack.enter_context(raw_port_server(far))}"
        else:
            url = f"{stack.enter_context(rfc2217_server(far)).url}?baud=19200"
        proxy = stack.enter_context(open_proxy("modbus-rtu://pty", url, plan=plan))
        client = LibmodbusClient(peer("libmodbus_client"), proxy.path)
        stack.callback(client.close)
        assert [client(4, 3, 2) for _ in range(2)] == [GOOD, GOOD]
        assert client(4, 3, 2) == "error Slave device or server is busy"
        assert client(4, 3, 2) == GOOD
        assert client(4, 3, 2) == "error Invalid CRC"  # the busy answer was the proxy's own: this is the fourth
        assert client(4, 3, 2) == GOOD
        assert [fault["acted"] for fault in proxy.summary()["faults"]] == [1, 1]


def registers(client: ModbusTcpClient) -> Any:
    return client.read_input_registers(3, count=2, device_id=1).registers


def client_of(proxy: Proxy) -> ModbusTcpClient:
    return ModbusTcpClient("127.0.0.1", port=proxy.port, framer=FramerType.RTU, timeout=2, retries=0)


def test_a_program_connects_to_the_end_of_a_line_one_after_the_other(far: str, tmp_path: Path) -> None:
    plan = tmp_path / "busy.toml"
    plan.write_text('[[fault]]\nkind = "busy"\nnth = 3\n')
    with raw_port_server(far) as port:
        target = f"socket://127.0.0.1:{port}"
        with open_proxy("socket://127.0.0.1:0", target, protocol="modbus-rtu", plan=plan) as proxy:
            assert proxy.listen == f"socket://127.0.0.1:{proxy.port}"
            with client_of(proxy) as first:
                assert registers(first) == GOOD
                place = ("127.0.0.1", proxy.port)
                with pytest.raises(ConnectionResetError), socket.create_connection(place, timeout=5) as second:
                    second.recv(1)  # there is one end of a line
                assert registers(first) == GOOD
                assert first.read_input_registers(3, count=2, device_id=1).exception_code == 6
            for _ in range(20):  # at once, while the proxy learns that the one before has gone
                with client_of(proxy) as next_one:
                    assert registers(next_one) == GOOD
            until(lambda: proxy.events, what="an activation")
            assert proxy.summary()["connections"] == 21
            assert not proxy.failed.is_set()


def test_a_device_whose_network_goes_is_told(far: str) -> None:
    with rfc2217_server(far) as server, open_proxy("modbus-rtu://pty", server.url) as proxy:
        server.cut()
        assert proxy.failed.wait(5)
        assert server.url in str(proxy.error)


def test_lock_step_over_the_link_crosses_a_network(tmp_path: Path) -> None:
    with (
        board_with(5.0, tmp_path, 0.01) as path,
        raw_port_server(path) as port,
        open_proxy("serial://pty", f"socket://127.0.0.1:{port}") as proxy,
        opened(proxy.path) as fd,
        bus_on(fd) as bus,
    ):
        bus.connect()
        bus.begin(True, True)
        for k in range(60):
            bus.set_out([float(k)])
            bus.exchange(1000 * k)
            assert bus.take_in()[2][0] == 2.0 * k


REFUSED = [
    ("socket://127.0.0.1:0", "socket://127.0.0.1:9", None, "nothing says what is spoken.*--protocol modbus-rtu"),
    ("socket://127.0.0.1:0", "socket://127.0.0.1:9", "modbus-tcp", "no line protocol 'modbus-tcp'"),
    ("modbus-rtu://pty", "socket://127.0.0.1:9", "serial", "does not translate modbus-rtu to serial"),
    ("modbus-tcp://127.0.0.1:0", "socket://127.0.0.1:9", None, "does not translate modbus-tcp to socket"),
    ("rfc2217://127.0.0.1:9", "modbus-rtu://pty", None, "only the device's end can be reached by RFC 2217"),
    ("socket://127.0.0.1", "modbus-rtu://pty", None, "needs host and port"),
    ("modbus-rtu://pty", "socket://127.0.0.1:9", None, "the host refused the connection"),
]


@pytest.mark.parametrize(("listen", "to", "protocol", "message"), REFUSED, ids=[r[-1] for r in REFUSED])
def test_ends_that_cannot_be_are_one_line(listen: str, to: str, protocol: str | None, message: str) -> None:
    with pytest.raises(BusError, match=message) as caught:
        open_proxy(listen, to, protocol=protocol)
    assert len(str(caught.value).splitlines()) == 1
