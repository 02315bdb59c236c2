"""A proxy without a fault that acts: bytes and their order are those that came."""

from __future__ import annotations

import contextlib
import hashlib
import random
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from modbus_peers import adu, until

from hil._bus import MbClient, MbServer, Tag
from hil.proxy import Proxy, open_proxy


@contextlib.contextmanager
def both_ends(**options: object) -> Iterator[tuple[Proxy, socket.socket, socket.socket]]:
    """A proxy, the socket in front of it and the one behind it."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        url = f"modbus-tcp://127.0.0.1:{listener.getsockname()[1]}"
        proxy = stack.enter_context(open_proxy("modbus-tcp://127.0.0.1:0", url, **options))  # type: ignore[arg-type]
        front = stack.enter_context(socket.create_connection(("127.0.0.1", proxy.port), timeout=20))
        back = stack.enter_context(listener.accept()[0])
        back.settimeout(20)
        yield proxy, front, back


def frames(n: int, seed: int) -> bytes:
    """n frames with PDUs of 1 to 253 random bytes."""
    rng = random.Random(seed)
    return b"".join(adu(k & 0xFFFF, rng.randbytes(rng.randint(1, 253)), rng.randint(0, 255)) for k in range(n))


def send_in_pieces(sock: socket.socket, data: bytes, seed: int) -> None:
    rng, at = random.Random(seed), 0
    while at < len(data):
        size = rng.choice((1, 5, 7, 100, 1460, 9000))
        sock.sendall(data[at : at + size])
        at += size
    sock.shutdown(socket.SHUT_WR)


def received(sock: socket.socket) -> str:
    """SHA-256 of everything until the other side has ended."""
    digest = hashlib.sha256()
    while part := sock.recv(65536):
        digest.update(part)
    return digest.hexdigest()


def exchange(front: socket.socket, back: socket.socket, request: bytes, response: bytes) -> None:
    with ThreadPoolExecutor(4) as threads:
        senders = [threads.submit(send_in_pieces, front, request, 1), threads.submit(send_in_pieces, back, response, 2)]
        arrived = [threads.submit(received, back), threads.submit(received, front)]
        assert arrived[0].result() == hashlib.sha256(request).hexdigest()
        assert arrived[1].result() == hashlib.sha256(response).hexdigest()
        for sender in senders:
            sender.result()


def test_frames_of_both_ways_arrive_byte_identical_in_any_segments() -> None:
    n = 100_000
    with both_ends() as (proxy, front, back):
        exchange(front, back, frames(n, 3), frames(n, 4))
        counts = proxy.summary()
    assert (counts["requests"], counts["responses"]) == (n, n)
    assert counts["bytes_in"] == counts["bytes_out"]
    assert counts["no_frame"] == counts["overflows"] == 0


def test_what_is_no_modbus_passes_too() -> None:
    noise = random.Random(5).randbytes(300_000)
    with both_ends() as (proxy, front, back):
        exchange(front, back, noise, noise[::-1])
        assert proxy.summary()["no_frame"] > 100_000


@pytest.mark.parametrize("first", [3, 9])
def test_a_frame_that_stays_incomplete_goes_on_after_a_silence(first: int, tmp_path: Path) -> None:
    frame, plan = adu(1, bytes(20)), tmp_path / "plan.toml"
    plan.write_text(
        '[[fault]]\nkind = "loss"\nnth = 1000000\non = "both"\n'
    )  # a fault that may act waits for whole frames
    with both_ends(plan=plan) as (proxy, front, back):
        front.sendall(frame[:first])
        assert back.recv(64) == frame[:first]
        front.sendall(frame[first:] + frame)
        data = b""
        while len(data) < 2 * len(frame) - first:
            data += back.recv(64)
        assert data == frame[first:] + frame
        assert proxy.summary()["requests"] == 1  # the second: frames are found again


def test_real_transactions_pass_with_answers_as_they_are() -> None:
    n = 100_000
    server = MbServer("127.0.0.1", 0, [], [Tag(f"r{i}", "holding_register", i, "uint16") for i in range(100)])
    server.set_out(list(range(100)))
    server.start()
    try:
        with open_proxy("modbus-tcp://127.0.0.1:0", f"modbus-tcp://127.0.0.1:{server.port}") as proxy:
            client = MbClient("127.0.0.1", proxy.port, [], [], timeout_s=10)
            client.connect()
            client.bench_read(n, 16, quantity=10)
            answer = client.transact(bytes([3, 0, 90, 0, 10]))
            client.stop()
            counts = proxy.summary()
    finally:
        server.stop()
    assert answer == bytes([3, 20]) + b"".join(bytes([0, i]) for i in range(90, 100))
    assert (counts["requests"], counts["responses"]) == (n + 1, n + 1)
    assert counts["bytes_in"] == counts["bytes_out"] == n * (12 + 29) + 12 + 29


@pytest.mark.parametrize("side", ["front", "back"])
def test_a_reset_and_an_end_are_passed_on(side: str) -> None:
    with both_ends() as (_, front, back):
        one, other = (front, back) if side == "front" else (back, front)
        one.shutdown(socket.SHUT_WR)
        assert other.recv(1) == b""
        other.sendall(b"still here")  # a half closed connection carries the other way
        assert one.recv(64) == b"still here"
        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, bytes([1, 0, 0, 0, 0, 0, 0, 0]))
    with both_ends() as (_, front, back):
        one, other = (front, back) if side == "front" else (back, front)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, bytes([1, 0, 0, 0, 0, 0, 0, 0]))
        one.close()
        with pytest.raises(ConnectionResetError):
            other.recv(1)


def test_a_peer_that_does_not_read_holds_the_other_back_and_loses_nothing() -> None:
    data = frames(20_000, 6)  # 2.6 MB: more than all buffers on the way
    with both_ends() as (proxy, front, back):
        sender = threading.Thread(target=send_in_pieces, args=(front, data, 7))
        sender.start()
        until(lambda: proxy.summary()["requests"] > 100, what="frames")
        assert received(back) == hashlib.sha256(data).hexdigest()
        sender.join()
        assert proxy.summary()["overflows"] == 0
