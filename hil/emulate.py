"""An emulated device: a role's blocks behind the device's own wire, in a process of its own."""

from __future__ import annotations

import json
import os
import pty
import signal
import socket
import sys
import threading
import tty
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from hil import _core
from hil.built import LAST_STOP
from hil.drivers.serial_line import Line
from hil.errors import BenchError, BusError
from hil.events import NEXT_TICK, EventKind, encode
from hil.nearest import did_you_mean
from hil.program import build_device
from hil.rig import Device, Rig, Role, load_rig
from hil.wires.emulated import PARENT
from hil.wires.modbus import make_bus

Ready = Callable[[dict[str, Any]], None]


def emulate(
    rig: str | Path | Rig,
    device: str,
    *,
    port: int | None = None,
    lockstep: str | Path | None = None,
    ready: Ready | None = None,
    outputs: Path | None = None,
    controllers: Mapping[str, str] | None = None,
) -> int:
    """Serves an emulated device until SIGTERM, SIGINT, or in lock-step the end of the bench.

    Args:
        rig: path, name of a shipped rig, or a loaded one.
        device: its name in the rig.
        port: instead of the rig's; 0: any free one. For a device that polls the bench, the bench's port. None on a
            serial line, which is a pseudo-terminal here.
        lockstep: Unix socket of a bench that gives tick tokens; without it the device runs by the clock.
        ready: is told {"device", "url", "pid", ...} once it serves; "url" is for the rig of a bench, "path" the
            pseudo-terminal itself where there is one.
        outputs: firmware: a file in which its pins can be seen.
        controllers: "blocks" or "program" by role, instead of the rig's choice.

    Returns:
        ticks that were run; 0 for firmware, which runs on the posix board.

    Raises:
        HilError: unknown device, no blocks for it, a port in use, or one for a serial line.
    """
    loaded = rig if isinstance(rig, Rig) else load_rig(rig, controllers=controllers)
    if device not in loaded.devices:
        raise BusError(f"there is no device '{device}'", where=loaded.name, mend=did_you_mean(device, loaded.devices))
    described = loaded.devices[device]
    if port is not None and described.line:
        mend = "Leave --port out: the system chooses the pseudo-terminal, and it is printed"
        raise BusError("a device on a serial line has no port", where=f"devices.{device}", mend=mend)
    if port is not None:
        described = replace(described, port=port)
    role = loaded.roles[described.role]
    if described.firmware is not None and role.simulated:
        from hil.mcu.posix import serve

        serve(loaded, described, ready, outputs)
        return 0
    if not role.simulated:
        raise BusError(f'no block has role = "{role.name}": there is nothing to emulate', where=f"devices.{device}")
    return _Device(loaded, described, role).serve(lockstep, ready)


class _Device:
    """One emulated device while it serves."""

    def __init__(self, rig: Rig, device: Device, role: Role) -> None:
        self.rig, self.device = rig, device
        self.built = build_device(rig, role)
        self.state = _core.State(self.built.program)
        self.loop = _core.Loop(self.state, input_ring=0, sample_ring=0)
        self.bus, self.role = None, role
        self.ended = threading.Event()
        self.told: dict[str, int] = {}

    def serve(self, lockstep: str | Path | None, ready: Ready | None) -> int:
        """Until it is told to end."""
        line = _pseudo_terminal() if self.device.line else None
        bus = make_bus(self.device, self.role, mirrored=True, lockstep=lockstep is not None, line=line)
        self.loop.connect({1: bus})
        is_server = self.device.side == "client"
        port = bus.port if is_server and line is None else self.device.port
        previous = [signal.signal(number, self._end) for number in (signal.SIGTERM, signal.SIGINT)]
        try:
            if is_server:
                bus.start(**self._bus_policy())
            told = {
                "rig": self.rig.name,
                "device": self.device.name,
                "port": port,
                "side": "server" if is_server else "client",
                "pid": os.getpid(),
            }
            if PARENT in os.environ:
                threading.Thread(target=self._obey, daemon=True).start()
            if ready:
                ready({**told, **self._place(line, port)})
            if lockstep is not None:
                self._by_token(bus, lockstep)
            else:
                self._by_clock(bus, is_server)
        finally:
            for number, handler in zip((signal.SIGTERM, signal.SIGINT), previous, strict=True):
                signal.signal(number, handler)
            self.loop.stop()
            self.loop.join()
            bus.stop()
        return int(self.state.tick)

    def _place(self, line: Line | None, port: int) -> dict[str, Any]:
        if line:
            return {"url": f"modbus-rtu://{line.note}", "path": line.note}
        return {"url": replace(self.device, port=port).url}

    def _bus_policy(self) -> dict[str, Any]:
        """Below its own loop and the bench's, above everything ordinary, where permitted: a PLC answers at once."""
        priority = self.rig.loop.priority
        return {"policy": "fifo", "priority": max(1, priority - 3)} if priority > 0 else {}

    def _end(self, *_: object) -> None:
        self.ended.set()
        self.loop.stop()

    def _by_token(self, bus: Any, path: str | Path) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as side:
            side.connect(str(path))
            self.loop.serve_tokens(side.fileno(), bus)

    def _by_clock(self, bus: Any, is_server: bool) -> None:
        priority = max(0, self.rig.loop.priority - 2)
        self.loop.start(priority=priority)
        if not is_server:
            bus.start(self.loop.start_ns, round(self.device.period_s * 1e9), **self._bus_policy())
        while not self.loop.ended and not self.ended.wait(0.1):
            if PARENT not in os.environ:  # a bench asks for them
                self._show_stops()

    def _obey(self) -> None:
        """Does what the bench that started this process says, a line of JSON each, and ends when it has ended."""
        # Unbuffered: at its end Python would wait for the lock of a buffer that another thread reads.
        for line in open(sys.stdin.fileno(), "rb", buffering=0, closefd=False):  # noqa: SIM115
            asked = json.loads(line)
            if "ask" in asked:
                print(json.dumps({"stops": self._stops()}), flush=True)
                continue
            due = NEXT_TICK if asked["tick"] is None else asked["tick"]
            event = encode(EventKind.PARAM, target=self.built.params[asked["set"]], values=[asked["value"]], due=due)
            try:
                self.loop.push(event)
            except BenchError as error:  # the queue is full
                print(json.dumps({"error": error.message}), file=sys.stderr, flush=True)
            print(json.dumps({"set": asked["set"]}), flush=True)
        self._end()

    def _show_stops(self) -> None:
        for text in self._stops():
            print(f"hil: the program stopped: {text}", file=sys.stderr, flush=True)

    def _stops(self) -> list[str]:
        """Where PLC programs stand that have stopped by themselves; each stop is told once."""
        found = []
        for block in self.built.plcs:
            stops, *place = (int(self._state(block, name)) for name in LAST_STOP)
            if stops != self.told.get(block, 0):
                found.append(self.built.stop_text(block, *place))
            self.told[block] = stops
        return found

    def _state(self, block: str, name: str) -> float:
        return float(self.state.get(self.built.states[f"{block}.{name}"]))


def _pseudo_terminal() -> Line:
    """The device's end of a line; `note` is the path of the end to connect to."""
    ours, theirs = pty.openpty()
    tty.setraw(theirs)
    os.set_blocking(ours, False)
    return Line(ours, "", is_pty=True, bit_ns=0, note=os.ttyname(theirs))
