"""PIL: starts a device's firmware on an emulated board, in a process that ends with the bench."""

from __future__ import annotations

from typing import Protocol

from hil.built import Controller
from hil.drivers.remote_line import open_device_line
from hil.rig import Device, Rig
from hil.wires.emulated import start_emulated


class EmulatedBoard(Protocol):
    """What a wire needs of an emulated board.

    Attributes:
        link_fd: non-blocking end of its link.
        field_path: terminal of its field port.
        counts_per_instruction: of the board's counter, None where it does not count instructions.
    """

    link_fd: int
    field_path: str
    counts_per_instruction: float | None

    def end(self) -> None:
        """Ends it. A second call does nothing."""


def start_board(rig: Rig, device: Device, controller: Controller, *, lockstep: bool) -> EmulatedBoard:
    """The device's firmware on the board that the rig names.

    In lock-step an emulated chip counts its instructions, and its time follows them; else its time is this machine's.

    Raises:
        BusError: the compiler or QEMU is missing, or the board does not come up.
    """
    if device.board == "posix":
        return PosixBoard(rig, device)
    from hil.mcu.qemu import start_firmware

    return start_firmware(rig, device, controller, icount=lockstep)


class PosixBoard:
    """`hil emulate` in a process of its own: the firmware's sources on pseudo-terminals."""

    counts_per_instruction: float | None = None

    def __init__(self, rig: Rig, device: Device) -> None:
        assert rig.folder is not None
        self._emulated = start_emulated(rig.folder, device, lockstep=False)
        self.link_path = str(self._emulated.told["link"])
        self.field_path = str(self._emulated.told["field"])
        self._line = open_device_line(f"serial://{self.link_path}")
        self.link_fd = self._line.fd
        self.process = self._emulated.process

    def __str__(self) -> str:
        return self.link_path

    def end(self) -> None:
        """Ends the process."""
        self._line.close()
        self._emulated.end()
