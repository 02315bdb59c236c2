"""Which controller a role has in this run: its blocks, or its PLC program. The other one is left out of the rig.

What the rig says of the controller that is left out (events that set its parameters, conversions, its signals) is left
out with it, so that one file serves both.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from hil.errors import RigError
from hil.nearest import did_you_mean
from hil.rig.messages import Mistakes
from hil.rig.schema import BlockTable, RigFile, RoleTable

SOURCES = ("blocks", "program")


def program_block(role: str) -> str:
    """Name of the block that a role's program becomes."""
    return f"{role}_program"


def choose_controllers(table: RigFile, given: Mapping[str, str], mistakes: Mistakes) -> tuple[RigFile, LeftOut]:
    """The tables with one controller for each role, and what was left out.

    Args:
        table: as written.
        given: "blocks" or "program" by role, instead of the file's.
        mistakes: is told of a file that names what is not there.

    Raises:
        RigError: `given` names no role, or a controller that the role does not have.
    """
    _check_given(table, given, mistakes.file)
    left_out, roles = LeftOut(), {}
    for name, role in table.roles.items():
        blocks = {n: b for n, b in table.blocks.items() if b.role == name}
        if (given.get(name) or _source(name, role, blocks, mistakes)) == "program":
            left_out.blocks |= blocks
            roles[name] = role
        else:
            left_out.programs |= {program_block(name)} if role.program else set()
            roles[name] = role.model_copy(update={"program": None})
    return left_out.taken_from(table.model_copy(update={"roles": roles})), left_out


def _check_given(table: RigFile, given: Mapping[str, str], file: str) -> None:
    for name, source in given.items():
        if name not in table.roles:
            mend = did_you_mean(name, table.roles)
            raise RigError(f"there is no role '{name}' to choose a controller for", where=file, mend=mend)
        where = f"{file}: roles.{name}"
        if source not in SOURCES:
            raise RigError(f"controller '{source}' is not known", where=where, mend="Write blocks or program")
        if source == "program" and table.roles[name].program is None:
            mend = f'Add program = "plc/{name}.st" to it'
            raise RigError("has no program to be its controller", where=where, mend=mend)


def _source(name: str, role: RoleTable, blocks: Mapping[str, BlockTable], mistakes: Mistakes) -> str:
    source = role.controller or ("program" if role.program is not None and not blocks else "blocks")
    if source == "program" and role.program is None:
        mend = f'Add program = "plc/{name}.st"'
        mistakes.add(("roles", name, "controller"), "there is no program", value=source, mend=mend)
        return "blocks"
    return source


@dataclass
class LeftOut:
    """Controllers that this run does not have, and how their names are known."""

    blocks: dict[str, BlockTable] = field(default_factory=dict)
    programs: set[str] = field(default_factory=set)

    def has(self, name: str) -> bool:
        """`name` belongs to one of them: <block>.<port or parameter>, or a signal that one writes."""
        return any(name.startswith(f"{owner}.") for owner in self._owners()) or name in self._written()

    def matched_by(self, pattern: str) -> bool:
        """A pattern of [record] that is meant for one of them."""
        of_signal = any(fnmatchcase(name, pattern) for name in self._written())
        return of_signal or any(fnmatchcase(owner, pattern.partition(".")[0]) for owner in self._owners())

    def taken_from(self, table: RigFile) -> RigFile:
        """The tables without their blocks, conversions and events."""
        return table.model_copy(
            update={
                "blocks": {name: block for name, block in table.blocks.items() if name not in self.blocks},
                "conversions": [c for c in table.conversions if not self.has(c.to)],
                "events": [e for e in table.events if e.set is None or not self.has(e.set)],
            }
        )

    def unwritten(self, table: RigFile, written: Container[str]) -> RigFile:
        """The tables without the declared signals that only they would write."""
        signals = {n: s for n, s in table.signals.items() if n in written or not self.has(n)}
        return table.model_copy(update={"signals": signals})

    def _owners(self) -> Iterator[str]:
        yield from self.blocks
        yield from self.programs

    def _written(self) -> set[str]:
        found: set[str] = set()
        for block in self.blocks.values():
            for out in block.outputs.values():
                found |= {out} if isinstance(out, str) else set(out if isinstance(out, list) else out.values())
        return found
