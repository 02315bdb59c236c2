"""Who writes each signal and who may read it.

The bench sees what its own blocks and the roles' outputs write. A role's blocks see the role's inputs and what they
write themselves: a role is a boundary, at every level.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from hil.nearest import did_you_mean, nearest
from hil.rig.description import Block
from hil.rig.messages import KeyPath
from hil.rig.reading import Reading
from hil.rig.roles import Boundary


@dataclass
class Producers:
    """Producer of each signal: of the bench's by name, of a role's internal ones by role and name."""

    bench: dict[str, str] = field(default_factory=dict)
    internal: dict[str, str] = field(default_factory=dict)
    """Internal signal -> role."""
    blocks: dict[str, str] = field(default_factory=dict)
    """Internal signal -> block."""

    def all(self) -> Iterable[str]:
        """Names of all signals that somebody writes."""
        return [*self.bench, *self.internal]

    def of(self, name: str) -> str | None:
        """The block or role that writes a signal."""
        return self.bench.get(name) or self.blocks.get(name)

    def role_of(self, name: str) -> str | None:
        """The role that a signal is internal to; None for one of the bench."""
        return None if name in self.bench else self.internal.get(name)


def find_producers(reading: Reading, blocks: Mapping[str, Block], crossing: Mapping[str, Boundary]) -> Producers:
    """Who writes what; signals with two writers are noted."""
    found = Producers()
    for role, boundary in crossing.items():
        for name in boundary.outputs:
            _claim(reading, found, name, ("roles", role, "outputs"))
            found.bench.setdefault(name, role)
    own: dict[tuple[str, str], str] = {}
    for block in blocks.values():
        for wire in block.outputs:
            path = _path(block, "out", wire.port)
            if block.role is None:
                _claim(reading, found, wire.signal, path)
                found.bench.setdefault(wire.signal, block.name)
            elif (block.role, wire.signal) in own:
                _twice(reading, path, wire.signal, f"block {own[block.role, wire.signal]}")
            else:
                own[block.role, wire.signal] = block.name
    _claim_internal(reading, found, own, blocks, crossing)
    return found


def check_readers(
    reading: Reading, blocks: Mapping[str, Block], crossing: Mapping[str, Boundary], producers: Producers
) -> None:
    """Note every input that reads what is not there, or not on this side of a boundary."""
    for role, boundary in crossing.items():
        for name in boundary.inputs:
            if name not in producers.bench:
                _unknown(reading, ("roles", role, "inputs"), name, producers.bench)
            elif producers.bench[name] == role:
                reading.mistakes.add(("roles", role, "inputs"), f"{name} is an output of the same role")
    for block in blocks.values():
        if block.role is not None and block.role not in crossing:
            continue  # said already
        if block.role is None:
            seen: Iterable[str] = producers.bench
        else:
            seen = _seen_by(block.role, blocks, crossing)
        for wire in block.inputs:
            if wire.signal not in seen:
                _not_seen(reading, block, wire.port, wire.signal, seen, producers)


def check_produced(reading: Reading, producers: Producers) -> None:
    """Note every declared signal that nobody writes."""
    for name in reading.table.signals:
        if producers.of(name) is None:
            undeclared = [n for n in producers.all() if n not in reading.table.signals]
            near = nearest(name, undeclared)
            mend = f"Did you mean {near}?" if near else "Write it as an output of a block or of a role"
            reading.mistakes.add(("signals", name), "no block and no role writes this signal", mend=mend)


def check_role_outputs(reading: Reading, blocks: Mapping[str, Block], crossing: Mapping[str, Boundary]) -> None:
    """Note outputs of a role with blocks that none of its blocks writes."""
    for role, boundary in crossing.items():
        written = {wire.signal for b in blocks.values() if b.role == role for wire in b.outputs}
        if not written:
            continue
        for name in boundary.outputs:
            if name not in written and name not in boundary.clock:
                near = nearest(name, written - set(boundary.outputs))
                mend = f"Did you mean {near}?" if near else f'Add a block with role = "{role}" that writes it'
                reading.mistakes.add(("roles", role, "outputs"), f"no block of the role writes {name}", mend=mend)


def _path(block: Block, side: str, port: str) -> KeyPath:
    if block.constant:
        owner, _, label = block.name.rpartition(".")
        return ("blocks", owner, "in", label)
    return ("blocks", block.name, side, port)


def _claim(reading: Reading, found: Producers, name: str, path: KeyPath) -> None:
    if name in found.bench:
        _twice(reading, path, name, found.bench[name])


def _twice(reading: Reading, path: KeyPath, name: str, other: str) -> None:
    reading.mistakes.add(path, f"{name} is already written by {other}", mend="A signal has one producer")


def _claim_internal(
    reading: Reading,
    found: Producers,
    own: Mapping[tuple[str, str], str],
    blocks: Mapping[str, Block],
    crossing: Mapping[str, Boundary],
) -> None:
    """Signals that stay within a role: their names are the rig's, too, so that they can be watched."""
    for (role, name), block in own.items():
        boundary = crossing.get(role, Boundary((), ()))
        if name in boundary.outputs:
            continue
        port = next(wire.port for wire in blocks[block].outputs if wire.signal == name)
        path = _path(blocks[block], "out", port)
        if name in boundary.inputs:
            reading.mistakes.add(path, f"{name} is an input of role {role} and cannot be written here")
        elif name in found.bench:
            _twice(reading, path, name, found.bench[name])
        elif name in found.internal:
            _twice(reading, path, name, f"block {found.blocks[name]}")
        else:
            found.internal[name], found.blocks[name] = role, block


def _seen_by(role: str, blocks: Mapping[str, Block], crossing: Mapping[str, Boundary]) -> set[str]:
    written = {wire.signal for b in blocks.values() if b.role == role for wire in b.outputs}
    return written | set(crossing[role].inputs if role in crossing else ())


def _not_seen(reading: Reading, block: Block, port: str, name: str, seen: Iterable[str], producers: Producers) -> None:
    path = _path(block, "in", port)
    if block.role is not None and name in producers.bench:
        why = f"{name} is not an input of role {block.role}"
        reading.mistakes.add(path, why, mend="Add it to the role's inputs or its device's map")
    elif name in producers.internal:
        why = f"{name} is internal to role {producers.internal[name]}"
        reading.mistakes.add(path, why, mend="Add it to that role's outputs")
    else:
        _unknown(reading, path, name, seen)


def _unknown(reading: Reading, path: KeyPath, name: str, seen: Iterable[str]) -> None:
    if name in reading.table.signals:
        reading.mistakes.add(path, f"no block and no role writes {name}")
    else:
        reading.mistakes.add(path, f"there is no signal {name}", mend=did_you_mean(name, seen))
