"""Instruments of one role as a bus of the loop: a thread for each of them, beside two boxes of values."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hil._port import ValuePort
from hil.drivers.slow_thread import SlowThread
from hil.drivers.visa_instrument import AnswerError, Instrument, InstrumentError, LimitError
from hil.errors import BusError

REFRESH_S = 2.0  # what has not changed is told again, in case the instrument has restarted unseen
SWITCH = "enable"  # key of the output that switches it on: last on the way up, first on the way down
MOST_EVENTS = 1000  # that nobody has taken; more are only counted
COUNTED = ("cycles", "images", "commands", "readings", "failed_cycles", "missed_cycles", "refused_commands",
           "instrument_errors", "bad_readings", "connects", "failed_connects", "disconnects", "reconnects")  # fmt: skip


@dataclass
class Member:
    """One instrument with its places in the image.

    Attributes:
        reads: key of a reading -> place among the role's outputs.
        writes: key of an output -> place among the role's inputs.
        period_s: of its cycles.
        give_up_s: lost for so long, the run ends.
    """

    instrument: Instrument
    reads: Mapping[str, int]
    writes: Mapping[str, int]
    period_s: float
    give_up_s: float = 5.0


@dataclass
class _Shared:
    """What the threads of a bus share, under one lock: the newest image either way, and what there is to tell."""

    port: ValuePort
    values: list[float]
    lock: threading.Lock = field(default_factory=threading.Lock)
    read_ns: dict[str, int] = field(default_factory=dict)
    wanted: list[float] | None = None
    wanted_s: float = 0.0
    events: list[str] = field(default_factory=list)

    def publish(self, name: str, places: Mapping[str, int], values: Mapping[str, float], read_ns: int | None) -> None:
        """Puts readings into the image, which is as old as its oldest living part; None: the instrument is lost."""
        with self.lock:
            for key, place in places.items():
                self.values[place] = values[key]
            if read_ns is None:
                self.read_ns.pop(name, None)
            elif places:
                self.read_ns[name] = read_ns
            self.port.publish(self.values, min(self.read_ns.values(), default=time.monotonic_ns()))

    def take(self) -> tuple[list[float] | None, float]:
        """The newest commands of the loop, and when they came."""
        with self.lock:
            image = self.port.take_out()
            if image is not None:
                self.wanted, self.wanted_s = image[2], time.monotonic()
            return self.wanted, self.wanted_s

    def tell(self, text: str) -> None:
        with self.lock:
            if len(self.events) < MOST_EVENTS:
                self.events.append(text)


class InstrumentBus:
    """What the loop connects; see docs/instruments.md for what it promises.

    Attributes:
        origin_ns: time of the loop's tick 0, once it has been started.
    """

    def __init__(self, members: Sequence[Member], n_in: int, n_out: int, *, hold_s: float = 2.0) -> None:
        """n_in values go to the loop, n_out come from it; without new ones for `hold_s` all instruments go safe."""
        self.n_in, self.n_out = n_in, n_out
        self.port = ValuePort(n_in, n_out)
        self._shared = _Shared(self.port, [math.nan] * n_in)
        self.origin_ns: int | None = None
        self.parts = {m.instrument.name: _Part(m, self._shared, hold_s) for m in members}

    def connect(self, *_: float, **__: float) -> None:
        """Connects to all, or raises BusError. Not while the threads run. Each has its own longest time."""
        for part in self.parts.values():
            part.connect()

    def start(self, start_ns: int, *_: Any, **__: Any) -> None:
        """Runs cycles in a thread for each instrument, at its own period (time.monotonic_ns)."""
        self.origin_ns = start_ns
        with self._shared.lock:
            self._shared.wanted = None  # of an earlier run
            self._shared.port.take_out()
        for part in self.parts.values():
            part.thread.start(start_ns, round(part.member.period_s * 1e9))

    def stop(self) -> None:
        """Ends the threads, makes every instrument safe and closes it, all at once."""
        closing = [threading.Thread(target=part.end, name=f"end {name}") for name, part in self.parts.items()]
        for thread in closing:
            thread.start()
        for thread in closing:
            thread.join()

    @property
    def connected(self) -> bool:
        """All of them answer, or did in their last cycle."""
        return all(part.connected for part in self.parts.values())

    @property
    def gone(self) -> BusError | None:
        """The first that has been lost for longer than it may."""
        return next((error for part in self.parts.values() if (error := part.gone())), None)

    def take_events(self) -> list[str]:
        """What has happened since the last call."""
        with self._shared.lock:
            told, self._shared.events = self._shared.events, []
        return told

    def note_refused(self, name: str, text: str) -> None:
        """A command from beside the loop that was not sent."""
        self.parts[name].count["refused_commands"] += 1
        self.tell(f"refused: {text}")

    def tell(self, text: str) -> None:
        """One more event."""
        self._shared.tell(text)

    def age_s(self, name: str) -> float:
        """Of an instrument's newest readings, in s; infinite when there are none."""
        with self._shared.lock:
            read_ns = self._shared.read_ns.get(name)
        return math.inf if read_ns is None else (time.monotonic_ns() - read_ns) * 1e-9

    def counters(self) -> dict[str, Any]:
        """Sums of all, and each by name."""
        each = {name: part.counters() for name, part in self.parts.items()}
        sums = {key: sum(one[key] for one in each.values()) for key in COUNTED}
        return {**sums, "instruments": each}

    def port_ptr(self) -> int:
        """Address of the struct hil_bus_port, for the loop."""
        return self.port.port_ptr()


