"""The applications of rigs, and what they cost: `python -m hil.mcu`, and the table firmware/sizes.toml."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from hil.errors import RigError
from hil.mcu.build import Progress, build_firmware
from hil.mcu.measure import Costs, measure
from hil.mcu.tables import make_application
from hil.mcu.targets import FIRMWARE, TARGETS
from hil.program import controller_of
from hil.rig import Device, Rig, load_rig, shipped_rigs

TABLE = FIRMWARE / "sizes.toml"
HEAD = """# What the shipped applications cost on the stm32f405, written by `make firmware-table`; a test compares.
# flash, ram, stack: bytes; ram without the arena. instructions: most of a control step.
"""
# How far a build may lie from the table, both ways: another compiler lays out a little differently, and an interrupt
# may or may not come at the deepest point of the stack; its entry and exit, ten instructions, stay in a step's count.
BANDS = {"flash": 0.05, "ram": 0.05, "stack": 0.12, "instructions": 0.04}


@dataclass(frozen=True)
class Shipped:
    """An application of a rig's device, and its programs by board."""

    rig: Rig
    device: Device
    programs: dict[str, Path]


def devices_with_firmware(rigs: Iterable[str | Path] = ()) -> Iterator[tuple[Rig, Device]]:
    """Those of some rigs, or of all that are shipped.

    Raises:
        RigError: a rig cannot be used, or one that was asked for has no firmware.
    """
    asked = list(rigs)
    for place in asked or shipped_rigs().values():
        rig = load_rig(place)
        devices = [device for device in rig.devices.values() if device.firmware]
        if asked and not devices:
            raise RigError("no device of the rig has firmware", where=str(place), mend='Add firmware = "NAME" to one')
        yield from ((rig, device) for device in devices)


def build_all(
    rigs: Iterable[str | Path] = (), boards: Iterable[str] = (), *, progress: Progress | None = None
) -> dict[str, Shipped]:
    """Applications by name, compiled for some boards or for all."""
    found = {}
    for rig, device in devices_with_firmware(rigs):
        application = make_application(rig, device, controller_of(rig, rig.roles[device.role]))
        programs = {board: build_firmware(application, board, progress=progress) for board in boards or TARGETS}
        found[application.name] = Shipped(rig, device, programs)
    return found


def read_table() -> dict[str, Costs]:
    """firmware/sizes.toml; empty when there is none."""
    if not TABLE.exists():
        return {}
    return {name: Costs(**row) for name, row in tomllib.loads(TABLE.read_text(encoding="utf-8")).items()}


def write_table(costs: dict[str, Costs]) -> None:
    """Writes firmware/sizes.toml."""
    rows = (f"[{name}]\n" + "".join(f"{k} = {v}\n" for k, v in asdict(c).items()) for name, c in sorted(costs.items()))
    TABLE.write_text(HEAD + "\n" + "\n".join(rows), encoding="utf-8")


def outside(found: Costs, kept: Costs) -> list[str]:
    """What lies outside of its band, in words."""
    return [
        f"{name}: {new:,}, the table says {old:,} (band {band:.0%})"
        for name, band in BANDS.items()
        for new, old in [(getattr(found, name), getattr(kept, name))]
        if abs(new - old) > band * old
    ]


def measure_all(shipped: dict[str, Shipped]) -> dict[str, Costs]:
    """Costs by application."""
    return {name: measure(s.rig, s.device, s.programs["stm32f405"]) for name, s in shipped.items()}
