"""A copy of a live bench for a what-if."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

from hil import _core
from hil.bindings import HERE
from hil.built import IN_LIBRARY, SIMULATED
from hil.events import EventKind, encode
from hil.result import hash_text
from hil.wires import ControllerState

if TYPE_CHECKING:
    from hil.bench import Bench


class Fork:
    """A copy of a bench's state for a what-if: plain ticks, no wire, no recorder. `bench.fork()` makes one.

    Args:
        state: a copy of the bench's, its own.
        asks: a board is asked for its controller's state; it is only one with the bench's while the bench is at rest.

    Attributes:
        restarted: roles whose controller begins anew in the fork, as their device cannot tell its state.
    """

    def __init__(self, bench: Bench, state: _core.State, *, asks: bool = True) -> None:
        self._bench, self.state, self._asks = bench, state, asks
        self.restarted: list[str] = []
        for number, role in enumerate(bench.built.roles):
            if number and bench.bindings[role] not in HERE:
                self._simulate(number, role)

    def _simulate(self, number: int, role: str) -> None:
        """A board's controller goes on where it is, as the same program at SIL."""
        there = self._bench.controller_state(role) if self._asks else None
        if there is None:
            self.restarted.append(role)
        else:
            self._adopt(number, there)
        binding = SIMULATED if there is None else IN_LIBRARY
        self.state.push(encode(EventKind.BIND, target=number, values=[binding]))

    def _adopt(self, number: int, there: ControllerState) -> None:
        self.state.set_context(number, there.context)
        if there.outputs is not None:
            last_ns = (self.state.tick - 1) * self._bench.rig.period_ns
            self.state.latch(number, array("d", there.outputs).tobytes(), last_ns)

    @property
    def bench(self) -> Bench:
        """The bench that it was made from, whose state has gone on since."""
        return self._bench

    def copy(self, state: _core.State | None = None) -> Fork:
        """Another fork of the same bench, with a state of its own: this one's, or the one that is given."""
        other = object.__new__(Fork)
        other._bench, other.restarted, other._asks = self._bench, self.restarted, self._asks
        other.state = self.state.copy() if state is None else state
        return other

    def run(self, seconds: float) -> None:
        """So many seconds of bench time."""
        self.state.run(round(seconds / self._bench.period_s))

    def __getitem__(self, name: str) -> float:
        return float(self.state.get(self._bench.built.offset(name)))

    @property
    def hash(self) -> str:
        """Hash of the state, 16 hex digits."""
        return hash_text(self.state.hash())
