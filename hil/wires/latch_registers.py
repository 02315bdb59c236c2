"""The latch of a device behind Modbus registers: what it tells, and what it can be told (hil_drivers/regmap.h)."""

from __future__ import annotations

import struct
from enum import IntEnum
from typing import Any, Literal

from hil.errors import BusError
from hil.iomap import IoTag
from hil.mcu.latch import Latch
from hil.rig import Device, Role

READ = {"holding_register": 3, "input_register": 4}  # function by table
WRITE = 6
TRIES = 3  # a frame that noise has spoilt is no answer


class Command(IntEnum):
    """enum hil_latch_command"""

    NONE = 0
    CLEAR = 1
    RELEASE = 2


class LatchRegisters:
    """Those of one device, asked beside the cycle: while the bus's thread does not run.

    Attributes:
        state, command: tags of the map; None: the device has no such register.
    """

    def __init__(self, device: Device, role: Role) -> None:
        tags = {tag.tag: tag for tag in device.tags if tag.of_latch}
        self.state, self.command = tags.get("@latch"), tags.get("@latch.command")
        self.device, self.outputs = device, [tag.signal for tag in role.outputs]

    def latch(self, word: int) -> Latch:
        """What the register's value means."""
        return Latch.from_register(word, self.outputs)

    def read(self, bus: Any) -> Latch:
        """What the register holds now.

        Raises:
            BusError: no answer, or the device has no such register.
        """
        assert self.state
        answer = self._ask(bus, struct.pack(">BHH", READ[self.state.table], self.state.address, 1), self.state)
        return self.latch(int.from_bytes(answer[2:4], _order(self.state)))

    def clear(self, bus: Any) -> None:
        """Opens the latch.

        Raises:
            BusError: no answer, or its cause still holds.
        """
        self.tell(bus, Command.CLEAR)
        latch = self.read(bus)
        if latch.cause:
            raise BusError(f"the latch does not open: {latch}", where=self._where(), mend=latch.mend)

    def tell(self, bus: Any, command: Command) -> None:
        """A command counts when the register comes to hold it, so what it held before is taken out first.

        Raises:
            BusError: no answer, or the device has no such register.
        """
        assert self.command
        for value in (Command.NONE, command):
            word = value.to_bytes(2, _order(self.command))
            self._ask(bus, struct.pack(">BH", WRITE, self.command.address) + word, self.command)

    def _ask(self, bus: Any, request: bytes, tag: IoTag) -> bytes:
        answer = _transact(bus, request)
        if answer[0] & 0x80:
            mend = "Flash firmware that was built from this rig, or take the row out of the map"
            why = f"the device has no {tag.place}, {tag.tag} (exception {answer[1]})"
            raise BusError(why, where=self._where(), mend=mend)
        return answer

    def _where(self) -> str:
        return f"{self.device.name} at {self.device.url}"


def _order(tag: IoTag) -> Literal["big", "little"]:
    return "little" if tag.byte_order == "little" else "big"


def _transact(bus: Any, request: bytes) -> bytes:
    for _ in range(TRIES - 1):
        try:
            return bytes(bus.transact(request))
        except BusError:
            pass
    return bytes(bus.transact(request))
