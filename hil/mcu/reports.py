"""Messages of the microcontroller link in Python's terms; mirrors hil_drivers/link_protocol.h."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from hil import _core
from hil.mcu.latch import Latch, name_of

LATE = 6  # enum hil_err: HIL_E_LATE


class Op(IntEnum):
    """enum hil_link_op"""

    DESCRIBE = 1
    START = 2
    STOP = 3
    STATE = 4
    CLEAR = 5
    SET = 6
    FAULT = 7
    STATISTICS = 8
    READ = 9


class Report(IntEnum):
    """enum hil_link_report"""

    DONE = 1
    REFUSED = 2
    DESCRIPTION = 3
    STATE = 4
    STATISTICS = 5
    LOG = 6
    MEMORY = 7


# enum hil_link_fault, from 1 on
DEVICE_FAULTS = ("reset", "overrun", "freeze", "clock_drift", "clock_step", "bit_flip", "drop", "late")


@dataclass(frozen=True)
class Refusal:
    """Why a device refused: `due` and `now` in its own time (ticks in lock-step, else ns)."""

    why: int
    due: int
    now: int

    @staticmethod
    def parse(contents: bytes) -> Refusal:
        """From a REFUSED report."""
        return Refusal(*struct.unpack("<Bqq", contents))

    @property
    def late(self) -> bool:
        """The command came after its time."""
        return self.why == LATE

    def __str__(self) -> str:
        if self.late:
            return f"a command for {self.due} reached the board at {self.now}: too late, it was not executed"
        return f"the board refused: {_core.error_text(self.why)}"


@dataclass(frozen=True)
class DeviceState:
    """struct hil_link_state; times in ns of the device's clock. `cause` 0: not latched."""

    cause: int
    reset: int
    mode: int
    safe: int
    now_ns: int
    refreshed_ns: int
    tripped_ns: int
    ticks: int
    output: str

    @staticmethod
    def parse(contents: bytes, outputs: list[str]) -> DeviceState:
        """From a STATE report."""
        cause, reset, mode, safe, now, refreshed, tripped, ticks, output = struct.unpack("<4B3qQH", contents)
        return DeviceState(cause, reset, mode, safe, now, refreshed, tripped, ticks, name_of(output, outputs))

    @property
    def latch(self) -> Latch:
        """The latch alone, in words."""
        unrefreshed_s, since_s = (self.tripped_ns - self.refreshed_ns) / 1e9, (self.now_ns - self.tripped_ns) / 1e9
        return Latch(self.cause, self.output, unrefreshed_s, since_s)

    def __str__(self) -> str:
        return str(self.latch)


@dataclass(frozen=True)
class Piece:
    """A MEMORY report: bytes of a state of `total` bytes from `offset` on, as they were when `ticks` had been run."""

    ticks: int
    total: int
    offset: int
    data: bytes

    @staticmethod
    def parse(contents: bytes) -> Piece:
        """From a MEMORY report."""
        ticks, total, offset = struct.unpack_from("<QII", contents)
        return Piece(ticks, total, offset, contents[16:])


@dataclass(frozen=True)
class Statistics:
    """struct hil_link_statistics."""

    ticks: int
    overruns: int
    state_hash: int
    steps: int
    count_min: int
    count_max: int
    counter_hz: int
    stack_used: int
    stack_size: int
    crc_errors: int
    lost_bytes: int
    dropped: int

    @staticmethod
    def parse(contents: bytes) -> Statistics:
        """From a STATISTICS report."""
        return Statistics(*struct.unpack("<3Q9I", contents))

    def facts(self, counts_per_instruction: float | None) -> dict[str, Any]:
        """For people and programs; instructions only where the board's counter tells them."""
        found: dict[str, Any] = {
            name: getattr(self, name) for name in ("ticks", "overruns", "crc_errors", "lost_bytes")
        }
        found |= {"dropped": self.dropped, "state_hash": f"{self.state_hash:016x}"}
        if self.stack_size:
            found |= {"stack_used": self.stack_used, "stack_size": self.stack_size}
        if self.steps and counts_per_instruction:
            found["instructions_min"] = round(self.count_min / counts_per_instruction)
            found["instructions_max"] = round(self.count_max / counts_per_instruction)
        elif self.steps and self.counter_hz:
            found["step_us_max"] = self.count_max / self.counter_hz * 1e6
        return found
