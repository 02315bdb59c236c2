"""A device and a host's end of the link in one process, on a clock that the test turns: the firmware's own C by cffi.

Nothing is replaced but the board: its clock, its wire and its pins are lists here.
"""

from __future__ import annotations

import itertools
import struct
from pathlib import Path
from types import SimpleNamespace

from asking import read_description
from hil._firmware import ffi, lib

from hil.mcu.description import Description, describe_device
from hil.mcu.device_tables import DeviceTables
from hil.mcu.reports import DEVICE_FAULTS, DeviceState, Op, Refusal, Report, Statistics
from hil.program import controller_of
from hil.rig import load_rig

MS = 1_000_000
NOW = -(2**63)
IDLE, FREE, LOCKSTEP = 0, 1, 2

RIG = """
[rig]
name = "one"
period_s = 0.001
[signals]
"x.in" = { unit = "1", start = 0.0 }
"x.out" = { unit = "1", limits = [-100, 100], safe = -7.0, max_age_s = 0.02 }
"x.slow" = { unit = "1", safe = 3.0, max_age_s = 0.05 }
[blocks.hold]
type = "gain"
in = { u = "x.out" }
out = { y = "x.in" }
gain = 0.5
offset = 1.0
[roles.controller]
[blocks.sum]
role = "controller"
type = "integrator"
in = { u = "x.in" }
[blocks.law]
role = "controller"
type = "gain"
in = { u = "x.in" }
out = { y = "x.out" }
gain = 2.0
[blocks.echo]
role = "controller"
type = "gain"
in = { u = "sum.y" }
out = { y = "x.slow" }
[devices.board]
role = "controller"
url = "serial:///dev/ttyACM0"
firmware = "one"
map = "board.csv"
"""
MAP = "tag,direction,type\nx.in,write,float64\nx.out,read,float64\nx.slow,read,float64\n"


def make_rig(folder: Path):
    (folder / "rig.toml").write_text(RIG)
    (folder / "board.csv").write_text(MAP)
    return load_rig(folder)


class Board:
    """`struct fw_board` on lists."""

    def __init__(self) -> None:
        self.now = 0
        self.to_device, self.to_host = bytearray(), bytearray()
        self.pins: list[float] = []
        self.cause, self.resets, self.count = 0, [], 0
        self.busy_ns = 0  # what every look at the clock costs: lets a fault that burns time end
        self._keep = [
            ffi.callback("int64_t(void *)", self._now),
            ffi.callback("size_t(void *, unsigned, uint8_t *, size_t)", self._read),
            ffi.callback("size_t(void *, unsigned, const uint8_t *, size_t)", self._write),
            ffi.callback("uint32_t(void *, unsigned)", lambda self, port: 0),
            ffi.callback("void(void *, const double *, unsigned)", self._drive),
            ffi.callback("uint32_t(void *)", self._counter),
            ffi.callback("void(void *)", lambda self: None),
            ffi.callback("uint32_t(void *)", lambda _: self.cause),
            ffi.callback("void(void *, uint32_t)", lambda _, kind: self.resets.append(kind)),
            ffi.callback("uint32_t(void *)", lambda self: 100),
        ]
        names = [
            "now_ns",
            "read",
            "write",
            "lost",
            "drive",
            "counter",
            "kick_watchdog",
            "reset_cause",
            "reset",
            "stack_used",
        ]
        self.c = ffi.new("struct fw_board *", dict(zip(names, self._keep, strict=True)))
        self.c.counter_hz, self.c.stack_size = 1000, 1000

    def _now(self, _):
        self.now += self.busy_ns
        return self.now

    def _read(self, _, port, at, size):
        n = min(size, len(self.to_device)) if port == 0 else 0
        ffi.memmove(at, bytes(self.to_device[:n]), n)
        del self.to_device[:n]
        return n

    def _write(self, _, port, at, n):
        self.to_host += ffi.buffer(at, n)
        return n

    def _drive(self, _, values, n):
        self.pins = [values[i] for i in range(n)]

    def _counter(self, _):
        self.count += 21
        return self.count


