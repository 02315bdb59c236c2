"""The client goes on: whatever the device does, afterwards data flows again and the counters say what happened."""

from __future__ import annotations

import math
import random
import socket
import time
from collections.abc import Callable, Iterator
from itertools import accumulate
from pathlib import Path
from statistics import median

import pytest
from modbus_peers import Device, adu, libmodbus_server, until
from yardstick import free_port

from hil._bus import MbClient, MbServer, Tag, now_ns
from hil._core import histogram_edges
from hil.errors import BusError

PERIOD_NS = 5_000_000
TIMEOUT_S = 0.5
READS = [Tag("level", "holding_register", 0, "uint16"), Tag("flow", "holding_register", 1, "uint16")]


@pytest.fixture
def device() -> Iterator[Device]:
    device = Device()
    yield device
    device.close()


@pytest.fixture
def client(device: Device) -> Iterator[MbClient]:
    client = MbClient("127.0.0.1", device.port, READS, [], timeout_s=TIMEOUT_S, backoff_s=0.01, backoff_max_s=0.05)
    client.start(now_ns(), PERIOD_NS)
    until(client.take_in, what="a first image")
    yield client
    client.stop()


def data_flows(device: Device, client: MbClient) -> None:
    """A value that the device shows from now on arrives."""
    device.value += 1
    until(lambda: (image := client.take_in()) and image[2] == [device.value] * 2, what="the new value")


def counted(client: MbClient, name: str) -> int:
    return int(client.counters()[name])


def test_half_an_answer_that_is_completed_late_needs_no_new_connection(device: Device, client: MbClient) -> None:
    def halves(device: Device, sock: socket.socket, frame: bytes) -> None:
        answer = device.good_answer(frame)
        sock.sendall(answer[:9])
        time.sleep(1.5 * TIMEOUT_S)
        sock.sendall(answer[9:])

    device.once(halves)
    until(lambda: counted(client, "late_answers"))
    data_flows(device, client)
    found = client.counters()
    assert (found["timeouts"], found["late_answers"], found["connects"]) == (1, 1, 1)
    assert found["malformed"] == found["wrong_transaction"] == 0


def test_an_answer_after_its_timeout_is_discarded_and_counted(device: Device, client: MbClient) -> None:
    def late(device: Device, sock: socket.socket, frame: bytes) -> None:
        time.sleep(1.5 * TIMEOUT_S)
        device.answer(sock, frame)

    device.once(late)
    until(lambda: counted(client, "late_answers"))
    data_flows(device, client)
    found = client.counters()
    assert (found["timeouts"], found["late_answers"], found["connects"]) == (1, 1, 1)


def test_an_answer_with_a_wrong_transaction_is_discarded_and_waiting_goes_on(device: Device, client: MbClient) -> None:
    def wrong_then_right(device: Device, sock: socket.socket, frame: bytes) -> None:
        answer = device.good_answer(frame)
        sock.sendall(bytes([answer[0] ^ 0x40]) + answer[1:] + answer)

    device.once(wrong_then_right)
    until(lambda: counted(client, "wrong_transaction"))
    data_flows(device, client)
    found = client.counters()
    assert (found["wrong_transaction"], found["timeouts"], found["connects"]) == (1, 0, 1)

    device.once(lambda device, sock, frame: sock.sendall(adu(frame[0] << 8 | frame[1] ^ 0x55, frame[7:])))
    until(lambda: counted(client, "wrong_transaction") == 2)
    data_flows(device, client)
    found = client.counters()
    assert (found["timeouts"], found["connects"]) == (1, 1)


def test_an_answer_of_another_unit_closes_the_connection(device: Device, client: MbClient) -> None:
    def other_unit(device: Device, sock: socket.socket, frame: bytes) -> None:
        answer = device.good_answer(frame)
        sock.sendall(answer[:6] + b"\x09" + answer[7:])

    device.once(other_unit)
    until(lambda: counted(client, "reconnects"))
    data_flows(device, client)
    assert counted(client, "wrong_unit") == counted(client, "reconnects") == 1


