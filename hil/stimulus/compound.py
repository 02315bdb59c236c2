"""Segments made of others, and segments made of data."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from hil.stimulus.segment import NS, Segment, StimulusError, whole_ns

FOR_EVER_NS = math.inf
DEEPEST = 16  # STIMULUS_NESTED


@dataclass(frozen=True)
class Data(Segment):
    """A series: y = values[i] from times_s[i] on ("hold"), or straight lines between them ("linear").

    The first time is its beginning, whatever it is; the last one is its end.
    """

    kind: ClassVar[str] = "data"
    number: ClassVar[int] = 9
    times_s: tuple[float, ...]
    values: tuple[float, ...]
    interpolation: str = "linear"
    source: str = ""

    def __post_init__(self) -> None:
        if self.interpolation not in ("linear", "hold"):
            raise StimulusError(f"interpolation = {self.interpolation!r}", mend="Valid: linear, hold")
        if len(self.times_s) != len(self.values) or len(self.times_s) < 2:
            raise StimulusError(f"{len(self.times_s)} times and {len(self.values)} values: two of each at least")
        for i, (t, v) in enumerate(zip(self.times_s, self.values, strict=True)):
            if not (math.isfinite(t) and math.isfinite(v)):
                raise StimulusError(f"sample {i + 1} is not a finite number: {t} s, {v}")
        times = self.times_ns
        back = next((i for i in range(1, len(times)) if times[i] <= times[i - 1]), None)
        if back is not None:
            raise StimulusError(f"time does not rise at sample {back + 1}: {self.times_s[back]:g} s")

    @property
    def times_ns(self) -> list[int]:
        """From the first one on."""
        return [round((t - self.times_s[0]) * NS) for t in self.times_s]

    @property
    def duration_ns(self) -> int:
        """From the first to the last time."""
        return self.times_ns[-1]

    def inside(self, ns: int) -> float:
        """Between two samples."""
        times = self.times_ns
        i = bisect_right(times, ns) - 1
        if self.interpolation == "hold":
            return self.values[i]
        return self.values[i] + (self.values[i + 1] - self.values[i]) * ((ns - times[i]) / (times[i + 1] - times[i]))

    def bounds(self) -> tuple[float, float]:
        """Its extremes."""
        return min(self.values), max(self.values)

    def numbers(self) -> list[float]:
        """Interpolation, count, times, values."""
        return [float(self.interpolation == "linear"), len(self.values), *self.times_ns, *self.values]


@dataclass(frozen=True)
class Sequence(Segment):
    """One behind the other."""

    kind: ClassVar[str] = "sequence"
    number: ClassVar[int] = 10
    parts: tuple[Segment, ...]

    def __post_init__(self) -> None:
        if not self.parts:
            raise StimulusError("a sequence without segments")
        endless = next((i for i, p in enumerate(self.parts[:-1], 1) if p.duration_ns is None), None)
        if endless is not None:
            raise StimulusError(f"segment {endless} lasts for ever, and others follow", mend="Give it a duration_s")

    @property
    def begins_ns(self) -> list[int]:
        """When each begins."""
        begins = [0]
        for part in self.parts[:-1]:
            begins.append(begins[-1] + (part.duration_ns or 0))
        return begins

    @property
    def duration_ns(self) -> int | None:
        """The sum."""
        last = self.parts[-1].duration_ns
        return None if last is None else self.begins_ns[-1] + last

    def inside(self, ns: int) -> float | None:
        """That of the one whose turn it is."""
        i = bisect_right(self.begins_ns, ns) - 1
        return self.parts[i].at(ns - self.begins_ns[i])

    def acting(self, ns: int) -> Iterator[tuple[str, Segment]]:
        """The one whose turn it is."""
        i = bisect_right(self.begins_ns, ns) - 1
        for place, part in self.parts[i].acting(ns - self.begins_ns[i]):
            yield f"segment {i + 1}{'.' + place.removeprefix('segment ') if place else ''}", part

    def bounds(self) -> tuple[float, float] | None:
        """Of all."""
        return _hull([part.bounds() for part in self.parts])

    def children(self) -> tuple[Segment, ...]:
        """The parts."""
        return self.parts

    def numbers(self) -> list[float]:
        """Beginnings and places are written by hil.stimulus.table."""
        return []


@dataclass(frozen=True)
class Loop(Segment):
    """The same again and again, `times` times or, None, for ever. Noise repeats as well."""

    kind: ClassVar[str] = "loop"
    number: ClassVar[int] = 11
    part: Segment
    times: int | None = None

    def __post_init__(self) -> None:
        if self.part.duration_ns is None:
            raise StimulusError("what a loop repeats lasts for ever", mend="Give it a duration_s")
        if self.times is not None and (not isinstance(self.times, int) or self.times < 1):
            raise StimulusError(f"times = {self.times} must be a whole number from 1 on")
        if self.times is not None:
            whole_ns("the duration of a loop", self.part.duration_ns / NS * self.times)

    @property
    def duration_ns(self) -> int | None:
        """Of all its turns."""
        return None if self.times is None else (self.part.duration_ns or 0) * self.times

    def inside(self, ns: int) -> float | None:
        """That of the turn."""
        return self.part.at(ns % (self.part.duration_ns or 1))

    def acting(self, ns: int) -> Iterator[tuple[str, Segment]]:
        """In its turn."""
        yield from self.part.acting(ns % (self.part.duration_ns or 1))

    def bounds(self) -> tuple[float, float] | None:
        """Of a turn."""
        return self.part.bounds()

    def children(self) -> tuple[Segment, ...]:
        """The part."""
        return (self.part,)

    def numbers(self) -> list[float]:
        """None."""
        return []


@dataclass(frozen=True)
class _Operation(Segment):
    """Two at once, as long as both last; idle where one of them is."""

    a: Segment
    b: Segment

    def __post_init__(self) -> None:
        if nested(self) > DEEPEST:
            raise StimulusError(f"more than {DEEPEST} operations inside each other")

    @property
    def duration_ns(self) -> int | None:
        """Of the shorter one."""
        ends = [part.duration_ns for part in (self.a, self.b)]
        return min((end for end in ends if end is not None), default=None)

    def inside(self, ns: int) -> float | None:
        """Of both values."""
        a, b = self.a.at(ns), self.b.at(ns)
        return None if a is None or b is None else self.of(a, b)

    def of(self, a: float, b: float) -> float:
        """Of two values."""
        raise NotImplementedError

    def bounds(self) -> tuple[float, float] | None:
        """What any two values within their bounds could give."""
        a, b = self.a.bounds(), self.b.bounds()
        if a is None or b is None:
            return None
        corners = [self.of(x, y) for x in a for y in b]
        return (-math.inf, math.inf) if any(map(math.isnan, corners)) else (min(corners), max(corners))

    def children(self) -> tuple[Segment, ...]:
        """Both."""
        return self.a, self.b

    def numbers(self) -> list[float]:
        """None."""
        return []


@dataclass(frozen=True)
class Add(_Operation):
    """y = a + b."""

    kind: ClassVar[str] = "add"
    number: ClassVar[int] = 12

    def of(self, a: float, b: float) -> float:
        """The sum."""
        return a + b


@dataclass(frozen=True)
class Multiply(_Operation):
    """y = a * b."""

    kind: ClassVar[str] = "multiply"
    number: ClassVar[int] = 13

    def of(self, a: float, b: float) -> float:
        """The product."""
        return a * b


def nested(segment: Segment) -> int:
    """Operations inside each other."""
    deepest = max((nested(part) for part in segment.children()), default=0)
    return deepest + isinstance(segment, _Operation)


def _hull(bounds: list[tuple[float, float] | None]) -> tuple[float, float] | None:
    found = [b for b in bounds if b is not None]
    return (min(low for low, _ in found), max(high for _, high in found)) if found else None
