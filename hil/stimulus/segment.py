"""What all segments of a stimulus have in common: time in whole nanoseconds, a value, a range, operators."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from hil.errors import HilError

if TYPE_CHECKING:
    from hil.stimulus.compound import Loop, Sequence

NS = 1_000_000_000
FOR_EVER = math.inf
LONGEST_S = 9e6  # 104 days: whole nanoseconds are exact in a double up to there


class StimulusError(HilError):
    """A stimulus or a script that cannot be used."""


def whole_ns(name: str, seconds: float, *, least: int = 1) -> int:
    """Seconds as whole nanoseconds; StimulusError where they are negative, too many or not a number."""
    if not (math.isfinite(seconds) and seconds <= LONGEST_S) or (ns := round(seconds * NS)) < least:
        raise StimulusError(f"{name} = {seconds:g} must lie within {least / NS:g} s and {LONGEST_S:g} s")
    return ns


def finite(**values: float) -> None:
    """StimulusError for the first that is not a finite number."""
    for name, value in values.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise StimulusError(f"{name} = {value} is not a finite number")


@dataclass(frozen=True)
class Segment:
    """A part of a stimulus, or a whole one. Immutable; compared by value.

    Equations use t, the time since the segment's own beginning in s, 0 <= t < duration; docs/stimulus.md has them all.
    `a + b` and `a * b` run both at once, `a.then(b)` one behind the other, `a.loop(3)` and `a.loop()` again and again.
    """

    kind: ClassVar[str] = ""
    number: ClassVar[int] = 0

    @property
    def duration_ns(self) -> int | None:
        """How long it lasts; None: for ever."""
        given: float = getattr(self, "duration_s", FOR_EVER)
        return None if given == FOR_EVER else whole_ns("duration_s", given)

    def value(self, t_s: float) -> float | None:
        """Its value at t_s; None before its beginning, behind its end and where it is idle."""
        return self.at(round(t_s * NS))

    def at(self, ns: int) -> float | None:
        """The same, so many ns behind its beginning."""
        duration = self.duration_ns
        return None if ns < 0 or (duration is not None and ns >= duration) else self.inside(ns)

    def inside(self, ns: int) -> float | None:
        """Its value, for 0 <= ns < duration."""
        raise NotImplementedError

    def bounds(self) -> tuple[float, float] | None:
        """No value lies outside these two; None where it drives nothing."""
        raise NotImplementedError

    def numbers(self) -> list[float]:
        """What stands behind kind, size and duration in the core's table (core/src/blocks/stimulus_table.h)."""
        raise NotImplementedError

    def children(self) -> tuple[Segment, ...]:
        """What it is made of."""
        return ()

    def acting(self, _ns: int) -> Iterator[tuple[str, Segment]]:
        """The segments that make its value then, each with its place such as "segment 2"."""
        yield "", self

    def __add__(self, other: Segment | float) -> Segment:
        return _operation("Add", self, other)

    def __radd__(self, other: float) -> Segment:
        return _operation("Add", as_segment(other), self)

    def __mul__(self, other: Segment | float) -> Segment:
        return _operation("Multiply", self, other)

    def __rmul__(self, other: float) -> Segment:
        return _operation("Multiply", as_segment(other), self)

    def then(self, *others: Segment) -> Sequence:
        """This one and behind it the others."""
        from hil.stimulus.compound import Sequence

        own = self.parts if isinstance(self, Sequence) else (self,)
        return Sequence((*own, *others))

    def loop(self, times: int | None = None) -> Loop:
        """This one again and again; None: for ever."""
        from hil.stimulus.compound import Loop

        return Loop(self, times)


def _operation(name: str, a: Segment, b: Segment | float) -> Segment:
    from hil.stimulus import compound

    make: Callable[[Segment, Segment], Segment] = getattr(compound, name)
    return make(a, as_segment(b))


def as_segment(given: Segment | float) -> Segment:
    """A number stands for a constant that lasts for ever."""
    from hil.stimulus.segments import Constant

    return given if isinstance(given, Segment) else Constant(given)
