"""Messages to a connected device and their answers: its state, its parameters, errors that it injects into itself."""

from __future__ import annotations

import struct

from hil._link import LinkBus
from hil.errors import BenchError
from hil.mcu import reports
from hil.mcu.reports import Op, Report
from hil.nearest import did_you_mean

NOW = -(2**63)  # HIL_LINK_NOW


class Messages:
    """Asks one device, from any thread; `due` is in its own time: ticks in lock-step, else ns of its clock, or NOW.

    Attributes:
        late: refusals of commands that came after their time, in words.
    """

    def __init__(self, bus: LinkBus, where: str, outputs: list[str], answer_s: float) -> None:
        """Of a device on `bus`: `where` names it in errors, `outputs` are its outputs in its order."""
        self.bus, self.where, self.outputs, self.answer_s = bus, where, outputs, answer_s
        self.late: list[str] = []

    def ask(self, op: Op, payload: bytes = b"") -> tuple[Report, bytes]:
        """One message and its answer.

        Raises:
            BusError: no answer in time.
            BenchError: it was refused; says why.
        """
        report, contents = self.bus.ask(op, payload, self.answer_s)
        if report == Report.REFUSED:
            refusal = reports.Refusal.parse(contents)
            if refusal.late:
                self.late.append(str(refusal))
            raise BenchError(str(refusal), where=self.where)
        return Report(report), contents

    def state(self) -> reports.DeviceState:
        """Latch, cause of the last reset and clock."""
        return reports.DeviceState.parse(self.ask(Op.STATE)[1], self.outputs)

    def statistics(self) -> reports.Statistics:
        """What it has counted."""
        return reports.Statistics.parse(self.ask(Op.STATISTICS)[1])

    def memory(self) -> bytes:
        """The whole state of the control task, which must be at rest: between two steps in lock-step, or stopped.

        Raises:
            BenchError: it went on meanwhile, or the board's firmware cannot tell it.
        """
        read = b""
        first: reports.Piece | None = None
        while first is None or len(read) < first.total:
            piece = reports.Piece.parse(self.ask(Op.READ, struct.pack("<I", len(read)))[1])
            first = first or piece
            if (piece.ticks, piece.total, piece.offset) != (first.ticks, first.total, len(read)) or not piece.data:
                raise BenchError("the board went on while its state was read", where=self.where, mend="Stop it first")
            read += piece.data
        return read

    def clear(self) -> None:
        """Opens the latch.

        Raises:
            BenchError: its cause still holds.
        """
        self.ask(Op.CLEAR)

    def set(self, number: int, value: float, due: int = NOW) -> None:
        """Sets a parameter by its number in the device's description.

        Raises:
            BenchError: it is refused, or its time has passed.
        """
        self.ask(Op.SET, struct.pack("<qHd", due, number, value))

    def fault(self, kind: str, target: int = 0, argument: float = 0.0, due: int = NOW) -> None:
        """An error of reports.DEVICE_FAULTS.

        Raises:
            BenchError: it is unknown or refused.
        """
        if kind not in reports.DEVICE_FAULTS:
            raise BenchError(f"'{kind}' is no fault of a device", mend=did_you_mean(kind, reports.DEVICE_FAULTS))
        number = reports.DEVICE_FAULTS.index(kind) + 1
        self.ask(Op.FAULT, struct.pack("<qBId", due, number, target, argument))
