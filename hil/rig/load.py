"""From rig.toml to a `Rig`: reads, checks, and raises all mistakes together."""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from hil.blocks import block_types
from hil.errors import RigError
from hil.rig.controllers import choose_controllers
from hil.rig.conversions import insert_conversions
from hil.rig.description import Loop, Rig
from hil.rig.devices import read_devices, read_maps
from hil.rig.fit import read_fit
from hil.rig.instruments import check_commanded, instrument_devices, place_instruments, with_roles
from hil.rig.lines import KeyLines
from hil.rig.messages import Mistakes
from hil.rig.model_types import describe_model
from hil.rig.period import at_period
from hil.rig.place import place_blocks
from hil.rig.plc_program import place_programs
from hil.rig.reading import Reading
from hil.rig.roles import boundaries, read_roles
from hil.rig.schedule import read_events, read_faults, read_record
from hil.rig.schema import RigFile
from hil.rig.shipped import find_rig
from hil.rig.signals import check_setpoints, read_signals
from hil.rig.twin import read_twin
from hil.rig.unit_check import check_units
from hil.rig.wiring import check_produced, check_readers, check_role_outputs, find_producers

NANOSECONDS = 1_000_000_000


def load_rig(rig: str | Path, period_s: float | None = None, controllers: Mapping[str, str] | None = None) -> Rig:
    """Read a rig: a folder, a rig.toml, or the name of a shipped rig.

    Args:
        rig: where it lies.
        period_s: another base period than the file's, in s; see `hil.rig.period`.
        controllers: "blocks" or "program" by role, instead of the file's choice; see `hil.rig.controllers`.

    Raises:
        RigError: every mistake in the rig, its maps and its models' declarations, one line each.
    """
    file = find_rig(rig)
    return read_rig(_text_of(file), file, period_s, controllers)


def _text_of(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise RigError("the file is not UTF-8 text", where=str(file)) from error
    except OSError as error:
        raise RigError(f"the file cannot be read: {error.strerror}", where=str(file)) from error


def programs_of(rig: str | Path) -> dict[str, str]:
    """Roles that have a PLC program of their own, as `load_rig` takes `controllers`; raises RigError as it does."""
    file = find_rig(rig)
    roles = _parse(_text_of(file), file).get("roles", {})
    return {name: "program" for name, role in roles.items() if isinstance(role, dict) and "program" in role}


def read_rig(text: str, file: Path, period_s: float | None = None, controllers: Mapping[str, str] | None = None) -> Rig:
    """The rig of a rig file's text; `file` tells where the other files lie and what messages call it.

    Raises:
        RigError: see `load_rig`.
    """
    mistakes = Mistakes(str(file), KeyLines(text))
    data = _parse(text, file)
    table = _validate(data, mistakes)
    if period_s is not None:
        table = at_period(table, period_s, mistakes)
    table, left_out = choose_controllers(with_roles(table), controllers or {}, mistakes)
    types = block_types()
    reading = Reading(table, file.parent, mistakes, types, functools.partial(describe_model, types), {file.name: text})
    reading.left_out = left_out
    rig = _resolve(reading)
    mistakes.stop_if_any()
    return rig


def _parse(text: str, file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        message = str(error)
        place = re.search(r"\s*\(at (?:line (\d+), column (\d+)|end of document)\)", message)
        why = message[: place.start()] if place else message
        lines = text.splitlines() or [""]
        line = int(place[1]) if place and place[1] else len(lines)
        column = int(place[2]) if place and place[2] else len(lines[-1]) + 1
        shown = lines[min(line, len(lines)) - 1].strip()
        why = "this key or table stands here twice" if "overwrite" in why or "twice" in why else _lower(why)
        raise RigError(f"broken TOML: {why}: {shown}", where=f"{file}:{line}:{column}") from error


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]


def _validate(data: dict[str, Any], mistakes: Mistakes) -> RigFile:
    """The tables; unknown keys are noted and left out, so that reading can go on and find what else is wrong.

    Raises:
        RigError: mistakes that leave nothing to go on with.
    """
    try:
        return RigFile.model_validate(data)
    except ValidationError as error:
        mistakes.add_invalid(error, data)
        unknown = [detail["loc"] for detail in error.errors() if detail["type"] == "extra_forbidden"]
        if len(unknown) < error.error_count():
            mistakes.stop_if_any()
        for loc in unknown:
            table: Any = data
            for part in loc[:-1]:
                table = table[part]
            del table[loc[-1]]
    return RigFile.model_validate(data)


def _resolve(reading: Reading) -> Rig:
    """Everything behind the tables, in the order in which one part needs the other."""
    before = len(reading.mistakes.found)
    instruments = place_instruments(reading)
    table = reading.table
    maps = read_maps(reading) | {name: desk.tags for name, desk in instruments.items()}
    maps_sound = len(reading.mistakes.found) == before
    devices = read_devices(reading, maps)
    crossing = boundaries(reading, maps)
    blocks, types = place_blocks(reading)
    if not maps_sound or not blocks.keys() >= table.blocks.keys():
        reading.mistakes.stop_if_any()  # what is missing now would be called a mistake at every place that needs it
    before = len(reading.mistakes.found)
    place_programs(reading, maps, crossing, blocks, types)
    if len(reading.mistakes.found) > before:
        reading.mistakes.stop_if_any()
    insert_conversions(reading, blocks, types)
    producers = find_producers(reading, blocks, crossing)
    reading.table = table = reading.left_out.unwritten(table, set(producers.all()))
    check_readers(reading, blocks, crossing, producers)
    check_produced(reading, producers)
    check_role_outputs(reading, blocks, crossing)
    signals = check_units(reading, blocks, types, read_signals(reading, maps, producers, blocks))
    check_setpoints(reading, signals)
    devices |= instrument_devices(reading, instruments, signals)
    check_commanded(reading, instruments, signals)
    if table.rig.picture is not None:
        reading.read(table.rig.picture, ("rig", "picture"))
    rig = Rig(
        name=table.rig.name,
        title=table.rig.title or table.rig.name,
        description=table.rig.description,
        period_ns=_period_ns(reading),
        seed=table.rig.seed,
        loop=Loop(**table.loop.model_dump()),
        signals=signals,
        blocks=blocks,
        roles=read_roles(reading, crossing, signals, blocks, devices),
        devices=devices,
        record=read_record(reading, signals, types),
        fit=read_fit(reading, blocks, types),
        requirements=table.requirements,
        files=reading.files,
        folder=reading.folder,
    )
    rig = replace(rig, faults=read_faults(reading, rig.faultable()), events=read_events(reading, rig, types))
    rig = replace(rig, twin=read_twin(reading, rig))
    return _stimulated(reading, rig)


def _stimulated(reading: Reading, rig: Rig) -> Rig:
    """With the rig's own stimuli, when the rest is sound."""
    if not reading.table.stimuli or reading.mistakes.found:
        return rig
    from hil.stimulus.applied import with_read
    from hil.stimulus.reading import stimuli_of

    return with_read(rig, stimuli_of(reading.table.stimuli, reading.folder, "rig.toml"), "rig.toml")


def _period_ns(reading: Reading) -> int:
    period_s = reading.table.rig.period_s
    period_ns = round(period_s * NANOSECONDS)
    if period_ns < 1 or abs(period_s * NANOSECONDS - period_ns) > 1e-6:
        reading.mistakes.add(("rig", "period_s"), "must be a whole number of nanoseconds", value=period_s)
    return max(period_ns, 1)
