"""A host's end of the link in this thread, without a bench: to build, measure and test boards with.

The bench's own end is a bus thread in C (hil._link); the protocol's code is the same.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import secrets
import select
import struct
import time
from collections.abc import Callable
from typing import Any

from asking import read_description
from hil._firmware import ffi, lib

from hil.errors import BusError
from hil.mcu.description import Description
from hil.mcu.reports import Op, Refusal, Report, Statistics

ANSWER_S = 20.0  # a board that has gone, not a busy machine
PAUSE_S = 0.02
FREE, LOCKSTEP = 1, 2  # enum hil_link_mode


class LinkHost:
    """Speaks the link over a file descriptor.

    Attributes:
        images: raw images that have come, oldest first.
    """

    def __init__(self, fd: int) -> None:
        os.set_blocking(fd, False)
        self.fd = fd
        self.images: list[bytes] = []
        self._reports: list[tuple[int, int, bytes]] = []
        self._numbers = itertools.count(1)
        self._link = ffi.new("struct hil_link *")
        lib.hil_link_init(self._link, ffi.new("struct hil_link_config *", {"host": 1}))
        self._out = ffi.new("uint8_t[]", lib.HIL_LINK_MAX_FRAME)
        self._callbacks = [
            ffi.callback("void(void *)", lambda _: None),
            ffi.callback(
                "void(void *, uint16_t, const uint8_t *, size_t, int64_t)", lambda *args: self._image(*args[2:4])
            ),
            ffi.callback("void(void *, const uint8_t *, size_t, int64_t)", lambda *args: self._message(*args[1:3])),
            ffi.callback("void(void *, int)", lambda *_: None),
        ]
        self._handler = ffi.new("struct hil_link_handler *", [ffi.NULL, *self._callbacks])

    def _image(self, data: Any, n: int) -> None:
        self.images.append(bytes(ffi.buffer(data, n)))

    def _message(self, data: Any, n: int) -> None:
        raw = bytes(ffi.buffer(data, n))
        self._reports.append((raw[0], struct.unpack_from("<H", raw, 1)[0], raw[3:]))

    def pump(self, wait_s: float = 0.0) -> None:
        """Sends what is due and takes what has come, waiting for it at most so long."""
        while n := lib.hil_link_poll(self._link, self._out, len(self._out), time.monotonic_ns(), self._handler):
            os.write(self.fd, ffi.buffer(self._out, n))
        if select.select([self.fd], [], [], wait_s)[0]:
            with contextlib.suppress(BlockingIOError):  # a board that resets has emptied the line since
                raw = os.read(self.fd, 4096)
                lib.hil_link_receive(self._link, raw, len(raw), time.monotonic_ns(), self._handler)

    def until(self, condition: Callable[[], bool]) -> None:
        """Goes on until something has come.

        Raises:
            BusError: it does not.
        """
        end = time.monotonic() + ANSWER_S
        while not condition():
            if time.monotonic() > end:
                raise BusError(f"the board has not answered for {ANSWER_S:g} s", mend="Look whether it runs")
            self.pump(PAUSE_S)

    def connect(self) -> None:
        """Begins a session."""
        session = secrets.randbits(32) or 1
        lib.hil_link_connect(self._link, session, time.monotonic_ns())
        self.until(lambda: bool(self._link.session == session))

    def ask(self, op: Op, payload: bytes = b"") -> tuple[Report, bytes]:
        """One message and its answer."""
        number = next(self._numbers)
        raw = struct.pack("<BH", op, number) + payload
        assert lib.hil_link_send_message(self._link, raw, len(raw), time.monotonic_ns()) == 0
        self.until(lambda: any(n == number for _, n, _ in self._reports))
        report, _, body = next(r for r in self._reports if r[1] == number)
        self._reports.clear()
        return Report(report), body

    def done(self, op: Op, payload: bytes = b"") -> None:
        """A message that is to be obeyed.

        Raises:
            BusError: it is refused; says why.
        """
        report, body = self.ask(op, payload)
        if report != Report.DONE:
            raise BusError(str(Refusal.parse(body)))

    def begin(self, mode: int) -> None:
        """Starts the control task from its initial state."""
        self.done(Op.START, bytes([mode, 1]))

    def send_image(self, raw: bytes) -> None:
        """Sends an image as it is."""
        lib.hil_link_send_image(self._link, raw, len(raw))
        self.pump()

    def step(self, tick: int, values: bytes) -> bytes:
        """Lock-step: runs a tick of the device and returns its packed outputs."""
        self.images.clear()
        self.send_image(struct.pack("<I", tick) + values)
        self.until(lambda: any(struct.unpack_from("<I", image)[0] == tick for image in self.images))
        return self.images[-1][5:]

    def statistics(self) -> Statistics:
        """What the device has counted."""
        return Statistics.parse(self.ask(Op.STATISTICS)[1])

    def told(self) -> Description:
        """What the device is."""
        return read_description(self.ask)
