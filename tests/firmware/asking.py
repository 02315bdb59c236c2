"""What two hosts of the tests ask a device alike; `ask(op, payload)` gives (report, contents)."""

from __future__ import annotations

import struct
from collections.abc import Callable

from hil.mcu.description import Description
from hil.mcu.reports import Op, Report

Ask = Callable[[Op, bytes], tuple[Report, bytes]]


def read_description(ask: Ask) -> Description:
    """All pieces of it."""
    text, total = b"", 1
    while len(text) < total:
        _, body = ask(Op.DESCRIBE, struct.pack("<H", len(text)))
        total = struct.unpack_from("<H", body)[0]
        text += body[4:]
    return Description.parse(text.decode(), "the board")
