"""Modbus devices: the rig's map becomes a bus, client or server, with an emulated device behind it where bound so."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import time
from dataclasses import replace
from typing import Any

from hil import _bus, _core
from hil.drivers.serial_line import Line, open_line
from hil.errors import BusError
from hil.iomap import IoTag
from hil.mcu.latch import Latch
from hil.program import controller_of
from hil.rig import Device, Role
from hil.wires.emulated import Emulated, start_emulated
from hil.wires.latch_registers import Command, LatchRegisters
from hil.wires.wire import CONNECT_S, Wire

READS = {"coil": 1, "discrete_input": 2, "holding_register": 3, "input_register": 4}  # function by table
ASK_AGAIN_S = 0.02
LOCKSTEP_ANSWER_S = 5.0  # in lock-step no clock runs, so an answer may take as long as a busy machine makes it


class ModbusWire(Wire):
    """A Modbus device on TCP or a serial line.

    Attributes:
        bus: `client` or `server`, with what both sides of Modbus have beyond other buses.
    """

    bus: Any

    def open(self) -> None:
        """Makes the bus; starts the emulated device."""
        self._told = 0  # what the register of the latch has told in this run
        self._latch = LatchRegisters(self.device, self.role)
        line = self._open_line() if self.device.line else None
        if line is None and self.is_client and self.level == "pil":
            _refuse_port_in_use(self.device)
            self.emulated = self._emulate(self.device.port)
            self.device = replace(self.device, port=self.emulated.port)
        self.bus = make_bus(self.device, self.role, lockstep=self.lockstep, line=line)
        if self.is_client:
            self.client = self.bus
        else:  # the device polls us: we listen first
            self.server = self.bus
            self.bus.start(**self._server_policy())
            if line is None and self.level == "pil":
                self.emulated = self._emulate(self.bus.port)
        token = self.emulated.token if self.emulated else None
        self.port = _core.TokenPort(self.bus, token.fileno()) if token else self.bus

    def _open_line(self) -> Line:
        """A serial line: the rig's, or the pseudo-terminal of the emulated device."""
        url = self.device.line
        if self.level == "pil" and self.device.firmware is not None:
            url = f"modbus-rtu://{self.start_board(controller_of(self.rig, self.role)).field_path}"
        elif self.level == "pil":
            self.emulated = self._emulate(None)
            url = self.emulated.told["url"]
        line = open_line(url)
        self._said += [line.note] if line.note else []
        return line

    def connect(self) -> None:
        """Connects now. A serial line opens whoever is behind it, so the device there is asked for a value.

        Raises:
            BusError: nothing answers, or the device says that it is latched safe.
        """
        super().connect()
        if self.device.line and self.is_client and self.device.reads:
            self._ask_for(self.device.reads[0])
        if self._latch.state:
            self._look_at_latch(f"{self.device.name} at {self.device.url}")

    def _ask_for(self, tag: IoTag) -> None:
        """Reads only: a device that has once been written to wants to be written to again."""
        request = struct.pack(">BHH", READS[tag.table], tag.address, tag.words)
        end = time.monotonic() + CONNECT_S
        while not self._answers(request):
            if time.monotonic() > end:
                why = f"no answer of unit {self.device.unit_id} within {CONNECT_S:g} s"
                mend = "Check wiring, baud rate, parity and unit_id"
                raise BusError(why, where=f"{self.device.name} at {self.device.url}", mend=mend)
            time.sleep(ASK_AGAIN_S)

    def _answers(self, request: bytes) -> bool:
        try:
            self.bus.transact(request)  # an exception is an answer as well
        except BusError:
            return False
        return True

    @property
    def has_latch(self) -> bool:
        """The map says so."""
        return self._latch.command is not None

    def latch(self) -> Latch:
        """As the register tells it now."""
        return self._latch.read(self.bus)

    def open_latch(self) -> None:
        """By the register of commands."""
        self._latch.clear(self.bus)

    def events(self) -> list[str]:
        """A latch that has closed since the start; a PLC program that has stopped by itself."""
        found, told = super().events(), self.bus.latch if self._latch.state else 0
        if told and told != self._told:
            found.append(self._note_trip(self._latch.latch(told)))
        self._told = told
        if self.emulated and self.role.controller == "program":
            found += self.emulated.stops()
        return found

    def stop(self) -> None:
        """Ends the thread; a device that can be told is told that its outputs go safe, so it does not latch."""
        if self._latch.command and self.bus.connected:
            self.bus.rest()
            with contextlib.suppress(BusError):
                self._latch.tell(self.bus, Command.RELEASE)
        super().stop()

    def _emulate(self, port: int | None) -> Emulated:
        assert self.rig.folder is not None
        return start_emulated(
            self.rig.folder,
            self.device,
            lockstep=self.lockstep,
            port=port,
            controller=self.role.controller,
        )

    def _server_policy(self) -> dict[str, Any]:
        """A server of ours runs below the loop, above everything ordinary, where permitted."""
        priority = 0 if self.lockstep else self.rig.loop.priority
        return {"policy": "fifo", "priority": max(1, priority - 1)} if priority > 0 else {}

    @property
    def is_client(self) -> bool:
        """We ask, the device answers."""
        return self.device.side == "client"

    def set(self, name: str, value: float, tick: int | None) -> None:
        """A parameter of the emulated device."""
        if self.emulated:
            self.emulated.set(name, value, tick)


