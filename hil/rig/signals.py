"""Signals: what [signals] says and what the I/O maps say, put together and checked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from hil.errors import RigError
from hil.iomap import IoTag
from hil.nearest import did_you_mean
from hil.rig.description import Block, Signal
from hil.rig.messages import KeyPath, shown
from hil.rig.reading import Reading
from hil.rig.schema import SignalTable
from hil.rig.wiring import Producers
from hil.units import check_unit, same_unit

# What a tag says of its signal, as (attribute of Signal, columns).
MAPPED: Mapping[str, tuple[str, ...]] = {
    "unit": ("unit",),
    "range": ("min", "max"),
    "limits": ("limit_min", "limit_max"),
    "rate_limit": ("rate_limit",),
    "start": ("start",),
    "safe": ("safe",),
    "max_age_s": ("max_age_s",),
}
GATE = ("limits", "rate_limit", "safe")


@dataclass(frozen=True)
class Said:
    """A property of a signal with the place that says it: a key of the rig file, or a row of a map."""

    value: Any
    path: KeyPath | None = None
    map: str = ""
    tag: IoTag | None = None

    def note(self, reading: Reading, name: str, why: str, mend: str | None = None) -> None:
        """Note a mistake at that place."""
        if self.path is not None:
            reading.mistakes.add(self.path, why, value=self.value, mend=mend)
        else:
            line = self.tag.line if self.tag else None
            reading.mistakes.add_in(self.map, line, f"{name} = {shown(self.value)}", why, mend)


def read_signals(
    reading: Reading,
    maps: Mapping[str, tuple[IoTag, ...]],
    producers: Producers,
    blocks: Mapping[str, Block],
) -> dict[str, Signal]:
    """All signals by name: declared ones in the order of the files, then the other outputs."""
    tags = list(_tags(reading, maps))
    starts = {wire.signal: b.params["value"] for b in blocks.values() if b.type == "constant" for wire in b.outputs}
    names = dict.fromkeys([*reading.table.signals, *(tag.tag for _, tag in tags), *producers.all()])
    return {name: _signal(reading, name, [t for t in tags if t[1].tag == name], producers, starts) for name in names}


def _tags(reading: Reading, maps: Mapping[str, tuple[IoTag, ...]]) -> Iterator[tuple[str, IoTag]]:
    for device, tags in maps.items():
        for tag in tags:
            if not tag.wire_only:
                yield reading.table.devices[device].map, tag


def _signal(
    reading: Reading, name: str, tags: list[tuple[str, IoTag]], producers: Producers, starts: Mapping[str, float]
) -> Signal:
    table = reading.table.signals.get(name)
    declared = table is not None or bool(tags)
    internal = producers.role_of(name)
    said = _gather(reading, name, table, tags)
    _check(reading, name, said)
    table = table or SignalTable(record=declared, path=declared)
    values = {key: item.value for key, item in said.items()}
    gated = any(key in said for key in GATE)
    if internal is not None or not table.path:
        _refuse_gate(reading, name, said, f"is internal to role {internal}" if internal else "has path = false")
    safe = values.pop("safe", _nearest_to_zero(values.get("limits")))
    return Signal(
        name,
        declared=declared,
        producer=producers.of(name),
        role=internal,
        safe=safe,
        safe_given="safe" in said,
        safe_rate=table.safe_rate,
        start=values.pop("start", starts.get(name, safe if gated else 0.0)),
        description=table.description or next((tag.description for _, tag in tags if tag.description), ""),
        setpoint_of=table.setpoint_of,
        record=table.record,
        path=table.path and internal is None,
        gated=gated,
        **values,
    )


def _gather(reading: Reading, name: str, table: SignalTable | None, tags: list[tuple[str, IoTag]]) -> dict[str, Said]:
    """What is said of a signal; places that contradict each other are noted."""
    said: dict[str, Said] = {}
    for key, columns in MAPPED.items():
        value = getattr(table, key) if table else None
        if value is not None:
            said[key] = Said(tuple(value) if isinstance(value, list) else value, ("signals", name, key))
        for file, tag in tags:
            values = tuple(getattr(tag, column) for column in columns)
            if values[0] is None:
                continue
            item = Said(values if len(values) > 1 else values[0], None, file, tag)
            _agree(reading, name, key, said.setdefault(key, item), item)
    return said


def _agree(reading: Reading, name: str, key: str, first: Said, second: Said) -> None:
    if first.value == second.value:
        return
    try:
        if key == "unit" and same_unit(first.value, second.value):
            return
    except RigError:
        return  # a unit that is none is noted by itself
    where = reading.mistakes.file if first.path is not None else first.map
    why = f"contradicts {key} = {shown(first.value)} in {where}"
    second.note(reading, f"{name}.{key}", why, "Say it in one place")


def _check(reading: Reading, name: str, said: Mapping[str, Said]) -> None:
    for key in ("range", "limits"):
        if key in said and said[key].value[0] >= said[key].value[1]:
            said[key].note(reading, f"{name}.{key}", "the lower end must be smaller than the upper one", "Swap them")
            return
    limits = said["limits"].value if "limits" in said else None
    if limits and "range" in said and not _within(said["range"].value, limits):
        why = f"the range {shown(list(said['range'].value))} reaches beyond these limits"
        said["limits"].note(reading, f"{name}.limits", why, "Widen the limits or narrow the range")
    for key in ("safe", "start"):
        if limits and key in said and not limits[0] <= said[key].value <= limits[1]:
            why = f"lies outside the limits {shown(list(limits))}"
            said[key].note(reading, f"{name}.{key}", why)
    if "max_age_s" in said and said["max_age_s"].value <= 0:
        said["max_age_s"].note(reading, f"{name}.max_age_s", "must be larger than 0", "Leave it out for no limit")
    _check_unit(reading, name, said.get("unit"))


def check_setpoints(reading: Reading, signals: Mapping[str, Signal]) -> None:
    """Note every setpoint_of that names no signal."""
    for name, table in reading.table.signals.items():
        if table.setpoint_of is not None and table.setpoint_of not in signals:
            mend = did_you_mean(table.setpoint_of, signals)
            path = ("signals", name, "setpoint_of")
            reading.mistakes.add(path, "there is no such signal", value=table.setpoint_of, mend=mend)


def _check_unit(reading: Reading, name: str, unit: Said | None) -> None:
    if unit is None:
        return
    try:
        check_unit(unit.value)
    except RigError as error:
        unit.note(reading, f"{name}.unit", error.message, error.mend)


def _refuse_gate(reading: Reading, name: str, said: Mapping[str, Said], why: str) -> None:
    for key in GATE:
        if key in said:
            said[key].note(reading, f"{name}.{key}", f"{name} {why}, so it has no safety gate")


def _within(inner: tuple[float, float], outer: tuple[float, float]) -> bool:
    return outer[0] <= inner[0] and inner[1] <= outer[1]


def _nearest_to_zero(limits: tuple[float, float] | None) -> float:
    return 0.0 if limits is None else min(max(0.0, limits[0]), limits[1])
