"""What the checks reach of a PLC program: its statements and branches, run by run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from hil.bindings import settle
from hil.commission.record_coverage import Coverage, of_program
from hil.rig import Rig
from hil.rig.controllers import program_block

if TYPE_CHECKING:
    from hil.bench import Bench
    from hil.commission.commissioning import Request


def with_coverage(rig: Rig) -> Rig:
    """The same rig, whose PLC programs count what they reach. They do the same, in another layout of their state."""
    blocks = {
        name: replace(block, plc=replace(block.plc, coverage=True)) if block.plc else block
        for name, block in rig.blocks.items()
    }
    return replace(rig, blocks=blocks)


@dataclass
class Covering:
    """Takes the program's words at the end of each run; the way to the initial state counts in every one."""

    role: str
    runs: list[Mapping[int, int]] = field(default_factory=list)
    found: Coverage | None = None

    def take(self, bench: Bench) -> None:
        """After a run."""
        program = bench.built.plcs[program_block(self.role)]
        words = bench.plc(self.role).words()
        self.runs.append({point.word: words[point.word] for point in program.coverage})
        self.found = of_program(program.coverage, _sources(bench, self.role), self.runs)


def covering_of(request: Request) -> Covering | None:
    """For a request whose controller is a PLC program that runs in the bench; else None. Raises what loading raises."""
    rig = request.load()
    _, levels = settle(rig, request.time, request.bind)
    programs = [role for role in rig.roles if program_block(role) in rig.blocks and levels[role] == "mil"]
    return Covering(programs[0]) if programs else None


def _sources(bench: Bench, role: str) -> list[tuple[str, str]]:
    """(name, text) of the program's files, by their numbers."""
    block = bench.rig.blocks[program_block(role)]
    assert block.plc is not None
    return [(name, bench.rig.files[name]) for name in block.plc.files]
