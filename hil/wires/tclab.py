"""A Temperature Control Lab behind its text protocol: a slow device that Python talks to, emulated or real."""

from __future__ import annotations

from hil.drivers.tclab_bus import TCLabBus
from hil.program import controller_of
from hil.wires.wire import Wire


class TclabWire(Wire):
    """The loop sees its newest answers and their age."""

    def open(self) -> None:
        """Starts the board where it is emulated."""
        url = self.device.line
        if self.level == "pil":
            url = f"serial://{self.start_board(controller_of(self.rig, self.role)).field_path}"
        reads = [tag.signal for tag in self.role.outputs]
        self.client = self.port = TCLabBus(url, reads, [tag.signal for tag in self.role.inputs])
