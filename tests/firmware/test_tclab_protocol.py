"""The firmware's TCLab face answers as the sketch of the real board does; the firmware runs as a process on a pty."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tclab_board import Board, Host, running
from tclab_sketch import Sketch

TEMPERATURE = re.compile(r"-?\d+\.\d\d")
# Sent to the board in this order, without a pause; what it answers. t: a temperature.
COMMANDS = [
    ("VER", ["TCLab Firmware 1.4.3 HIL board"]),
    ("Q1 50", ["50.00"]),
    ("R1", ["50.00"]),
    ("q1 12.5", ["12.50"]),
    ("Q1 0.5", ["0.50"]),
    ("Q1 100.1", ["100.00"]),
    ("Q1 -3", ["0.00"]),
    ("Q2 33.3349", ["33.33"]),
    ("Q2 33.3351", ["33.34"]),
    ("R2", ["33.34"]),
    ("Q2   7", ["7.00"]),
    ("Q2 1e1", ["10.00"]),
    ("Q2 8%", ["8.00"]),
    ("Q2 much", ["0.00"]),
    ("P1 200", ["200.00"]),
    ("P1 255.9", ["255.00"]),
    ("P2 -1", ["0.00"]),
    ("P2 256", ["255.00"]),
    ("P1 -1", ["0.00"]),
    ("Q2 101", ["100.00"]),
    ("Q2 -1", ["0.00"]),
    ("LED -1", ["0.00"]),
    ("P2 100", ["100.00"]),
    ("LED 50", ["50.00"]),
    ("LED 101", ["100.00"]),
    ("T1", ["t"]),
    ("t2", ["t"]),
    ("Q1 40", ["40.00"]),
    ("Q2 30", ["30.00"]),
    ("SCAN", ["t", "t", "40.00", "30.00"]),
    ("", []),
    (" Q1 99", []),  # the command is what stands before the first space: nothing
    ("R1", ["40.00"]),
    ("\tR1", ["40.00"]),
    ("A", ["Start"]),
    ("R1", ["0.00"]),
    ("Q1 40", ["40.00"]),
    ("X", ["Stop"]),
    ("R1", ["0.00"]),
    ("Q1 40", ["40.00"]),
    ("t", ["T"]),
    ("Hello there", ["HELLO"]),  # not known: heaters off
    ("R1", ["0.00"]),
    ("Q2 40", ["40.00"]),
    ("Q1\t50", ["Q1\t50"]),
    ("R2", ["0.00"]),
    ("Q1 40", ["40.00"]),
    ("Q1", ["0.00"]),  # no number is 0
    ("Q1 nan", ["0.00"]),
    ("Q1 inf", ["0.00"]),
]


@pytest.fixture(scope="module")
def board(tclab_program: Any) -> Iterator[Board]:
    with running(tclab_program) as running_board:
        yield running_board


@pytest.fixture
def host(board: Board) -> Iterator[Host]:
    opened = Host(board)
    opened.say(b"\nX\n")
    opened.say(b"P1 200\nP2 100\n", 2)
    yield opened
    opened.silence()
    opened.close()


def told(data: bytes) -> list[str]:
    """Lines, with t for what follows from the thermal model."""
    assert data.endswith(b"\r\n") or not data
    return data.decode("latin-1").split("\r\n")[:-1]


def same(answers: list[str], wanted: list[str]) -> bool:
    return len(answers) == len(wanted) and all(
        TEMPERATURE.fullmatch(a) if w == "t" else a == w for a, w in zip(answers, wanted, strict=True)
    )


def test_every_command_of_the_sketch_is_answered(host: Host) -> None:
    for command, wanted in COMMANDS:
        answers = told(host.say(command.encode() + b"\r\n", len(wanted)))
        assert same(answers, wanted), command
    assert host.silence() == b""


def test_the_table_is_what_the_sketch_does() -> None:
    sketch = Sketch()
    for command, wanted in COMMANDS:
        assert sketch.receive(command.encode() + b"\r\n") == wanted, command


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n"])
def test_any_end_of_line_will_do_and_bytes_may_come_one_by_one(host: Host, end: bytes) -> None:
    for byte in b"Q1 25" + end:
        host.say(bytes([byte]), 0)
        time.sleep(0.002)
    assert host.read(1) == b"25.00\r\n"


def test_a_line_is_cut_behind_64_characters(host: Host) -> None:
    # The 65th character ends the command and is lost; what follows is the next one.
    assert host.say(b"a" * 64 + b"?VER\n", 2) == b"A" * 64 + b"\r\nTCLab Firmware 1.4.3 HIL board\r\n"


def test_a_hundred_commands_at_once_are_all_answered_in_order(host: Host) -> None:
    data = b"".join(b"Q1 %d\n" % n for n in range(100))
    assert host.say(data, 100) == b"".join(b"%d.00\r\n" % n for n in range(100))


PIECES = st.one_of(
    st.sampled_from(
        [b"T1", b"Q1", b"q2 ", b"P1 ", b"P2 ", b"P2", b"R1", b"R2", b"LED ", b"SCAN", b"VER", b"X", b"A", b" ", b"\t"]
    ),
    st.sampled_from([b"\n", b"\r", b"\r\n", b"\0"]),
    st.floats(-300, 300).map(lambda v: b"%.5g" % v),
    st.from_regex(rb"[+-]?[0-9]{0,3}\.?[0-9]{0,4}(e-?[0-9]{1,2})?", fullmatch=True),
    st.binary(max_size=70),
)


def test_any_bytes_are_answered_as_the_sketch_does(board: Board, full: Callable[[int, int], int]) -> None:
    opened = Host(board)

    @settings(max_examples=full(150, 5000), deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(PIECES, max_size=30).map(b"".join))
    def holds(data: bytes) -> None:
        opened.say(b"\nX\n")
        opened.say(b"P1 200\nP2 100\n", 2)
        wanted = Sketch().receive(data + b"\nR1\n")
        assert same(told(opened.say(data + b"\nR1\n", len(wanted))), wanted)

    holds()
    assert opened.silence() == b""
    opened.close()


@pytest.mark.realtime
def test_heaters_go_off_after_five_silent_minutes_and_not_before(tclab_program: Any) -> None:
    speed = 600.0  # five minutes are half a second
    with running(tclab_program, speed) as fast:
        opened = Host(fast)
        assert opened.say(b"Q1 60\n") == b"60.00\r\n"
        for _ in range(4):  # twice as long, but with a command now and then
            time.sleep(0.25)
            assert opened.say(b"R1\n") == b"60.00\r\n"
        time.sleep(2.0)  # four times as long, as a busy machine lets the board's clock wait
        assert opened.say(b"R1\n") == b"0.00\r\n"
        opened.close()


def test_a_heater_heats_its_own_sensor_most(tclab_program: Any) -> None:
    with running(tclab_program, 100.0) as fast:
        opened = Host(fast)
        opened.say(b"Q1 80\n")
        time.sleep(3.0)
        first, second = (float(opened.say(b"T%d\n" % n)) for n in (1, 2))
        opened.close()
    assert first > 45.0
    assert 22.0 < second < first - 15.0


def test_a_power_limit_scales_the_heat(tclab_program: Any) -> None:
    limits = {b"200": 0.0, b"100": 0.0, b"0": 0.0}
    with contextlib.ExitStack() as stack:
        hosts = {limit: Host(stack.enter_context(running(tclab_program, 100.0))) for limit in limits}
        for limit, opened in hosts.items():
            stack.callback(opened.close)
            opened.say(b"P1 " + limit + b"\nQ1 50\n", 2)
        time.sleep(2.5)
        for limit, opened in hosts.items():
            limits[limit] = float(opened.say(b"T1\n")) - 20.906
    full, half, none = limits.values()
    assert full > 15.0
    assert 0.45 < half / full < 0.65  # radiation: twice the heat is less than twice the difference
    assert abs(none) < 0.01
