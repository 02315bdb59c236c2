"""The whole firmware in QEMU, over its link: the same bits as in this process, dead man, resets, exact costs."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import bench_of_one
import pytest
from bench_of_one import LOCKSTEP as PAIR_LOCKSTEP
from bench_of_one import MS, Pair
from wire_host import FREE, LOCKSTEP, SAFE, WireHost

from hil.errors import BusError
from hil.mcu.build import build_firmware
from hil.mcu.measure import measure
from hil.mcu.qemu import start_qemu
from hil.mcu.tables import make_application
from hil.program import controller_of
from hil.rig import load_rig

INPUTS = [0.1 * k - 1e-3 * k * k for k in range(60)]


@pytest.fixture
def board(one_stm32):
    board = start_qemu(one_stm32)
    yield board
    board.end()


@pytest.fixture
def host(board):
    host = WireHost(board.link_fd)
    host.connect()
    return host


def test_it_tells_what_it_was_built_from(host, one, one_stm32):
    told = host.told()
    assert (told.app, told.program) == ("one", one.description.program)
    assert told.build
    assert told.build in one_stm32.name


def test_lockstep_gives_the_bits_of_the_device_in_this_process(host, tmp_path):
    pair = Pair(bench_of_one.make_rig(tmp_path))
    pair.connect()
    pair.begin(PAIR_LOCKSTEP)
    expected = []
    for value in INPUTS:
        pair.send(value)
        expected.append(pair.images[-1].values)
    host.begin(LOCKSTEP)
    assert host.run(*INPUTS) == expected
    assert host.statistics().state_hash == pair.statistics().state_hash


def test_instructions_of_a_step_are_the_same_in_every_run(one_stm32, tmp_path):
    rig = bench_of_one.make_rig(tmp_path)
    first, second = (measure(rig, rig.devices["board"], one_stm32) for _ in range(2))
    assert first.instructions == second.instructions
    assert 100 < first.instructions < 20_000


@pytest.fixture(scope="module")
def slow_stm32(arm_tools, tmp_path_factory):
    """A tenth of the rate: in free-running mode a busy machine must not look like an overrun of the board."""
    folder = tmp_path_factory.mktemp("slow")
    bench_of_one.make_rig(folder)
    text = (folder / "rig.toml").read_text()
    for old, new in (("period_s = 0.001", "period_s = 0.01"), ("max_age_s = 0.02", "max_age_s = 0.2")):
        assert old in text
        text = text.replace(old, new)
    (folder / "rig.toml").write_text(text)
    rig = load_rig(folder)
    controller = controller_of(rig, rig.roles["controller"])
    return build_firmware(make_application(rig, rig.devices["board"], controller), "stm32f405")


def test_outputs_go_safe_when_nobody_refreshes_them(slow_stm32):
    board = start_qemu(slow_stm32, icount=False)
    try:
        host = WireHost(board.link_fd)
        host.connect()
        host.begin(FREE)
        host.feed(5.0, 0.3)
        host.listen(0.05)
        assert 10.0 in {out for out, _ in host.all_pins()}  # not the newest: a busy machine may hold this host up
        time.sleep(0.5)  # the host hangs: nothing is sent, nothing is read
        host.listen(0.1)
        assert host.pins() == SAFE
        state = host.state()
        assert (state.cause, state.output, state.safe) == (1, "x.slow", 1)  # 50 ms, the shortest age here
        assert state.tripped_ns - state.refreshed_ns >= 50 * MS
    finally:
        board.end()


@pytest.mark.parametrize(("kind", "cause"), [(1, 0), (2, 0), (3, 3)], ids=["warm", "cold", "brown-out"])
def test_a_reset_is_told_at_the_next_connect(host, kind, cause):
    host.begin(LOCKSTEP)
    assert host.run(1.0) == [(2.0, pytest.approx(0.0, abs=1.0))]
    host.fault("reset", target=kind)
    host.send_image(b"\x01\0\0\0" + bytes(8))  # the tick in which it happens
    host.listen(0.3)
    host.connect()
    state = host.state()
    assert (state.reset, state.cause, state.safe) == (kind, cause, 1)


def test_the_emulator_ends_with_the_program_that_started_it(one_stm32):
    code = (
        "import os, sys, time\nfrom pathlib import Path\nfrom hil.mcu.qemu import start_qemu\n"
        "board = start_qemu(Path(sys.argv[1]))\nprint(board.link_path, flush=True)\ntime.sleep(60)\n"
    )
    child = subprocess.Popen([sys.executable, "-c", code, one_stm32], stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdout
        path = child.stdout.readline().strip()
        assert Path(path).exists()
        fd = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        child.kill()
        child.wait()
        assert _hangs_up(fd), "QEMU still holds its terminal"
        os.close(fd)
    finally:
        child.kill()
        child.wait()


def _hangs_up(fd: int) -> bool:
    end = time.monotonic() + 5
    while time.monotonic() < end:
        try:
            if os.read(fd, 4096) == b"":
                return True
        except BlockingIOError:
            time.sleep(0.02)
        except OSError:
            return True
    return False


def test_an_emulator_that_is_missing_is_one_line(one_stm32, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BusError, match=r"qemu-system-arm, which is not installed. Install it with: apt-get install"):
        start_qemu(one_stm32)


def test_an_emulator_that_ends_at_once_says_why(arm_tools, tmp_path):
    with pytest.raises(BusError, match=r"nothing.elf: QEMU ended: Could not load kernel"):
        start_qemu(tmp_path / "nothing.elf")


def test_a_board_ends_once(one_stm32):
    board = start_qemu(one_stm32)
    board.end()
    board.end()
    with pytest.raises(BusError, match="QEMU ended"):
        board.check()
