"""The PLC's list of tags against the rig: what is missing, extra, doubled, or of another type, address or scale."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase

from hil.commission.reading import Reading
from hil.commission.tag_list import ListedTag, is_located
from hil.errors import RigError
from hil.iomap import IoTag, parse_address
from hil.nearest import nearest
from hil.units import same_unit

# OpenPLC's published Modbus addressing: holding registers from 1024 on are memory.
MEMORY = ((4096, "ML", 4), (2048, "MD", 2), (1024, "MW", 1))


@dataclass(frozen=True)
class Difference:
    """One finding: the tag it is about (the rig's name where there is one), what was compared, and both sides."""

    tag: str
    what: str
    rig: str
    listed: str
    line: int | None = None

    def __str__(self) -> str:
        line = f" (line {self.line})" if self.line else ""
        return f"{self.tag}: {self.what}: the rig has {self.rig}, the list {self.listed}{line}"


def compare(reading: Reading, listed: list[ListedTag]) -> list[Difference]:
    """All differences, in the order of the list."""
    device = reading.rig.devices.get(reading.role.device or "")
    by_name = {tag.tag: tag for tag in device.tags if not tag.wire_only} if device else {}
    if not device:
        by_name = {
            tag.signal: IoTag(tag.signal, "", "", 0, "") for tag in (*reading.role.inputs, *reading.role.outputs)
        }
    found = [*_doubled(listed)]
    for tag in listed:
        if tag.signal not in by_name:
            if not any(fnmatchcase(tag.name, pattern) for pattern in reading.table.commission.unlisted):
                near = nearest(tag.signal, by_name)
                rig = f"no such tag, the nearest is {near}" if near else "no such tag"
                found.append(Difference(tag.name, "not mapped", rig, tag.address or tag.type, tag.at.line))
        elif device:
            found += _one(reading, by_name[tag.signal], tag)
    names = {tag.signal for tag in listed}
    found += [
        Difference(name, "missing in the list", tag.place if device else "a tag", "none")
        for name, tag in by_name.items() if name not in names
    ]  # fmt: skip
    return found


def _doubled(listed: list[ListedTag]) -> Iterator[Difference]:
    names: dict[str, ListedTag] = {}
    places: dict[str, ListedTag] = {}
    for tag in listed:
        before = names.setdefault(tag.name.lower(), tag)
        if before is not tag:
            yield Difference(tag.name, "name doubled", "one", f"it in line {before.at.line} as well", tag.at.line)
        place = tag.address.upper().replace(" ", "")
        if place:
            other = places.setdefault(place, tag)
            if other is not tag:
                yield Difference(
                    tag.name, "address doubled", "one", f"{tag.address} for {other.name} as well", tag.at.line
                )


def _one(reading: Reading, io: IoTag, tag: ListedTag) -> Iterator[Difference]:
    line = tag.at.line
    if io.type not in tag.registers:
        yield Difference(io.tag, "type", io.type, tag.type, line)
    wanted = variable_of(io)
    if is_located(tag.address):
        if wanted and _plain(tag.address) != _plain(wanted):
            yield Difference(io.tag, "address", wanted, tag.address, line)
    elif tag.address and not _same_register(io, tag.address):
        yield Difference(io.tag, "address", io.place, tag.address, line)
    for name, mine, theirs in (("scale", io.scale, tag.scale), ("offset", io.offset, tag.offset)):
        if theirs is not None and abs(theirs - mine) > 1e-9 * max(abs(mine), abs(theirs)):
            yield Difference(io.tag, name, f"{mine:g}", f"{theirs:g}", line)
    unit = reading.rig.signals[io.tag].unit or "1"
    if tag.unit:
        try:
            alike = same_unit(tag.unit, unit)
        except RigError:
            alike = False
        if not alike:
            yield Difference(io.tag, "unit", unit, tag.unit, line)


def variable_of(io: IoTag) -> str:
    """The located variable of a tag: that of its I/O map, else by OpenPLC's published addressing."""
    given = getattr(io, "variable", None)
    if given:
        return str(given)
    if io.bit is not None and not io.is_bits:
        return ""
    if io.is_bits:
        return f"%{'QX' if io.table == 'coil' else 'IX'}{io.address // 8}.{io.address % 8}"
    if io.table == "input_register":
        return f"%IW{io.address}"
    for first, area, words in MEMORY:
        if io.address >= first:
            return f"%{area}{(io.address - first) // words}"
    return f"%QW{io.address}"


def _plain(address: str) -> str:
    """%I0.0 is %IX0.0."""
    text = address.upper()
    return text[:2] + "X" + text[2:] if text[2:3].isdigit() else text


def _same_register(io: IoTag, address: str) -> bool:
    try:
        return parse_address(address, io.table) == io.address
    except RigError:
        return False
