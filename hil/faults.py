"""Faults in words: `sensor.h1=stuck@8s..14s`, as command line, rig file and Python write them.

    signal=kind[(value[,value2])][@start[..end]]

    sensor.h1=stuck@8s..14s        holds its last value from 8 s to 14 s of bench time
    sensor.h2=bias(1cm)@5s..       one centimetre too high from 5 s on; converted to the signal's unit
    sensor.h1=delay(200ms)@800t    from tick 800 on
    sensor.h1=noise(0.002)         from the next tick on
    sensor.h1=drift(1mm/s)@2s+5s   for 5 s from 2 s on

Times take s, ms, us, min, h or t (ticks). The numbers of the kinds are those of core/include/hil/fault.h.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from hil import units
from hil.errors import BenchError
from hil.fault_kinds import KINDS, FaultKind, FaultParam, kinds_text
from hil.nearest import did_you_mean

__all__ = [
    "KINDS",
    "FaultKind",
    "FaultParam",
    "FaultSpec",
    "check_fault",
    "convert",
    "kinds_text",
    "parse_fault",
    "parse_quantity",
]

TIME_UNITS_S = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "min": 60.0, "h": 3600.0}
TICKS = "t"

_FAULT = re.compile(
    r"\s*(?P<signal>[^=\s]+)\s*=\s*(?P<kind>[A-Za-z_]+)\s*(?:\((?P<values>[^()]*(?:\([^()]*\)[^()]*)*)\))?"
    r"\s*(?:@\s*(?P<when>.*?))?\s*"
)
_QUANTITY = re.compile(r"\s*(?P<number>[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*(?P<unit>\S.*?)?\s*")
FORM = "Write signal=kind(value)@start..end, as in 'sensor.h1=stuck@8s..14s'"


@dataclass(frozen=True)
class FaultSpec:
    """A fault on one signal, from a start to an end.

    Attributes:
        signal: name of the signal whose path it acts on.
        kind: a key of KINDS.
        values: the kind's values in order, in the signal's unit and seconds unless `units` says otherwise.
        start_s: bench time in seconds; None with start_tick None: the next tick.
        end_s: None with end_tick None: until cleared.
        start_tick: instead of start_s.
        end_tick: instead of end_s; the first tick without the fault.
        duration_s: instead of an end.
        duration_ticks: instead of an end.
        units: units of `values` as they were written, None where none was; all None once converted.
    """

    signal: str
    kind: str
    values: tuple[float, ...] = ()
    start_s: float | None = None
    end_s: float | None = None
    start_tick: int | None = None
    end_tick: int | None = None
    duration_s: float | None = None
    duration_ticks: int | None = None
    units: tuple[str | None, ...] = ()

    @property
    def number(self) -> int:
        """Number of the kind in the core (enum hil_fault_kind)."""
        return KINDS[self.kind].number

    def start(self, period_ns: int) -> int | None:
        """First tick with the fault; None: the next one that runs."""
        return _tick(self.start_s, self.start_tick, period_ns)

    def end(self, period_ns: int, now: int = 0) -> int | None:
        """First tick without the fault, None: never. `now` is the start of a fault that begins at the next tick."""
        length = _tick(self.duration_s, self.duration_ticks, period_ns)
        if length is None:
            return _tick(self.end_s, self.end_tick, period_ns)
        start = self.start(period_ns)
        return (now if start is None else start) + length

    def core_values(self, period_ns: int) -> tuple[float, float]:
        """The parameters v[0], v[1] of the core's event: NaN where stuck has no value, delays in ticks."""
        absent = math.nan if self.kind == "stuck" else 0.0
        first, second = (*self.values, absent, absent)[:2]
        if self.kind == "delay":
            in_ticks = self.units[:1] == (TICKS,)
            first = round(min(first if in_ticks else first * 1e9 / period_ns, 1e15))  # too long anyway
        return float(first), float(second)

    def __str__(self) -> str:
        values = ", ".join(f"{v:g}{' ' + u if u else ''}" for v, u in zip(self.values, self._units(), strict=True))
        text = f"{self.signal}={self.kind}" + (f"({values})" if self.values else "")
        start = _time_text(self.start_s, self.start_tick)
        length = _time_text(self.duration_s, self.duration_ticks)
        end = _time_text(self.end_s, self.end_tick)
        if not (start or length or end):
            return text
        return f"{text}@{start}" + (f"+{length}" if length else f"..{end}")

    def _units(self) -> tuple[str | None, ...]:
        return self.units or (None,) * len(self.values)


