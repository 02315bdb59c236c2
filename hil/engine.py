"""Lets a loop run in its kind of time, and ends it safely. The order of work inside a tick is the core's alone."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from hil import _core
from hil.errors import BenchError, BusError
from hil.events import EventKind, SafeReason, encode
from hil.rig import Rig
from hil.wires import Wires

POLICIES = ("count", "skip", "catch_up", "stop", "safe_state")  # enum hil_overrun_policy
END_OVERRUN = 3  # enum hil_runner_end
DRAIN_S = 0.05
LEAD_NS = 50_000_000  # from here to the first tick: bus threads are up and asleep by then, on a busy machine too
SAFE_TICKS = 3  # enough for a safe value to be published; with safe_rate as many as its ramp takes
MAX_SAFE_S = 30.0
SAFE_TRIES = 10  # one does, unless somebody sends on and on


@dataclass
class Engine:
    """A loop, its wires and the kind of time.

    Attributes:
        drain: called often enough that no ring fills; in the thread that runs.
        grants: what the machine granted in real time (see hil.realtime.verdict).
        ended_by: why a run ended before its time, None when it did not.
        closed: it runs no more.
    """

    rig: Rig
    time: str
    loop: _core.Loop
    state: _core.State
    wires: Wires
    drain: Callable[[], None]
    grants: dict[str, object] = field(default_factory=dict)
    ended_by: str | None = None
    closed: bool = False
    _stop: threading.Event = field(default_factory=threading.Event)
    _latency_fd: int | None = None

    def advance(self, ticks: int | None) -> int:
        """Runs so many ticks (None: until `stop`) and returns how many were run."""
        run = {"virtual": self._virtual, "lockstep": self._lockstep, "real": self._real}[self.time]
        first = self.state.tick
        self.ended_by = None
        if ticks != 0 and not self._stop.is_set():  # asked for before the run began
            self.loop.resume()
            try:
                run(ticks)
            finally:
                self.drain()
        self._stop.clear()
        return self.state.tick - first

    def stop(self) -> None:
        """Ends a run after its tick. Does not wait; safe from any thread and from a signal handler."""
        self._stop.set()
        self.loop.stop()

    def forget_stop(self) -> None:
        """Lets the next run begin although a stop came when the last one had already ended."""
        self._stop.clear()

    def _chunks(self, ticks: int | None, step: Callable[[int], int]) -> None:
        left = ticks
        while (left is None or left > 0) and not self._stop.is_set():
            done = step(100_000 if left is None else min(left, 100_000))
            left = None if left is None else left - done
            self.drain()

    def _virtual(self, ticks: int | None) -> None:
        self._chunks(ticks, self.loop.run)

    def _lockstep(self, ticks: int | None) -> None:
        def step(n: int) -> int:
            done, error = self.loop.run_lockstep(n)
            if error:
                raise self._broken(error)
            return int(done)

        self._chunks(ticks, step)

    def _broken(self, error: int) -> BusError:
        """Which device broke the lock-step."""
        devices = ", ".join(f"{w.device.name} at {w.device.url}" for w in self.wires.wires.values())
        return BusError(
            f"lock-step ended at tick {self.state.tick}: {_core.error_text(abs(error))}",
            where=devices,
            mend="Look at the device's own messages; in lock-step every answer is waited for",
        )

    def _real(self, ticks: int | None) -> None:
        self._prepare()
        first_ns = _core.clock_ns() + LEAD_NS
        try:
            self.wires.start(first_ns - self.state.tick * self.rig.period_ns, self.rig.loop.priority)
            self._start_loop(first_ns, ticks)
            while not self.loop.ended:
                self._stop.wait(DRAIN_S)
                self.drain()
                lost = self.wires.broken()
                if lost is not None:
                    raise lost
                if self._stop.is_set():
                    self.loop.stop()
                    time.sleep(min(DRAIN_S, self.rig.period_s))
        finally:
            self.loop.stop()
            if self.loop.join() == END_OVERRUN:
                self.ended_by = "overrun"
            self.wires.stop()

    def _start_loop(self, first_ns: int, ticks: int | None) -> None:
        loop = self.rig.loop
        self.loop.start(
            policy=POLICIES.index(loop.overrun),
            grace_ticks=loop.grace_ticks,
            max_catch_up=loop.max_catch_up,
            priority=loop.priority,
            cpu=-1 if loop.cpu is None else loop.cpu,
            spin_ns=round(loop.spin_us * 1e3),
            n_ticks=ticks or 0,
            first_ns=first_ns,
        )
        fifo, affinity = self.loop.granted
        self.grants |= {"fifo": fifo if loop.priority else None, "affinity": None if loop.cpu is None else affinity}

    def _prepare(self) -> None:
        """Locks memory and keeps the CPU awake, where permitted."""
        if "memory" not in self.grants:
            self.grants |= {"memory": _core.lock_memory(), "priority": self.rig.loop.priority, "cpu": self.rig.loop.cpu}
        if self._latency_fd is None:
            try:
                self._latency_fd = os.open("/dev/cpu_dma_latency", os.O_WRONLY)
                os.write(self._latency_fd, bytes(4))
            except OSError:
                self._latency_fd = None

    def make_safe(self, gated: dict[str, float], read: Callable[[str], float]) -> dict[str, float]:
        """Takes every gate to its safe value, lets it reach the wire, and verifies it.

        Args:
            gated: safe value by signal.
            read: gives a signal's value.

        Returns:
            the signals that did not get there, with their values; empty when all is safe.
        """
        self._stop.clear()
        self.forget_stop()
        self._push_safe()
        deadline = self.state.tick + round(MAX_SAFE_S / self.rig.period_s)
        missing = dict(gated)
        while missing and self.state.tick < deadline:
            before = self.state.tick
            self._safe_ticks()
            missing = {name: read(name) for name, value in gated.items() if read(name) != value}
            if self.state.tick == before:
                break
        return missing

    def _push_safe(self) -> None:
        """A queue full of what somebody sent cannot keep a bench from becoming safe: ticks take what is in it."""
        event = encode(EventKind.SAFE, values=[SafeReason.TEARDOWN])
        for _ in range(SAFE_TRIES):
            try:
                self.loop.push(event)
            except BenchError:
                self._safe_ticks()
            else:
                return
        self.loop.push(event)

    def _safe_ticks(self) -> None:
        """A few more ticks on the same wire; a device that has gone cannot stop the others from becoming safe."""
        real_ticks = max(
            SAFE_TICKS,
            round(max((w.device.period_s for w in self.wires.wires.values()), default=0.0) * 3 / self.rig.period_s),
        )
        try:
            self.advance(real_ticks if self.wires.wires else SAFE_TICKS)
        except BusError:
            self.loop.resume()
            self.loop.run(SAFE_TICKS)

    def close(self) -> None:
        """Ends threads, emulated devices and what was held open. A second call does nothing."""
        self.closed = True
        self.loop.stop()
        self.loop.join()
        self.wires.close()
        if self._latency_fd is not None:
            os.close(self._latency_fd)
            self._latency_fd = None