@pytest.mark.parametrize(
    "pdu", [b"\x03\x02\x00\x00", b"\x04\x04\x00\x00\x00\x00", b"\x03\x04\x00", b"\x83\x02\x00", b"\x03"]
)
def test_an_answer_that_is_none_closes_the_connection(device: Device, client: MbClient, pdu: bytes) -> None:
    device.once(lambda device, sock, frame: sock.sendall(adu(frame[0] << 8 | frame[1], pdu, frame[6])))
    until(lambda: counted(client, "reconnects"))
    data_flows(device, client)
    assert counted(client, "malformed") == 1


def test_an_exception_makes_its_values_bad_and_keeps_the_connection(device: Device, client: MbClient) -> None:
    code = 6
    device.behave = lambda device, sock, frame: sock.sendall(
        adu(frame[0] << 8 | frame[1], bytes([0x83, code]), frame[6])
    )
    image = until(lambda: (i := client.take_in()) and math.isnan(i[2][0]) and i)
    assert all(math.isnan(v) for v in image[2])
    device.behave = None
    data_flows(device, client)
    found = client.counters()
    assert found["connects"] == 1
    assert found["exceptions"] == found["exception_codes"][6] > 0


@pytest.mark.parametrize("seed", range(5))
def test_a_flood_of_junk_is_survived(device: Device, client: MbClient, seed: int) -> None:
    junk = random.Random(seed).randbytes(100_000)
    device.once(lambda device, sock, frame: sock.sendall(junk))
    until(lambda: counted(client, "reconnects"))
    data_flows(device, client)
    found = client.counters()
    assert found["malformed"] + found["wrong_unit"] + found["errors_os"] + found["timeouts"] >= 1


def test_a_closed_connection_is_opened_again(device: Device, client: MbClient) -> None:
    device.once(lambda device, sock, frame: sock.shutdown(socket.SHUT_RDWR))
    until(lambda: counted(client, "reconnects"))
    data_flows(device, client)
    assert counted(client, "errors_os") == 1


def test_a_half_open_connection_is_given_up_after_three_timeouts(device: Device, client: MbClient) -> None:
    before = counted(client, "timeouts")
    silent = device.connections[0]

    def deaf(device: Device, sock: socket.socket, frame: bytes) -> None:
        if sock is not silent:
            device.answer(sock, frame)

    device.behave = deaf
    until(lambda: counted(client, "reconnects"))
    data_flows(device, client)
    assert counted(client, "timeouts") - before == 3


def test_a_device_that_drips_does_not_stretch_the_timeout(device: Device) -> None:
    timeout_s = 0.4  # long beside what a busy machine lets wait; an answer drips for three of them

    def drip(device: Device, sock: socket.socket, frame: bytes) -> None:
        for byte in device.good_answer(frame):
            sock.sendall(bytes([byte]))
            time.sleep(timeout_s / 4)

    device.once(drip)
    client = MbClient("127.0.0.1", device.port, READS, [], timeout_s=timeout_s)
    client.connect()
    start = time.monotonic()
    with pytest.raises(BusError, match="no answer in time"):
        client.exchange(0)
    assert time.monotonic() - start < 2 * timeout_s
    client.stop()


def test_a_device_that_is_killed_and_restarted_is_found_again(peer: Callable[[str], Path]) -> None:
    port = free_port()
    tags = [Tag("setpoint", "holding_register", 3, "int32")]
    client = MbClient("127.0.0.1", port, tags, tags, timeout_s=TIMEOUT_S, backoff_s=0.01, backoff_max_s=0.05)
    client.set_out([-70000])
    client.start(now_ns(), PERIOD_NS)
    for _ in range(2):
        with libmodbus_server(peer("libmodbus_server"), port) as process:
            until(lambda: (image := client.take_in()) and image[2] == [-70000], what="the value written and read")
            process.kill()
            until(lambda: not client.connected)
        before = counted(client, "failed_connects")
        until(lambda: counted(client, "failed_connects") > before)  # noqa: B023 (runs now)
        age = client.take_in()
        assert age is None or now_ns() - age[1] > 0
    found = client.counters()
    assert found["connects"] == found["disconnects"] == 2
    assert found["reconnects"] == 1
    client.stop()


