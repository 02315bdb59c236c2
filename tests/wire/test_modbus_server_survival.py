"""The server goes on: no client, however wrong, disturbs another, and nothing is left behind."""

from __future__ import annotations

import contextlib
import os
import random
import resource
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from modbus_peers import adu, ask, read_frame, until

from hil._bus import MbServer, Tag, now_ns
from hil.errors import BusError

IN = [Tag("pump", "holding_register", 0, "float32"), Tag("run", "coil", 0, "bool")]
OUT = [Tag(f"level{i}", "input_register", i, "uint16") for i in range(125)]
READ_LEVEL = struct.pack(">BHH", 4, 7, 1)
READ_ALL = struct.pack(">BHH", 4, 0, 125)


@pytest.fixture
def server() -> Iterator[MbServer]:
    server = MbServer("127.0.0.1", 0, IN, OUT, max_clients=6)
    server.set_out([1000 + i for i in range(125)])
    server.start()
    yield server
    server.stop()


@contextlib.contextmanager
def connection(server: MbServer) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield sock


def polls(server: MbServer, sock: socket.socket, times: int) -> float:
    """A good client at work; returns its slowest answer in s."""
    slowest = 0.0
    for i in range(times):
        start = time.monotonic()
        assert ask(sock, READ_LEVEL, i & 0xFFFF) == struct.pack(">BBH", 4, 2, 1007)
        slowest = max(slowest, time.monotonic() - start)
    return slowest


@contextlib.contextmanager
def meanwhile(work: Callable[[threading.Event], None], threads: int = 1) -> Iterator[None]:
    end = threading.Event()
    workers = [threading.Thread(target=work, args=(end,)) for _ in range(threads)]
    for worker in workers:
        worker.start()
    try:
        yield
    finally:
        end.set()
        for worker in workers:
            worker.join()


def test_a_flood_of_junk_does_not_disturb_another_client(server: MbServer, full: Callable[[int, int], int]) -> None:
    def flood(end: threading.Event) -> None:
        noise = random.Random(1)
        while not end.is_set():
            with contextlib.suppress(OSError), connection(server) as sock:
                while not end.is_set():
                    sock.sendall(noise.randbytes(4000))

    with connection(server) as good, meanwhile(flood, threads=2):
        assert polls(server, good, full(500, 20_000)) < 1.0
    until(lambda: server.clients == 0)
    found = server.counters()
    assert found["closed_junk"] > 0
    assert found["malformed"] >= found["closed_junk"]


def test_a_flood_of_valid_requests_does_not_disturb_another_client(server: MbServer) -> None:
    batch = b"".join(adu(i, READ_ALL) for i in range(300))

    def flood(end: threading.Event) -> None:
        with connection(server) as sock:
            sock.settimeout(0.2)
            while not end.is_set():
                with contextlib.suppress(OSError):
                    sock.sendall(batch)
                    sock.recv(1 << 20)

    with connection(server) as good, meanwhile(flood):
        assert polls(server, good, 300) < 1.0


def test_a_client_that_does_not_take_its_answers_stalls_alone(server: MbServer) -> None:
    sent = 0

    def send_until_stalled() -> None:
        nonlocal sent
        while not server.counters()["back_pressure"]:
            lazy.sendall(b"".join(adu(i & 0xFFFF, READ_ALL) for i in range(sent, sent + 300)))
            sent += 300

    with connection(server) as lazy, connection(server) as good:
        sender = threading.Thread(target=send_until_stalled)
        sender.start()
        until(lambda: server.counters()["back_pressure"])
        assert polls(server, good, 200) < 1.0
        taken = 0
        with lazy.makefile("rb") as answers:
            while sender.is_alive() or taken < sent:
                frame = answers.read(259)
                assert struct.unpack(">H", frame[:2])[0] == taken & 0xFFFF, "every answer, in order"
                assert frame[7:9] == b"\x04\xfa"
                taken += 1
        sender.join()
        assert taken == sent


