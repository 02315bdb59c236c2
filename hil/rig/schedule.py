"""[record], [[faults]] and [[events]]: what is recorded, and what happens during every run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase

from hil.blocks import BlockType
from hil.errors import HilError, RigError
from hil.fault_activation import Activation, read_activation, split_clauses
from hil.faults import KINDS, FaultSpec, check_fault, convert, parse_quantity
from hil.nearest import did_you_mean
from hil.rig.description import RecordGroup, Rig, ScheduledEvent, Signal
from hil.rig.messages import KeyPath
from hil.rig.place import read_number
from hil.rig.reading import Reading
from hil.rig.schema import EventTable, FaultTable


def read_record(
    reading: Reading, signals: Mapping[str, Signal], types: Mapping[str, BlockType]
) -> dict[str, RecordGroup]:
    """Recorded groups by name; without [record] one, `signals`, with every declared signal at every tick."""
    if not reading.table.record:
        return {"signals": RecordGroup("signals", tuple(s.name for s in signals.values() if s.record))}
    states = [f"{block}.{state}" for block, kind in types.items() for state in kind.states]
    groups = {}
    for name, table in reading.table.record.items():
        path = ("record", name)
        groups[name] = RecordGroup(
            name,
            _matching(reading, (*path, "names"), table.names, signals),
            table.every,
            _matching(reading, (*path, "states"), table.states, states),
            table.raw,
        )
    return groups


def read_faults(reading: Reading, faultable: Mapping[str, str | None]) -> tuple[FaultSpec, ...]:
    """The faults that are armed with every run, values in the signals' units."""
    found = []
    for n, table in enumerate(reading.table.faults):
        path: KeyPath = ("faults", n)
        if table.signal not in faultable:
            mend = did_you_mean(table.signal, faultable)
            why = "there is no signal of this name that a fault can act on"
            reading.mistakes.add((*path, "signal"), why, value=table.signal, mend=mend)
        elif table.fault not in KINDS:
            mend = did_you_mean(table.fault, KINDS)
            reading.mistakes.add((*path, "fault"), "there is no such fault", value=table.fault, mend=mend)
        elif _one_time(reading, path, table.at_s, table.at_tick, required=False):
            found += _fault(reading, path, table, faultable[table.signal])
    return tuple(found)


def read_events(reading: Reading, rig: Rig, types: Mapping[str, BlockType]) -> tuple[ScheduledEvent, ...]:
    """Parameter changes and marks, in the order of the file."""
    found = []
    for n, table in enumerate(reading.table.events):
        path: KeyPath = ("events", n)
        if (table.set is None) == (table.mark is None):
            reading.mistakes.add(path, "needs either set (with value) or mark")
        elif _one_time(reading, path, table.at_s, table.at_tick, required=True):
            found += _event(reading, path, table, rig, types)
    return tuple(found)


def _matching(reading: Reading, path: KeyPath, patterns: Iterable[str], names: Iterable[str]) -> tuple[str, ...]:
    """Names that match, each once, in the order of the patterns."""
    names = list(names)
    found: dict[str, None] = {}
    for pattern in patterns:
        matches = [name for name in names if fnmatchcase(name, pattern)]
        if not matches and not reading.left_out.matched_by(pattern):
            reading.mistakes.add(path, "matches nothing", value=pattern, mend=did_you_mean(pattern, names))
        found.update(dict.fromkeys(matches))
    return tuple(found)


def _fault(reading: Reading, path: KeyPath, table: FaultTable, unit: str | None) -> list[FaultSpec]:
    given = table.value if isinstance(table.value, list) else [] if table.value is None else [table.value]
    n_words = len(KINDS[table.fault].words)
    words, given = tuple(map(str, given[:n_words])), given[n_words:]
    try:
        quantities = [parse_quantity(v) if isinstance(v, str) else (float(v), None) for v in given]
        spec = FaultSpec(
            table.signal,
            table.fault,
            tuple(value for value, _ in quantities),
            table.at_s,
            table.until_s,
            table.at_tick,
            table.until_tick,
            units=tuple(given_unit for _, given_unit in quantities),
            words=words,
            activation=read_activation(split_clauses(f" {table.activation}")[1], table.activation)
            if table.activation
            else Activation(),
        )
        return [convert(check_fault(spec), unit)]
    except HilError as error:
        reading.mistakes.add(path, error.message, mend=error.mend)
        return []


def _event(
    reading: Reading, path: KeyPath, table: EventTable, rig: Rig, types: Mapping[str, BlockType]
) -> list[ScheduledEvent]:
    if table.set is None:
        return [ScheduledEvent(table.at_s, table.at_tick, mark=table.mark)]
    tunable = rig.tunable()
    if table.set not in tunable:
        why = "is neither a parameter nor a number on a port"
        mend = did_you_mean(table.set, tunable)
        reading.mistakes.add((*path, "set"), why, value=table.set, mend=mend)
        return []
    if table.value is None:
        reading.mistakes.add((*path, "value"), "is missing")
        return []
    block, name = tunable[table.set]
    param = types[block].param(name)
    constant = rig.blocks[block].constant
    unit = rig.signals[block].unit if constant and block in rig.signals else param.unit if param else None
    try:
        value = read_number(table.value, unit)
    except RigError as error:
        reading.mistakes.add_error((*path, "value"), error, value=table.value)
        return []
    if param is not None and not param.min <= value <= param.max:
        why = f"{table.set} must lie within {param.min:g} and {param.max:g}"
        reading.mistakes.add((*path, "value"), why, value=table.value)
    return [ScheduledEvent(table.at_s, table.at_tick, block, name, value)]


def _one_time(reading: Reading, path: KeyPath, at_s: float | None, at_tick: int | None, *, required: bool) -> bool:
    if at_s is not None and at_tick is not None:
        reading.mistakes.add(path, "has both at_s and at_tick", mend="Keep one of them")
        return False
    if required and at_s is None and at_tick is None:
        reading.mistakes.add((*path, "at_s"), "is missing")
        return False
    return True