def parse_fault(text: str, signals: Mapping[str, str | None] | None = None) -> FaultSpec:
    """Read a fault as people write it (see the head of this file).

    Args:
        text: for example "sensor.h1=bias(1cm)@8s..14s".
        signals: units of the signals that a fault can act on, by name. With it the signal is checked and the values are
            converted; without it `convert` does so later.

    Raises:
        BenchError: unknown signal or kind, wrong number of values, impossible value, unit or time.
    """
    match = _FAULT.fullmatch(text)
    if match is None:
        raise BenchError(f"'{text}' is not a fault", mend=FORM)
    quantities = [_quantity(part, text) for part in _split(match["values"])]
    spec = FaultSpec(
        match["signal"],
        match["kind"].lower(),
        tuple(value for value, _ in quantities),
        units=tuple(unit for _, unit in quantities),
        **_times(match["when"], text),  # type: ignore[arg-type]
    )
    if signals is None:
        return check_fault(spec)
    return convert(check_fault(spec), _unit_of(spec, signals))


def parse_quantity(text: str) -> tuple[float, str | None]:
    """Split "1.5 cm" into (1.5, "cm"); a bare number has the unit None.

    Raises:
        BenchError: the text does not begin with a number.
    """
    return _quantity(text, text)


def check_fault(spec: FaultSpec) -> FaultSpec:
    """Return `spec` when its kind exists, takes these values and its end lies behind its start.

    Raises:
        BenchError: what is wrong.
    """
    kind = KINDS.get(spec.kind)
    if kind is None:
        raise BenchError(f"there is no fault '{spec.kind}'", where=spec.signal, mend=did_you_mean(spec.kind, KINDS))
    required = sum(param.required for param in kind.params)
    if not required <= len(spec.values) <= len(kind.params):
        usage = ", ".join(param.name if param.required else f"[{param.name}]" for param in kind.params)
        raise BenchError(f"{kind.name} takes ({usage}), not {len(spec.values)} values", where=spec.signal)
    for param, value, unit in zip(kind.params, spec.values, spec._units(), strict=False):
        if not math.isfinite(value):
            raise BenchError(f"{kind.name}: {param.name} = {value:g} is not a finite number", where=spec.signal)
        if unit is None and not param.low <= value <= param.high:
            low, high = param.low, param.high
            allowed = f"at least {low:g}" if math.isinf(high) else f"between {low:g} and {high:g}"
            raise BenchError(f"{kind.name}: {param.name} = {value:g} must be {allowed}", where=spec.signal)
    _check_times(spec)
    return spec


def convert(spec: FaultSpec, unit: str | None) -> FaultSpec:
    """Values in the signal's `unit`, rates in it per second, times in seconds (ticks stay ticks).

    Raises:
        BenchError: a unit that does not fit, or a value that is not allowed after conversion.
    """
    values, kept = list(spec.values), list(spec._units())
    for i, (param, given) in enumerate(zip(KINDS[spec.kind].params, spec._units(), strict=False)):
        if given is None or (param.rule == "time" and given == TICKS):
            continue
        values[i] = _converted(spec, values[i], given, _wanted_unit(param, unit))
        kept[i] = None
    return check_fault(replace(spec, values=tuple(values), units=tuple(kept)))


def _wanted_unit(param: FaultParam, unit: str | None) -> str | None:
    """The unit in which the core takes a value; None where the signal has none."""
    if param.rule == "rate":
        return None if unit is None else f"({unit or 1})/s"
    return {"signal": unit, "time": "s", "number": "1"}[param.rule]


