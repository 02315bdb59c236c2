"""Units along the wires: they pass through blocks where the type says so, and must agree wherever two of them meet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from hil import units
from hil.blocks import UNIT_RULES, BlockType, UnitRule
from hil.errors import RigError
from hil.rig.description import Block, Signal
from hil.rig.reading import Reading


@dataclass(frozen=True)
class End:
    """One end of a wire at a block; `side` is "in" or "out"."""

    side: str
    port: str
    signal: str


def check_units(
    reading: Reading, blocks: Mapping[str, Block], types: Mapping[str, BlockType], signals: Mapping[str, Signal]
) -> dict[str, Signal]:
    """Signals with the units that follow from the blocks. Ends of a wire that do not agree are noted."""
    known = {name: s.unit for name, s in signals.items() if s.unit is not None and _is_unit(s.unit)}
    for _ in range(len(blocks) + 1):
        before = len(known)
        for name, block in blocks.items():
            _spread(block, types[name], known)
        if len(known) == before:
            break
    for name, block in blocks.items():
        _check(reading, block, types[name], known)
    return {name: replace(s, unit=known.get(name, s.unit)) for name, s in signals.items()}


def _spread(block: Block, kind: BlockType, known: dict[str, str]) -> None:
    """Give signals at this block the units that its ports have, where they have none yet."""
    for unit, ends in _groups(block, kind, known):
        if unit is not None:
            for end in ends:
                known.setdefault(end.signal, unit)


def _check(reading: Reading, block: Block, kind: BlockType, known: Mapping[str, str]) -> None:
    for unit, ends in _groups(block, kind, known):
        for end in ends:
            found = known.get(end.signal)
            if unit is not None and found is not None and not units.same_unit(found, unit):
                _note(reading, block, end, found, unit)


def _groups(block: Block, kind: BlockType, known: Mapping[str, str]) -> Iterator[tuple[str | None, list[End]]]:
    """(unit, ends of wires that must have it): None while it is not known."""
    rule = UNIT_RULES.get(block.type, UnitRule())
    ends = [End("in", w.port, w.signal) for w in block.inputs] + [End("out", w.port, w.signal) for w in block.outputs]
    for end in ends:
        fixed = _port_unit(kind, end) or (rule.fixed.get(end.port) if block.type not in ("model", "fmu") else None)
        if fixed is not None:
            yield fixed, [end]
    for ports in rule.alike:
        group = [end for end in ends if end.port in ports]
        # Outputs last: what comes in decides, as the mistake is more often in the wire than in the declaration.
        yield next((known[end.signal] for end in group if end.signal in known), None), group


def _port_unit(kind: BlockType, end: End) -> str | None:
    ports = kind.inputs if end.side == "in" else kind.outputs
    return next((port.unit for port in ports if port.name == end.port), None)


def _note(reading: Reading, block: Block, end: End, found: str, wanted: str) -> None:
    path = ("blocks", block.name, end.side, end.port)
    if end.side == "out":
        why = f"{end.signal} is in {_shown(found)}, this output in {_shown(wanted)}"
        reading.mistakes.add(path, why, mend="Change the unit, or put a gain block between")
        return
    why = f"{end.signal} is in {_shown(found)}, this input takes {_shown(wanted)}"
    mend = f'Declare it: [[conversions]] from = "{end.signal}", to = "{block.name}.{end.port}", factor = '
    reading.mistakes.add(path, why, mend=mend + _factor(found, wanted))


def _factor(found: str, wanted: str) -> str:
    if not units.compatible(found, wanted):
        return f"... (in {wanted or 1} per {found or 1})"
    scale, offset = units.conversion(found, wanted)
    return f"{scale:g}" + (f", offset = {offset:g}" if offset else "")


def _shown(unit: str) -> str:
    return "plain numbers" if unit in ("", "1") else unit


def _is_unit(text: str) -> bool:
    """False for what is no unit, which is noted where it stands."""
    try:
        units.check_unit(text)
    except RigError:
        return False
    return True
