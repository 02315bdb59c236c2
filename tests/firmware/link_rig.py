"""The bus of the link against the firmware on its posix board, in this process, on a line that the test can disturb."""

from __future__ import annotations

import contextlib
import math
import os
import random
import re
import select
import socket
import struct
import threading
import time
from collections.abc import Iterator

import bench_of_one as one
from hil._firmware import lib

from hil._link import LinkBus, now_ns
from hil.drivers.serial_line import open_line
from hil.errors import BusError
from hil.mcu.posix import _Board
from hil.mcu.reports import DEVICE_FAULTS, DeviceState, Op
from hil.rig import load_rig

MS = 1_000_000
NOW = -(2**63)
OUTPUTS = ["x.out", "x.slow"]

FLOAT64 = (8, 1.0, 0.0, -math.inf, math.inf, 0.0)


@contextlib.contextmanager
def running_board(rig) -> Iterator[str]:
    """A board whose x.out is twice its x.in; the path of its link."""
    device = rig.devices["board"]
    board = _Board(rig, device, None)
    thread = threading.Thread(target=lib.fw_posix_run, args=(board.board, board.tables.app, board.stop))
    thread.start()
    try:
        yield board.ports(device)["link"]
    finally:
        board.stop[0] = 1
        thread.join(10)
        board.close()


@contextlib.contextmanager
def opened(path: str) -> Iterator[int]:
    line = open_line(f"serial://{path}")
    try:
        yield line.fd
    finally:
        line.close()


@contextlib.contextmanager
def bus_on(fd: int, *, timeout_s: float = 2.0, clock_tags: bool = False) -> Iterator[LinkBus]:
    bus = LinkBus(fd, [FLOAT64, FLOAT64], [FLOAT64], timeout_s=timeout_s, clock_tags=clock_tags)
    try:
        yield bus
    finally:
        bus.close()


class Relay:
    """Carries bytes between a socket of its own, for the bus, and a board's terminal; it can lose and change them."""

    def __init__(self, path: str, seed: int = 1) -> None:
        self.ours, theirs = socket.socketpair()
        self.ours.setblocking(False)
        self.fd = self.ours.fileno()
        self.loss = self.corruption = 0.0  # of each piece of bytes that is read
        self.cut = False  # nothing passes
        self.disturbed = 0
        self._random, self._theirs, self._end = random.Random(seed), theirs, threading.Event()
        self._line = open_line(f"serial://{path}")
        self._thread = threading.Thread(target=self._carry)
        self._thread.start()

    def _carry(self) -> None:
        ends = {self._theirs.fileno(): self._line.fd, self._line.fd: self._theirs.fileno()}
        while not self._end.is_set():
            for fd in select.select(list(ends), [], [], 0.05)[0]:
                with contextlib.suppress(OSError):
                    if not (data := self._disturb(os.read(fd, 4096))):
                        continue
                    select.select([], [ends[fd]], [], 1)
                    os.write(ends[fd], data)

    def _disturb(self, data: bytes) -> bytes:
        if self.cut or self._random.random() < self.loss:
            self.disturbed += 1
            return b""
        if self._random.random() < self.corruption:
            self.disturbed += 1
            at = self._random.randrange(len(data)) if data else 0
            data = data[:at] + self._random.randbytes(2) + data[at + 1 :]
        return data

    def close(self) -> None:
        self._end.set()
        self._thread.join()
        for end in (self.ours, self._theirs, self._line):
            end.close()


@contextlib.contextmanager
def relay_to(path: str) -> Iterator[Relay]:
    relay = Relay(path)
    try:
        yield relay
    finally:
        relay.close()


class Bench:
    """Publishes x.in = 1, 2, 3, ... every millisecond, as a loop would, and keeps what comes back."""

    def __init__(self, bus: LinkBus) -> None:
        self.bus, self.sent, self.images = bus, 0, []
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        while not self._end.is_set():
            self.sent += 1
            self.bus.set_out([float(self.sent)])
            time.sleep(0.001)
            if image := self.bus.take_in():
                self.images.append((time.monotonic_ns(), *image))

    def __enter__(self) -> Bench:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()


def until(condition, timeout_s: float = 15.0) -> bool:
    """Waits for something that takes as long as the machine makes it take."""
    end = time.monotonic() + timeout_s
    while not (met := condition()) and time.monotonic() < end:
        time.sleep(0.005)
    return bool(met)


def board_with(max_age_s, folder, period_s=0.001):
    """The rig of bench_of_one.py without limits, with this maximum age of its outputs and this period."""
    rig = one.RIG.replace("[-100, 100]", "[-1e9, 1e9]").replace("period_s = 0.001", f"period_s = {period_s}")
    (folder / "rig.toml").write_text(re.sub(r"max_age_s = [\d.]+", f"max_age_s = {max_age_s}", rig))
    (folder / "board.csv").write_text(one.MAP)
    return running_board(load_rig(folder))


def fault(bus, kind, target=0, argument=0.0):
    number = DEVICE_FAULTS.index(kind) + 1
    return bus.ask(Op.FAULT, struct.pack("<qBId", NOW, number, target, argument))


def state(bus):
    return DeviceState.parse(bus.ask(Op.STATE)[1], OUTPUTS)


def start(bus, period_ns=MS):
    bus.begin(False, True)
    bus.start(now_ns() + MS, period_ns)


def reset(bus, target):
    """The device resets at its next tick; it may answer before."""
    with contextlib.suppress(BusError):
        fault(bus, "reset", target)
