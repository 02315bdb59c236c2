"""A Temperature Control Lab behind its text protocol: a real board, or the firmware that plays one."""

from __future__ import annotations

from typing import Any

from hil.drivers.tclab_bus import TCLabBus
from hil.program import controller_of
from hil.wires.wire import Wire


class TclabWire(Wire):
    """A board on a serial line, in real time: it knows no other.

    Attributes:
        board: what is emulated, None for a real board.
    """

    board: Any = None

    def open(self) -> None:
        """Starts the board where it is emulated; the port is opened by connect()."""
        address = self._start_board() if self.level == "pil" else self.device.line
        reads, writes = ([tag.signal for tag in tags] for tags in (self.role.outputs, self.role.inputs))
        self.bus = self.port = TCLabBus(address, reads, writes)

    def _start_board(self) -> str:
        from hil.mcu.emulate import start_board

        self.board = start_board(self.rig, self.device, controller_of(self.rig, self.role))
        return f"serial://{self.board.field_path}"

    def close(self) -> None:
        """Switches the heaters off, then ends the emulated board."""
        super().close()
        if self.board is not None:
            self.board.end()
            self.board = None
