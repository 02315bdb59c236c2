"""Our slave on a bad line: what is no request for it is counted, not answered, and the next good one is answered.

A pseudo-terminal has no bit timing. Where silence itself is meant the line is said to be so slow (50 baud) that pauses
made by software are exact enough: a character takes 200 ms, a gap is 300 ms, a silence 700 ms.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from modbus_peers import until
from rtu_peers import Pty, adu, server_on

from hil._bus import RtuServer, Tag

TAGS = [Tag(f"set{i}", "holding_register", i, "uint16") for i in range(10)]
SLOW = {"bit_ns": 20_000_000, "char_bits": 10, "slack_s": 0.0}
CHAR_S, GAP_S, SILENCE_S = 0.2, 0.3, 0.7


def write(value: int, unit: int = 1) -> bytes:
    """A request of 8 bytes whose answer is the same."""
    return adu(bytes([6, 0, 2]) + value.to_bytes(2, "big"), unit)


@pytest.fixture
def line() -> Iterator[Pty]:
    line = Pty()
    yield line
    line.close()


@pytest.fixture
def server(line: Pty) -> Iterator[RtuServer]:
    server = server_on(line.path, TAGS, [])
    server.start()
    yield server
    server.stop()


def is_answered(line: Pty, value: int) -> None:
    line.say(write(value))
    assert line.hear_frame(8) == write(value)


def say_slowly(line: Pty, data: bytes) -> None:
    """Every byte is there when its last bit would be."""
    for byte in data:
        time.sleep(CHAR_S)
        line.say(bytes([byte]))


def counted(server: RtuServer, name: str) -> int:
    return int(server.counters()[name])


def test_a_request_in_pieces_is_answered_with_its_last_byte(line: Pty, server: RtuServer) -> None:
    for byte in write(7):
        assert line.hear(0) == b""
        line.say(bytes([byte]))
    assert line.hear_frame(8) == write(7)
    assert server.take_in()[2][2] == 7


def test_noise_between_frames_is_counted_and_forgotten(line: Pty, server: RtuServer) -> None:
    is_answered(line, 1)
    line.say(b"\x00\xff\x55")
    until(lambda: counted(server, "noise_bytes") == 3)
    is_answered(line, 2)


def test_a_request_directly_behind_noise_is_answered_when_the_line_falls_silent(line: Pty, server: RtuServer) -> None:
    line.say(b"\x00\xff\x55" + write(3))
    assert line.hear_frame(8) == write(3)
    assert counted(server, "noise_bytes") == 3
    is_answered(line, 4)


def test_a_frame_cut_short_is_counted_and_forgotten(line: Pty, server: RtuServer) -> None:
    line.say(write(3)[:5])
    until(lambda: counted(server, "wrong_crc") == 1)
    is_answered(line, 4)


def test_a_wrong_crc_is_not_executed(line: Pty, server: RtuServer) -> None:
    is_answered(line, 1)
    line.say(write(3)[:-1] + b"\x00")
    until(lambda: counted(server, "wrong_crc") == 1)
    assert line.hear(0) == b""
    assert server.take_in()[2][2] == 1
    is_answered(line, 4)


def test_what_is_for_others_is_left_to_them(line: Pty, server: RtuServer) -> None:
    line.say(write(3, unit=2) + write(3, unit=2) + write(4))  # another slave's request, its answer, and ours
    assert line.hear_frame(8) == write(4)
    assert counted(server, "wrong_unit") == 2
    assert counted(server, "requests") == 1
    assert server.take_in()[2][2] == 4


def test_a_broadcast_is_executed_and_not_answered(line: Pty, server: RtuServer) -> None:
    line.say(write(9, unit=0))
    image = until(server.take_in)
    assert image[2][2] == 9
    assert line.hear(0.1) == b""
    assert counted(server, "broadcasts") == 1
    is_answered(line, 4)


def test_two_requests_without_silence_give_one_answer(line: Pty, server: RtuServer) -> None:
    line.say(write(5) + write(6))
    assert line.hear_frame(8) == write(5)
    assert line.hear(0.1) == b""
    assert counted(server, "noise_bytes") == 8
    is_answered(line, 4)


def test_a_pause_inside_a_frame_spoils_it(line: Pty) -> None:
    server = server_on(line.path, TAGS, [], **SLOW)
    server.start()
    line.say(write(3)[:5])
    time.sleep((GAP_S + SILENCE_S) / 2)
    say_slowly(line, write(3)[5:])
    until(lambda: counted(server, "gaps") == 1)
    assert line.hear(2 * SILENCE_S) == b""
    assert server.take_in() is None
    is_answered(line, 4)
    server.stop()


def test_on_a_line_with_bit_timing_the_answer_waits_for_3_5_characters(line: Pty) -> None:
    server = server_on(line.path, TAGS, [], **SLOW)
    server.start()
    start = time.monotonic()
    is_answered(line, 4)
    assert time.monotonic() - start >= SILENCE_S
    server.stop()


def test_a_flood_of_junk_is_survived(line: Pty, server: RtuServer) -> None:
    for _ in range(50):
        line.say(os.urandom(500))
    until(lambda: counted(server, "bytes_received") == 25_000)
    time.sleep(0.05)  # the silence after it
    while line.hear(0):
        pass
    is_answered(line, 4)


def test_exceptions_are_answered_and_counted(line: Pty, server: RtuServer) -> None:
    line.say(adu(b"\x03\x00\x63\x00\x01"))
    assert line.hear_frame(5) == adu(b"\x83\x02")
    line.say(adu(b"\x08\x00\x00\xa5\x37"))
    assert line.hear_frame(5) == adu(b"\x88\x01"), "a function whose length is not known ends by silence"
    server.set_exception(6)
    line.say(write(4))
    assert line.hear_frame(5) == adu(b"\x86\x06")
    server.set_exception(0)
    assert server.counters()["exception_codes"] == {1: 1, 2: 1, 6: 1}
    is_answered(line, 4)


def test_a_line_that_was_pulled_out_is_opened_again(tmp_path: Path) -> None:
    first, second = Pty(), Pty()
    port = tmp_path / "ttyUSB0"
    port.symlink_to(first.path)
    server = server_on(str(port), TAGS, [])
    server.start()
    is_answered(first, 1)
    first.close()
    until(lambda: not server.connected)
    port.unlink()
    port.symlink_to(second.path)
    until(lambda: server.connected)
    is_answered(second, 2)
    server.stop()
    assert counted(server, "closed_by_peer") == 1
    server.start()  # after a stop it opens the line again
    is_answered(second, 3)
    server.stop()
    second.close()
