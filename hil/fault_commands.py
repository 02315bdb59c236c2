"""Faults of a bench: armed, cleared, told of. A signal's act on its path, a controller's on its steps or board."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from hil import _core, faults
from hil.bindings import HERE
from hil.built import Built, steps_of
from hil.errors import BenchError
from hil.events import ALL_PATHS, NEXT_TICK, NO_END, EventKind, Mode, encode
from hil.fault_activation import read_activation
from hil.fault_controller import BoardFault, check_target, on_board, on_steps, upset_bit
from hil.fault_core import core_fault
from hil.faults import FaultSpec
from hil.nearest import did_you_mean
from hil.program import fault_memory
from hil.rig import Rig, Role

FULL, REFUSED_BY_GATE = 2, 12  # enum hil_err: HIL_E_FULL, HIL_E_RANGE


class FaultCommands:
    """The part of a bench that arms and clears faults."""

    state: _core.State
    built: Built
    time: str
    bindings: dict[str, str]
    units: dict[str, str | None]
    _rig: Rig
    _armed: dict[int, FaultSpec]
    _cleared: set[int]
    _forced: set[str]
    _board_ends: dict[int, tuple[str, BoardFault]]

    @property
    def period_s(self) -> float:
        """Base period in s."""
        raise NotImplementedError

    @property
    def time_s(self) -> float:
        """Bench time of the tick to run next."""
        raise NotImplementedError

    def fault(self, fault: str | FaultSpec, **activation: float | str) -> int:
        """Arms a fault such as "sensor.h1=stuck@8s..14s", or on a role "plc=stop@2s..3s".

        Args:
            fault: as text, or as `hil.faults.parse_fault` gives it.
            activation: the clauses of the text by name: ramp="2s", duty="100ms/1s", p=0.01, when="sensor.h2>0.1",
                after="sensor.h2>0.1"; instead of those of `fault`.

        Returns:
            its id, for `clear_fault`.

        Raises:
            BenchError: unknown signal, role or kind, a time that has passed, a value that the safety gate would clip,
                or something that a board cannot inject into itself.
        """
        spec = faults.parse_fault(fault, self._rig.faultable()) if isinstance(fault, str) else fault
        if activation:
            clauses = [f"{name} {value}" for name, value in activation.items()]
            spec = replace(spec, activation=read_activation(clauses, " ".join(clauses)))
        check_target(spec, spec.signal in self._rig.roles)
        due, ticks = self._when(spec)
        if spec.signal not in self._rig.roles:
            return self._arm_one(spec, self._path(spec.signal), due, ticks)
        return self._arm_on_role(spec, self._rig.roles[spec.signal], due, ticks)

    def _when(self, spec: FaultSpec) -> tuple[int, int]:
        """Its first tick and how many it lasts, as the core takes them."""
        period_ns = self._rig.period_ns
        start, now = spec.start(period_ns), self.state.tick
        end = spec.end(period_ns, now if start is None else start)
        first = now if start is None else start
        for what, tick in (("start", first), ("end", first if end is None else end - 1)):
            if tick < max(now, first):
                raise BenchError(
                    f"{spec}: its {what} has passed", where=spec.signal, mend=f"It is {self.time_s:g} s now"
                )
        return NEXT_TICK if start is None else start, NO_END if end is None else end - first

    def _arm_one(self, spec: FaultSpec, path: int, due: int, ticks: int) -> int:
        """On a signal's path."""
        kind, values = core_fault(spec, self._rig.period_ns, self._rig.signals, self.built.paths)
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
        return self._send_fault(spec, path, kind, values, due, ticks)

    def _send_fault(self, spec: FaultSpec, path: int, kind: int, values: Sequence[float], due: int, ticks: int) -> int:
        modes = spec.activation.modes(self._rig.period_ns, self._signal_number, self.units.get)
        fields = {"target": path, "values": values, "kind2": kind, "ticks": ticks, "due": due}
        number = self._send(EventKind.FAULT, str(spec), modes=modes, **fields)
        self._armed[number] = spec
        return number

    # ---- on a controller ----

    def _arm_on_role(self, spec: FaultSpec, role: Role, due: int, ticks: int) -> int:
        level = self.bindings.get(role.name, "mil")
        if level not in HERE:
            return self._arm_on_board(spec, role, due, ticks)
        if not role.simulated:
            raise BenchError(f"{spec}: the rig has no controller for this role", where=spec.signal)
        if spec.kind == "upset":
            return self._upset(spec, role, level, due)
        kind, values = on_steps(spec, role, self._rig.period_ns)
        return self._send_fault(spec, self.built.paths[steps_of(role.name)], kind, values, due, ticks)

    def _upset(self, spec: FaultSpec, role: Role, level: str, due: int) -> int:
        variable, bit = upset_bit(spec)
        offset = self.built.memory_of(role.name, variable, in_library=level == "sil")
        number = self._send(EventKind.UPSET, str(spec), target=offset, values=[bit], due=due)
        self._armed[number] = spec
        return number

    def _arm_on_board(self, spec: FaultSpec, role: Role, due: int, ticks: int) -> int:
        """The board is told, and the record has a mark at the ticks that it was told for."""
        begin, end = on_board(spec, role, self._rig.period_ns, lockstep=self.time == "lockstep")
        now = self.state.tick if due == NEXT_TICK else due
        number = self._tell_board(role.name, begin, str(spec), due)
        self._armed[number] = spec
        if end is not None and ticks != NO_END:
            self._tell_board(role.name, end, f"end of {spec}", now + ticks)
        elif end is not None:
            self._board_ends[number] = (role.name, end)
        return number

    def clear_fault(self, fault_id: int | None = None) -> None:
        """Ends the fault with this id, or all, active or armed."""
        if fault_id is not None and fault_id not in self._armed:
            raise BenchError(f"there is no fault {fault_id}", mend=f"Armed are {sorted(self._armed) or 'none'}")
        self._send(EventKind.FAULT_CLEAR, "", target=ALL_PATHS, values=[fault_id or 0])
        for number in list(self._board_ends):
            if fault_id in (None, number):
                role, end = self._board_ends.pop(number)
                self._tell_board(role, end, f"end of {self._armed[number]}", NEXT_TICK)
        self._cleared |= set(self._armed) if fault_id is None else {fault_id}

    def enable_faults(self, on: bool = True) -> None:
        """The master enable: off, no fault has any effect."""
        self._send(EventKind.FAULTS_ENABLE, "", values=[float(on)])

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

    # ---- inside ----

    def _signal_number(self, name: str) -> int:
        if name not in self.built.signals[1:]:
            mend = did_you_mean(name, self._rig.signals)
            raise BenchError(f"there is no signal '{name}' for a condition", mend=mend)
        return self.built.signals.index(name)

    def _path(self, name: str) -> int:
        if name not in self.built.paths:
            known = self._rig.faultable()
            why = "has no path (path = false, or not declared)" if name in self._rig.signals else "is not a signal"
            raise BenchError(f"'{name}' {why}, so faults and forces cannot act on it", mend=did_you_mean(name, known))
        return self.built.paths[name]

    def _send(self, kind: EventKind, text: str, *, modes: Sequence[Mode] = (), **fields: Any) -> int:
        """One event into the queue; returns its id."""
        raise NotImplementedError

    def _tell_board(self, role: str, act: BoardFault, text: str, due: int) -> int:
        """A board injects a fault into itself, at this tick; returns the id of the mark in the record."""
        raise NotImplementedError
