"""Writes pcapng: section header, interface descriptions, enhanced packet blocks.

Source: IETF draft-ietf-opsawg-pcapng, "PCAP Next Generation (pcapng) Capture File Format", sections 4.1 to 4.3.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

__all__ = ["INBOUND", "LINKTYPE_RAW", "OUTBOUND", "PcapngWriter"]

LINKTYPE_RAW = 101  # packets begin with an IPv4 or IPv6 header
INBOUND, OUTBOUND = 1, 2

SECTION_HEADER, INTERFACE, ENHANCED_PACKET = 0x0A0D0D0A, 1, 6
MAGIC = 0x1A2B3C4D
END, COMMENT, EPB_FLAGS, USER_APPLICATION, IF_NAME, IF_TSRESOL = 0, 1, 2, 4, 2, 9
SNAP_LENGTH = 65535


class PcapngWriter:
    """A capture while it is written. Times are in ns since 1970.

    Args:
        path: of the file, which is replaced.
        interfaces: their names; packets refer to them by number.
        link_type: of all of them, see https://www.tcpdump.org/linktypes.html.
    """

    def __init__(self, path: str | Path, interfaces: Sequence[str], link_type: int = LINKTYPE_RAW) -> None:
        self.file: BinaryIO = Path(path).open("wb")  # noqa: SIM115, closed by close
        head = struct.pack("<IHHq", MAGIC, 1, 0, -1)
        self._block(SECTION_HEADER, head + _options((USER_APPLICATION, b"hil proxy")))
        for name in interfaces:
            options = _options((IF_NAME, name.encode()), (IF_TSRESOL, bytes([9])))
            self._block(INTERFACE, struct.pack("<HHI", link_type, 0, SNAP_LENGTH) + options)

    def packet(self, interface: int, time_ns: int, data: bytes, direction: int, comment: str = "") -> None:
        """One packet; `direction` is INBOUND or OUTBOUND."""
        head = struct.pack("<5I", interface, time_ns >> 32, time_ns & 0xFFFFFFFF, len(data), len(data))
        comments = [(COMMENT, comment.encode())] if comment else []
        options = _options(*comments, (EPB_FLAGS, struct.pack("<I", direction)))
        self._block(ENHANCED_PACKET, head + _padded(data) + options)

    def close(self) -> None:
        """The file is whole after each block; this only closes it."""
        self.file.close()

    def __enter__(self) -> PcapngWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _block(self, kind: int, body: bytes) -> None:
        size = struct.pack("<I", len(body) + 12)
        self.file.write(struct.pack("<I", kind) + size + body + size)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


def _options(*options: tuple[int, bytes]) -> bytes:
    texts = (struct.pack("<HH", code, len(value)) + _padded(value) for code, value in options)
    return b"".join(texts) + struct.pack("<HH", END, 0)
