"""The posix board in this process: a device's firmware on pseudo-terminals, from the rig, without a compiler."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hil._firmware import ffi, lib
from hil.errors import BusError
from hil.mcu.description import describe_device, with_build
from hil.mcu.device_tables import DeviceTables
from hil.program import controller_of
from hil.rig import Device, Rig
from hil.wires.emulated import PARENT

POSIX_BUILD = "posix"  # told as the build: nothing was compiled
Ready = Callable[[dict[str, Any]], None]


def serve(rig: Rig, device: Device, ready: Ready | None = None, outputs: Path | None = None) -> None:
    """Serves a device's firmware until SIGTERM or SIGINT, or until the bench that started this process has ended.

    Args:
        rig: with the device.
        device: its description; `firmware` is given.
        ready: is told {"device", "link", "field", "path", "url", "pid"}: the ports to connect to.
        outputs: file in which the pins can be seen (firmware/boards/posix/posix.h).

    Raises:
        BusError: no pseudo-terminal can be had.
    """
    board = _Board(rig, device, outputs)
    try:
        if ready:
            ready({"rig": rig.name, "device": device.name, "pid": os.getpid(), **board.ports(device)})
        board.run()
    finally:
        board.close()


class _Board:
    """One board while it serves."""

    def __init__(self, rig: Rig, device: Device, outputs: Path | None) -> None:
        controller = controller_of(rig, rig.roles[device.role])
        told = with_build(describe_device(rig, device, controller), POSIX_BUILD)
        self.tables = DeviceTables(rig, device, controller, told)
        self.board = ffi.new("struct fw_posix *")
        self.stop = ffi.new("int *")
        self.priority = rig.loop.priority
        self._path = ffi.new("char[]", os.fsencode(outputs)) if outputs else ffi.NULL
        failed = lib.fw_posix_open(self.board, ffi.new("struct fw_posix_options *", {"outputs": self._path}))
        if failed:
            raise BusError(f"the board cannot run: {os.strerror(failed)}", where=f"devices.{device.name}")

    def ports(self, device: Device) -> dict[str, str]:
        """Both pseudo-terminals; `path` is the one that speaks what the rig says, `url` its address."""
        link, field = (ffi.string(self.board.port[i].name).decode() for i in range(2))
        path = link if device.protocol == "link" else field
        scheme = "modbus-rtu" if device.protocol == "modbus" else "serial"
        return {"link": link, "field": field, "path": path, "url": f"{scheme}://{path}"}

    def run(self) -> None:
        """Until told to end."""
        previous = [signal.signal(number, self._end) for number in (signal.SIGTERM, signal.SIGINT)]
        if PARENT in os.environ:
            threading.Thread(target=self._watch_parent, daemon=True).start()
        try:
            work = threading.Thread(target=self._work)
            work.start()
            while work.is_alive():  # signals are handled between two looks
                work.join(0.1)
        finally:
            for number, handler in zip((signal.SIGTERM, signal.SIGINT), previous, strict=True):
                signal.signal(number, handler)

    def _work(self) -> None:
        """Below the bench's loop and its bus, above everything ordinary, where permitted: a board answers at once."""
        if self.priority > 0:
            with contextlib.suppress(PermissionError):
                os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(max(1, self.priority - 2)))
        lib.fw_posix_run(self.board, self.tables.app, self.stop)

    def _watch_parent(self) -> None:
        """Standard input ends with the bench that started this process, however that happens."""
        with open(0, "rb", buffering=0, closefd=False) as standard_input:
            while standard_input.read(4096):
                pass
        self._end()

    def _end(self, *_: object) -> None:
        self.stop[0] = 1

    def close(self) -> None:
        """Gives the ports back."""
        lib.fw_posix_close(self.board)
