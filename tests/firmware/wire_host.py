"""A host's end of the link on a file descriptor: the library's own C through cffi, without bench or thread."""

from __future__ import annotations

import itertools
import os
import select
import struct
import time

from hil._firmware import ffi, lib
from hil.mcu.description import Description
from hil.mcu.reports import DEVICE_FAULTS, DeviceState, Op, Refusal, Report, Statistics

NOW = -(2**63)
FREE, LOCKSTEP = 1, 2
ANSWER_S = 20.0  # a lost board, not a busy machine


class WireHost:
    """Speaks to a board whose inputs and outputs are all float64."""

    def __init__(self, fd: int, outputs: list[str]) -> None:
        self.fd, self.outputs = fd, outputs
        os.set_blocking(fd, False)
        self.link = ffi.new("struct hil_link *")
        lib.hil_link_init(self.link, ffi.new("struct hil_link_config *", {"host": 1}))
        self.images: list[tuple[int, int, tuple[float, ...]]] = []
        self.reports: list[tuple[int, int, bytes]] = []
        self.mode, self.tick = 0, 0
        self._numbers, self._sessions = itertools.count(1), itertools.count(1)
        self._out = ffi.new("uint8_t[]", lib.HIL_LINK_MAX_FRAME)
        self._callbacks = [
            ffi.callback("void(void *)", lambda _: None),
            ffi.callback("void(void *, uint16_t, const uint8_t *, size_t, int64_t)", self._image),
            ffi.callback("void(void *, const uint8_t *, size_t, int64_t)", self._message),
            ffi.callback("void(void *, int)", lambda _, err: None),
        ]
        self.handler = ffi.new("struct hil_link_handler *", [ffi.NULL, *self._callbacks])

    def _image(self, _, seq, data, n, now):
        raw = bytes(ffi.buffer(data, n))
        tick, flags = struct.unpack_from("<IB", raw)
        self.images.append((tick, flags, struct.unpack(f"<{len(self.outputs)}d", raw[-8 * len(self.outputs) :])))

    def _message(self, _, data, n, now):
        raw = bytes(ffi.buffer(data, n))
        self.reports.append((raw[0], struct.unpack_from("<H", raw, 1)[0], raw[3:]))

    def pump(self, wait_s: float = 0.0) -> None:
        """Sends what is due and takes what has come, waiting for it at most so long."""
        while n := lib.hil_link_poll(self.link, self._out, len(self._out), time.monotonic_ns(), self.handler):
            os.write(self.fd, ffi.buffer(self._out, n))
        if select.select([self.fd], [], [], wait_s)[0]:
            raw = os.read(self.fd, 4096)
            lib.hil_link_receive(self.link, raw, len(raw), time.monotonic_ns(), self.handler)

    def until(self, condition) -> None:
        end = time.monotonic() + ANSWER_S
        while not condition():
            assert time.monotonic() < end, "the board does not answer"
            self.pump(0.02)

    def connect(self) -> None:
        session = next(self._sessions)
        lib.hil_link_connect(self.link, session, time.monotonic_ns())
        self.until(lambda: self.link.session == session)

    def ask(self, op: Op, payload: bytes = b"") -> tuple[Report, bytes]:
        number = next(self._numbers)
        raw = struct.pack("<BH", op, number) + payload
        assert lib.hil_link_send_message(self.link, raw, len(raw), time.monotonic_ns()) == 0
        self.until(lambda: any(n == number for _, n, _ in self.reports))
        return next((Report(report), body) for report, n, body in self.reports if n == number)

    def done(self, op: Op, payload: bytes = b"") -> None:
        report, body = self.ask(op, payload)
        assert report == Report.DONE, Refusal.parse(body)

    def begin(self, mode: int) -> None:
        self.mode, self.tick = mode, 0
        self.done(Op.START, bytes([mode, 1]))

    def send(self, *values: float) -> None:
        head = struct.pack("<I", self.tick) + (struct.pack("<q", time.monotonic_ns()) if self.mode == FREE else b"")
        raw = head + struct.pack(f"<{len(values)}d", *values)
        lib.hil_link_send_image(self.link, raw, len(raw))
        self.tick += 1
        self.pump()

    def step(self, *values: float) -> tuple[float, ...]:
        """Lock-step: one tick of the device."""
        tick = self.tick
        self.send(*values)
        self.until(lambda: self.images and self.images[-1][0] == tick)
        return self.images[-1][2]

    def state(self) -> DeviceState:
        return DeviceState.parse(self.ask(Op.STATE)[1], self.outputs)

    def statistics(self) -> Statistics:
        return Statistics.parse(self.ask(Op.STATISTICS)[1])

    def told(self) -> Description:
        text, total = b"", 1
        while len(text) < total:
            _, body = self.ask(Op.DESCRIBE, struct.pack("<H", len(text)))
            total = struct.unpack_from("<H", body)[0]
            text += body[4:]
        return Description.parse(text.decode(), "the board")

    def fault(self, kind: str, target: int = 0, argument: float = 0.0) -> None:
        self.done(Op.FAULT, struct.pack("<qBId", NOW, DEVICE_FAULTS.index(kind) + 1, target, argument))
