"""Segments without parts. Each is one equation in t, the time since its beginning in s; times are whole nanoseconds."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from hil.stimulus.segment import FOR_EVER, NS, Segment, StimulusError, finite, whole_ns

MOST_DEVIATIONS = 131070.0 * (1.7320508075688772 / 65536.0)  # of hil_normal, core/include/hil/random.h
_WORD = (1 << 64) - 1
_GOLDEN = 0x9E3779B97F4A7C15


def _duration(seconds: float) -> None:
    if seconds != FOR_EVER:
        whole_ns("duration_s", seconds)


@dataclass(frozen=True)
class Idle(Segment):
    """Drives nothing: the signal has what its producer gives."""

    kind: ClassVar[str] = "idle"
    number: ClassVar[int] = 0
    duration_s: float

    def __post_init__(self) -> None:
        _duration(self.duration_s)

    def inside(self, _ns: int) -> None:
        """Nothing."""

    def bounds(self) -> None:
        """Nothing."""

    def numbers(self) -> list[float]:
        """None."""
        return []


@dataclass(frozen=True)
class _Leaf(Segment):
    """What has a value throughout."""

    def numbers(self) -> list[float]:
        """All fields but the duration."""
        return [float(v) for k, v in vars(self).items() if k != "duration_s"]

    def bounds(self) -> tuple[float, float]:
        """Of values."""
        raise NotImplementedError


@dataclass(frozen=True)
class Constant(_Leaf):
    """y = value."""

    kind: ClassVar[str] = "constant"
    number: ClassVar[int] = 1
    level: float
    duration_s: float = FOR_EVER

    def __post_init__(self) -> None:
        finite(value=self.level)
        _duration(self.duration_s)

    def inside(self, _ns: int) -> float:
        """The level."""
        return float(self.level)

    def bounds(self) -> tuple[float, float]:
        """The level."""
        return self.level, self.level


@dataclass(frozen=True)
class Ramp(_Leaf):
    """y = start + (stop - start) * t / duration."""

    kind: ClassVar[str] = "ramp"
    number: ClassVar[int] = 2
    start: float
    stop: float
    duration_s: float

    def __post_init__(self) -> None:
        finite(start=self.start, stop=self.stop)
        whole_ns("duration_s", self.duration_s)

    def inside(self, ns: int) -> float:
        """On the line."""
        return self.start + (self.stop - self.start) * (ns / (self.duration_ns or 1))

    def bounds(self) -> tuple[float, float]:
        """Its ends."""
        return min(self.start, self.stop), max(self.start, self.stop)


@dataclass(frozen=True)
class Slope(_Leaf):
    """y = start + slope_per_s * t: a ramp by its slope."""

    kind: ClassVar[str] = "slope"
    number: ClassVar[int] = 3
    start: float
    slope_per_s: float
    duration_s: float = FOR_EVER

    def __post_init__(self) -> None:
        finite(start=self.start, slope_per_s=self.slope_per_s)
        _duration(self.duration_s)

    def inside(self, ns: int) -> float:
        """On the line."""
        return self.start + self.slope_per_s * (ns / NS)

    def bounds(self) -> tuple[float, float]:
        """Its ends."""
        end = self.start + (self.slope_per_s * self.duration_s if self.slope_per_s else 0.0)
        return min(self.start, end), max(self.start, end)


@dataclass(frozen=True)
class Sine(_Leaf):
    """y = offset + amplitude * sin(2 pi frequency_hz t + phase_rad)."""

    kind: ClassVar[str] = "sine"
    number: ClassVar[int] = 4
    amplitude: float
    frequency_hz: float
    offset: float = 0.0
    phase_rad: float = 0.0
    duration_s: float = FOR_EVER

    def __post_init__(self) -> None:
        finite(**{k: v for k, v in vars(self).items() if k != "duration_s"})
        if not 0.0 <= self.frequency_hz <= 1e6:
            raise StimulusError(f"frequency_hz = {self.frequency_hz:g} must lie within 0 and 1e6")
        _duration(self.duration_s)

    def numbers(self) -> list[float]:
        """In the core's order."""
        return [self.offset, self.amplitude, self.frequency_hz, self.phase_rad]

    def inside(self, ns: int) -> float:
        """By the part of a turn, so that hours do not cost digits."""
        numerator, denominator = float(self.frequency_hz).as_integer_ratio()
        turns = (numerator * ns) % (denominator * NS) / (denominator * NS)
        return self.offset + self.amplitude * math.sin(2.0 * math.pi * turns + self.phase_rad)

    def bounds(self) -> tuple[float, float]:
        """Its peaks."""
        return self.offset - abs(self.amplitude), self.offset + abs(self.amplitude)


@dataclass(frozen=True)
class _Wave(_Leaf):
    """Between two levels, again after every period."""

    low: float
    high: float
    period_s: float

    @property
    def period_ns(self) -> int:
        """The period."""
        return whole_ns("period_s", self.period_s)

    def _part(self, name: str, given: float | None, preset_ns: int) -> int:
        part = preset_ns if given is None else whole_ns(name, given, least=0)
        if part > self.period_ns:
            raise StimulusError(f"{name} = {given:g} is longer than period_s = {self.period_s:g}")
        return part

    def bounds(self) -> tuple[float, float]:
        """Its levels."""
        return min(self.low, self.high), max(self.low, self.high)


