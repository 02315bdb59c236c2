"""[instruments]: what they are told and asked becomes the boundary of a role, and together they are its device."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hil.drivers.visa_dialect import SHIPPED, Dialect, read_dialect, shipped_dialect, shipped_models
from hil.drivers.visa_resource import parse_resource
from hil.errors import BusError
from hil.iomap import IoTag
from hil.nearest import did_you_mean
from hil.rig.description import Device, Instrument, Signal
from hil.rig.devices import INSTRUMENTS
from hil.rig.messages import KeyPath
from hil.rig.reading import Reading
from hil.rig.schema import DeviceTable, InstrumentTable, RigFile, RoleTable
from hil.units import same_unit


@dataclass(frozen=True)
class Part:
    """One instrument with its dialect."""

    name: str
    table: InstrumentTable
    dialect: Dialect
    text: str


@dataclass(frozen=True)
class Desk:
    """The instruments of one role, and the tags that cross its boundary."""

    parts: tuple[Part, ...]
    tags: tuple[IoTag, ...]


def with_roles(table: RigFile) -> RigFile:
    """The tables with a role for each instrument that names none, as if it had been written."""
    own = {name: RoleTable() for name, each in table.instruments.items() if each.role is None}
    return table.model_copy(update={"roles": own | table.roles}) if own else table


def place_instruments(reading: Reading) -> dict[str, Desk]:
    """Desks by the name of their role, which is that of their device as well.

    The tables get a device for each, as if it had been written.
    """
    roles: dict[str, list[Part]] = {}
    for name, table in reading.table.instruments.items():
        part = _part(reading, name, table)
        if part is not None:
            roles.setdefault(table.role or name, []).append(part)
    desks = {role: Desk(tuple(parts), _tags(reading, parts)) for role, parts in roles.items()}
    for role in desks:
        _take_place(reading, role)
    return desks


def _part(reading: Reading, name: str, table: InstrumentTable) -> Part | None:
    path: KeyPath = ("instruments", name)
    if table.role is not None and table.role not in reading.table.roles:
        mend = did_you_mean(table.role, reading.table.roles)
        reading.mistakes.add((*path, "role"), f"there is no role {table.role}", mend=mend)
        return None
    try:
        parse_resource(table.resource)
    except BusError as error:
        reading.mistakes.add((*path, "resource"), error.message, value=table.resource, mend=error.mend)
    found = _dialect(reading, path, table.model)
    if found is None:
        return None
    part = Part(name, table, *found)
    _check_keys(reading, path, part)
    return part


def _dialect(reading: Reading, path: KeyPath, model: str) -> tuple[Dialect, str] | None:
    """The dialect and its text: of a file beside the rig, or of one that comes with HIL."""
    where: KeyPath = (*path, "model")
    try:
        if not model.endswith(".toml"):
            return shipped_dialect(model), (SHIPPED / f"{model}.toml").read_text(encoding="utf-8")
        text = reading.read(model, where)
        return None if text is None else (read_dialect(text, model), text)
    except BusError as error:
        mend = did_you_mean(model, shipped_models()) if not model.endswith(".toml") else error.mend
        place = f"{error.where}: " if error.where and error.where != model else ""
        reading.mistakes.add(where, f"{place}{error.message}", value=model, mend=mend)
    return None


def _check_keys(reading: Reading, path: KeyPath, part: Part) -> None:
    table, dialect = part.table, part.dialect
    known: dict[str, Mapping[str, object]] = {
        "outputs": dialect.outputs,
        "readings": dialect.readings,
        "limits": table.outputs,
    }
    for side, names in known.items():
        for key in getattr(table, side):
            if key not in names:
                what = f"{dialect.model.name} has no {side[:-1]} {key}"
                why = "limits an output that is not mapped" if side == "limits" else what
                reading.mistakes.add((*path, side, key), why, mend=did_you_mean(key, names))
    if not table.outputs and not table.readings and dialect.waveform is None:
        reading.mistakes.add(path, "has neither outputs nor readings")
    for key, pair in table.limits.items():
        if pair[0] >= pair[1]:
            why = "the lower end must be smaller than the upper one"
            reading.mistakes.add((*path, "limits", key), why, value=pair)
    if table.watchdog_s is not None:
        _check_watchdog(reading, (*path, "watchdog_s"), part)


def _check_watchdog(reading: Reading, path: KeyPath, part: Part) -> None:
    watchdog, seconds = part.dialect.watchdog, part.table.watchdog_s
    if watchdog is None:
        mend = "Leave it out; nothing switches this model off when the computer dies"
        reading.mistakes.add(path, f"{part.dialect.model.name} has no watchdog", mend=mend)
    elif seconds is not None and not watchdog.seconds[0] <= seconds <= watchdog.seconds[1]:
        low, high = watchdog.seconds
        reading.mistakes.add(path, f"the model's goes from {low:g} to {high:g} s", value=seconds)


def _tags(reading: Reading, parts: list[Part]) -> tuple[IoTag, ...]:
    """Commands in the order of the file, then readings."""
    tags: list[IoTag] = []
    for direction, side in (("write", "outputs"), ("read", "readings")):
        for part in parts:
            known = getattr(part.dialect, side)
            for key, signal in getattr(part.table, side).items():
                if key in known:
                    unit = known[key].unit
                    tags.append(IoTag(signal, direction, "image", len(tags), "float64", unit=unit))
    names = [tag.tag for tag in tags]
    for part in parts:
        for side in ("outputs", "readings"):
            for key, signal in getattr(part.table, side).items():
                if names.count(signal) > 1:
                    reading.mistakes.add(("instruments", part.name, side, key), "stands here twice", value=signal)
    return tuple(tags)


def _take_place(reading: Reading, role: str) -> None:
    """A device in the tables."""
    table = reading.table
    if role in table.devices or any(device.role == role for device in table.devices.values()):
        why = f"role {role} has a device already; a role's outer side is a device or instruments"
        reading.mistakes.add(("devices", role), why, mend="Give the instruments a role of their own")
        return
    device = DeviceTable.model_construct(role=role, url=INSTRUMENTS + role, map="rig.toml")
    reading.table = table.model_copy(update={"devices": {**table.devices, role: device}})


def instrument_devices(reading: Reading, desks: Mapping[str, Desk], signals: Mapping[str, Signal]) -> dict[str, Device]:
    """A device for each desk."""
    devices = {}
    for role, desk in desks.items():
        parts = tuple(_instrument(part, signals) for part in desk.parts)
        devices[role] = Device(
            name=role,
            role=role,
            scheme="visa",
            host="",
            port=0,
            side="client",
            unit_id=0,
            map="rig.toml",
            tags=desk.tags,
            period_s=max([part.period_s for part in parts], default=reading.table.rig.period_s),
            timeout_s=max([part.timeout_s for part in parts], default=1.0),
            line=", ".join(part.resource for part in parts),
            protocol="visa",
            instruments=parts,
        )
    return devices


def _instrument(part: Part, signals: Mapping[str, Signal]) -> Instrument:
    table = part.table
    limits = {
        key: limits
        for key, name in table.outputs.items()
        if name in signals and (limits := signals[name].limits) is not None
    }
    for key, (low, high) in table.limits.items():
        own = limits.get(key, (low, high))
        limits[key] = (max(low, own[0]), min(high, own[1]))
    return Instrument(
        name=part.name,
        dialect=part.text,
        limits=limits,
        **table.model_dump(exclude={"role", "limits"}),
    )


def check_commanded(reading: Reading, desks: Mapping[str, Desk], signals: Mapping[str, Signal]) -> None:
    """Every commanded signal has limits, which the safety gate enforces; units are the instrument's own."""
    for desk in desks.values():
        for part in desk.parts:
            for key, name in part.table.outputs.items():
                signal = signals.get(name)
                if signal is not None and signal.limits is None:
                    mend = f'Write "{name}" = {{ limits = [low, high] }} under [signals]'
                    why = f"{name} commands an instrument and has no limits"
                    reading.mistakes.add(("instruments", part.name, "outputs", key), why, mend=mend)
            for side in ("outputs", "readings"):
                _check_units(reading, part, side, signals)


def _check_units(reading: Reading, part: Part, side: str, signals: Mapping[str, Signal]) -> None:
    for key, name in getattr(part.table, side).items():
        known = getattr(part.dialect, side).get(key)
        unit = signals[name].unit if name in signals else None
        if known and unit is not None and not same_unit(unit, known.unit):
            why = f"{name} is in {unit}, and {part.dialect.model.name} has {known.unit}"
            reading.mistakes.add(("instruments", part.name, side, key), why)
