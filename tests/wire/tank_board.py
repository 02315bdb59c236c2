"""The board of rigs/tank_level as a process of this machine or in QEMU, for masters on its field port."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from link_host import LinkHost

from hil.drivers.remote_line import open_device_line
from hil.mcu.build import build_firmware
from hil.mcu.qemu import start_qemu
from hil.mcu.reports import DeviceState, Op
from hil.mcu.tables import make_application
from hil.program import controller_of
from hil.rig import load_rig

LEVEL, SETPOINT, RUN, RESET = 15050, 12000, 1, 2  # 0.1005 m and 0.12 m as the registers hold them; bits
OUTPUTS = ["pump.v", "controller.running", "controller.alarm"]
LONGER = ("max_age_s = 0.25", "max_age_s = 1.0")  # a busy machine must not be taken for a silent master
needs_qemu = pytest.mark.skipif(
    not (shutil.which("qemu-system-arm") and shutil.which("arm-none-eabi-gcc")),
    reason="needs qemu-system-arm and arm-none-eabi-gcc: tools/system_packages.sh firmware",
)


@dataclass
class Board:
    """Paths of its two ports."""

    link: str
    field: str


def build_board(rig: Path, board: str) -> Path:
    """The rig's application, compiled."""
    loaded = load_rig(rig)
    device = loaded.devices["board"]
    return build_firmware(make_application(loaded, device, controller_of(loaded, loaded.roles[device.role])), board)


@contextmanager
def posix_board(program: Path) -> Iterator[Board]:
    """Switched on, as a process."""
    with subprocess.Popen([str(program)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        yield Board(**dict(process.stdout.readline().split() for _ in range(2)))
        process.terminate()


@contextmanager
def qemu_board(program: Path) -> Iterator[Board]:
    """Switched on, in QEMU, by the clock."""
    board = start_qemu(program, icount=False)
    yield Board(board.link_path, board.field_path)
    board.end()


def until(condition: Callable[[], Any], timeout_s: float = 8.0) -> None:
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


@contextmanager
def linked(board: Board) -> Iterator[LinkHost]:
    """A host on the board's link."""
    line = open_device_line(f"serial://{board.link}")
    try:
        host = LinkHost(line.fd)
        host.connect()
        yield host
    finally:
        line.close()


def state(host: LinkHost) -> DeviceState:
    """What it tells of its latch."""
    return DeviceState.parse(host.ask(Op.STATE)[1], OUTPUTS)