@dataclass(frozen=True)
class Pulse(_Wave):
    """y = high for the first width_s (default: half) of each period, low for the rest."""

    kind: ClassVar[str] = "pulse"
    number: ClassVar[int] = 5
    width_s: float | None = None
    duration_s: float = FOR_EVER

    def __post_init__(self) -> None:
        finite(low=self.low, high=self.high)
        self.numbers()
        _duration(self.duration_s)

    @property
    def width_ns(self) -> int:
        """How long it is high."""
        return self._part("width_s", self.width_s, self.period_ns // 2)

    def numbers(self) -> list[float]:
        """With times in ns."""
        return [self.low, self.high, self.period_ns, self.width_ns]

    def inside(self, ns: int) -> float:
        """High or low."""
        return self.high if ns % self.period_ns < self.width_ns else self.low


@dataclass(frozen=True)
class Saw(_Wave):
    """y from low to high within the first rise_s (default: all) of each period, back to low within the rest."""

    kind: ClassVar[str] = "saw"
    number: ClassVar[int] = 6
    rise_s: float | None = None
    duration_s: float = FOR_EVER

    def __post_init__(self) -> None:
        finite(low=self.low, high=self.high)
        self.numbers()
        _duration(self.duration_s)

    @property
    def rise_ns(self) -> int:
        """How long it rises."""
        return self._part("rise_s", self.rise_s, self.period_ns)

    def numbers(self) -> list[float]:
        """With times in ns."""
        return [self.low, self.high, self.period_ns, self.rise_ns]

    def inside(self, ns: int) -> float:
        """On one of the two lines."""
        t, rise = ns % self.period_ns, self.rise_ns
        if t < rise:
            return self.low + (self.high - self.low) * (t / rise)
        return self.high + (self.low - self.high) * ((t - rise) / (self.period_ns - rise))


@dataclass(frozen=True)
class Exponential(_Leaf):
    """y = stop + (start - stop) * exp(-t / time_constant_s)."""

    kind: ClassVar[str] = "exponential"
    number: ClassVar[int] = 7
    start: float
    stop: float
    time_constant_s: float
    duration_s: float = FOR_EVER

    def __post_init__(self) -> None:
        finite(start=self.start, stop=self.stop, time_constant_s=self.time_constant_s)
        if self.time_constant_s <= 0.0:
            raise StimulusError(f"time_constant_s = {self.time_constant_s:g} must be larger than 0")
        _duration(self.duration_s)

    def inside(self, ns: int) -> float:
        """On its way."""
        return self.stop + (self.start - self.stop) * math.exp(-(ns / NS) / self.time_constant_s)

    def bounds(self) -> tuple[float, float]:
        """Its ends."""
        return min(self.start, self.stop), max(self.start, self.stop)


@dataclass(frozen=True)
class Noise(_Leaf):
    """y = mean + deviation * w, w white, of unit variance, cut at 3.47: a new w after every interval_s.

    w is a function of the seed and the number of the interval alone, so a loop repeats its noise, and a fork has the
    same.
    """

    kind: ClassVar[str] = "noise"
    number: ClassVar[int] = 8
    mean: float
    deviation: float
    seed: int = 0
    interval_s: float = 0.001
    duration_s: float = FOR_EVER

    def __post_init__(self) -> None:
        finite(mean=self.mean, deviation=self.deviation)
        if isinstance(self.seed, bool) or not isinstance(self.seed, int) or not 0 <= self.seed < 1 << 53:
            raise StimulusError(f"seed = {self.seed} must be a whole number from 0 on")
        self.numbers()
        _duration(self.duration_s)

    def numbers(self) -> list[float]:
        """With the interval in ns."""
        return [self.mean, self.deviation, self.seed, whole_ns("interval_s", self.interval_s)]

    def inside(self, ns: int) -> float:
        """As core/include/hil/random.h makes it: the sum of four uniform numbers."""
        key = _mix(self.seed ^ _mix(_GOLDEN))
        word = _mix(key + (ns // whole_ns("interval_s", self.interval_s) + 1) * _GOLDEN)
        total = sum(word >> shift & 0xFFFF for shift in (0, 16, 32, 48))
        return self.mean + self.deviation * ((total - 131070.0) * (1.7320508075688772 / 65536.0))

    def bounds(self) -> tuple[float, float]:
        """The sum of four uniform numbers has an end."""
        reach = abs(self.deviation) * MOST_DEVIATIONS
        return self.mean - reach, self.mean + reach


def _mix(z: int) -> int:
    """The finaliser of splitmix64."""
    z &= _WORD
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & _WORD
    z = (z ^ z >> 27) * 0x94D049BB133111EB & _WORD
    return z ^ z >> 31