def _converted(spec: FaultSpec, value: float, given: str, wanted: str | None) -> float:
    if wanted is None:
        raise BenchError(f"the value has the unit {given}, the signal has none", where=spec.signal)
    if not units.compatible(given, wanted):
        raise BenchError(f"{spec.kind}: {given} cannot become {wanted}", where=spec.signal)
    scale, offset = units.conversion(given, wanted)
    # Only "stuck" names a value of the signal; all others name differences, which a shifted zero does not concern.
    return value * scale + (offset if spec.kind == "stuck" else 0.0)


def _unit_of(spec: FaultSpec, signals: Mapping[str, str | None]) -> str | None:
    if spec.signal not in signals:
        raise BenchError(
            f"there is no signal '{spec.signal}' that a fault can act on", mend=did_you_mean(spec.signal, signals)
        )
    return signals[spec.signal]


def _split(values: str | None) -> list[str]:
    return values.split(",") if values and values.strip() else []


def _quantity(part: str, text: str) -> tuple[float, str | None]:
    match = _QUANTITY.fullmatch(part)
    if match is None:
        raise BenchError(f"'{part.strip()}' in '{text}' is not a number, or a number and a unit", mend=FORM)
    return float(match["number"]), match["unit"]


def _times(when: str | None, text: str) -> dict[str, float | int | None]:
    if when is None:
        return {}
    if "+" in when.replace("e+", "").replace("E+", ""):
        start, _, length = when.partition("+")
        return {**_time(start, "start", text), **_time(length, "duration", text)}
    start, _, end = when.partition("..")
    if not when.strip() or (not start.strip() and not end.strip()):
        raise BenchError(f"'{text}' names no time behind the @", mend=FORM)
    return {**_time(start, "start", text), **_time(end, "end", text)}


def _time(part: str, name: str, text: str) -> dict[str, float | int | None]:
    """{"start_s": 8.0} of "8s", {"start_tick": 800} of "800t", {} of nothing."""
    if not part.strip():
        return {}
    value, unit = _quantity(part, text)
    if unit in (TICKS, "tick", "ticks"):
        if value < 0 or value != int(value):
            raise BenchError(f"'{part.strip()}' in '{text}' is not a whole number of ticks")
        return {f"{name}_ticks" if name == "duration" else f"{name}_tick": int(value)}
    if unit not in TIME_UNITS_S:
        raise BenchError(
            f"'{part.strip()}' in '{text}' is not a time", mend="Write times as 8s, 200ms, 2min or 800t (ticks)"
        )
    if value < 0:
        raise BenchError(f"'{part.strip()}' in '{text}' lies before the start of the run")
    # Division keeps 200ms at exactly 0.2; multiplication by 1e-3 would not.
    scale = TIME_UNITS_S[unit]
    return {f"{name}_s": value * scale if scale >= 1.0 else value / round(1.0 / scale)}


def _check_times(spec: FaultSpec) -> None:
    pairs = ((spec.start_s, spec.end_s), (spec.start_tick, spec.end_tick))
    for start, end in pairs:
        if start is not None and start < 0:
            raise BenchError(f"a fault cannot start at {start:g}, before the run", where=spec.signal)
        if start is not None and end is not None and end <= start:
            raise BenchError(f"the fault ends ({end:g}) before it starts ({start:g})", where=spec.signal)
    for length in (spec.duration_s, spec.duration_ticks):
        if length is not None and length <= 0:
            raise BenchError(f"a fault cannot last {length:g}", where=spec.signal)


def _tick(seconds: float | None, ticks: int | None, period_ns: int) -> int | None:
    if ticks is not None:
        return ticks
    return None if seconds is None else round(seconds * 1e9 / period_ns)


def _time_text(seconds: float | None, ticks: int | None) -> str:
    if ticks is not None:
        return f"{ticks}t"
    return "" if seconds is None else f"{seconds:g}s"
