"""A host of the device `one` (bench_of_one.py) on a real line: all its values are float64."""

from __future__ import annotations

import struct
import time

from link_host import FREE, LOCKSTEP, LinkHost

from hil.mcu.reports import DEVICE_FAULTS, DeviceState, Op

NOW = -(2**63)
OUTPUTS = ["x.out", "x.slow"]
SAFE = (-7.0, 3.0)


class WireHost(LinkHost):
    tick = 0

    def __init__(self, fd: int, outputs: list[str] = OUTPUTS) -> None:
        super().__init__(fd)
        self.outputs = outputs

    def begin(self, mode: int) -> None:
        self.tick = 0
        super().begin(mode)

    def run(self, *values: float) -> list[tuple[float, ...]]:
        """Lock-step: one tick for each value."""
        answers = []
        for value in values:
            answers.append(struct.unpack("<2d", self.step(self.tick, struct.pack("<d", value))))
            self.tick += 1
        return answers

    def feed(self, value: float, seconds: float) -> None:
        """Free-running: refreshes the input every 3 ms."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.send_image(struct.pack("<Iqd", self.tick, time.monotonic_ns(), value))
            self.tick += 1
            time.sleep(0.003)

    def listen(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.pump(0.01)

    def pins(self) -> tuple[float, ...]:
        """Outputs as the newest image tells them."""
        return self.all_pins()[-1]

    def all_pins(self) -> list[tuple[float, ...]]:
        """Outputs as each image told them, since the host is there."""
        return [struct.unpack("<2d", image[-16:]) for image in self.images]

    def state(self) -> DeviceState:
        return DeviceState.parse(self.ask(Op.STATE)[1], self.outputs)

    def fault(self, kind: str, target: int = 0, argument: float = 0.0) -> None:
        self.done(Op.FAULT, struct.pack("<qBId", NOW, DEVICE_FAULTS.index(kind) + 1, target, argument))


__all__ = ["FREE", "LOCKSTEP", "OUTPUTS", "SAFE", "WireHost"]
