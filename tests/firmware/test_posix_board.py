"""The posix board as a process: ports, pins without the link, resets, its watchdog, and a host that is killed."""

from __future__ import annotations

import os
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from wire_host import FREE, LOCKSTEP, SAFE, WireHost

WATCHDOG = 4


class Running:
    def __init__(self, program: Path, folder: Path) -> None:
        self.link, self.field, self.file = folder / "link", folder / "field", folder / "pins"
        command = [program, "--link", self.link, "--field", self.field, "--outputs", self.file]
        self.process = subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE, text=True)
        assert self.process.stdout
        self.told = dict(self.process.stdout.readline().split() for _ in range(2))
        self.fds: list[int] = []

    def host(self) -> WireHost:
        self.fds.append(os.open(self.link, os.O_RDWR | os.O_NOCTTY))
        host = WireHost(self.fds[-1])
        host.connect()
        return host

    def pins(self) -> tuple[int, tuple[float, ...]]:
        """How often they were driven, and the two outputs."""
        return struct.unpack("<Q", self.file.read_bytes()[:8])[0], struct.unpack("<2d", self.file.read_bytes()[8:24])

    def device(self) -> psutil.Process:
        guard = psutil.Process(self.process.pid)
        wait_for(guard.children)
        (child,) = guard.children()
        return child

    def end(self) -> int:
        for fd in self.fds:
            os.close(fd)
        self.process.terminate()
        try:
            return self.process.wait(5)
        finally:
            self.process.kill()
            self.process.wait()
            self.process.stdout.close()


@pytest.fixture
def board(one_posix, tmp_path):
    running = Running(one_posix, tmp_path)
    yield running
    running.end()


def wait_for(condition, seconds: float = 5.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_it_tells_its_ports_and_takes_its_links_away(one_posix, tmp_path):
    running = Running(one_posix, tmp_path)
    assert running.told == {"link": str(running.link.readlink()), "field": str(running.field.readlink())}
    wait_for(lambda: running.pins()[0] > 0)
    assert running.pins()[1] == SAFE, "safe before anybody has connected"
    assert running.end() == 0
    assert not running.link.is_symlink()
    assert not running.field.is_symlink()


def test_a_link_left_behind_is_replaced_and_a_file_is_not(one_posix, tmp_path):
    first = Running(one_posix, tmp_path)
    child = first.device()
    first.process.kill()
    first.process.wait()
    wait_for(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)  # nothing is left running
    assert first.link.is_symlink()
    second = Running(one_posix, tmp_path)
    assert second.told["link"] == str(second.link.readlink())
    second.end()
    second.link.write_text("precious")
    failed = subprocess.run([one_posix, "--link", second.link], capture_output=True, text=True, check=False, timeout=10)
    assert (failed.returncode, failed.stderr) == (2, "hil: the board cannot run: File exists\n")
    assert second.link.read_text() == "precious"


def test_lockstep_computes_and_drives_the_pins(board):
    host = board.host()
    host.begin(LOCKSTEP)
    assert [y for y, _ in host.run(1.0, 2.0, -3.0)] == [2.0, 4.0, -6.0]
    assert board.pins()[1][0] == -6.0


def test_pins_go_safe_when_the_host_is_killed(board):
    code = (
        "import sys, os\nsys.path.insert(0, sys.argv[2])\nfrom wire_host import FREE, WireHost\n"
        "host = WireHost(os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY))\nhost.connect()\nhost.begin(FREE)\n"
        "host.feed(5.0, 0.1)\nprint('feeding', flush=True)\nhost.feed(5.0, 60)\n"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", code, board.link, Path(__file__).parent], stdout=subprocess.PIPE, text=True
    )
    try:
        assert child.stdout
        assert child.stdout.readline() == "feeding\n"
        state = board.pins()[1]
        assert state[0] == 10.0 or state == SAFE  # a stalled host may have been found out already
    finally:
        child.kill()
        child.wait()
        child.stdout.close()
    wait_for(lambda: board.pins()[1] == SAFE)
    host = board.host()  # what was sent to the dead one is in the way, and does no harm
    state = host.state()
    assert (state.cause, state.output, state.safe) == (1, "x.out", 1)
    assert state.tripped_ns - state.refreshed_ns >= 20_000_000


@pytest.mark.realtime
@pytest.mark.parametrize(("kind", "cause"), [(1, 0), (2, 0), (3, 3)], ids=["warm", "cold", "brown-out"])
def test_a_reset_is_told_at_the_next_connect(board, kind, cause):
    host, before = board.host(), board.device().pid
    host.begin(LOCKSTEP)
    host.run(1.0)
    host.fault("reset", target=kind)
    host.send_image(struct.pack("<Id", 1, 2.0))
    host.listen(0.1)
    assert board.pins()[1] == SAFE
    host.connect()
    state = host.state()
    assert (state.reset, state.cause) == (kind, cause)
    assert state.now_ns < 5_000_000_000
    assert board.device().pid == before


@pytest.mark.parametrize("end", [signal.SIGSTOP, signal.SIGSEGV], ids=["hangs", "crashes"])
def test_the_watchdog_starts_a_device_again_that(board, end):
    host, before = board.host(), board.device()
    host.begin(LOCKSTEP)
    host.run(1.0)
    assert board.pins()[1] != SAFE
    before.send_signal(end)
    wait_for(lambda: board.pins()[1] == SAFE)
    assert board.device().pid != before.pid
    host.connect()
    state = host.state()
    assert (state.reset, state.cause) == (WATCHDOG, 6)


def test_users_of_a_port_come_and_go(board):
    for _ in range(20):
        fd = os.open(board.link, os.O_RDWR | os.O_NOCTTY)
        os.write(fd, bytes(range(256)) * 3)
        os.close(fd)
    assert board.host().state().cause == 0


@pytest.mark.realtime
def test_what_nobody_reads_does_not_stop_the_board(board):
    host = board.host()
    host.begin(FREE)
    host.feed(1.0, 0.05)
    before = board.pins()[0]
    time.sleep(1.0)  # some 45,000 bytes of images, into a terminal that holds 4,096
    assert board.pins()[0] > before + 300
    assert board.host().state().safe


def test_in_this_process_it_serves_until_it_is_told_to_stop(tmp_path):
    import threading

    import bench_of_one
    from hil._firmware import ffi, lib

    from hil.mcu.description import describe_device
    from hil.mcu.device_tables import DeviceTables
    from hil.program import controller_of

    rig = bench_of_one.make_rig(tmp_path)
    controller = controller_of(rig, rig.roles["controller"])
    description = describe_device(rig, rig.devices["board"], controller)
    tables = DeviceTables(rig, rig.devices["board"], controller, description)
    link, stop = tmp_path / "inside", ffi.new("int *")
    name = ffi.new("char[]", str(link).encode())
    options = ffi.new("struct fw_posix_options *", {"link": name})
    board = ffi.new("struct fw_posix *")
    assert lib.fw_posix_open(board, options) == 0
    results: list[int] = []
    thread = threading.Thread(target=lambda: results.append(lib.fw_posix_run(board, tables.app, stop)))
    thread.start()
    try:
        fd = os.open(link, os.O_RDWR | os.O_NOCTTY)
        host = WireHost(fd)
        host.connect()
        host.begin(LOCKSTEP)
        assert host.run(4.0)[0][0] == 8.0
        os.close(fd)
    finally:
        stop[0] = 1
        thread.join(5)
        lib.fw_posix_close(board)
    assert results == [0]
    assert not link.is_symlink()
