"""Cut-through: while no fault can act, bytes go on as they come, and pauses inside a frame stay what they are."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import statistics
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import rtu_peers
from modbus_peers import adu, until
from serial_peers import read_some

from hil.drivers.serial_line import open_line
from hil.proxy import Proxy, open_proxy

FRAME = rtu_peers.adu(bytes([16, 0, 0, 0, 8, 16, *range(16)]))  # a write of 8 registers
PAUSE_S, FRAMES, HALF = 0.005, 40, 9
WAITS = '[[fault]]\nkind = "loss"\non = "both"\nnth = 1000000\n'  # it may come, so that each frame is looked at whole


@contextlib.contextmanager
def line_through(plan: Path | None) -> Iterator[tuple[Proxy, int, int]]:
    """A proxy between two pseudo-terminals, and a descriptor at each far end."""
    with contextlib.ExitStack() as stack:
        proxy = stack.enter_context(open_proxy("modbus-rtu://pty", "modbus-rtu://pty", plan=plan))
        ends = [open_line(url) for url in (proxy.listen, proxy.to)]
        for end in ends:
            stack.callback(end.close)
        yield proxy, ends[0].fd, ends[1].fd


class Reader(threading.Thread):
    """Notes when the pieces of a frame come."""

    def __init__(self, fd: int, count: int) -> None:
        super().__init__()
        self.fd, self.count = fd, count
        self.pieces: list[tuple[float, bytes]] = []

    def run(self) -> None:
        left, end = self.count, time.monotonic() + 5.0
        while left and select.select([self.fd], [], [], max(0.0, end - time.monotonic()))[0]:
            data = os.read(self.fd, left)
            self.pieces.append((time.perf_counter(), data))
            left -= len(data)


def gaps(to: int, come: int) -> tuple[float, float]:
    """Median pause inside a frame, in s: as it was made, and as it arrived (0: the frame came in one)."""
    made, arrived = [], []
    for _ in range(FRAMES):
        reader = Reader(come, len(FRAME))
        reader.start()
        first = time.perf_counter()
        os.write(to, FRAME[:HALF])
        time.sleep(PAUSE_S)
        made.append(time.perf_counter() - first)
        os.write(to, FRAME[HALF:])
        reader.join()
        assert b"".join(data for _, data in reader.pieces) == FRAME
        arrived.append(reader.pieces[-1][0] - reader.pieces[0][0])
    return statistics.median(made), statistics.median(arrived)


@pytest.fixture
def waits(tmp_path: Path) -> Path:
    file = tmp_path / "waits.toml"
    file.write_text(WAITS)
    return file


def test_a_pause_inside_a_frame_stays_what_it_is(waits: Path) -> None:
    with line_through(None) as (proxy, front, back):
        for to, come in ((front, back), (back, front)):
            made, arrived = gaps(to, come)
            print(f"a pause of {made * 1e3:.3f} ms arrives as {arrived * 1e3:.3f} ms")
            assert 0.8 < arrived / made < 1.2
        assert proxy.summary()["requests"] == FRAMES  # and it has seen each of them whole
    with line_through(waits) as (_, front, back):
        made, arrived = gaps(front, back)
        assert arrived / made < 0.1, "a fault that may act needs whole frames"


def test_a_pause_longer_than_the_end_of_a_frame_stays_too() -> None:
    with line_through(None) as (proxy, front, back):
        for data in (FRAME[:HALF], FRAME[HALF:], FRAME):
            os.write(front, data)
            assert read_some(back, len(data)) == data
            until(lambda: proxy.summary()["bytes_out"] == proxy.summary()["bytes_in"], what="all gone")
            time.sleep(0.06)  # the silence of a pseudo-terminal is 22 ms
        assert proxy.summary()["by_silence"] == 2  # it takes the halves for frames, but does not touch them


@contextlib.contextmanager
def sockets_through(plan: Path) -> Iterator[tuple[Proxy, socket.socket, socket.socket]]:
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        url = f"modbus-tcp://127.0.0.1:{listener.getsockname()[1]}"
        proxy = stack.enter_context(open_proxy("modbus-tcp://127.0.0.1:0", url, plan=plan))
        front = stack.enter_context(socket.create_connection(("127.0.0.1", proxy.port), timeout=5))
        back = stack.enter_context(listener.accept()[0])
        back.settimeout(5)
        yield proxy, front, back


def exactly(sock: socket.socket, n: int) -> bytes:
    data = b""
    while len(data) < n:
        data += sock.recv(n - len(data))
    return data


def test_an_answer_of_the_proxy_waits_for_the_end_of_a_frame_that_passes(tmp_path: Path) -> None:
    plan = tmp_path / "plan.toml"
    plan.write_text('[[fault]]\nkind = "busy"\nfunction = 6\n')
    answer, busy = adu(1, bytes([3, 20, *range(20)])), adu(2, bytes([0x86, 6]))
    with sockets_through(plan) as (proxy, front, back):
        front.sendall(adu(1, bytes([3, 0, 0, 0, 10])))
        exactly(back, 12)
        back.sendall(answer[:10])
        assert exactly(front, 10) == answer[:10]  # not whole, and on its way already
        front.sendall(adu(2, bytes([6, 0, 0, 0, 1])))
        until(lambda: proxy.events, what="the fault")
        back.sendall(answer[10:])
        assert exactly(front, len(answer) - 10 + len(busy)) == answer[10:] + busy


def test_a_fault_that_has_acted_for_the_last_time_leaves_the_wire_alone(tmp_path: Path) -> None:
    plan = tmp_path / "plan.toml"
    plan.write_text('[[fault]]\nkind = "loss"\non = "request"\nnth = 1\n')
    frame = adu(1, bytes(20))
    with sockets_through(plan) as (proxy, front, back):
        front.sendall(frame)
        until(lambda: proxy.events, what="the loss")
        front.sendall(frame[:10])
        assert exactly(back, 10) == frame[:10]
        front.sendall(frame[10:])
        assert exactly(back, len(frame) - 10) == frame[10:]
