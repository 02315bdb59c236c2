"""What a generator sees of the bench and may do to it: what can be recorded as an event, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hil.bench import Bench
    from hil.faults import FaultSpec


class Step:
    """The bench as a generator has it. Values are those after the last tick; acts take effect at the next one."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    # ---- seeing ----

    def __getitem__(self, name: str) -> float:
        """Newest value of a signal, block state or parameter, in its unit; raises BenchError with the nearest name."""
        return self._bench[name]

    def status(self, name: str) -> int:
        """Status bits of a signal, 0 is good; `hil.status_text` puts them into words."""
        return self._bench.status(name)

    def age_s(self, name: str) -> float:
        """Age of a signal's source in s."""
        return self._bench.age_s(name)

    @property
    def tick(self) -> int:
        """The tick to run next, at whose top all acts of this step take effect."""
        return self._bench.tick

    @property
    def time_s(self) -> float:
        """Its bench time in s."""
        return self._bench.time_s

    @property
    def period_s(self) -> float:
        """Base period in s."""
        return self._bench.period_s

    # ---- acting ----

    def set(self, name: str, value: float, at: float | None = None) -> None:
        """Sets a parameter or a constant now, or at bench time `at`; see `hil.bench.Bench.set`."""
        self._bench.set(name, value, at)

    def force(self, name: str, value: float, at: float | None = None) -> None:
        """Holds a signal at a value until it is released; the safety gate still acts behind it."""
        self._bench.force(name, value, at)

    def release(self, name: str, at: float | None = None) -> None:
        """Ends a force."""
        self._bench.release(name, at)

    def fault(self, fault: str | FaultSpec, **activation: float | str) -> int:
        """Arms a fault such as "sensor.h1=stuck@8s..14s"; returns its id. See `hil.bench.Bench.fault`."""
        return self._bench.fault(fault, **activation)

    def clear_fault(self, fault_id: int | None = None) -> None:
        """Ends the fault with this id, or all."""
        self._bench.clear_fault(fault_id)

    def safe(self, on: bool = True) -> None:
        """All gates to their safe values; off ends it. No emergency stop."""
        self._bench.safe(on)

    def note(self, text: str) -> None:
        """Puts a note into the recording."""
        self._bench.mark(text)
