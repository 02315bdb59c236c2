"""In which ticks between its start and its end a fault acts, and how far: `ramp 2s duty 100ms/1s p 1% when x > 0.1`."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hil import units
from hil.errors import BenchError
from hil.fault_times import quantity, read_time, time_text, to_tick

RAMP, DUTY, PROBABILITY, WHEN = 1, 2, 3, 4  # enum hil_fault_mode
COMPARISONS = {"<": 1, ">": 2, "<=": 3, ">=": 4, "==": 5, "!=": 6}  # enum hil_compare
CLAUSES = ("ramp", "duty", "p", "when", "after")
_CLAUSE = re.compile(rf"\s+(?=(?:{'|'.join(CLAUSES)})(?:\s|$))")
_CONDITION = re.compile(r"\s*(?P<signal>[^\s<>=!]+)\s*(?P<sign><=|>=|==|!=|<|>)\s*(?P<level>.+)")


@dataclass(frozen=True)
class Span:
    """A length of time, in seconds or in ticks."""

    seconds: float | None = None
    ticks: int | None = None

    def in_ticks(self, period_ns: int) -> int:
        """The nearest number of ticks, at least 1."""
        return max(1, to_tick(self.seconds, self.ticks, period_ns) or 0)

    def __str__(self) -> str:
        return time_text(self.seconds, self.ticks)


@dataclass(frozen=True)
class Condition:
    """A comparison of a signal with a level.

    Attributes:
        unit: of the level as it was written; None: the signal's.
        latched: the fault starts when it is first met (`after`), instead of acting while it is met (`when`).
    """

    signal: str
    sign: str
    level: float
    unit: str | None = None
    latched: bool = False

    def level_in(self, unit: str | None) -> float:
        """The level in the signal's unit.

        Raises:
            BenchError: the units do not fit.
        """
        if self.unit is None:
            return self.level
        if unit is None or not units.compatible(self.unit, unit):
            raise BenchError(f"{self.unit} cannot become {unit or 'a number without a unit'}", where=self.signal)
        scale, offset = units.conversion(self.unit, unit)
        return self.level * scale + offset

    def __str__(self) -> str:
        level = f"{self.level:.17g}" if f"{self.level:g}" != f"{self.level!r}" else f"{self.level:g}"
        unit = f" {self.unit}" if self.unit else ""
        return f"{'after' if self.latched else 'when'} {self.signal}{self.sign}{level}{unit}"


@dataclass(frozen=True)
class Activation:
    """How a fault acts between its start and its end; all that is given must hold. Nothing given: always, in full.

    Attributes:
        ramp: time in which the effect grows from nothing to its whole.
        on: acts for so long in each `every`, from its start on.
        every: period of the duty cycle; not without `on`.
        probability: of acting in a tick, drawn from the run's seed; None: 1.
        when: a condition over a signal.
    """

    ramp: Span | None = None
    on: Span | None = None
    every: Span | None = None
    probability: float | None = None
    when: Condition | None = None

    def modes(
        self, period_ns: int, number: Callable[[str], int], unit: Callable[[str], str | None]
    ) -> list[tuple[int, list[float]]]:
        """(enum hil_fault_mode, values) of the core's events; `number` and `unit` are those of a signal."""
        found: list[tuple[int, list[float]]] = []
        if self.ramp:
            found.append((RAMP, [self.ramp.in_ticks(period_ns)]))
        if self.on and self.every:
            on, every = self.on.in_ticks(period_ns), self.every.in_ticks(period_ns)
            if on > every:
                raise BenchError(f"duty {self.on}/{self.every}: it cannot act for longer than the period")
            found.append((DUTY, [on, every]))
        if self.probability is not None:
            found.append((PROBABILITY, [self.probability]))
        if self.when:
            c = self.when
            found.append((WHEN, [number(c.signal), COMPARISONS[c.sign], c.level_in(unit(c.signal)), float(c.latched)]))
        return found

    def __str__(self) -> str:
        parts = [f"ramp {self.ramp}"] if self.ramp else []
        parts += [f"duty {self.on}/{self.every}"] if self.on else []
        parts += [f"p {self.probability:.17g}"] if self.probability is not None else []
        return " ".join([*parts, *([str(self.when)] if self.when else [])])


@dataclass
class _Reader:
    """Clauses of one text, one after the other."""

    text: str
    given: dict[str, Any] = field(default_factory=dict)

    def add(self, clause: str) -> None:
        name, _, rest = clause.strip().partition(" ")
        if name not in CLAUSES or not rest.strip():
            mend = "Write ramp 2s, duty 100ms/1s, p 1%, when sensor.h2>0.1 or after sensor.h2>0.1"
            raise BenchError(f"'{clause.strip()}' in '{self.text}' says nothing about when a fault acts", mend=mend)
        for key, value in getattr(self, f"_{name}")(rest).items():
            if key in self.given:
                raise BenchError(f"'{self.text}' has {name} twice", mend="Keep one of them")
            self.given[key] = value

    def _span(self, part: str) -> Span:
        span = Span(*read_time(part, self.text))
        if not span.seconds and not span.ticks:
            raise BenchError(f"'{part.strip()}' in '{self.text}' is no length of time")
        return span

    def _ramp(self, rest: str) -> dict[str, object]:
        return {"ramp": self._span(rest)}

    def _duty(self, rest: str) -> dict[str, object]:
        on, slash, every = rest.partition("/")
        if not slash:
            raise BenchError(f"'duty {rest}' in '{self.text}' has no period", mend="Write duty 100ms/1s")
        return {"on": self._span(on), "every": self._span(every)}

    def _p(self, rest: str) -> dict[str, object]:
        value, unit = quantity(rest, self.text)
        value = value / 100 if unit == "%" else value
        if unit not in (None, "%") or not 0 < value <= 1:
            raise BenchError(f"'p {rest}' in '{self.text}' is not a probability", mend="Write p 0.01 or p 1%")
        return {"probability": value}

    def _when(self, rest: str, *, latched: bool = False) -> dict[str, object]:
        match = _CONDITION.fullmatch(rest)
        if match is None:
            mend = "Write when sensor.h2>0.1, with one of " + " ".join(COMPARISONS)
            raise BenchError(f"'{rest}' in '{self.text}' is not a condition", mend=mend)
        level, unit = quantity(match["level"], self.text)
        if not math.isfinite(level):
            raise BenchError(f"'{rest}' in '{self.text}' compares with no finite number")
        return {"when": Condition(match["signal"], match["sign"], level, unit, latched)}

    def _after(self, rest: str) -> dict[str, object]:
        return self._when(rest, latched=True)


def split_clauses(text: str) -> tuple[str, list[str]]:
    """The fault itself, and its clauses."""
    head, *clauses = _CLAUSE.split(text)
    return head, clauses


def read_activation(clauses: list[str], text: str) -> Activation:
    """Clauses such as "ramp 2s".

    Raises:
        BenchError: one is unknown, incomplete, given twice or impossible.
    """
    reader = _Reader(text)
    for clause in clauses:
        reader.add(clause)
    return Activation(**reader.given)
