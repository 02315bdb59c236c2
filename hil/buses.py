"""The wires of a bench: devices of the rig become bus threads, with emulated devices behind them where bound so."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from hil import _bus, _core
from hil.bindings import HERE
from hil.errors import BusError
from hil.iomap import IoTag
from hil.rig import Device, Rig, Role

CONNECT_S = 3.0
LOCKSTEP_ANSWER_S = 5.0  # in lock-step no clock runs, so an answer may take as long as a busy machine makes it
ANSWER_S = 2.0
START_S = 20.0  # an emulated device may have to import and compile
PARENT = "HIL_EMULATE_UNTIL_STDIN_ENDS"  # an emulated device ends when the bench's process ends, however that happens


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
    )


def make_bus(device: Device, role: Role, *, mirrored: bool = False, lockstep: bool = False) -> Any:
    """Our side of a device's wire, or, `mirrored`, the device's own side for an emulated one.

    Raises:
        BusError: the port is in use, the host unknown, or the map cannot be used.
    """
    into = tags_of([t.signal for t in role.outputs], device.reads, role)
    out = tags_of([t.signal for t in role.inputs], device.writes, role)
    if mirrored:
        into, out = out, into
    is_client = (device.side == "client") != mirrored
    if not is_client:
        return _server(device, into, out, [t.start for t in (role.outputs if mirrored else role.inputs)], lockstep)
    return _bus.MbClient(
        device.host,
        device.port,
        into,
        out,
        unit=device.unit_id,
        timeout_s=max(device.timeout_s, LOCKSTEP_ANSWER_S) if lockstep else device.timeout_s,
        depth=device.pipeline,
        max_gap=device.max_gap,
        max_read_registers=device.max_registers,
        max_write_registers=min(device.max_registers, 123),
        max_read_bits=device.max_bits,
        max_write_bits=min(device.max_bits, 1968),
        single_writes=device.single_writes,
        bits_as_word=device.bits_as_word,
        combine=device.combine,
    )


def _server(device: Device, into: list[_bus.Tag], out: list[_bus.Tag], starts: list[float], lockstep: bool) -> Any:
    """A server that has something to tell before the first tick: zeros would be a lost level, or a pump that stops."""
    server = _bus.MbServer(device.host, device.port, into, out, unit=device.unit_id, lockstep=lockstep)
    server.set_out([*starts, *[0.0] * (len(out) - len(starts))])
    return server


@dataclass
class Emulated:
    """An emulated device in its own process: `port` it serves at, `token` the side socket in lock-step."""

    process: subprocess.Popen[bytes]
    port: int
    folder: tempfile.TemporaryDirectory[str] | None = None
    token: socket.socket | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def set(self, name: str, value: float, tick: int | None) -> None:
        """Sets a parameter at the device's own tick (None: its next one) and waits until it knows.

        Raises:
            BusError: the process has ended or does not answer.
        """
        assert self.process.stdin
        assert self.process.stdout
        with self._lock, contextlib.suppress(OSError):
            self.process.stdin.write(json.dumps({"set": name, "value": value, "tick": tick}).encode() + b"\n")
            self.process.stdin.flush()
            if select.select([self.process.stdout], [], [], ANSWER_S)[0] and self.process.stdout.readline():
                return
        raise BusError(f"'{name}' was not set: the emulated device does not answer", mend="Start the bench again")

    def end(self) -> None:
        """Ends the process: asked first, killed after two seconds."""
        if self.token:
            self.token.close()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(2.0)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            if pipe:
                with contextlib.suppress(BrokenPipeError):  # the rest of a line that nobody reads
                    pipe.close()
        if self.folder:
            self.folder.cleanup()


def start_emulated(rig_path: Path, device: Device, *, lockstep: bool, server_port: int | None = None) -> Emulated:
    """Starts `hil emulate` for a device and waits until it serves.

    Args:
        rig_path: folder of the rig.
        device: its description; a server device listens on the device's own port.
        lockstep: takes tick tokens over a Unix socket instead of running by the clock.
        server_port: for a device that polls us, the port that we serve at.

    Raises:
        BusError: it does not come up; with its own words.
    """
    folder = tempfile.TemporaryDirectory(prefix="hil-") if lockstep else None
    command = [sys.executable, "-m", "hil", "emulate", str(rig_path), device.name, "--json"]
    listener = None
    if folder:
        path = str(Path(folder.name) / "token")
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(path)
        listener.listen(1)
        listener.settimeout(START_S)
        command += ["--lockstep", path]
    if server_port is not None:
        command += ["--port", str(server_port)]
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, PARENT: "1"},
        start_new_session=True,  # a Ctrl-C in the terminal is for the bench, which ends the device last
    )
    emulated = Emulated(process, device.port, folder)
    try:
        emulated.port = _ready(process, device)
        if listener:
            emulated.token, _ = listener.accept()
    except BaseException:
        emulated.end()
        raise
    finally:
        if listener:
            listener.close()
    return emulated


def _ready(process: subprocess.Popen[bytes], device: Device) -> int:
    """The port from the one line of JSON that an emulated device prints when it serves."""
    assert process.stdout
    assert process.stderr
    ready, _, _ = select.select([process.stdout], [], [], START_S)
    if not ready:
        raise BusError(f"the emulated device did not serve within {START_S:g} s", where=device.url)
    with contextlib.suppress(ValueError, KeyError):  # no line, or the first one of an error's object
        port: int = json.loads(process.stdout.readline())["port"]
        return port
    _, errors = process.communicate(timeout=5.0)
    words = errors.decode(errors="replace").strip().splitlines() or ["no message"]
    raise BusError(
        f"the emulated device ended at once: {words[-1].removeprefix('hil: ').rstrip('.')}",
        where=device.url,
        mend=f"Run `hil emulate RIG {device.name}` to see why",
    )


@dataclass
class Wire:
    """One role on a wire: our bus, what the loop gets, and the emulated device behind it."""

    device: Device
    role: Role
    level: str
    bus: Any
    port: Any
    emulated: Emulated | None = None

    def counters(self) -> dict[str, Any]:
        """The bus's counters, with whether it is connected."""
        counters: dict[str, Any] = self.bus.counters()
        connected = self.bus.connected if isinstance(self.bus, _bus.MbClient) else self.bus.clients > 0
        return {
            "connected": connected,
            "url": self.device.url,
            "side": self.device.side,
            "level": self.level,
            **counters,
        }


