"""`hil scan serial`: what answers on a line is told apart from silence, against the firmware's own C."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import threading
import time
import tty

import pytest
from bench_of_one import Board, Pair, make_rig
from hil._firmware import lib
from tclab_board import running

from hil.cli import main
from hil.drivers.remote_line import open_device_line
from hil.errors import BusError
from hil.probe import address_of, probe


class PtyBoard(Board):
    """The board of one whose first port is a pseudo-terminal, on the clock of this machine."""

    def __init__(self) -> None:
        super().__init__()
        self.master, self._slave = pty.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self.master, False)
        self.path = os.ttyname(self._slave)

    def _now(self, _):
        return time.monotonic_ns()

    def _read(self, _, port, at, size):
        if port == 0:
            with contextlib.suppress(BlockingIOError):
                self.to_device += os.read(self.master, size)
        return super()._read(_, port, at, size)

    def _write(self, _, port, at, n):
        super()._write(_, port, at, n)
        if port == 0 and self.to_host:
            os.write(self.master, bytes(self.to_host))
            self.to_host.clear()
        return n

    def close(self) -> None:
        os.close(self.master)
        os.close(self._slave)


@pytest.fixture
def board(tmp_path):
    """A device that is served until the test ends; its description."""
    ending = threading.Event()
    board = PtyBoard()
    pair = Pair(make_rig(tmp_path), board=board)

    def serve() -> None:
        while not ending.is_set():
            lib.fw_device_poll(pair.device)
            time.sleep(0.0005)

    thread = threading.Thread(target=serve)
    thread.start()
    yield board, pair.description
    ending.set()
    thread.join()
    board.close()


@pytest.fixture
def silent():
    master, slave = pty.openpty()
    tty.setraw(slave)
    yield os.ttyname(slave)
    os.close(master)
    os.close(slave)


def test_a_board_on_the_link_tells_who_it_is(board, hil):
    where, description = board
    done = hil("scan", "serial", "--port", where.path, "--json")
    assert done.returncode == 0, done.stderr
    (port,) = json.loads(done.stdout)["ports"]
    answer = port["answer"]
    assert (port["path"], answer["protocol"], answer["board"]) == (where.path, "link", "one")
    assert (answer["firmware"], answer["program"]) == (description.version, description.program)
    assert (answer["inputs"], answer["outputs"]) == (["x.in"], ["x.out", "x.slow"])
    assert "one, firmware" in hil("scan", "serial", "--port", f"serial://{where.path}?baud=115200").stdout


def test_a_temperature_control_lab_is_known_by_its_protocol(tclab_program, hil):
    with running(tclab_program) as lab:
        done = hil("scan", "serial", "--port", lab.path, "--json")
        assert done.returncode == 0, done.stderr
        (port,) = json.loads(done.stdout)["ports"]
        assert port["answer"]["protocol"] == "tclab"
        assert port["answer"]["firmware"][0].isdigit()
        assert port["error"] is None


def test_silence_is_nothing_and_the_line_is_free_afterwards(silent, monkeypatch):
    said = []
    monkeypatch.setattr("hil.probe.LINK_S", 0.3)  # what a port is given; here nobody ever comes
    monkeypatch.setattr("hil.probe.TCLAB_S", 0.6)
    start = time.monotonic()
    assert probe(address_of(silent), said.append) is None
    assert time.monotonic() - start < 30, "bounded"
    assert [text.partition(": ")[2] for text in said] == [
        "looking for a board",
        "looking for a board",
        "looking for a Temperature Control Lab",
    ]
    assert said[0].startswith(f"serial://{silent}?baud=921600:")
    open_device_line(f"serial://{silent}").close()


def test_a_port_in_use_or_missing_and_a_wrong_address_are_one_line(silent, capfd):
    first = open_device_line(f"serial://{silent}")
    try:
        for port, words in (
            (silent, "another program uses this port"),
            ("/dev/ttyUSB99", "hil scan serial"),
            ("serial:///dev/ttyUSB0?buad=1", "Did you mean baud?"),
            ("modbus-rtu:///dev/ttyUSB0", "hil scan modbus"),
            ("rfc2271://h:1", "Did you mean rfc2217?"),
        ):
            assert main(["scan", "serial", "--port", port]) == 2
            out, err = capfd.readouterr()
            assert (out, err.count("\n")) == ("", 1), err
            assert words in err
    finally:
        first.close()


def test_a_list_opens_nothing_and_says_why(capfd):
    assert main(["scan", "serial"]) == 0
    out, _ = capfd.readouterr()
    assert "restarts an Arduino" in out or "No serial ports" in out
    assert main(["scan", "serial", "--json"]) == 0
    found = json.loads(capfd.readouterr().out)
    assert found["probed"] is False
    assert all(port["answer"] is None for port in found["ports"])


def test_only_addresses_that_can_be_asked_are_taken():
    assert address_of("socket://127.0.0.1:4000") == "socket://127.0.0.1:4000"
    assert address_of("/dev/ttyACM0") == "serial:///dev/ttyACM0"
    with pytest.raises(BusError):
        address_of("http://h:1")
