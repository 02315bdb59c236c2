"""Our master on a bad line, with a slave that misbehaves: no wrong value is taken, and data flows again."""

from __future__ import annotations

import itertools
import math
import termios
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from modbus_peers import until
from rtu_peers import Pty, Slave, adu, client_on

from hil._bus import RtuClient, Tag, now_ns
from hil.drivers.serial_line import open_line
from hil.errors import BusError

TIMEOUT_S = 0.5
READS = [Tag("level", "holding_register", 0, "uint16"), Tag("flow", "holding_register", 1, "uint16")]


@pytest.fixture
def slave() -> Iterator[Slave]:
    slave = Slave()
    yield slave
    slave.close()


@pytest.fixture
def master(slave: Slave) -> Iterator[RtuClient]:
    master = client_on(slave.pty.path, READS, [], timeout_s=TIMEOUT_S)
    yield master
    master.stop()


def data_flows(slave: Slave, master: RtuClient) -> None:
    slave.value += 1
    master.exchange(0)
    assert master.take_in()[2] == [slave.value] * 2


def counted(master: RtuClient, name: str) -> int:
    return int(master.counters()[name])


def test_an_answer_in_pieces_is_taken_with_its_last_byte(slave: Slave, master: RtuClient) -> None:
    def in_pieces(slave: Slave, frame: bytes) -> None:
        for byte in slave.good_answer(frame):
            slave.pty.say(bytes([byte]))
            time.sleep(0.001)

    slave.once(in_pieces)
    data_flows(slave, master)
    assert counted(master, "gaps") == 0


def test_an_answer_among_noise_is_found(slave: Slave, master: RtuClient) -> None:
    slave.once(lambda slave, frame: slave.pty.say(b"\x00\xff\x01\x03" + slave.good_answer(frame) + b"\xff"))
    data_flows(slave, master)
    assert counted(master, "noise_bytes") == 5
    data_flows(slave, master)


def test_noise_well_before_the_answer_is_forgotten(slave: Slave, master: RtuClient) -> None:
    def noise_first(slave: Slave, frame: bytes) -> None:
        slave.pty.say(b"\x00\xff")
        time.sleep(0.05)
        slave.answer(frame)

    slave.once(noise_first)
    data_flows(slave, master)
    assert (counted(master, "noise_bytes"), counted(master, "timeouts")) == (2, 0)


def test_an_answer_with_a_wrong_crc_fails_without_waiting_for_the_timeout(slave: Slave) -> None:
    master = client_on(slave.pty.path, READS, [], timeout_s=60)
    slave.once(lambda slave, frame: slave.pty.say(slave.good_answer(frame)[:-1] + b"\x00"))
    start = time.monotonic()
    with pytest.raises(BusError, match="make no sense"):
        master.exchange(0)
    assert time.monotonic() - start < 30
    assert (counted(master, "wrong_crc"), counted(master, "timeouts")) == (1, 0)
    assert master.take_in() is None
    data_flows(slave, master)
    master.stop()


def test_the_answer_of_another_unit_is_not_taken(slave: Slave, master: RtuClient) -> None:
    slave.once(lambda slave, frame: slave.pty.say(slave.good_answer(b"\x09" + frame[1:])))
    with pytest.raises(BusError, match="no answer in time"):
        master.exchange(0)
    assert (counted(master, "wrong_unit"), counted(master, "timeouts")) == (1, 1)
    data_flows(slave, master)


@pytest.mark.parametrize("pdu", [b"\x03\x02\x00\x00", b"\x04\x04\x00\x00\x00\x00", b"\x83\x00"])
def test_a_frame_that_is_no_answer_is_malformed(slave: Slave, master: RtuClient, pdu: bytes) -> None:
    slave.once(lambda slave, frame: slave.pty.say(adu(pdu)))
    with pytest.raises(BusError):
        master.exchange(0)
    assert counted(master, "malformed") == 1
    data_flows(slave, master)


def test_an_exception_makes_its_values_bad(slave: Slave, master: RtuClient) -> None:
    slave.once(lambda slave, frame: slave.pty.say(adu(b"\x83\x06")))
    master.exchange(0)
    assert all(math.isnan(v) for v in master.take_in()[2])
    assert master.counters()["exception_codes"] == {6: 1}
    data_flows(slave, master)


def test_an_answer_after_its_timeout_is_never_taken_for_the_next_one(slave: Slave, master: RtuClient) -> None:
    def late(slave: Slave, frame: bytes) -> None:
        answer = slave.good_answer(frame)
        time.sleep(1.3 * TIMEOUT_S)
        slave.pty.say(answer)

    for k in range(5):
        slave.once(late)
        with pytest.raises(BusError, match="no answer in time"):
            master.exchange(0)
        data_flows(slave, master)
        assert counted(master, "late_answers") == counted(master, "timeouts") == k + 1


def test_an_answer_given_twice_is_taken_once(slave: Slave, master: RtuClient) -> None:
    slave.once(lambda slave, frame: slave.pty.say(2 * slave.good_answer(frame)))
    data_flows(slave, master)

    def once_more(slave: Slave, frame: bytes) -> None:
        slave.answer(frame)
        time.sleep(0.02)
        slave.answer(frame)

    slave.once(once_more)
    data_flows(slave, master)
    time.sleep(0.1)
    data_flows(slave, master)
    assert counted(master, "noise_bytes") == 2 * len(adu(bytes(6)))


