"""What a person or a test can do to a bench and see of it: each act is one event for the core's queue."""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from hil.bindings import HERE
from hil.built import Built
from hil.engine import Engine
from hil.errors import BenchError, blamed
from hil.events import NEXT_TICK, AuthorityAct, EventKind, Mode, SafeReason, with_modes
from hil.fault_commands import FaultCommands
from hil.fault_controller import BoardFault
from hil.faults import FaultSpec
from hil.nearest import did_you_mean
from hil.rig import Rig, ScheduledEvent
from hil.wires import ToDevice
from hil.wires.mcu import McuWire

if TYPE_CHECKING:
    from hil.stimulus import Segment

LATEST_S = 1e9  # 31 years: beyond, it is a mistake
STATUS_BITS = ((1, "stale"), (2, "forced"), (4, "faulted"), (8, "bad"), (16, "safe"))


def status_text(bits: int) -> str:
    """A status in words: "good", "stale", "forced+faulted" ..."""
    return "+".join(text for bit, text in STATUS_BITS if bits & bit) or "good"


class Commands(FaultCommands):
    """The part of a bench that reads signals and sends events."""

    engine: Engine | None

    def __init__(self, rig: Rig, built: Built) -> None:
        self._rig, self.built = rig, built
        self.texts: dict[int, str] = {}
        self._last_id = 0
        self.twin_stops = 0
        self._lock = threading.Lock()
        self._armed: dict[int, FaultSpec] = {}
        self._cleared: set[int] = set()
        self._board_ends: dict[int, tuple[str, BoardFault]] = {}
        self.acting: dict[int, str] = {}  # faults that have begun to act and not ended: signals by id
        self._forced: set[str] = set()
        self._for_devices: dict[int, tuple[str, ToDevice, int]] = {}
        self.units = {name: signal.unit for name, signal in rig.signals.items()}

    @property
    def running(self) -> bool:
        """True while the bench runs in the background."""
        raise NotImplementedError

    @property
    def last_event_id(self) -> int:
        """Of the newest event that was sent; they count from 1."""
        return self._last_id

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

    @property
    def events_free(self) -> int:
        """How many more events can wait for their ticks. Only while the bench rests."""
        assert self.engine is not None
        assert self.built.spec is not None
        self.engine.loop.take_events()
        return self.built.spec.max_events - self.state.n_events

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
        role, tick = self.owner_of(name), self._due(at, due)
        number = self._send(EventKind.PARAM, name, target=params[name], values=[value], due=tick)
        if role is not None:
            self._tell_device(role, lambda wire, own: wire.set(name, float(value), own), tick, number)

    def owner_of(self, name: str) -> str | None:
        """The role whose device must be told of a new value of a parameter, None when all of it is in this process.

        Raises:
            BenchError: that device takes no parameters.
        """
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

    def _tell_board(self, role: str, act: BoardFault, text: str, due: int) -> int:
        assert self.engine is not None
        wire = self.engine.wires.wires[role]
        if not isinstance(wire, McuWire):
            mend = f"Bind {role} to mil or sil, or put faults on its signals or, with hil proxy, on its wire"
            raise BenchError(f"{wire.device.name} takes no faults of its controller: {text}", where=role, mend=mend)
        number = self._send(EventKind.MARK, text, due=due)
        self._tell_device(role, lambda _, own: act(wire, own), due, number)
        return number

    def _tell_device(self, role: str, act: ToDevice, due: int, number: int) -> None:
        """A device does it too: in lock-step at the same tick, in real time at the same time by its own clock.

        Where its clock is not known it is told when the bench's event `number` fires.
        """
        assert self.engine is not None
        wires = self.engine.wires
        if self.time == "lockstep":
            known = due != NEXT_TICK or not self.running
            wires.tell(role, act, (self.state.tick if due == NEXT_TICK else due) if known else None)
        elif due == NEXT_TICK:
            wires.tell(role, act)
        elif wires.wires[role].keeps_time:
            wires.tell(role, act, due)
        else:
            self._for_devices[number] = (role, act, due)

    def _send_ahead(self) -> None:
        """What waited for a device's clock to be known is sent with its time."""
        assert self.engine is not None
        wires = self.engine.wires
        for number, (role, act, due) in list(self._for_devices.items()):
            if wires.wires[role].keeps_time:
                del self._for_devices[number]
                wires.tell(role, act, due)

    def _fired(self, event: Mapping[str, Any]) -> None:
        """Told of each event that is drained."""
        if event["kind"] == "fault_on":
            self.acting[event["id"]] = event["target"]
        elif event["kind"] == "fault_off":
            self.acting.pop(event["id"], None)
        if event["kind"] in ("event", "mark") and event["id"] in self._for_devices and self.engine is not None:
            self.engine.wires.tell(*self._for_devices.pop(event["id"])[:2])

    def force(self, name: str, value: float, at: float | None = None, *, due: int | None = None) -> None:
        """Holds a signal at a value until it is released; the safety gate still acts behind it."""
        path = self._path(name)
        self._send(EventKind.FORCE, name, target=path, values=[_finite(name, value)], due=self._due(at, due))
        self._forced.add(name)

    def release(self, name: str, at: float | None = None, *, due: int | None = None) -> None:
        """Ends a force."""
        self._send(EventKind.RELEASE, name, target=self._path(name), due=self._due(at, due))
        self._forced.discard(name)

    def stimulate(self, signal: str, description: Segment) -> NoReturn:
        """Always refused, with what does it instead: a stimulus is a block, an open bench keeps its program (ADR 016).

        Raises:
            StimulusError: no stimulus can drive this name at all.
            BenchError: it can, from the opening on.
        """
        from hil.stimulus.applied import check_drivable

        with blamed(signal):
            check_drivable(self._rig, signal)
        what = f"a {description.kind} for {signal} would be a new block, and an open bench keeps its program"
        mend = f"Open it with open_bench(rig, stimuli={{'{signal}': ...}}), or call bench.force('{signal}', value, at=)"
        raise BenchError(what, where=self._rig.name, mend=mend)

    def safe(self, on: bool = True) -> None:
        """All gates to their safe values; off ends it. No emergency stop: it needs a running loop and wire."""
        self._send(EventKind.SAFE, "", values=[SafeReason.COMMAND if on else SafeReason.NONE])

    def authorities(self) -> list[str]:
        """Blocks `authority` of the rig: docs/authority.md."""
        return [name for name, block in self._rig.blocks.items() if block.type == "authority"]

    def act_on_authority(self, block: str, act: AuthorityAct, values: Sequence[float] = (), until: int = 0) -> int:
        """Sends a block `authority` one of its events, for the next tick; the core refuses what widens the rig.

        Args:
            block: its name.
            act: GRANT with (low, high, rate in 1/s), REQUEST with (value,), WITHDRAW or REVOKE.
            values: as `act` says.
            until: the first tick without it, of GRANT and REQUEST.

        Returns:
            the event's id.

        Raises:
            BenchError: there is no such block, or the bench is closed.
        """
        if block not in self.authorities():
            mend = did_you_mean(block, self.authorities())
            raise BenchError(f"there is no block authority '{block}'", where=self._rig.name, mend=mend)
        role = self._rig.blocks[block].role
        if role is not None and self.bindings[role] not in HERE:
            mend = f"Place {block} outside the role: what it says can be mapped to the device"
            raise BenchError(f"'{block}' runs in the device of {role}", where=self._rig.name, mend=mend)
        target = self.built.states[f"{block}.y"]
        text = f"{block}: {act.name.lower()}"
        return self._send(EventKind.AUTHORITY, text, target=target, kind2=act, values=values, ticks=until)

    def stop_twin(self) -> None:
        """Revokes all authorities in the next tick that begins. A flag beside the queue: any thread, never waits."""
        if self.engine is None or self.engine.closed:
            raise BenchError("the bench is closed", mend="Open a new one")
        self.engine.loop.stop_twin()
        self.twin_stops += 1

    def mark(self, text: str, *, due: int | None = None) -> None:
        """Puts a note into the recording."""
        self._send(EventKind.MARK, text, due=NEXT_TICK if due is None else due)

    def schedule(self, event: ScheduledEvent, names: Mapping[tuple[str, str], str], begin: int = 0) -> None:
        """Sends what a rig or script has scheduled, counted from the tick `begin`; `names` are those of parameters."""
        due = begin + event.tick(self._rig.period_ns)
        if event.mark is not None:
            self.mark(event.mark, due=due)
        elif event.signal is None:
            assert event.block is not None
            assert event.param is not None
            assert event.value is not None
            self.set(names[event.block, event.param], event.value, due=due)
        elif event.value is None:
            self.release(event.signal, due=due)
        else:
            self.force(event.signal, event.value, due=due)

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

    def describe(self, event: Mapping[str, Any]) -> str:
        """The name behind an event's target."""
        kind, target = event["kind"], event["target"]
        if kind == EventKind.PARAM:
            return next((name for name, offset in self.built.params.items() if offset == target), str(target))
        if kind in (EventKind.FORCE, EventKind.RELEASE, EventKind.FAULT):
            return next((name for name, path in self.built.paths.items() if path == target), str(target))
        if kind == EventKind.UPSET:
            return self.built.word_at(target)
        if kind == EventKind.BIND:
            return str(self.built.roles[target])
        return EventKind(kind).name.lower()


def _finite(name: str, value: float) -> float:
    if not math.isfinite(value):
        raise BenchError(f"{value} is not a finite number", where=name)
    return float(value)
