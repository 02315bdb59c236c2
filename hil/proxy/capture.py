"""What the proxy tells, as a pcapng: one interface for each side, a TCP conversation for each connection on it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hil import _proxy
from hil.proxy.pcapng import INBOUND, OUTBOUND, PcapngWriter
from hil.proxy.segments import Conversation

__all__ = ["LINK_PORT", "MODBUS_PORT", "Capture"]

INTERFACES = ("client side", "device side")
CLIENT, PROXY, DEVICE = (bytes([10, 0, 0, last]) for last in (1, 2, 3))
MODBUS_PORT, LINK_PORT = 502, 4000
FIRST_PORT = 40000  # of those who connect


class Capture:
    """A capture while it is written.

    Args:
        path: of the file.
        protocol: one of `hil._proxy.PROTOCOLS`.
        faults: names of the plan's faults, for comments at the frames that they touched.
        epoch_ns: what to add to CLOCK_MONOTONIC for ns since 1970.
    """

    def __init__(self, path: str | Path, protocol: str, faults: Sequence[str], epoch_ns: int) -> None:
        self.writer = PcapngWriter(path, INTERFACES)
        self.port = LINK_PORT if protocol == "link" else MODBUS_PORT
        self.faults, self.epoch_ns = faults, epoch_ns
        self.conversations: dict[tuple[int, int], Conversation] = {}

    def note(self, note: _proxy.Note) -> None:
        """Writes what belongs into a capture."""
        if note.kind == _proxy.OPENED:
            self._open(note)
        elif note.kind == _proxy.CLOSED:
            self._close(note)
        elif note.kind == _proxy.PASSED:
            self._pass(note)

    def flush(self) -> None:
        """What was written so far can be read."""
        self.writer.file.flush()

    def close(self) -> None:
        """Closes the file."""
        self.writer.close()

    def _open(self, note: _proxy.Note) -> None:
        for side in (0, 1):
            for end, packet in self._conversation(note.session, side).opening():
                self._write(note, side, end, packet)

    def _close(self, note: _proxy.Note) -> None:
        for side in (0, 1):
            for end, packet in self._conversation(note.session, side).closing(reset=bool(note.number)):
                self._write(note, side, end, packet)
            del self.conversations[note.session, side]

    def _pass(self, note: _proxy.Note) -> None:
        packet = self._conversation(note.session, note.side).data(note.way, note.before)
        comment = self.faults[note.fault - 1] if note.fault else ""
        self._write(note, note.side, note.way, packet, comment)

    def _conversation(self, session: int, side: int) -> Conversation:
        """Made when it is needed: the note of its beginning may have been lost."""
        if (session, side) not in self.conversations:
            ports = (FIRST_PORT + session % 20000, self.port)
            addresses = (PROXY, DEVICE) if side else (CLIENT, PROXY)
            self.conversations[session, side] = Conversation(addresses, ports)
        return self.conversations[session, side]

    def _write(self, note: _proxy.Note, side: int, end: int, packet: bytes, comment: str = "") -> None:
        direction = INBOUND if end == side else OUTBOUND
        self.writer.packet(side, note.time_ns + self.epoch_ns, packet, direction, comment)