class _Part:
    """One instrument of a bus, with its thread."""

    def __init__(self, member: Member, shared: _Shared, hold_s: float) -> None:
        self.member, self.instrument, self.shared, self.hold_s = member, member.instrument, shared, hold_s
        self.count = dict.fromkeys(COUNTED, 0)
        self.longest_s = 0.0
        self.thread = SlowThread(self, member.instrument.name, member.instrument.where)
        self._told: dict[str, tuple[float, float]] = {}  # key -> value, when
        self._refused: dict[str, float] = {}
        self._lost_s: float | None = None
        self._safe = False

    @property
    def connected(self) -> bool:
        """It answers, or did in its last cycle."""
        return self.instrument.connected

    @property
    def lost(self) -> bool:
        """It was lost in mid-run and has not come back."""
        return self._lost_s is not None

    def counters(self) -> dict[str, Any]:
        """What has happened so far."""
        facts = {"connected": self.connected, "url": self.instrument.url, "idn": self.instrument.idn}
        return {**facts, **self.count, "longest_s": round(self.longest_s, 6)}

    def gone(self) -> BusError | None:
        """Why there is no use in waiting for it any longer."""
        if self._lost_s is None or time.monotonic() - self._lost_s < self.member.give_up_s:
            return None
        why = f"was lost {self.member.give_up_s:g} s ago and has not come back"
        return BusError(why, where=self.instrument.where, mend="Look at its cable and power")

    def connect(self) -> None:
        """Now, or raises BusError."""
        if not self.instrument.connected:
            self.instrument.connect()
            self.count["connects"] += 1
            self._told.clear()
            self._refused.clear()
            self._lost_s = None

    def reconnect(self) -> bool:
        """Once; False when that failed."""
        lost = self._lost_s is not None
        try:
            self.connect()
        except BusError:
            self.count["failed_connects"] += 1
            self._lost_s = self._lost_s or time.monotonic()
            return False
        if lost:
            self.count["reconnects"] += 1
            self.shared.tell(f"{self.instrument.name} is back")
        return True

    def cycle(self) -> None:
        """Tells what has changed and reads everything once."""
        self.count["cycles"] += 1
        begun = time.monotonic()
        try:
            self._tell()
            read_ns = time.monotonic_ns()
            values = {key: self._read(key) for key in self.member.reads}
        except BusError as error:
            self._lose(str(error))
            return
        self.longest_s = max(self.longest_s, time.monotonic() - begun)
        self.count["images"] += 1
        self.shared.publish(self.instrument.name, self.member.reads, values, read_ns)

    def missed(self, cycles: int) -> None:
        """Cycles that had no time of their own."""
        self.count["missed_cycles"] += cycles

    def end(self) -> None:
        """Ends the thread, makes the instrument safe and closes it."""
        self.thread.join()
        self.instrument.close()
        self._told.clear()

    def _lose(self, why: str) -> None:
        """An answer that came late would be taken for the next one's, so the session is opened anew."""
        self.instrument.drop()
        self.count["failed_cycles"] += 1
        self.count["disconnects"] += 1
        self._lost_s = time.monotonic()
        self.shared.tell(f"{self.instrument.name} is lost: {why}")
        self.shared.publish(self.instrument.name, self.member.reads, dict.fromkeys(self.member.reads, math.nan), None)

    def _read(self, key: str) -> float:
        """NaN, which is a bad value, for an answer that is no number."""
        self.count["readings"] += 1
        value = math.nan
        try:
            value = self.instrument.read(key)
        except AnswerError as error:
            self.shared.tell(str(error))
        self.count["bad_readings"] += not math.isfinite(value)
        return value

    def _tell(self) -> None:
        wanted, when_s = self.shared.take()
        now_s = time.monotonic()
        if wanted is None:
            return
        if now_s - when_s > self.hold_s:
            self._hold()
            return
        self._safe = False
        values = {key: wanted[place] for key, place in self.member.writes.items()}
        for key in self._order(values):
            told, told_s = self._told.get(key, (math.nan, 0.0))
            if values[key] != told or now_s - told_s > REFRESH_S:
                self._send(key, values[key], now_s)

    def _order(self, values: dict[str, float]) -> list[str]:
        """The switch goes last on the way up and first on the way down; unmapped it is on once all is told."""
        keys = [key for key in values if key != SWITCH]
        if SWITCH not in values:
            if SWITCH not in self.instrument.dialect.outputs or not keys:
                return keys
            values[SWITCH] = 1.0
            return [*keys, SWITCH] if all(key in self._told for key in keys) else keys
        return [*keys, SWITCH] if values[SWITCH] >= 0.5 else [SWITCH, *keys]

    def _send(self, key: str, value: float, now_s: float) -> None:
        if self._refused.get(key) == value:
            return  # said and counted once
        try:
            self.instrument.set(key, value)
        except LimitError as error:
            self._refused[key] = value
            self.count["refused_commands"] += 1
            self.shared.tell(f"refused: {error}")
            return
        except InstrumentError as error:
            self._refused[key] = value
            self.count["instrument_errors"] += 1
            self.shared.tell(str(error))
            return
        self._refused.pop(key, None)
        self.count["commands"] += 1
        self._told[key] = (value, now_s)

    def _hold(self) -> None:
        """The loop is silent: safe, once."""
        if not self._safe:
            self._safe = True
            self._told.clear()
            self.shared.tell(f"{self.instrument.name} was made safe: the loop was silent for {self.hold_s:g} s")
            self.instrument.make_safe()
