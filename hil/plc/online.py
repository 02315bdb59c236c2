"""Online access to a PLC program that runs in a bench: what an engineer does with a PLC's programming tool.

    plc = bench.plc("plc")
    plc.read("level1.integral")
    plc.force("level1", 3.0)
    plc.stop(); plc.cold_restart()

Whatever changes something is an event of the bench, so it is recorded, and a replay gives it again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, overload

from hil.built import LAST_STOP
from hil.errors import BenchError
from hil.nearest import did_you_mean
from hil.rig.controllers import program_block

if TYPE_CHECKING:
    from hil.bench import Bench
    from hil.plc import ProgramVariable

COLD, WARM, HOT = 0.0, 1.0, 2.0  # the parameter `restart`


@dataclass(frozen=True)
class Statistics:
    """How the program has run.

    Attributes:
        running: it is in RUN.
        scans: since the last cold or warm start.
        stopped: why and where it stopped by itself, else "".
        mean_scan_s: execution time of a scan; None where the bench does not measure it, which it does in real time.
        max_scan_s: of the longest one.
    """

    running: bool
    scans: int
    stopped: str
    mean_scan_s: float | None = None
    max_scan_s: float | None = None


class Plc:
    """The PLC program of a role; `bench.plc(role)` gives it.

    Values and statistics can be seen where the program runs in the bench (mil). What acts, acts on an emulated PLC as
    well.
    """

    def __init__(self, bench: Bench, role: str) -> None:
        self._bench, self._role, self._block = bench, role, program_block(role)
        if role not in bench.rig.roles:
            mend = did_you_mean(role, bench.rig.roles)
            raise BenchError(f"there is no role '{role}'", where=bench.rig.name, mend=mend)
        block = bench.rig.blocks.get(self._block)
        if block is None or block.plc is None:
            mend = f'Open the bench with controllers={{"{role}": "program"}}, or add program = "plc/x.st" to the role'
            raise BenchError(f"the controller of '{role}' is no PLC program", where=bench.rig.name, mend=mend)
        self._located = [*block.plc.inputs, *block.plc.outputs]
        self._program = bench.built.plcs[self._block]

    # ---- seeing ----

    def read(self, path: str) -> bool | int | float | str:
        """The present value of a variable such as "level1.integral".

        Raises:
            BenchError: the program runs elsewhere.
            PlcError: it has no such variable.
        """
        self._must_be_here()
        return self._program.read(_Words(self._bench, self._block), path)

    def variables(self) -> Mapping[str, ProgramVariable]:
        """All scalar variables of the program by path: type, first word, where declared."""
        return self._program.variables

    def words(self) -> Sequence[int]:
        """A copy of the whole state of the program; raises BenchError where it runs elsewhere."""
        self._must_be_here()
        return list(_Words(self._bench, self._block))

    @property
    def statistics(self) -> Statistics:
        """How it has run so far.

        Raises:
            BenchError: the program runs elsewhere.
        """
        self._must_be_here()
        _, *place = (int(self._state(name)) for name in LAST_STOP)
        stopped = self._bench.built.stop_text(self._block, *place) if self._state("stop_reason") else ""
        return Statistics(self._state("running") != 0, int(self._state("scans")), stopped, *self._scan_times())

    def _scan_times(self) -> tuple[float | None, float | None]:
        engine = self._bench.engine
        times = engine.loop.block_times() if engine is not None else []
        number = self._bench.built.entries.index(self._block)
        calls, total_ns, most_ns = times[number] if number < len(times) else (0, 0, 0)
        return (total_ns / calls * 1e-9, most_ns * 1e-9) if calls else (None, None)

    @property
    def running(self) -> bool:
        """It is in RUN; raises BenchError where the program runs elsewhere."""
        return self.statistics.running

    def forces(self) -> dict[str, float]:
        """Forced variables and their values, as far as the bench's events have fired."""
        on = [name for name in self._located if self._bench[self._param(f"force.{name}.on")]]
        return {name: self._bench[self._param(f"force.{name}")] for name in on}

    # ---- acting ----

    def force(self, variable: str, value: float) -> None:
        """Holds a located variable at a raw value: an input as the program sees it, an output as it is given out."""
        name = self._name(variable)
        self._bench.set(self._param(f"force.{name}"), float(value))
        self._bench.set(self._param(f"force.{name}.on"), 1.0)

    def release(self, variable: str | None = None) -> None:
        """Ends the force of a variable, or of all. An input that nothing feeds keeps the value."""
        for name in [self._name(variable)] if variable is not None else self.forces():
            self._bench.set(self._param(f"force.{name}.on"), 0.0)

    def stop(self) -> None:
        """The switch to STOP."""
        self._bench.set(self._param("run"), 0.0)

    def run(self, restart: float = WARM) -> None:
        """The switch to RUN, or, where it is at RUN and the program has stopped by itself, a start.

        At a device it cannot be seen whether the program has stopped: there it is started anew in both cases.
        """
        at_run = self._bench[self._param("run")] != 0
        if not (at_run and self._is_here and self.running):
            self._start(restart, again=at_run)

    def cold_restart(self) -> None:
        """Starts it with the initial values of all variables, from RUN or STOP."""
        self._start(COLD, again=True)

    def warm_restart(self) -> None:
        """Starts it with the initial values of variables that are not RETAIN, from RUN or STOP."""
        self._start(WARM, again=True)

    def _start(self, restart: float, *, again: bool) -> None:
        self._bench.set(self._param("restart"), restart)
        if again:
            self._bench.set(self._param("start"), self._bench[self._param("start")] + 1.0)
        self._bench.set(self._param("run"), 1.0)

    # ---- inside ----

    @property
    def _is_here(self) -> bool:
        return self._bench.bindings[self._role] == "mil"

    def _must_be_here(self) -> None:
        if not self._is_here:
            why = f"the program of '{self._role}' runs on its device, where it cannot be looked into"
            raise BenchError(why, where=self._bench.rig.name, mend=f"Bind {self._role} to mil")

    def _state(self, name: str) -> float:
        return float(self._bench.state.get(self._bench.built.states[f"{self._block}.{name}"]))

    def _param(self, name: str) -> str:
        return f"{self._block}.{name}"

    def _name(self, variable: str) -> str:
        found = next((name for name in self._located if name.upper() == variable.upper()), None)
        if found is None:
            mend = did_you_mean(variable, self._located)
            raise BenchError(f"'{variable}' is no located variable and cannot be forced", where=self._block, mend=mend)
        return found


class _Words(Sequence[int]):
    """The program's words in the bench's state."""

    def __init__(self, bench: Bench, block: str) -> None:
        self._state, self._n = bench.state, bench.built.plcs[block].n_words
        self._first = bench.built.states[f"{block}.word0"] if self._n else 0

    def __len__(self) -> int:
        return self._n

    @overload
    def __getitem__(self, index: int) -> int: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[int]: ...
    def __getitem__(self, index: int | slice) -> int | Sequence[int]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(self._n))]
        if not 0 <= index < self._n:
            raise IndexError(index)
        return int(self._state.get_int(self._first + 8 * index)) % 2**64