@dataclass
class Wires:
    """All wires of a bench: `open` makes them, `start` lets them run by the clock, `close` ends all of it."""

    rig: Rig
    lockstep: bool
    wires: dict[str, Wire] = field(default_factory=dict)

    def open(self, bindings: dict[str, str]) -> None:
        """Makes the bus of every role that is not simulated; starts emulated devices."""
        try:
            for role in self.rig.roles.values():
                if bindings[role.name] not in HERE:
                    self.wires[role.name] = self._open(role, bindings[role.name])
        except BaseException:
            self.close()
            raise

    def _open(self, role: Role, level: str) -> Wire:
        device = self.rig.devices[role.device or ""]
        emulated = None
        if device.side == "server":  # the device polls us: we listen first
            bus = make_bus(device, role, lockstep=self.lockstep)
            bus.start(**self._server_policy())
            if level == "pil":
                emulated = self._emulate(device, bus.port)
        else:
            if level == "pil":
                _refuse_port_in_use(device)
                emulated = self._emulate(device, None)
                device = replace(device, port=emulated.port)
            bus = make_bus(device, role, lockstep=self.lockstep)
        port = _core.TokenPort(bus, emulated.token.fileno()) if emulated and emulated.token else bus
        return Wire(device, role, level, bus, port, emulated)

    def _server_policy(self) -> dict[str, Any]:
        """A server of ours runs below the loop, above everything ordinary, where permitted."""
        priority = 0 if self.lockstep else self.rig.loop.priority
        return {"policy": "fifo", "priority": max(1, priority - 1)} if priority > 0 else {}

    def _emulate(self, device: Device, server_port: int | None) -> Emulated:
        assert self.rig.folder is not None
        return start_emulated(self.rig.folder, device, lockstep=self.lockstep, server_port=server_port)

    def connect(self) -> None:
        """Connects every client now; raises BusError for a device that is not there."""
        for wire in self.wires.values():
            if isinstance(wire.bus, _bus.MbClient):
                self._connect(wire)

    def _connect(self, wire: Wire) -> None:
        try:
            wire.bus.connect(CONNECT_S)
        except BusError as error:
            mend = f"Start the device, correct devices.{wire.device.name}.url, or bind {wire.role.name} to mil or pil"
            raise BusError(error.message, where=f"{wire.device.name} at {wire.device.url}", mend=mend) from None

    def start(self, start_ns: int, priority: int) -> None:
        """Starts the client threads, in phase with the loop's tick 0 at `start_ns`; just below the loop's priority."""
        policy, below = ("fifo", max(1, priority - 1)) if priority > 0 else ("other", 0)
        for wire in self.wires.values():
            if isinstance(wire.bus, _bus.MbClient):
                wire.bus.start(
                    start_ns,
                    round(wire.device.period_s * 1e9),
                    tick_ns=self.rig.period_ns,
                    policy=policy,
                    priority=below,
                )

    def stop(self) -> None:
        """Ends the client threads; servers go on serving and emulated devices running until `close`."""
        for wire in self.wires.values():
            if isinstance(wire.bus, _bus.MbClient):
                with contextlib.suppress(BusError):
                    wire.bus.stop()

    def close(self) -> None:
        """Ends everything. A second call does nothing."""
        for wire in self.wires.values():
            with contextlib.suppress(BusError):
                wire.bus.stop()
            if wire.emulated:
                wire.emulated.end()
                wire.emulated = None

    def set(self, role: str, name: str, value: float, tick: int | None = None) -> None:
        """A parameter of an emulated device, at a bench tick or, None, at the device's next one."""
        wire = self.wires[role]
        if wire.emulated:
            own = None if tick is None else max(0, -((wire.role.phase - tick) // wire.role.every))
            wire.emulated.set(name, value, own)

    def ports(self, roles: list[str]) -> dict[int, Any]:
        """What the loop connects: port by role number."""
        return {roles.index(name): wire.port for name, wire in self.wires.items()}

    def counters(self) -> dict[str, Any]:
        """Counters by device."""
        return {wire.device.name: wire.counters() for wire in self.wires.values()}


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
