"""What a program was built as: the core's program with the names of its numbers."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from hil import _core
from hil.errors import BenchError
from hil.models import CompiledModel
from hil.nearest import did_you_mean
from hil.spec import Spec

if TYPE_CHECKING:
    from hil.fmi.load import LoadedFmu
    from hil.plc import CompiledProgram

SIMULATED, EXTERNAL, IN_LIBRARY = 0, 1, 3  # enum hil_binding
LAST_STOP = ("stops", "last_reason", "last_file", "last_line")  # of a PLC program, by itself: how many, why, where


@dataclass
class Built:
    """A core program with the names of its numbers.

    Attributes:
        program: the core's program.
        signals: signal names by number; [0] is the dummy.
        numbers: signal numbers by name, as users name them.
        paths: path numbers by signal name.
        params: byte offsets of everything that can be set, by name ("level1.kp", "level1.setpoint").
        ranges: smallest and largest value of each of them.
        states: byte offsets of block states, by "block.state".
        roles: role names by number; [0] is unused.
        entries: names of blocks, then of paths, as execution times are listed.
        models: compiled models and libraries, kept alive.
        fmus: opened FMUs, in the order of their blocks.
        libraries: controllers of roles whose firmware is a library here, by role.
        plcs: compiled PLC programs by the names of their blocks.
        folder: the rig's.
        spec: what the program was built from.
    """

    program: _core.Program
    signals: list[str]
    numbers: dict[str, int]
    paths: dict[str, int]
    params: dict[str, int]
    ranges: dict[str, tuple[float, float]]
    states: dict[str, int]
    roles: list[str]
    entries: list[str]
    models: list[object] = field(default_factory=list)
    fmus: tuple[LoadedFmu, ...] = ()
    libraries: dict[str, Controller] = field(default_factory=dict)
    plcs: dict[str, CompiledProgram] = field(default_factory=dict)
    folder: Path | None = None
    spec: Spec | None = None

    def offset(self, name: str) -> int:
        """Byte offset of a signal, a block's state or a parameter; raises BenchError with the nearest names."""
        if name in self.numbers:
            return self.program.offset_value(self.numbers[name])
        for table in (self.states, self.params):
            if name in table:
                return table[name]
        raise BenchError(f"there is no signal '{name}'", mend=did_you_mean(name, [*self.numbers, *self.states]))

    def memory_of(self, role: str, variable: str, *, in_library: bool) -> int:
        """Byte offset of a block's state or parameter of a role's controller.

        Raises:
            BenchError: the controller has no such variable.
        """
        inside = self.libraries[role].built if in_library else self
        table = {**inside.params, **inside.states}
        if variable not in table:
            mend = did_you_mean(variable, table)
            raise BenchError(f"the controller has no variable '{variable}'", where=role, mend=mend)
        start = self.program.offset_context(self.roles.index(role)) if in_library else 0
        return start + table[variable]

    def word_at(self, offset: int) -> str:
        """Name of the parameter or state at an offset."""
        known = {**self.params, **self.states}
        for role, controller in self.libraries.items():
            start = self.program.offset_context(self.roles.index(role))
            inside = {**controller.built.params, **controller.built.states}
            known |= {f"{role}/{name}": start + at for name, at in inside.items()}
        return next((name for name, at in known.items() if at == offset), str(offset))

    def stop_text(self, block: str, reason: int, file: int, line: int) -> str:
        """Why and where the PLC program of a block stopped by itself, as "plc/tank.st:42: division by zero"."""
        return self.plcs[block].stop_text(reason, file, line).removeprefix(f"{self.folder}/")


@dataclass
class Controller:
    """A role's controller as a program of its own, for a microcontroller.

    Attributes:
        spec: role 1 is the bench: its outputs are the controller's inputs.
        built: the same, built here: hash, size of the state, names of parameters and states.
        params: what can be set: name, number of the block, number of its parameter.
        models: compiled models by number of their block.
    """

    spec: Spec
    built: Built
    params: list[tuple[str, int, int]]
    models: dict[int, CompiledModel]


def steps_of(role: str) -> str:
    """Name of the value that says how often a role steps when it is due; a path that faults act on."""
    return f"{role}@steps"
