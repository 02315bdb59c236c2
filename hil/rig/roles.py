"""[roles]: which signals cross a boundary, in which registers, and which level is the default."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hil.iomap import IoTag
from hil.nearest import did_you_mean
from hil.rig.description import Block, Device, Role, RoleTag, Signal
from hil.rig.devices import device_role
from hil.rig.messages import KeyPath
from hil.rig.reading import Reading


@dataclass(frozen=True)
class Boundary:
    """Names of the signals that cross a role's boundary, in order.

    `clock`: outputs that no block of the role writes, as the host makes them of the device's clock.
    """

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    clock: frozenset[str] = frozenset()


def boundaries(reading: Reading, maps: Mapping[str, tuple[IoTag, ...]]) -> dict[str, Boundary]:
    """Inputs and outputs of every role: as listed, else as its device's map has them."""
    found = {}
    for name in reading.table.roles:
        devices = [d for d, table in reading.table.devices.items() if device_role(d, table) == name]
        tags = [tag for d in devices for tag in maps.get(d, ()) if not tag.wire_only]
        found[name] = Boundary(
            _side(reading, name, "inputs", tags if devices else None),
            _side(reading, name, "outputs", tags if devices else None),
            frozenset(tag.tag for tag in tags if tag.of_clock),
        )
    return found


def read_roles(
    reading: Reading,
    crossing: Mapping[str, Boundary],
    signals: Mapping[str, Signal],
    blocks: Mapping[str, Block],
    devices: Mapping[str, Device],
) -> dict[str, Role]:
    """All roles by name, with the registers of what crosses them."""
    roles = {}
    for name, table in reading.table.roles.items():
        device = next((d for d in devices.values() if d.role == name), None)
        tags = {tag.tag: tag for tag in device.tags} if device else {}
        roles[name] = Role(
            name=name,
            inputs=tuple(_tag(signals, tags, signal) for signal in crossing[name].inputs),
            outputs=tuple(_tag(signals, tags, signal) for signal in crossing[name].outputs),
            every=table.every,
            phase=table.phase,
            delay_ticks=table.delay_ticks,
            binding=_binding(reading, name, blocks),
            device=device.name if device else None,
            simulated=any(block.role == name for block in blocks.values()),
            controller="program" if any(b.role == name and b.plc for b in blocks.values()) else "blocks",
        )
        if table.phase >= table.every:
            why = f"must be smaller than every = {table.every}"
            reading.mistakes.add(("roles", name, "phase"), why, value=table.phase)
    return roles


def _side(reading: Reading, role: str, side: str, tags: list[IoTag] | None) -> tuple[str, ...]:
    """Names of one side of a boundary; with a device every one needs a tag, and every tag is one of them."""
    direction = "write" if side == "inputs" else "read"
    mapped = [tag.tag for tag in tags or () if tag.direction == direction]
    listed = getattr(reading.table.roles[role], side)
    if listed is None:
        return tuple(dict.fromkeys(mapped))
    path: KeyPath = ("roles", role, side)
    for name in sorted({name for name in listed if listed.count(name) > 1}):
        reading.mistakes.add(path, f"{name} stands here twice")
    if tags is not None:
        for name in dict.fromkeys(listed):
            if name not in mapped:
                mend = did_you_mean(name, [other for other in mapped if other not in listed])
                reading.mistakes.add(
                    path, f"{name} has no tag with direction {direction} in the device's map", mend=mend
                )
        for name in mapped:
            if name not in listed:
                why = f"the device's map has {name} with direction {direction}, this list does not"
                reading.mistakes.add(path, why, mend="Leave the list out to take all tags")
    return tuple(dict.fromkeys(listed))


def _tag(signals: Mapping[str, Signal], tags: Mapping[str, IoTag], name: str) -> RoleTag:
    signal = signals.get(name) or Signal(name)
    low, high = signal.limits or (None, None)
    tag = tags.get(name)
    wire = {"kind": tag.kind, "scale": tag.scale, "offset": tag.offset} if tag else {}
    return RoleTag(name, low=low, high=high, start=signal.start, max_age_s=signal.max_age_s, **wire)  # type: ignore[arg-type]


def _binding(reading: Reading, role: str, blocks: Mapping[str, Block]) -> str:
    """The default level, as far as the rig can carry it out."""
    given = reading.table.roles[role].binding
    simulated = any(block.role == role for block in blocks.values())
    has_device = any(device_role(d, table) == role for d, table in reading.table.devices.items())
    path: KeyPath = ("roles", role, "binding")
    if not simulated and not has_device:
        mend = f'Add blocks with role = "{role}" or a device'
        reading.mistakes.add(("roles", role), "has neither blocks nor a device", mend=mend)
    elif given in ("mil", "sil", "pil") and not simulated:
        reading.mistakes.add(path, f'needs blocks with role = "{role}"', value=given, mend='Write "hil"')
    elif given in ("pil", "hil") and not has_device:
        reading.mistakes.add(path, f"needs a device of role {role}", value=given, mend='Write "mil"')
    if given is not None:
        return given
    return ("pil" if simulated else "hil") if has_device else "mil"