def tags_of(names: list[str], tags: tuple[IoTag, ...], role: Role) -> list[_bus.Tag]:
    """Driver tags in the order of `names` (the role's), then those that live on the wire only."""
    by_name = {tag.tag: tag for tag in tags}
    limits = {t.signal: (t.low, t.high) for t in (*role.inputs, *role.outputs)}
    chosen = [by_name[name] for name in names] + [tag for tag in tags if tag.wire_only]
    return [_driver_tag(tag, *limits.get(tag.tag, (None, None))) for tag in chosen]


def _driver_tag(tag: IoTag, low: float | None, high: float | None) -> _bus.Tag:
    return _bus.Tag(
        tag.tag,
        tag.table,
        tag.address,
        tag.type,
        -1 if tag.bit is None else tag.bit,
        tag.word_order,
        tag.byte_order,
        tag.scale,
        tag.offset,
        -float("inf") if low is None else low,
        float("inf") if high is None else high,
        tag.heartbeat,
        tag.of_latch,
    )


def make_bus(
    device: Device, role: Role, *, mirrored: bool = False, lockstep: bool = False, line: Line | None = None
) -> Any:
    """Our side of a device's wire, or, `mirrored`, the device's own side for an emulated one.

    Args:
        device: its description.
        role: the role behind it.
        mirrored: the device's own side.
        lockstep: images carry bench time, and an answer may take its time.
        line: an open serial line, which the bus takes over.

    Raises:
        BusError: the port is in use, the host unknown, or the map cannot be used.
    """
    into = tags_of([t.signal for t in role.outputs], device.reads, role)
    writes = tuple(tag for tag in device.writes if mirrored or not tag.on_demand)
    out = tags_of([t.signal for t in role.inputs], writes, role)
    if mirrored:
        into, out = out, into
    if (device.side == "client") == mirrored:
        starts = [t.start for t in (role.outputs if mirrored else role.inputs)]
        return _server(device, into, out, starts, lockstep, line)
    options: dict[str, Any] = {
        "unit": device.unit_id,
        "timeout_s": max(device.timeout_s, LOCKSTEP_ANSWER_S) if lockstep else device.timeout_s,
        "max_gap": device.max_gap,
        "max_read_registers": device.max_registers,
        "max_write_registers": min(device.max_registers, 123),
        "max_read_bits": device.max_bits,
        "max_write_bits": min(device.max_bits, 1968),
        "single_writes": device.single_writes,
        "bits_as_word": device.bits_as_word,
        "combine": device.combine,
    }
    if line is not None:
        return _bus.RtuClient(line.fd, line.path, into, out, **_timing(line), **options)
    return _bus.MbClient(device.host, device.port, into, out, depth=device.pipeline, **options)


def _timing(line: Line) -> dict[str, Any]:
    return {"bit_ns": line.bit_ns, "char_bits": line.char_bits}


def _server(
    device: Device, into: list[_bus.Tag], out: list[_bus.Tag], starts: list[float], lockstep: bool, line: Line | None
) -> Any:
    """A server that has something to tell before the first tick: zeros would be a lost level, or a pump that stops."""
    unit = device.unit_id
    server: Any
    if line is not None:
        server = _bus.RtuServer(line.fd, line.path, into, out, unit=unit, lockstep=lockstep, **_timing(line))
    else:
        server = _bus.MbServer(device.host, device.port, into, out, unit=unit, lockstep=lockstep)
    server.set_out([*starts, *[0.0] * (len(out) - len(starts))])
    return server


def _refuse_port_in_use(device: Device) -> None:
    """An emulated device would fail with less clear words, or worse: a real one would answer in its place."""
    with socket.socket(socket.AF_INET6 if ":" in device.host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((device.host, device.port))
        except OSError as error:
            raise BusError(
                f"port {device.port} cannot be used for the emulated device ({os.strerror(error.errno or 0)})",
                where=f"devices.{device.name}.url = {device.url}",
                mend="End the program that listens there, or change the port",
            ) from None
