"""What was seen while an item ran: signals by name over the item's time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

from hil.errors import BenchError
from hil.nearest import did_you_mean
from hil.requirements import parse
from hil.requirements.trace import Trace

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
FAULT = "fault."


@dataclass(frozen=True)
class Seen:
    """Signals of one run.

    Attributes:
        first_tick: the bench's tick at time 0.
        period_s: base period.
        ticks: of the rows, from `first_tick` on, shape (n,).
        values: arrays by name, shape (n,).
        units: by signal.
        faults: (first, last + 1) ticks at which a fault acted, by signal.
        moments: times at which awaited conditions held, None for one that never did.
    """

    first_tick: int
    period_s: float
    ticks: npt.NDArray[np.int64]
    values: Mapping[str, Floats]
    units: Mapping[str, str | None]
    faults: Mapping[str, list[tuple[int, int]]] = field(default_factory=dict)
    moments: tuple[float | None, ...] = ()

    @cached_property
    def t_s(self) -> Floats:
        """Times of the rows since the item began."""
        return np.asarray((self.ticks - self.first_tick) * self.period_s, dtype=np.float64)

    @cached_property
    def step_s(self) -> float:
        """Time between two rows."""
        return float(np.min(np.diff(self.ticks))) * self.period_s if len(self.ticks) > 1 else self.period_s

    @property
    def seconds(self) -> float:
        """Time from the first row to the end of the last."""
        return float(self.t_s[-1]) + self.step_s if len(self.ticks) else 0.0

    def series(self, expression: str) -> Floats:
        """A signal, or arithmetic on signals such as "plc.setpoint_h1 - plc.error_h1", at each row.

        Raises:
            FormulaError, BenchError: it cannot be read, or a signal was not recorded.
        """
        if expression in self.values:
            return self.values[expression]
        formula = parse(f"({expression}) > 0", self.known_units())
        value = formula.value(self._trace(formula.signals))
        return np.asarray(np.broadcast_to(value, self.ticks.shape), dtype=np.float64)

    def holds(self, condition: str) -> Bools:
        """Whether a condition such as "sensor.h1 > 19cm and not plc.alarm_h1" holds, at each row."""
        formula = parse(condition, self.known_units())
        return np.asarray(formula.holds(self._trace(formula.signals)), dtype=np.bool_)

    def rows(self, from_s: float, to_s: float) -> slice:
        """The rows from one time to another, the second excluded."""
        half = 0.5 * self.period_s
        low, high = np.searchsorted(self.t_s, (from_s - half, to_s - half))
        return slice(int(low), int(high))

    def row(self, at_s: float) -> int:
        """The row at a time, or the last one before it."""
        return max(0, int(np.searchsorted(self.t_s, at_s + 0.5 * self.period_s)) - 1)

    def tick(self, at_s: float | None) -> int | None:
        """The bench's tick at a time of the item."""
        return None if at_s is None else self.first_tick + round(at_s / self.period_s)

    def unit(self, expression: str) -> str:
        """Of a signal; of arithmetic on signals that of its first one; empty where there is none."""
        if expression in self.values:
            found = self.units.get(expression.rpartition("/")[2].removesuffix(".raw"))
        else:
            names = sorted(parse(f"({expression}) > 0", self.known_units()).signals)
            found = self.units.get(names[0].removesuffix(".raw")) if names else None
        return "" if found in (None, "1", "bool") else str(found)

    def fault(self, name: str) -> Floats:
        """1 while a fault acted on a signal, else 0."""
        acting = np.zeros(len(self.ticks))
        for first, end in self.faults.get(name, ()):
            acting[(self.ticks >= first) & (self.ticks < end)] = 1.0
        return acting

    def _trace(self, names: frozenset[str]) -> Trace:
        columns = {name: self.column(name) for name in sorted(names) or [next(iter(self.values))]}
        return Trace(columns, self.step_s, len(self.ticks))

    def column(self, name: str) -> Floats:
        """A signal, or of fault.NAME whether a fault acts on it, at each row.

        Raises:
            BenchError: it was not recorded.
        """
        if name in self.values:
            return self.values[name]
        if name.startswith(FAULT):
            return self.fault(name.removeprefix(FAULT))
        raise BenchError(f"'{name}' was not recorded", mend=did_you_mean(name, self.values))

    def known_units(self) -> dict[str, str | None]:
        """Of all names that a condition may have."""
        return with_raw(self.units)


def with_raw(known: Mapping[str, str | None]) -> dict[str, str | None]:
    """Units also of what a fault or force has not acted on yet, and of the faults themselves."""
    raw = {f"{name}.raw": unit for name, unit in known.items()}
    return {**known, **raw, **{f"{FAULT}{name}": "bool" for name in known}}
