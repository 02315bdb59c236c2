"""Frames as TCP segments that were never sent, so that every analyser finds the protocol behind a port.

Source: RFC 791 (IPv4), RFC 9293 (TCP), RFC 1071 (checksum).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

__all__ = ["Conversation", "internet_checksum"]

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
TCP, TTL, WINDOW = 6, 64, 65535


def internet_checksum(data: bytes) -> int:
    """RFC 1071: the complement of the sum of 16-bit words in ones' complement."""
    data += bytes(len(data) % 2)
    total: int = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return int(~total & 0xFFFF)


@dataclass
class Conversation:
    """One TCP connection: who speaks first is end 0. Addresses are four bytes."""

    addresses: tuple[bytes, bytes]
    ports: tuple[int, int]
    sent: list[int] = field(default_factory=lambda: [0, 0])  # sequence numbers, relative

    def opening(self) -> list[tuple[int, bytes]]:
        """The three segments of the handshake: (end that sends, packet)."""
        packets = [(0, self._packet(0, SYN, b"")), (1, self._packet(1, SYN | ACK, b""))]
        return [*packets, (0, self._packet(0, ACK, b""))]

    def data(self, end: int, payload: bytes) -> bytes:
        """A segment with data from `end`."""
        return self._packet(end, PSH | ACK, payload)

    def closing(self, *, reset: bool) -> list[tuple[int, bytes]]:
        """RST, or FIN from both."""
        if reset:
            return [(0, self._packet(0, RST | ACK, b""))]
        return [(0, self._packet(0, FIN | ACK, b"")), (1, self._packet(1, FIN | ACK, b""))]

    def _packet(self, end: int, flags: int, payload: bytes) -> bytes:
        source, target = self.addresses[end], self.addresses[1 - end]
        acknowledged = self.sent[1 - end] if flags & ACK else 0
        header = (self.ports[end], self.ports[1 - end], self.sent[end], acknowledged, 5 << 4, flags, WINDOW)
        self.sent[end] = (self.sent[end] + len(payload) + bool(flags & (SYN | FIN))) & 0xFFFFFFFF
        segment = struct.pack(">HHIIBBHHH", *header, 0, 0) + payload
        pseudo = source + target + struct.pack(">BBH", 0, TCP, len(segment))
        checked = segment[:16] + struct.pack(">H", internet_checksum(pseudo + segment)) + segment[18:]
        return _ipv4(source, target, len(checked)) + checked


def _ipv4(source: bytes, target: bytes, size: int) -> bytes:
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + size, 0, 0x4000, TTL, TCP, 0) + source + target
    return head[:10] + struct.pack(">H", internet_checksum(head)) + head[12:]
