"""Faults in words: `sensor.h1=stuck@8s..14s`, as command line, rig file and Python write them.

    signal=kind[(value[,value2])][@start[..end]] [ramp time] [duty on/period] [p probability] [when signal>value]

    sensor.h1=stuck@8s..14s        holds its last value from 8 s to 14 s of bench time
    sensor.h2=bias(1cm)@5s..       one centimetre too high from 5 s on; converted to the signal's unit
    sensor.h1=delay(200ms)@800t    from tick 800 on
    sensor.h1=noise(0.002)         from the next tick on
    sensor.h1=drift(1mm/s)@2s+5s   for 5 s from 2 s on
    sensor.h1=bias(1cm)@5s.. ramp 2s                    grows for two seconds
    sensor.h1=stuck duty 100ms/1s                       for the first tenth of each second
    sensor.h1=gain(2)@+5s after sensor.h2>0.1 m         for five seconds from the first tick with h2 above 0.1 m on

Times take s, ms, us, min, h or t (ticks). docs/faults.md defines kinds and activation.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from hil import units
from hil.errors import BenchError
from hil.fault_activation import Activation, Condition, Span, read_activation, split_clauses
from hil.fault_kinds import KINDS, FaultKind, FaultParam, kinds_text
from hil.fault_times import FORM, TICKS, TIME_UNITS_S, quantity, read_time, time_text, to_tick
from hil.nearest import did_you_mean

__all__ = [
    "KINDS",
    "TIME_UNITS_S",
    "Activation",
    "Condition",
    "FaultKind",
    "FaultParam",
    "FaultSpec",
    "Span",
    "check_fault",
    "convert",
    "kinds_text",
    "parse_fault",
    "parse_quantity",
]

_FAULT = re.compile(
    r"\s*(?P<signal>[^=\s]+)\s*=\s*(?P<kind>[A-Za-z_]+)\s*(?:\((?P<values>[^()]*(?:\([^()]*\)[^()]*)*)\))?"
    r"\s*(?:@\s*(?P<when>.*?))?\s*"
)


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
        words: texts that the kind takes before its values: another signal, a unit, an end of the range.
        activation: in which ticks between start and end it acts, and how far.
        where: file and line that it was read from, for messages; None: none.
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
    words: tuple[str, ...] = ()
    activation: Activation = field(default_factory=Activation)
    where: str | None = field(default=None, compare=False)

    @property
    def number(self) -> int:
        """Number of the kind in the core (enum hil_fault_kind)."""
        return KINDS[self.kind].number

    def start(self, period_ns: int) -> int | None:
        """First tick with the fault; None: the next one that runs."""
        return to_tick(self.start_s, self.start_tick, period_ns)

    def end(self, period_ns: int, now: int = 0) -> int | None:
        """First tick without the fault, None: never. `now` is the start of a fault that begins at the next tick."""
        length = to_tick(self.duration_s, self.duration_ticks, period_ns)
        if length is None:
            return to_tick(self.end_s, self.end_tick, period_ns)
        start = self.start(period_ns)
        return (now if start is None else start) + length

    def core_values(self, period_ns: int) -> tuple[float, float, float, float]:
        """The parameters of the core's event: NaN where stuck has no value, times in ticks."""
        absent = math.nan if self.kind == "stuck" else 0.0
        found = [self._core_value(i, period_ns) for i in range(len(self.values))]
        first, second, third, fourth = (*found, absent, absent, absent, absent)[:4]
        return first, second, third, fourth

    def _core_value(self, i: int, period_ns: int) -> float:
        value = self.values[i]
        if KINDS[self.kind].params[i].rule == "time":
            ticks = value if self._units()[i] == TICKS else value * 1e9 / period_ns
            return float(round(min(ticks, 1e15)))  # too long anyway
        return float(value)

    def __str__(self) -> str:
        values = [f"{v:g}{' ' + u if u else ''}" for v, u in zip(self.values, self._units(), strict=True)]
        inside = ", ".join([*self.words, *values])
        text = f"{self.signal}={self.kind}" + (f"({inside})" if inside else "")
        start = time_text(self.start_s, self.start_tick)
        length = time_text(self.duration_s, self.duration_ticks)
        end = time_text(self.end_s, self.end_tick)
        if start or length or end:
            text += f"@{start}" + (f"+{length}" if length else f"..{end}")
        return f"{text} {self.activation}".rstrip()

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
    head, clauses = split_clauses(text)
    match = _FAULT.fullmatch(head)
    if match is None:
        raise BenchError(f"'{text}' is not a fault", mend=FORM)
    parts, kind = _split(match["values"]), match["kind"].lower()
    n_words = len(KINDS[kind].words) if kind in KINDS else 0
    quantities = [quantity(part, text) for part in parts[n_words:]]
    spec = FaultSpec(
        match["signal"],
        kind,
        tuple(value for value, _ in quantities),
        units=tuple(unit for _, unit in quantities),
        words=tuple(part.strip() for part in parts[:n_words]),
        activation=read_activation(clauses, text),
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
    return quantity(text, text)


def check_fault(spec: FaultSpec) -> FaultSpec:
    """Return `spec` when its kind exists, takes these values and its end lies behind its start.

    Raises:
        BenchError: what is wrong.
    """
    kind = KINDS.get(spec.kind)
    if kind is None:
        raise BenchError(f"there is no fault '{spec.kind}'", where=spec.signal, mend=did_you_mean(spec.kind, KINDS))
    required = sum(param.required for param in kind.params)
    if not required <= len(spec.values) <= len(kind.params) or len(spec.words) != len(kind.words):
        given = len(spec.words) + len(spec.values)
        raise BenchError(f"{kind.name} takes ({kind.usage}), not {given} values", where=spec.signal)
    for param, value, unit in zip(kind.params, spec.values, spec._units(), strict=False):
        if not math.isfinite(value):
            raise BenchError(f"{kind.name}: {param.name} = {value:g} is not a finite number", where=spec.signal)
        if unit is None and not param.low <= value <= param.high:
            low, high = param.low, param.high
            allowed = f"at least {low:g}" if math.isinf(high) else f"between {low:g} and {high:g}"
            raise BenchError(f"{kind.name}: {param.name} = {value:g} must be {allowed}", where=spec.signal)
        if param.rule == "whole" and value != int(value):
            raise BenchError(f"{kind.name}: {param.name} = {value:g} must be a whole number", where=spec.signal)
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
        values[i] = _converted(spec, param, values[i], given, _wanted_unit(param, unit))
        kept[i] = None
    return check_fault(replace(spec, values=tuple(values), units=tuple(kept)))


def _wanted_unit(param: FaultParam, unit: str | None) -> str | None:
    """The unit in which the core takes a value; None where the signal has none."""
    if param.rule == "rate":
        return None if unit is None else f"({unit or 1})/s"
    wanted = {"signal": unit, "value": unit, "time": "s", "number": "1", "whole": "1", "ohm": "ohm"}
    return wanted[param.rule]


def _converted(spec: FaultSpec, param: FaultParam, value: float, given: str, wanted: str | None) -> float:
    if wanted is None:
        raise BenchError(f"the value has the unit {given}, the signal has none", where=spec.signal)
    if not units.compatible(given, wanted):
        raise BenchError(f"{spec.kind}: {given} cannot become {wanted}", where=spec.signal)
    scale, offset = units.conversion(given, wanted)
    # A shifted zero concerns values of the signal, not differences.
    return value * scale + (offset if param.rule == "value" else 0.0)


def _unit_of(spec: FaultSpec, signals: Mapping[str, str | None]) -> str | None:
    if spec.signal not in signals:
        raise BenchError(
            f"there is no signal '{spec.signal}' that a fault can act on", mend=did_you_mean(spec.signal, signals)
        )
    return signals[spec.signal]


def _split(values: str | None) -> list[str]:
    return values.split(",") if values and values.strip() else []


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
    seconds, ticks = read_time(part, text)
    if ticks is not None:
        return {f"{name}_ticks" if name == "duration" else f"{name}_tick": ticks}
    return {f"{name}_s": seconds}


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
