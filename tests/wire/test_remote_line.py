"""Serial lines behind a network, against pyserial's RFC 2217 server and socat: they carry, end, never hang."""

from __future__ import annotations

import os
import select
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from serial_peers import Rfc2217Server, ends, pseudo_terminal, read_some, rfc2217_server

from hil.drivers.remote_line import open_device_line
from hil.errors import BusError

EVERY_BYTE = bytes(range(256)) * 40

# pyserial 3.5 names and marks its thread in the old way.
pytestmark = pytest.mark.filterwarnings("ignore:set(Daemon|Name):DeprecationWarning")


def until(condition: Callable[[], Any], timeout_s: float = 10.0) -> None:
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, "did not come true in time"
        time.sleep(0.01)


def write_all(fd: int, data: bytes) -> None:
    while data:
        assert select.select([], [fd], [], 5.0)[1], "nothing can be written"
        data = data[os.write(fd, data[:2000]) :]


def carried(to: int, come: int) -> bytes:
    """What arrives of all byte values, in pieces that a pseudo-terminal's 4 KiB hold."""
    found = b""
    for at in range(0, len(EVERY_BYTE), 1024):
        write_all(to, EVERY_BYTE[at : at + 1024])
        found += read_some(come, 1024)
    return found


@pytest.fixture
def device() -> Iterator[tuple[int, str]]:
    """Where the serial device would be: our descriptor, and the port that a server opens."""
    with pseudo_terminal() as (master, path):
        yield master, path


@pytest.fixture
def server(device: tuple[int, str]) -> Iterator[Rfc2217Server]:
    with rfc2217_server(device[1]) as server:
        yield server


def test_every_byte_crosses_an_rfc2217_line_both_ways_with_the_asked_settings(
    device: tuple[int, str], server: Rfc2217Server
) -> None:
    line = open_device_line(f"{server.url}?baud=57600&stop=2")
    try:
        assert (server.port.baudrate, server.port.stopbits, server.port.parity) == (57600, 2, "N")
        assert line.bit_ns == round(1e9 / 57600)
        assert carried(line.fd, device[0]) == EVERY_BYTE
        assert carried(device[0], line.fd) == EVERY_BYTE
    finally:
        line.close()


def test_a_line_whose_network_goes_reads_as_ended(server: Rfc2217Server) -> None:
    line = open_device_line(server.url)
    try:
        server.cut()
        assert ends(line.fd)
    finally:
        line.close()


def test_what_was_written_before_a_line_is_closed_arrives_and_the_next_client_is_served(
    device: tuple[int, str], server: Rfc2217Server
) -> None:
    for text in (b"first", b"second"):
        line = open_device_line(server.url)
        os.write(line.fd, text)
        line.close()
        assert read_some(device[0], len(text)) == text
        until(lambda: server.client is None)
    assert server.clients == 2


def test_a_server_that_takes_nothing_more_does_not_hold_a_line_open(
    device: tuple[int, str], server: Rfc2217Server
) -> None:
    line = open_device_line(server.url)
    server.stuck.set()
    blocked, end = 0.0, time.monotonic() + 20
    while not blocked or time.monotonic() - blocked < 0.3:  # until nothing has gone for a while
        assert time.monotonic() < end
        try:
            os.write(line.fd, bytes(4096))
            blocked = 0.0
        except BlockingIOError:
            blocked = blocked or time.monotonic()
            time.sleep(0.01)
    line.close()  # the fixture `nothing_leaks` waits for the threads and sockets behind it
    server.stuck.clear()


@pytest.fixture
def socat(tmp_path: Path) -> Iterator[tuple[int, str, subprocess.Popen[str]]]:
    """A port server of raw bytes: its TCP port, the pseudo-terminal that it serves, its process."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    path = tmp_path / "device"
    command = [
        "socat",
        "-d",
        "-d",
        f"TCP-LISTEN:{port},bind=127.0.0.1,reuseaddr,nodelay",
        f"PTY,raw,echo=0,link={path}",
    ]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr
        for line in process.stderr:
            if "listening on" in line:
                break
        yield port, str(path), process
    finally:
        process.kill()
        process.communicate()


def test_every_byte_crosses_socat_both_ways(socat: tuple[int, str, subprocess.Popen[str]]) -> None:
    port, path, process = socat
    line = open_device_line(f"socket://127.0.0.1:{port}")
    try:
        until(lambda: Path(path).exists())
        device = open_device_line(f"serial://{path}")
        try:
            assert not os.get_blocking(line.fd)
            assert carried(line.fd, device.fd) == EVERY_BYTE
            assert carried(device.fd, line.fd) == EVERY_BYTE
        finally:
            device.close()
        process.kill()
        assert ends(line.fd)
    finally:
        line.close()


@pytest.mark.parametrize("scheme", ["socket", "rfc2217"])
def test_a_host_that_refuses_and_a_name_that_is_none_are_one_line(scheme: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(BusError, match=r"refused the connection\. Start the port server there"):
        open_device_line(f"{scheme}://127.0.0.1:{port}")
    with pytest.raises(BusError, match="the host is not known"):
        open_device_line(f"{scheme}://a..b:{port}")


def test_a_server_of_raw_bytes_is_no_rfc2217_server(socat: tuple[int, str, subprocess.Popen[str]]) -> None:
    with pytest.raises(BusError) as refused:
        open_device_line(f"rfc2217://127.0.0.1:{socat[0]}")
    assert f"socket://127.0.0.1:{socat[0]} for a server of raw bytes" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_port_in_use_and_one_that_is_not_there_are_one_line(device: tuple[int, str]) -> None:
    first = open_device_line(f"serial://{device[1]}")
    try:
        with pytest.raises(BusError, match="another program uses this port"):
            open_device_line(f"serial://{device[1]}")
    finally:
        first.close()
    with pytest.raises(BusError, match="hil scan serial"):
        open_device_line("serial:///dev/ttyUSB99")