def test_backing_off_is_slower_each_time_and_has_a_cap() -> None:
    port = free_port()
    client = MbClient("127.0.0.1", port, READS, [], backoff_s=0.02, backoff_max_s=0.16)
    client.start(now_ns(), 1_000_000)
    start = time.monotonic()
    time.sleep(1.0)
    attempts, spent_s = counted(client, "failed_connects"), time.monotonic() - start
    client.stop()
    # 0.02 + 0.04 + 0.08 + n * 0.16 s: 3 + 1 + (1 - 0.14) / 0.16 = 9 attempts; without a cap 6, without doubling 50
    assert 6 < attempts < 13 + (spent_s - 1.0) / 0.16


def test_a_plc_that_answers_but_stopped_grows_old() -> None:
    reads = [Tag("level", "input_register", 0, "uint16"), Tag("beat", "input_register", 1, "uint16", heartbeat=True)]
    plc = MbServer("127.0.0.1", 0, [], [*reads[:1], reads[1]._replace(heartbeat=False)])
    plc.set_out([5, 0])
    plc.start()
    client = MbClient("127.0.0.1", plc.port, reads, [])
    client.start(now_ns(), PERIOD_NS)
    for beat in range(1, 4):
        plc.set_out([5, beat])
        until(lambda: (i := client.take_in()) and i[2][1] == beat and now_ns() - i[1] < 1e9)  # noqa: B023 (runs now)
    plc.set_out([9, 3])
    stopped = until(lambda: (i := client.take_in()) and i[2][0] == 9 and i)
    time.sleep(0.1)
    later = until(client.take_in)
    assert later[0] > stopped[0], "images keep coming"
    assert later[1] == stopped[1], "but their time stands still"
    plc.set_out([9, 4])
    until(lambda: (i := client.take_in()) and i[1] > stopped[1])
    client.stop()
    plc.stop()


def test_our_heartbeat_is_the_number_of_the_image_and_stops_with_the_loop() -> None:
    beat = Tag("beat", "holding_register", 0, "uint16", heartbeat=True)
    plc = MbServer("127.0.0.1", 0, [beat._replace(heartbeat=False)], [])
    plc.start()
    client = MbClient("127.0.0.1", plc.port, [], [beat])
    client.exchange(0)
    assert plc.take_in() is None, "nothing is written before the loop has published"
    for number in range(1, 5):
        client.set_out([0.0])
        client.exchange(0)
        assert plc.take_in()[2] == [number]
    client.exchange(0)
    assert plc.take_in()[2] == [4]
    client.stop()
    plc.stop()


SCATTERED = [Tag(f"t{i}", "holding_register", 10 * i, "uint16") for i in range(16)]


def test_pipelined_reads_gather_and_an_exception_is_still_seen_at_once(device: Device) -> None:
    client = MbClient("127.0.0.1", device.port, SCATTERED, [], timeout_s=2, depth=8)

    def cycle() -> list[float]:
        client.exchange(0)
        return list(client.take_in()[2])

    for _ in range(50):
        assert cycle() == [device.value] * 16
    device.once(lambda device, sock, frame: sock.sendall(adu(frame[0] << 8 | frame[1], b"\x83\x04", frame[6])))
    start = time.monotonic()
    values = cycle()
    assert time.monotonic() - start < 1.0, "not only after the timeout of 2 s"
    assert sum(math.isnan(v) for v in values) == 1
    for _ in range(50):
        assert cycle() == [device.value] * 16
    found = client.counters()
    assert (found["exceptions"], found["timeouts"], found["connects"]) == (1, 0, 1)
    client.stop()


def test_gathering_costs_a_device_that_begins_to_refuse_a_few_milliseconds_once() -> None:
    device = MbServer("127.0.0.1", 0, [], SCATTERED)
    device.start()
    client = MbClient("127.0.0.1", device.port, SCATTERED, [], timeout_s=5, depth=16)

    def cycle() -> tuple[float, bool]:
        start = time.monotonic()
        client.exchange(0)
        return time.monotonic() - start, math.isnan(client.take_in()[2][0])

    for _ in range(100):
        assert not cycle()[1]
    device.set_exception(6)
    first, bad = cycle()
    assert bad
    assert first < 1.0, "seen after 5 ms, not after the timeout of 5 s"
    refused = [cycle() for _ in range(100)]
    assert all(bad for _, bad in refused)
    assert median(took for took, _ in refused) < 0.005, "and after the first no more time is lost"
    device.set_exception(0)
    assert not cycle()[1]
    client.stop()
    device.stop()
    assert client.counters()["timeouts"] == 0