def test_half_a_frame_waits_without_holding_anybody_up(server: MbServer) -> None:
    with connection(server) as slow, connection(server) as good:
        whole = adu(5, READ_LEVEL)
        for byte in whole[:-1]:
            slow.sendall(bytes([byte]))
            polls(server, good, 3)
        slow.sendall(whole[-1:])
        assert read_frame(slow) == adu(5, struct.pack(">BBH", 4, 2, 1007))


def test_a_frame_of_another_protocol_is_left_out(server: MbServer) -> None:
    with connection(server) as sock:
        sock.sendall(adu(1, READ_LEVEL, protocol=77) + adu(2, READ_LEVEL))
        assert read_frame(sock)[:2] == b"\0\2"
    assert server.counters()["malformed"] == 1


@pytest.mark.parametrize("length", [0, 1, 255, 65535])
def test_an_impossible_length_closes_that_connection_only(server: MbServer, length: int) -> None:
    with connection(server) as junk, connection(server) as good:
        junk.sendall(adu(1, READ_LEVEL) + struct.pack(">HHHB", 2, 0, length, 1))
        assert read_frame(junk)[:2] == b"\0\1", "what was right before is answered"
        assert junk.recv(1) == b""
        polls(server, good, 10)


def test_a_new_client_takes_the_place_of_the_most_useless_one(server: MbServer) -> None:
    with contextlib.ExitStack() as stack:
        useful = stack.enter_context(connection(server))
        polls(server, useful, 1)
        idle = [stack.enter_context(connection(server)) for _ in range(5)]
        until(lambda: server.clients == 6)
        newcomer = stack.enter_context(connection(server))
        polls(server, newcomer, 5)
        assert idle[0].recv(1) == b"", "the oldest that never asked anything is gone"
        polls(server, useful, 5)
        for sock in idle[1:]:
            polls(server, sock, 1)
        refused = stack.enter_context(connection(server))
        assert refused.recv(1) == b"", "everybody is at work: nobody is closed for a newcomer"
        assert (server.counters()["evicted"], server.counters()["refused"]) == (1, 1)


def test_a_storm_of_connections_never_costs_a_working_client_its_place(server: MbServer) -> None:
    def storm(end: threading.Event) -> None:
        while not end.is_set():
            with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
                for _ in range(10):
                    stack.enter_context(connection(server))

    with connection(server) as good:
        polls(server, good, 1)
        with meanwhile(storm):
            for _ in range(50):
                polls(server, good, 4)
                time.sleep(0.005)


def test_units_are_answered_as_configured() -> None:
    strict, open_to_all = (MbServer("127.0.0.1", 0, IN, OUT, unit=unit) for unit in (7, -1))
    for server in (strict, open_to_all):
        server.start()
        with connection(server) as sock:
            for unit in (7, 0, 255, 9):
                answer = ask(sock, READ_LEVEL, unit=unit)
                refused = server is strict and unit == 9
                assert answer[:2] == (b"\x84\x0b" if refused else b"\x04\x02")
        server.stop()
    assert strict.counters()["wrong_unit"] == 1
    assert open_to_all.counters()["wrong_unit"] == 0


def test_what_is_written_is_published_before_the_answer_and_only_then(server: MbServer) -> None:
    with connection(server) as sock:
        ask(sock, struct.pack(">BHHBf", 16, 0, 2, 4, 0)[:6] + struct.pack(">f", 1.5))
        number, time_ns, values = server.take_in()
        assert values[0] == 1.5
        assert abs(now_ns() - time_ns) < 1e9
        ask(sock, READ_LEVEL)
        assert server.take_in() is None, "reading publishes nothing"
        ask(sock, struct.pack(">BHH", 6, 1, 0x0001))
        assert server.take_in()[0] == number + 1
        assert values[1] != values[1], "a coil that was never written is no number"


def test_in_lockstep_images_carry_the_time_of_the_bench() -> None:
    server = MbServer("127.0.0.1", 0, IN, OUT, lockstep=True)
    server.start()
    server.set_out([0.0] * 125, 3_000_000)
    with connection(server) as sock:
        ask(sock, struct.pack(">BHH", 6, 1, 0x0001))
    assert server.take_in()[1] == 3_000_000
    server.stop()


