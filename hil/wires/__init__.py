"""The wires of a bench: devices of the rig become buses, with emulated devices behind them where bound so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hil.bindings import HERE
from hil.errors import BusError
from hil.rig import Device, Rig, Role
from hil.wires.wire import ControllerState, Wire

__all__ = ["ControllerState", "ToDevice", "Wire", "Wires"]

ToDevice = Callable[[Wire, int | None], None]  # (wire, tick of the device; None: its next one)


@dataclass
class Wires:
    """All wires of a bench: `open` makes them, `start` lets them run by the clock, `close` ends all of it."""

    rig: Rig
    lockstep: bool
    clear_latch: bool = False
    wires: dict[str, Wire] = field(default_factory=dict)

    def open(self, bindings: dict[str, str]) -> None:
        """Makes the bus of every role that is not in this process; starts emulated devices."""
        try:
            for role in self.rig.roles.values():
                if bindings[role.name] not in HERE:
                    self._open(role, bindings[role.name])
        except BaseException:
            self.close()
            raise

    def _open(self, role: Role, level: str) -> None:
        device = self.rig.devices[role.device or ""]
        wire = _kind(device, level, lockstep=self.lockstep)(self.rig, device, role, level, lockstep=self.lockstep)
        wire.clear_latch = self.clear_latch
        self.wires[role.name] = wire
        wire.open()

    def connect(self) -> None:
        """Connects every client now; raises BusError for a device that is not there."""
        for wire in self.wires.values():
            wire.connect()

    def start(self, start_ns: int, priority: int) -> None:
        """Starts the client threads, in phase with the loop's tick 0 at `start_ns`; just below the loop's priority."""
        for wire in self.wires.values():
            wire.start(start_ns, priority)

    def stop(self) -> None:
        """Ends the client threads; servers go on serving and emulated devices running until `close`."""
        for wire in self.wires.values():
            wire.stop()

    def close(self) -> None:
        """Ends everything. A second call does nothing."""
        for wire in self.wires.values():
            wire.close()

    def tell(self, role: str, act: ToDevice, tick: int | None = None) -> None:
        """Tells a device something for a bench tick, in its own ticks; or, None, for its next one."""
        wire = self.wires[role]
        own = None if tick is None else max(0, -((wire.role.phase - tick) // wire.role.every))
        act(wire, own)

    def ports(self, roles: list[str]) -> dict[int, Any]:
        """What the loop connects: port by role number."""
        return {roles.index(name): wire.port for name, wire in self.wires.items()}

    def counters(self) -> dict[str, Any]:
        """Counters by device."""
        return {wire.device.name: wire.counters() for wire in self.wires.values()}

    def events(self) -> list[tuple[str, str]]:
        """What devices have said on their own account since the last call: (role, text)."""
        return [(name, text) for name, wire in self.wires.items() for text in wire.events()]

    def broken(self) -> BusError | None:
        """The first line that is gone."""
        return next((error for wire in self.wires.values() if (error := wire.broken())), None)

    def problems(self) -> list[str]:
        """Why a run has not passed, of every device."""
        return [f"{wire.device.name}: {text}" for wire in self.wires.values() for text in wire.problems()]


def _kind(device: Device, level: str, *, lockstep: bool) -> type[Wire]:
    """The class for what is spoken on the wire.

    In lock-step emulated firmware is reached over its link, whatever its field port speaks: only that carries steps.
    """
    by_link = device.protocol == "link" or (lockstep and level == "pil" and device.firmware is not None)
    if by_link:
        from hil.wires.mcu import McuWire

        return McuWire
    if device.protocol == "visa":
        from hil.wires.instruments import InstrumentsWire

        return InstrumentsWire
    if device.protocol == "modbus":
        from hil.wires.modbus import ModbusWire

        return ModbusWire
    from hil.wires.tclab import TclabWire

    return TclabWire
