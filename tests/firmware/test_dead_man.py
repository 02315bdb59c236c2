"""The dead man: a host that is killed leaves outputs that are safe within their age, latched, and the next one is told.

On the posix board the pins are seen without the link; in QEMU the board's own clock tells.
"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

import pytest
import rig_on_a_line as line
from rig_on_a_line import AGE_NS, SAFE, TICK_NS

from hil._link import LinkBus
from hil.mcu.build import build_firmware
from hil.mcu.qemu import start_qemu
from hil.mcu.reports import DeviceState, Op
from hil.mcu.tables import make_application
from hil.program import controller_of
from hil.rig import load_rig

pytestmark = pytest.mark.realtime  # an output's age is 100 ms: nothing may hold up the host for so long
NAMES = ["x.out", "x.slow"]
LATE_NS = 5 * TICK_NS  # the emulated chip, and this machine, may be late by some ticks; never by an age


class Posix:
    def __init__(self, folder: Path) -> None:
        self.file = folder / "pins"
        self.process, told = line.emulate(
            line.write_rig(folder / "device", "serial:///dev/ttyACM0"), "--outputs", self.file
        )
        self.path = told["link"]

    def end(self) -> None:
        self.process.terminate()
        line.finish(self.process)


class Qemu:
    def __init__(self, folder: Path) -> None:
        rig = load_rig(line.write_rig(folder / "device", "serial:///dev/ttyACM0"))
        application = make_application(rig, rig.devices["board"], controller_of(rig, rig.roles["controller"]))
        self.board = start_qemu(build_firmware(application, "stm32f405"), icount=False)
        self.path = self.board.link_path

    def end(self) -> None:
        self.board.end()


@pytest.fixture(params=["posix", "qemu"])
def board(request, tmp_path):
    if request.param == "qemu":
        request.getfixturevalue("arm_tools")
    started = (Posix if request.param == "posix" else Qemu)(tmp_path)
    yield started
    started.end()


def look(path: str) -> DeviceState:
    """The board's state, asked by a host that then says goodbye."""
    fd = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    try:
        bus = LinkBus(fd, [(8, 1.0, 0.0, -1e9, 1e9, 0.0)] * 2, [(8, 1.0, 0.0, -1e9, 1e9, 0.0)])
        bus.connect(5.0)
        state = DeviceState.parse(bus.ask(Op.STATE)[1], NAMES)
        bus.close()
    finally:
        os.close(fd)
    return state


@pytest.fixture
def runtime():
    """A folder for control sockets; their paths have to be short."""
    with tempfile.TemporaryDirectory(prefix="hilt") as folder:
        yield Path(folder)


def test_a_killed_host_leaves_safe_outputs_a_latch_and_its_cause(board, runtime, tmp_path):
    rig = line.write_rig(tmp_path / "rig", f"serial://{board.path}")
    host = line.run(rig, HIL_RUNTIME_DIR=str(runtime))
    line.wait_for(lambda: host.poll() is not None or list(runtime.glob("*.sock")))  # from now on it runs
    if isinstance(board, Posix):
        line.wait_until_driven(board.file)
    else:
        time.sleep(1.0)
    assert host.poll() is None, line.finish(host)
    host.kill()
    host.wait()
    killed = time.monotonic()
    if isinstance(board, Posix):
        line.wait_for(lambda: line.pins(board.file) == SAFE, 5.0)
        print(f"safe {(time.monotonic() - killed) * 1e3:.0f} ms after the kill")
    else:
        time.sleep(1.0)
    state = look(board.path)
    assert (state.cause, state.safe, state.output) == (1, 1, "x.out")
    age = state.tripped_ns - state.refreshed_ns
    assert AGE_NS - TICK_NS <= age <= AGE_NS + LATE_NS

    code, lines = line.finish(line.run(rig, seconds=1))
    assert (code, len(lines)) == (2, 1), lines
    assert "latched safe: the host was lost, x.out was not refreshed for" in lines[0]
    assert "--clear-latch" in lines[0]
    assert "killed program" in lines[0], "the usual mend"
    assert look(board.path).cause == 1, "looking does not clear"

    code, lines = line.finish(line.run(rig, "--clear-latch", seconds=0.5))
    assert code == 0, lines
    assert look(board.path).cause == 0


def test_an_ordinary_end_latches_nothing(board, tmp_path):
    rig = line.write_rig(tmp_path / "rig", f"serial://{board.path}")
    for _ in range(2):
        code, lines = line.finish(line.run(rig, seconds=0.5))
        assert code == 0, lines
        state = look(board.path)
        assert (state.cause, state.safe) == (0, 1)