def test_half_an_answer_is_a_timeout_and_a_pause_inside_one_spoils_it(slave: Slave) -> None:
    slow = client_on(slave.pty.path, READS, [], timeout_s=5, bit_ns=20_000_000, char_bits=10, slack_s=0.0)

    def with_a_pause(slave: Slave, frame: bytes) -> None:
        slave.pty.say(slave.good_answer(frame)[:5])
        time.sleep(0.5)  # a gap is 300 ms, a silence 700 ms
        for byte in slave.good_answer(frame)[5:]:
            time.sleep(0.2)
            slave.pty.say(bytes([byte]))

    slave.once(with_a_pause)
    with pytest.raises(BusError, match="make no sense"):
        slow.exchange(0)
    assert counted(slow, "gaps") == 1
    data_flows(slave, slow)
    slave.once(lambda slave, frame: slave.pty.say(slave.good_answer(frame)[:5]))
    with pytest.raises(BusError):
        slow.exchange(0)
    assert counted(slow, "wrong_crc") == 1
    data_flows(slave, slow)
    slow.stop()


def test_a_device_that_drips_does_not_stretch_the_timeout(slave: Slave, master: RtuClient) -> None:
    answered, dripped = threading.Event(), itertools.count()

    def drip(slave: Slave, frame: bytes) -> None:
        while not answered.is_set() and next(dripped) < 2_000:
            slave.pty.say(b"\x55")
            time.sleep(0.01)

    slave.once(drip)
    with pytest.raises(BusError, match="no answer in time"):
        master.exchange(0)
    answered.set()
    assert next(dripped) < 2_000, "it gave up while bytes still came"


def test_a_broadcast_is_not_answered_and_the_line_rests_after_it() -> None:
    line = Pty()
    tags = [Tag("all", "holding_register", 2, "uint16")]
    master = client_on(line.path, [], tags, unit=0, single_writes=True, turnaround_s=0.12)
    master.set_out([7])
    start = time.monotonic()
    master.exchange(0)
    assert time.monotonic() - start >= 0.12
    assert line.hear_frame(8) == adu(b"\x06\x00\x02\x00\x07", 0)
    assert master.transact(b"\x06\x00\x02\x00\x08") == b""
    found = master.counters()
    assert (found["broadcasts"], found["timeouts"], found["cycles"]) == (2, 0, 1)
    master.stop()
    with pytest.raises(BusError, match="unit 0 is a broadcast, which nobody answers"):
        client_on(line.path, READS, [], unit=0)
    line.close()


def test_bytes_of_ff_are_whole_where_the_driver_marks_bad_ones(slave: Slave) -> None:
    """With PARMRK the kernel doubles ff, on a pseudo-terminal as well, and we make one of it again."""
    mode = termios.tcgetattr(slave.pty.slave)
    marked = [termios.INPCK | termios.PARMRK, *mode[1:]]
    line = open_line(f"modbus-rtu://{slave.pty.path}")
    termios.tcsetattr(line.fd, termios.TCSANOW, marked)
    master = RtuClient(line.fd, line.path, READS, [], timeout_s=TIMEOUT_S)
    slave.value = 0xFFFE
    data_flows(slave, master)
    assert counted(master, "bytes_received") == 9 + 4
    master.stop()


def test_a_line_that_was_pulled_out_is_opened_again(tmp_path: Path) -> None:
    slaves = [Slave(), Slave()]
    port = tmp_path / "ttyUSB0"
    port.symlink_to(slaves[0].pty.path)
    master = client_on(str(port), READS, [], timeout_s=TIMEOUT_S, backoff_s=0.01, backoff_max_s=0.05)
    master.start(now_ns(), 5_000_000)
    until(master.take_in)
    slaves[0].close()
    until(lambda: not master.connected)
    until(lambda: counted(master, "failed_connects"))
    port.unlink()
    port.symlink_to(slaves[1].pty.path)
    until(lambda: master.connected)
    slaves[1].value = 4711
    until(lambda: (image := master.take_in()) and image[2] == [4711] * 2)
    master.stop()
    slaves[1].close()
    found = master.counters()
    assert found["connects"] == 2
    assert found["reconnects"] == 1


def test_a_line_that_is_gone_is_one_line_with_its_mend() -> None:
    line = Pty()
    master = client_on(line.path, READS, [])
    line.close()
    with pytest.raises(BusError, match=rf"{line.path}: exchange failed: Input/output error\. Check the cable"):
        master.exchange(0)
    with pytest.raises(BusError, match=rf"{line.path}: exchange failed: No such file or directory\. Plug"):
        master.exchange(0)
    master.stop()


def test_stopping_is_quick_while_an_answer_is_waited_for(slave: Slave) -> None:
    slave.behave = lambda slave, frame: None
    master = client_on(slave.pty.path, READS, [], timeout_s=30)
    master.start(now_ns(), 1_000_000)
    until(lambda: slave.requests)
    start = time.monotonic()
    master.stop()
    assert time.monotonic() - start < 10, "a third of its timeout"
    assert counted(master, "errors_os") == 0
