"""What a person or a test can do to a bench and see of it: each act is one event for the core's queue."""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from hil import _core, faults
from hil.bindings import HERE
from hil.engine import Engine
from hil.errors import BenchError
from hil.events import ALL_PATHS, NEXT_TICK, NO_END, EventKind, Mode, SafeReason, encode, with_modes
from hil.fault_activation import read_activation
from hil.fault_core import core_fault
from hil.faults import FaultSpec
from hil.nearest import did_you_mean
from hil.program import Built, fault_memory
from hil.rig import Rig

LATEST_S = 1e9  # 31 years: beyond, it is a mistake
FULL, REFUSED_BY_GATE = 2, 12  # enum hil_err: HIL_E_FULL, HIL_E_RANGE
STATUS_BITS = ((1, "stale"), (2, "forced"), (4, "faulted"), (8, "bad"), (16, "safe"))


def status_text(bits: int) -> str:
    """A status in words: "good", "stale", "forced+faulted" ..."""
    return "+".join(text for bit, text in STATUS_BITS if bits & bit) or "good"


class Commands:
    """The part of a bench that reads signals and sends events."""

    state: _core.State
    engine: Engine | None
    time: str
    bindings: dict[str, str]

    def __init__(self, rig: Rig, built: Built) -> None:
        self._rig, self.built = rig, built
        self.texts: dict[int, str] = {}
        self._last_id = 0
        self._lock = threading.Lock()
        self._armed: dict[int, FaultSpec] = {}
        self._cleared: set[int] = set()
        self.acting: dict[int, str] = {}  # faults that have begun to act and not ended: signals by id
        self._forced: set[str] = set()
        self._for_devices: dict[int, tuple[str, str, float, int]] = {}
        self.units = {name: signal.unit for name, signal in rig.signals.items()}

    @property
    def running(self) -> bool:
        """True while the bench runs in the background."""
        raise NotImplementedError

    # ---- seeing ----

    @property
    def period_s(self) -> float:
        """Base period in s."""
        return self._rig.period_s

    @property
    def time_s(self) -> float:
        """Bench time of the tick to run next."""
        return float(self.state.tick * self._rig.period_ns / 1e9)

    @property
    def names(self) -> list[str]:
        """All signals of the rig."""
        return [name for name in self._rig.signals if name in self.built.numbers]

    def __getitem__(self, name: str) -> float:
        """Newest value of a signal, block state or parameter; raises BenchError with the nearest name."""
        return float(self.state.get(self.built.offset(name)))

    def status(self, name: str) -> int:
        """Status bits of a signal (enum hil_status), 0 is good."""
        if name not in self.built.numbers:
            raise BenchError(f"there is no signal '{name}'", mend=did_you_mean(name, self.names))
        return int(self.state.get_byte(self.built.program.offset_status(self.built.numbers[name])))

    def age_s(self, name: str) -> float:
        """Age of a signal's source: 0 for what a tick computes, for a device's value the time since it was measured."""
        if name not in self.built.numbers:
            raise BenchError(f"there is no signal '{name}'", mend=did_you_mean(name, self.names))
        now_ns = self.state.tick * self._rig.period_ns
        age_ns = now_ns - self.state.source_time(self.built.numbers[name])
        return float(min(max(0, age_ns), now_ns) / 1e9)  # a start value ages from tick 0 on

    def is_here(self, name: str) -> bool:
        """False for an internal signal of a role whose blocks do not run in the bench's loop: nobody writes it here."""
        signal = self._rig.signals.get(name)
        return signal is None or signal.role is None or self.bindings[signal.role] == "mil"

    def snapshot_values(self) -> dict[str, float]:
        """Newest values of all signals of the rig."""
        return {name: self[name] for name in self.names}

    def gated(self) -> dict[str, float]:
        """Safe value of every signal with a gate."""
        return {s.name: s.safe for s in self._rig.signals.values() if s.gated and s.name in self.built.paths}

    # ---- acting ----

    def set(self, name: str, value: float, at: float | None = None, *, due: int | None = None) -> None:
        """Sets a parameter ("level1.kp") or a constant ("level1.setpoint") at the next tick, or at bench time `at`.

        Raises:
            BenchError: nothing of that name can be set, or the value is not a number or outside its range.
        """
        params = self.built.params
        if name not in params:
            raise BenchError(f"'{name}' cannot be set", where=self._rig.name, mend=did_you_mean(name, params))
        low, high = self.built.ranges[name]
        if not low <= _finite(name, value) <= high:
            raise BenchError(f"{name} = {value:g} is outside its range {low:g} to {high:g}", where=self._rig.name)
        role, tick = self._owner(name), self._due(at, due)
        number = self._send(EventKind.PARAM, name, target=params[name], values=[value], due=tick)
        if role is not None:
            self._tell_device(role, name, float(value), tick, number)

    def _owner(self, name: str) -> str | None:
        """The role whose device must be told of a new value, None when all of it is in this process."""
        role = self._rig.blocks[self._rig.tunable()[name][0]].role
        if role is None or self.bindings[role] in HERE:
            return None
        assert self.engine is not None
        wire = self.engine.wires.wires[role]
        if not wire.takes_parameters:  # this process would show the new value, and the device go on with the old one
            mend = f"Change it there, or bind {role} to mil" + self._other_level(role)
            raise BenchError(f"'{name}' is a matter of the device {wire.device.name}", where=self._rig.name, mend=mend)
        return role

    def _other_level(self, role: str) -> str:
        if self.bindings[role] != "pil":
            return " or pil"
        return ", or run in lock-step" if self.time != "lockstep" else ""

    def _tell_device(self, role: str, name: str, value: float, due: int, number: int) -> None:
        """A device sets it too: in lock-step at the same tick, in real time at the same time by its own clock.

        Where its clock is not known it is told when the bench's event fires.
        """
        assert self.engine is not None
        wires = self.engine.wires
        if self.time == "lockstep":
            known = due != NEXT_TICK or not self.running
            wires.set(role, name, value, (self.state.tick if due == NEXT_TICK else due) if known else None)
        elif due == NEXT_TICK:
            wires.set(role, name, value)
        elif wires.wires[role].keeps_time:
            wires.set(role, name, value, due)
        else:
            self._for_devices[number] = (role, name, value, due)

    def _send_ahead(self) -> None:
        """What waited for a device's clock to be known is sent with its time."""
        assert self.engine is not None
        wires = self.engine.wires
        for number, (role, name, value, due) in list(self._for_devices.items()):
            if wires.wires[role].keeps_time:
                del self._for_devices[number]
                wires.set(role, name, value, due)

    def _fired(self, event: Mapping[str, Any]) -> None:
        """Told of each event that is drained."""
        if event["kind"] == "fault_on":
            self.acting[event["id"]] = event["target"]
        elif event["kind"] == "fault_off":
            self.acting.pop(event["id"], None)
        if event["kind"] == "event" and event["id"] in self._for_devices and self.engine is not None:
            self.engine.wires.set(*self._for_devices.pop(event["id"])[:3])

    def force(self, name: str, value: float, at: float | None = None) -> None:
        """Holds a signal at a value until it is released; the safety gate still acts behind it."""
        path = self._path(name)
        self._send(EventKind.FORCE, name, target=path, values=[_finite(name, value)], due=self._due(at))
        self._forced.add(name)

    def release(self, name: str, at: float | None = None) -> None:
        """Ends a force."""
        self._send(EventKind.RELEASE, name, target=self._path(name), due=self._due(at))
        self._forced.discard(name)

    def fault(self, fault: str | FaultSpec, **activation: float | str) -> int:
        """Arms a fault such as "sensor.h1=stuck@8s..14s".

        Args:
            fault: as text, or as `hil.faults.parse_fault` gives it.
            activation: the clauses of the text by name: ramp="2s", duty="100ms/1s", p=0.01, when="sensor.h2>0.1",
                after="sensor.h2>0.1"; instead of those of `fault`.

        Returns:
            its id, for `clear_fault`.

        Raises:
            BenchError: unknown signal or kind, a time that has passed, or a value that the safety gate would clip.
        """
        spec = faults.parse_fault(fault, self._rig.faultable()) if isinstance(fault, str) else fault
        if activation:
            clauses = [f"{name} {value}" for name, value in activation.items()]
            spec = replace(spec, activation=read_activation(clauses, " ".join(clauses)))
        path = self._path(spec.signal)
        period_ns = self._rig.period_ns
        start, now = spec.start(period_ns), self.state.tick
        end = spec.end(period_ns, now if start is None else start)
        first = now if start is None else start
        for what, tick in (("start", first), ("end", first if end is None else end - 1)):
            if tick < max(now, first):
                raise BenchError(
                    f"{spec}: its {what} has passed", where=spec.signal, mend=f"It is {self.time_s:g} s now"
                )
        return self._arm_one(spec, path, NEXT_TICK if start is None else start, NO_END if end is None else end - first)

    def _arm_one(self, spec: FaultSpec, path: int, due: int, ticks: int) -> int:
        kind, values = core_fault(spec, self._rig.period_ns, self._rig.signals, self.built.paths)
        modes = spec.activation.modes(self._rig.period_ns, self._signal_number, self.units.get)
        event = encode(EventKind.FAULT, target=path, values=values, kind2=kind, ticks=ticks)
        error = self.built.program.check_fault(event)
        if error == REFUSED_BY_GATE:
            limits = self._rig.signals[spec.signal].limits
            mend = f"Equipment limits are {limits}; choose a smaller fault"
            raise BenchError(f"{spec}: the safety gate would clip this fault", where=spec.signal, mend=mend)
        if error == FULL:
            longest_s = fault_memory(self._rig.period_ns) * self.period_s
            mend = f"All delays of a bench together last {longest_s:g} s at the most"
            raise BenchError(f"{spec}: the delay is too long", where=spec.signal, mend=mend)
        if error:
            raise BenchError(f"{spec}: {_core.error_text(error)}", where=spec.signal)
        fields = {"target": path, "values": values, "kind2": kind, "ticks": ticks, "due": due}
        number = self._send(EventKind.FAULT, str(spec), modes=modes, **fields)
        self._armed[number] = spec
        return number

    def clear_fault(self, fault_id: int | None = None) -> None:
        """Ends the fault with this id, or all, active or armed."""
        if fault_id is not None and fault_id not in self._armed:
            raise BenchError(f"there is no fault {fault_id}", mend=f"Armed are {sorted(self._armed) or 'none'}")
        self._send(EventKind.FAULT_CLEAR, "", target=ALL_PATHS, values=[fault_id or 0])
        self._cleared |= set(self._armed) if fault_id is None else {fault_id}

    def enable_faults(self, on: bool = True) -> None:
        """The master enable: off, no fault has any effect."""
        self._send(EventKind.FAULTS_ENABLE, "", values=[float(on)])

    def safe(self, on: bool = True) -> None:
        """All gates to their safe values; off ends it. No emergency stop: it needs a running loop and wire."""
        self._send(EventKind.SAFE, "", values=[SafeReason.COMMAND if on else SafeReason.NONE])

    def mark(self, text: str, *, due: int | None = None) -> None:
        """Puts a note into the recording."""
        self._send(EventKind.MARK, text, due=NEXT_TICK if due is None else due)

    # ---- inside ----

    def _send(self, kind: EventKind, text: str, *, modes: Sequence[Mode] = (), **fields: Any) -> int:
        """One event into the queue, a fault's modes before it; returns its id. Several threads may call."""
        if self.engine is None or self.engine.closed:
            raise BenchError("the bench is closed", mend="Open a new one")
        with self._lock:
            number = self._last_id = self._last_id + 1
            if text:
                self.texts[number] = text
            for event in with_modes(kind, modes, event_id=number, **fields):
                self.engine.loop.push(event)
        return number

    def _signal_number(self, name: str) -> int:
        if name not in self.built.signals[1:]:
            mend = did_you_mean(name, self._rig.signals)
            raise BenchError(f"there is no signal '{name}' for a condition", mend=mend)
        return self.built.signals.index(name)

    def _due(self, at: float | None, due: int | None = None) -> int:
        if due is not None:
            return due
        if at is None:
            return NEXT_TICK
        if not math.isfinite(at) or at > LATEST_S:
            raise BenchError(f"{at} is not a bench time", where=self._rig.name, mend="Give seconds from the start")
        tick = round(at / self.period_s)
        if tick < self.state.tick:
            raise BenchError(f"{at:g} s has passed", where=self._rig.name, mend=f"It is {self.time_s:g} s now")
        return tick

    def _path(self, name: str) -> int:
        if name not in self.built.paths:
            known = self._rig.faultable()
            why = "has no path (path = false, or not declared)" if name in self._rig.signals else "is not a signal"
            raise BenchError(f"'{name}' {why}, so faults and forces cannot act on it", mend=did_you_mean(name, known))
        return self.built.paths[name]

    def describe(self, event: Mapping[str, Any]) -> str:
        """The name behind an event's target."""
        kind, target = event["kind"], event["target"]
        if kind == EventKind.PARAM:
            return next((name for name, offset in self.built.params.items() if offset == target), str(target))
        if kind in (EventKind.FORCE, EventKind.RELEASE, EventKind.FAULT):
            return next((name for name, path in self.built.paths.items() if path == target), str(target))
        if kind == EventKind.BIND:
            return str(self.built.roles[target])
        return EventKind(kind).name.lower()

    def armed_faults(self) -> list[dict[str, Any]]:
        """All faults of this run, as texts with start and end ticks."""
        period_ns = self._rig.period_ns
        return [
            {
                "id": number,
                "signal": spec.signal,
                "kind": spec.kind,
                "values": [None if math.isnan(v) else v for v in spec.values],
                "start_tick": spec.start(period_ns),
                "end_tick": spec.end(period_ns),
                "text": str(spec),
            }
            for number, spec in self._armed.items()
        ]

    def interventions(self) -> dict[str, Any]:
        """Faults, forces and the safe state, as they are now."""
        now, period_ns = self.state.tick, self._rig.period_ns
        shown = []
        for number, spec in self._armed.items():
            end = spec.end(period_ns)
            if number not in self._cleared and (end is None or end > now):
                phase = "armed" if (spec.start(period_ns) or 0) >= now else "active"
                shown.append({"id": number, "signal": spec.signal, "text": str(spec), "phase": phase})
        return {"faults": shown, "forced": sorted(self._forced), "safe": int(self.state.safe)}


def _finite(name: str, value: float) -> float:
    if not math.isfinite(value):
        raise BenchError(f"{value} is not a finite number", where=name)
    return float(value)
