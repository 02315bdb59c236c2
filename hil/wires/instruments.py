"""Instruments as slow devices of the loop, real or emulated, and the emulated desk's own side."""

from __future__ import annotations

from typing import Any

from hil.drivers.scpi_server import Place, ScpiServers
from hil.drivers.visa import load_pyvisa
from hil.drivers.visa_bus import InstrumentBus, Member
from hil.drivers.visa_dialect import Dialect, read_dialect, shipped_dialect
from hil.drivers.visa_instrument import Instrument
from hil.errors import BusError
from hil.program import controller_of
from hil.rig import Device, Role
from hil.rig.description import Instrument as Described
from hil.wires.emulated import start_emulated
from hil.wires.wire import Wire

HOLD_PERIODS = 4  # of the slowest instrument without a new image of the loop: the loop counts as lost
LEAST_HOLD_S = 2.0


class InstrumentsWire(Wire):
    """The loop sees the newest readings and their age; commands are sent as they change.

    Attributes:
        bus: `client`, with what instruments have beyond other buses.
    """

    bus: InstrumentBus

    def open(self) -> None:
        """Makes the bus; starts the emulated desk."""
        load_pyvisa()
        urls = {part.name: part.resource for part in self.device.instruments}
        if self.level == "pil":
            urls = self._emulate()
        hold_s = max(LEAST_HOLD_S, HOLD_PERIODS * self.device.period_s)
        members = [self._member(part, urls[part.name]) for part in self.device.instruments]
        self.bus = InstrumentBus(members, len(self.role.outputs), len(self.role.inputs), hold_s=hold_s)
        self.client = self.port = self.bus

    def _emulate(self) -> dict[str, str]:
        """Addresses of the instruments of a desk in a process of its own."""
        controller_of(self.rig, self.role)  # compiles its models here, where progress can be seen
        folder = self.rig.folder
        assert folder is not None  # a bench puts a rig without one into a temporary folder
        self.emulated = start_emulated(folder, self.device, lockstep=False)
        told: dict[str, str] = self.emulated.told["instruments"]
        return told

    def _member(self, part: Described, url: str) -> Member:
        dialect = dialect_of(part, self.level)
        instrument = Instrument(
            part.name,
            url,
            dialect,
            channel=part.channel,
            timeout_s=part.timeout_s,
            limits=part.limits,
            watchdog_s=part.watchdog_s if self.level == "hil" else None,
        )
        reads, writes = _places(part, self.role)
        return Member(instrument, reads, writes, part.period_s, part.give_up_s)

    def connect(self) -> None:
        """Connects to every instrument now.

        Raises:
            BusError: one is not there, or is another model; with its own words.
        """
        try:
            self.bus.connect()
        except BusError:
            self.bus.stop()
            raise

    def events(self) -> list[str]:
        """What the instruments told, and what was refused."""
        return self.bus.take_events()

    def broken(self) -> BusError | None:
        """One has been lost for longer than it may."""
        return self.bus.gone

    def problems(self) -> list[str]:
        """Instruments that are lost at the end."""
        lost = [name for name, part in self.bus.parts.items() if part.lost]
        return [*super().problems(), *(f"{name} was lost" for name in lost)]


def dialect_of(part: Described, level: str) -> Dialect:
    """What an instrument understands at a level: an emulated one the plain SCPI of its kind.

    Raises:
        BusError: the emulated one lacks what the rig maps.
    """
    dialect = read_dialect(part.dialect, part.model)
    if level != "pil":
        return dialect
    plain = shipped_dialect(f"scpi_{dialect.model.kind}")
    for keys, known in ((part.outputs, plain.outputs), (part.readings, plain.readings)):
        for key in keys:
            if key not in known:
                why = f"the emulated {dialect.model.kind} has no {key}; it has {', '.join(known) or 'nothing'}"
                raise BusError(why, where=f"instruments.{part.name}", mend="Bind the role to mil or hil")
    return plain


def _places(part: Described, role: Role) -> tuple[dict[str, int], dict[str, int]]:
    """Places of its readings among the role's outputs, of its commands among the role's inputs."""
    outputs, inputs = [tag.signal for tag in role.outputs], [tag.signal for tag in role.inputs]
    reads = {key: outputs.index(signal) for key, signal in part.readings.items()}
    return reads, {key: inputs.index(signal) for key, signal in part.outputs.items()}


def make_servers(device: Device, role: Role, port: int) -> ScpiServers:
    """The emulated side: each instrument at a TCP port, from `port` on; 0: any free ones."""
    places = []
    for number, part in enumerate(device.instruments):
        kind = read_dialect(part.dialect, part.model).model.kind
        places.append(Place(part.name, kind, port + number if port else 0, *_places(part, role)))
    return ScpiServers(places, len(role.outputs), len(role.inputs))


def addresses(servers: ScpiServers) -> dict[str, Any]:
    """What an emulated desk tells of itself."""
    urls = {name: f"visa://TCPIP::127.0.0.1::{port}::SOCKET" for name, port in servers.ports.items()}
    return {"url": ", ".join(f"{name} {url}" for name, url in urls.items()), "instruments": urls}
