"""A copy of a live bench for a what-if."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil.bindings import HERE
from hil.events import EventKind, encode
from hil.program import SIMULATED
from hil.result import hash_text

if TYPE_CHECKING:
    from hil.bench import Bench


class Fork:
    """A copy of a bench's state for a what-if: plain ticks, no wire, no recorder. `bench.fork()` makes one."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self.state = bench.state.copy()
        for number, role in enumerate(bench.built.roles):
            if number and bench.bindings[role] not in HERE:
                self.state.push(encode(EventKind.BIND, target=number, values=[SIMULATED]))

    def run(self, seconds: float) -> None:
        """So many seconds of bench time."""
        self.state.run(round(seconds / self._bench.period_s))

    def __getitem__(self, name: str) -> float:
        return float(self.state.get(self._bench.built.offset(name)))

    @property
    def hash(self) -> str:
        """Hash of the state, 16 hex digits."""
        return hash_text(self.state.hash())