class Pair:
    """A device with its board, and a host."""

    def __init__(self, rig, *, cause: int = 0, wrong_hash: bool = False, board: Board | None = None) -> None:
        device = rig.devices["board"]
        self.role = rig.roles["controller"]
        self.controller = controller_of(rig, self.role)
        self.description = describe_device(rig, device, self.controller)
        self.tables = DeviceTables(rig, device, self.controller, self.description)
        if wrong_hash:
            self.tables.app.program_hash ^= 1
        self.board = board or Board()
        self.board.cause = cause
        size = lib.fw_device_size(self.tables.app)
        self._arena = ffi.new("unsigned char[]", size + 64)
        arena = self._arena + -int(ffi.cast("uintptr_t", self._arena)) % 64
        self.device = ffi.new("struct fw_device *")
        lib.fw_device_init(self.device, self.tables.app, self.board.c, arena, size)
        self.images: list[SimpleNamespace] = []
        self.reports: list[tuple[int, int, bytes]] = []
        self.lost: list[int] = []
        self._make_host()

    def _make_host(self) -> None:
        self.link = ffi.new("struct hil_link *")
        lib.hil_link_init(self.link, ffi.new("struct hil_link_config *", {"host": 1}))
        self._callbacks = [
            ffi.callback("void(void *)", lambda _: None),
            ffi.callback("void(void *, uint16_t, const uint8_t *, size_t, int64_t)", self._image),
            ffi.callback("void(void *, const uint8_t *, size_t, int64_t)", self._message),
            ffi.callback("void(void *, int)", lambda _, err: self.lost.append(err)),
        ]
        self.handler = ffi.new("struct hil_link_handler *", [ffi.NULL, *self._callbacks])
        self.numbers, self.mode, self.tick = itertools.count(1), IDLE, 0
        self.reports.clear()

    def _image(self, _, seq, data, n, now):
        raw = bytes(ffi.buffer(data, n))
        head = 5 if self.mode == LOCKSTEP else 23
        tick, flags = struct.unpack_from("<IB", raw)
        values = struct.unpack_from("<2d", raw, head)
        times = struct.unpack_from("<qHq", raw, 5) if self.mode == FREE else ()
        self.images.append(SimpleNamespace(tick=tick, flags=flags, values=values, times=times, at=self.board.now))

    def _message(self, _, data, n, now):
        raw = bytes(ffi.buffer(data, n))
        self.reports.append((raw[0], struct.unpack_from("<H", raw, 1)[0], raw[3:]))

    # ---- time and bytes ----

    def pump(self) -> int:
        """Both sides until nothing moves; returns when the device wants to be called again."""
        out = ffi.new("uint8_t[]", lib.HIL_LINK_MAX_FRAME)
        while True:
            while n := lib.hil_link_poll(self.link, out, lib.HIL_LINK_MAX_FRAME, self.board.now, self.handler):
                self.board.to_device += ffi.buffer(out, n)
            next_ns = lib.fw_device_poll(self.device)
            if not self.board.to_host:
                return next_ns
            raw = bytes(self.board.to_host)
            self.board.to_host.clear()
            lib.hil_link_receive(self.link, raw, len(raw), self.board.now, self.handler)

    def wait(self, ns: int, host=lambda: None, step: int = MS // 4) -> None:
        """Lets time pass; `host` is called at every step."""
        end = self.board.now + ns
        while self.board.now < end:
            host()
            self.pump()
            self.board.now += step

    # ---- what a host does ----

    def connect(self, session: int = 77) -> None:
        lib.hil_link_connect(self.link, session, self.board.now)
        self.pump()
        assert self.link.session == session

    def ask(self, op: Op, payload: bytes = b"") -> tuple[Report, bytes]:
        number = next(self.numbers)
        raw = struct.pack("<BH", op, number) + payload
        assert lib.hil_link_send_message(self.link, raw, len(raw), self.board.now) == 0
        self.pump()
        answers = [(Report(report), body) for report, n, body in self.reports if n == number]
        assert len(answers) == 1, "every message has one answer"
        return answers[0]

    def done(self, op: Op, payload: bytes = b"") -> None:
        report, body = self.ask(op, payload)
        assert report == Report.DONE, Refusal.parse(body)

    def begin(self, mode: int) -> None:
        self.mode, self.tick = mode, 0
        self.done(Op.START, bytes([mode, 1]))

    def send(self, value: float, tick: int | None = None) -> None:
        tick = self.tick if tick is None else tick
        head = struct.pack("<I", tick) + (struct.pack("<q", self.board.now) if self.mode == FREE else b"")
        raw = head + struct.pack("<d", value)
        lib.hil_link_send_image(self.link, raw, len(raw))
        self.tick = tick + 1
        self.pump()

    def state(self) -> DeviceState:
        return DeviceState.parse(self.ask(Op.STATE)[1], ["x.out", "x.slow"])

    def statistics(self) -> Statistics:
        return Statistics.parse(self.ask(Op.STATISTICS)[1])

    def told(self) -> Description:
        return read_description(self.ask)

    def fault(self, kind: str, target: int = 0, argument: float = 0.0, due: int = NOW) -> tuple[Report, bytes]:
        number = DEVICE_FAULTS.index(kind) + 1
        return self.ask(Op.FAULT, struct.pack("<qBId", due, number, target, argument))

    def set(self, name: str, value: float, due: int = NOW) -> tuple[Report, bytes]:
        return self.ask(Op.SET, struct.pack("<qHd", due, self.description.params.index(name), value))