def test_pipelining_is_quick_with_a_device_that_waits_for_acknowledgements(peer: Callable[[str], Path]) -> None:
    port = free_port()
    with libmodbus_server(peer("libmodbus_server"), port):  # libmodbus leaves Nagle's algorithm on
        client = MbClient("127.0.0.1", port, SCATTERED, [], timeout_s=2, depth=16)
        took = []
        for _ in range(100):
            start = time.monotonic()
            client.exchange(0)
            took.append(time.monotonic() - start)
        client.stop()
    assert median(took) < 0.02, "a delayed acknowledgement in each cycle would take 40 ms"


def test_stopping_is_quick_in_every_situation(device: Device) -> None:
    def stop_after(wait_s: float, client: MbClient, period_ns: int) -> float:
        client.start(now_ns(), period_ns)
        time.sleep(wait_s)
        start = time.monotonic()
        client.stop()
        return time.monotonic() - start

    device.behave = lambda device, sock, frame: None
    waits_for_answer = MbClient("127.0.0.1", device.port, READS, [], timeout_s=30)
    waits_for_cycle = MbClient("127.0.0.1", device.port, READS, [], timeout_s=30)
    waits_for_connection = MbClient("10.255.255.1", 502, READS, [], timeout_s=30)
    assert stop_after(0.05, waits_for_answer, 1_000_000) < 0.5
    assert stop_after(0.05, waits_for_cycle, 3_600_000_000_000) < 0.5
    assert stop_after(0.05, waits_for_connection, 1_000_000) < 0.5


def test_cycles_keep_their_phase(device: Device) -> None:
    arrivals: list[int] = []

    def note(device: Device, sock: socket.socket, frame: bytes) -> None:
        arrivals.append(now_ns())
        device.answer(sock, frame)

    device.behave = note
    period, phase, start = 20_000_000, 7_000_000, now_ns() - 500_000_000
    client = MbClient("127.0.0.1", device.port, READS, [])
    client.start(start, period, phase)
    until(lambda: len(arrivals) >= 20)
    client.stop()
    late = sorted((t - start - phase) % period for t in arrivals)
    assert late[len(late) // 2] < 3_000_000


def test_the_age_is_measured_where_the_bench_latches(device: Device) -> None:
    tick, period = 2_000_000, 20_000_000
    client = MbClient("127.0.0.1", device.port, READS, [])
    client.start(now_ns(), period, tick_ns=tick)
    until(lambda: counted(client, "cycles") >= 20)
    client.stop()
    ages = client.counters()["age_ns"]
    edges = histogram_edges()
    median = next(edge for edge, n in zip(edges, accumulate(ages["counts"]), strict=True) if n >= ages["n"] / 2)
    assert ages["n"] >= 20
    assert median <= tick, "at the next tick, not at the next cycle"


def test_errors_are_one_line_with_the_mend() -> None:
    port = free_port()
    with pytest.raises(BusError, match=rf"127\.0\.0\.1:{port}: cannot connect: Connection refused\. \S"):
        MbClient("127.0.0.1", port, READS, []).connect()
    with pytest.raises(BusError, match=r"level: address 70000 is not one\. Use"):
        MbClient("127.0.0.1", port, [READS[0]._replace(address=70000)], [])
    with pytest.raises(BusError, match=r"two written tags share a register \(the other is level\)\. \S"):
        MbClient("127.0.0.1", port, [], [READS[0], READS[0]._replace(name="twin")])
    with pytest.raises(BusError, match=r"type 'word' is not known\. Use one of: bool, uint16"):
        MbClient("127.0.0.1", port, [READS[0]._replace(kind="word")], [])
    with pytest.raises(BusError, match=r"no\.such\.host\.invalid:502: this host is not known\. \S"):
        MbClient("no.such.host.invalid", 502, READS, [])