def test_a_plc_that_polls_but_stopped_grows_old() -> None:
    beat = Tag("beat", "holding_register", 0, "uint16", heartbeat=True)
    ours = Tag("ours", "input_register", 0, "uint16", heartbeat=True)
    server = MbServer("127.0.0.1", 0, [beat, Tag("v", "holding_register", 1, "uint16")], [ours])
    server.start()
    with connection(server) as sock:
        times = []
        for number in (1, 2, 2, 2, 3):
            ask(sock, struct.pack(">BHHBHH", 16, 0, 2, 4, number, 5))
            times.append(server.take_in()[1])
            time.sleep(0.002)
        assert times[0] < times[1] == times[2] == times[3] < times[4]
        for number in (1, 2):
            server.set_out([0])
            assert ask(sock, struct.pack(">BHH", 4, 0, 1)) == struct.pack(">BBH", 4, 2, number)
        assert ask(sock, struct.pack(">BHH", 4, 0, 1)) == struct.pack(">BBH", 4, 2, 2)
    server.stop()


def test_a_server_can_be_stopped_and_started_again_on_its_port(server: MbServer) -> None:
    port = server.port
    for _ in range(5):
        with connection(server) as sock:
            polls(server, sock, 3)
            server.stop()
            assert sock.recv(1) == b""
            with pytest.raises(OSError, match="refused"):
                socket.create_connection(("127.0.0.1", port))
        server.start()
        assert server.port == port
    assert server.clients == 0


def test_a_port_in_use_is_one_line_with_the_mend(server: MbServer) -> None:
    with pytest.raises(BusError, match=rf"127\.0\.0\.1:{server.port}: cannot listen: Address already in use\. \S"):
        MbServer("127.0.0.1", server.port, IN, OUT)


def test_maps_without_sense_are_refused_with_the_tag(server: MbServer) -> None:
    with pytest.raises(BusError, match=r"level0: discrete inputs and input registers cannot be written"):
        MbServer("127.0.0.1", 0, OUT, [])
    with pytest.raises(BusError, match=r"x: a register cannot be written from both sides \(the other is pump\)"):
        MbServer("127.0.0.1", 0, IN, [Tag("x", "holding_register", 1, "uint16")])


OUT_OF_DESCRIPTORS = """
import resource, socket, sys, os, time
from hil._bus import MbServer, Tag
server = MbServer("127.0.0.1", 0, [], [Tag("a", "input_register", 0, "uint16")], max_clients=64)
server.start()
resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/proc/self/fd")) + 2, 4096))
print(server.port, flush=True)
sys.stdin.readline()
print(server.counters()["errors_os"], time.process_time(), flush=True)
server.stop()
"""


def test_a_server_without_descriptors_waits_and_recovers() -> None:
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", OUT_OF_DESCRIPTORS], stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdin
        assert process.stdout
        port = int(process.stdout.readline())
        with contextlib.ExitStack() as stack:
            connect = lambda: socket.create_connection(("127.0.0.1", port), timeout=5)  # noqa: E731
            socks = [stack.enter_context(connect()) for _ in range(8)]
            ask(socks[0], struct.pack(">BHH", 4, 0, 1))
            time.sleep(0.5)
            socks[0].close()
            socks[1].close()
            assert ask(socks[2], struct.pack(">BHH", 4, 0, 1)), "a place became free for one that waited"
        process.stdin.write("\n")
        process.stdin.flush()
        errors, cpu_s = process.stdout.readline().split()
        assert int(errors) > 0
        assert float(cpu_s) < 1.5, "it did not spin meanwhile"


def test_the_thread_takes_its_policy_and_processor_from_the_options() -> None:
    server = MbServer("127.0.0.1", 0, IN, OUT)
    before = set(Path("/proc/self/task").iterdir())
    server.start(policy="fifo", priority=10, cpu=0)
    (task,) = set(Path("/proc/self/task").iterdir()) - before
    thread = int(task.name)
    may = os.geteuid() == 0 or resource.getrlimit(resource.RLIMIT_RTPRIO)[0] >= 10
    assert server.realtime == may
    assert os.sched_getscheduler(thread) == (os.SCHED_FIFO if may else os.SCHED_OTHER)
    assert os.sched_getaffinity(thread) == {0}
    server.stop()
