"""A proxy that runs: opens both ends, drains what the C part tells, writes the capture, sums up."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

from hil import _proxy
from hil.errors import BusError, HilError
from hil.proxy.capture import Capture
from hil.proxy.ends import OTHER_SILENCE_S, SerialEnd, open_serial, parse_end, protocol_of
from hil.proxy.plan import Plan, read_plan

__all__ = ["OnEvent", "Proxy", "open_proxy"]

OnEvent = Callable[[dict[str, Any]], None]

DRAIN_S = 0.01
WAYS = ("request", "response")
# What may wait for the reader, in bytes as powers of two: 32 MiB hold about 300,000 frames.
CAPTURE_RING_BITS, RING_BITS = 25, 20
KEPT = 100_000  # activations that are kept for `events`; all are counted and told


def open_proxy(
    listen: str,
    to: str,
    *,
    plan: Plan | str | Path | None = None,
    capture: str | Path | None = None,
    on_event: OnEvent | None = None,
) -> Proxy:
    """Starts a proxy; use it in a `with` block.

    Args:
        listen: where clients connect: `modbus-tcp://host:port` (0: any free one), `modbus-rtu:///dev/...`,
            `serial:///dev/...` (the MCU link), or `modbus-rtu://pty` for a pseudo-terminal that is made.
        to: the other end, of the same kind.
        plan: what it does to frames; none: nothing.
        capture: pcapng file to write.
        on_event: is told each activation, from another thread.

    Raises:
        HilError: a plan with mistakes, an address that is none, a port in use, a line that cannot be opened.
    """
    protocol = protocol_of(listen, to)
    if plan is None or not isinstance(plan, Plan):
        plan = Plan() if plan is None else read_plan(plan, protocol)
    ends = [open_serial(listen)] if protocol != "tcp" else []
    try:
        if ends:
            ends.append(open_serial(to))
        return Proxy(listen, to, protocol, plan, ends, capture, on_event)
    except BaseException:
        for end in ends:
            end.close()
        raise


class Proxy:
    """Made by `open_proxy`.

    Attributes:
        listen, to: addresses of both ends, with the port or pseudo-terminal that was found.
        events: activations so far, oldest first (the first 100,000).
        failed: set when it cannot go on as asked: a serial line has gone, the capture cannot be written.
        error: why.
    """

    def __init__(
        self,
        listen: str,
        to: str,
        protocol: str,
        plan: Plan,
        ends: list[SerialEnd],
        capture: str | Path | None,
        on_event: OnEvent | None,
    ) -> None:
        self.plan, self.on_event, self._stopped = plan, on_event, False
        self.error: HilError | None = None
        self.events: list[dict[str, Any]] = []
        self.failed = threading.Event()
        self._ends, self._ending = ends, threading.Event()
        self.wire = self._make(listen, to, protocol, captured=capture is not None)
        names = [fault.name for fault in plan.faults]
        epoch_ns = time.time_ns() - time.monotonic_ns()
        self._capture = Capture(capture, protocol, names, epoch_ns) if capture is not None else None
        self._thread = threading.Thread(target=self._drain_for_ever, name="hil-proxy", daemon=True)
        self.wire.start()
        self.listen = ends[0].url if ends else parse_end(listen, listen=True).url(self.wire.port)
        self.to = ends[1].url if ends else parse_end(to, listen=False).url()
        self._thread.start()

    def _make(self, listen: str, to: str, protocol: str, *, captured: bool) -> _proxy.WireProxy:
        faults = [fault.core for fault in self.plan.faults]
        if self._ends:
            fd, to_fd = (end.line.fd for end in self._ends)
            silence_s = max(end.silence_s for end in self._ends)
            where: dict[str, Any] = {"fd": fd, "to_fd": to_fd, "silence_s": silence_s}
        else:
            here, there = parse_end(listen, listen=True), parse_end(to, listen=False)
            where = {"host": here.host, "port": here.port, "to_host": there.host, "to_port": there.port}
            where["silence_s"] = OTHER_SILENCE_S
        ring_bits = CAPTURE_RING_BITS if captured else RING_BITS
        return _proxy.WireProxy(protocol, faults, seed=self.plan.seed, capture=captured, ring_bits=ring_bits, **where)

    @property
    def port(self) -> int:
        """TCP port that it listens at; 0 on a serial line."""
        return 0 if self._ends else self.wire.port

    @property
    def path(self) -> str:
        """Where a program connects on a serial line."""
        if not self._ends:
            raise BusError("is not on a serial line", where=self.listen)
        return self._ends[0].path

    def summary(self) -> dict[str, Any]:
        """Counters, and for each fault how often it met its conditions and acted."""
        counts = self.wire.fault_counts()
        faults = [
            {"fault": fault.name, "classes": list(fault.classes), "matched": matched, "acted": acted}
            for fault, (matched, acted) in zip(self.plan.faults, counts, strict=True)
        ]
        return {"listen": self.listen, "to": self.to, "seed": self.plan.seed, **self.wire.counters(), "faults": faults}

    def close(self) -> None:
        """Ends all connections, then what still reports on them. A second call does nothing."""
        if self._ending.is_set():
            return
        self._stopped = True
        self.wire.stop()
        self._ending.set()
        self._thread.join()
        if self._capture:
            self._capture.close()
        for end in self._ends:
            end.close()

    def __enter__(self) -> Proxy:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _drain_for_ever(self) -> None:
        while not self._ending.wait(DRAIN_S):
            self._drain()
        self._drain()

    def _drain(self) -> None:
        while notes := self.wire.read():
            for note in notes:
                self._take(note)
            self._write(notes)

    def _write(self, notes: list[_proxy.Note]) -> None:
        if not self._capture:
            return
        try:
            for note in notes:
                self._capture.note(note)
            self._capture.flush()
        except OSError as error:
            self._capture = None
            self._fail(HilError(f"the capture cannot be written: {error.strerror}", mend="Frames go on without it"))

    def _fail(self, error: HilError) -> None:
        self.error = error
        self.failed.set()

    def _take(self, note: _proxy.Note) -> None:
        if note.kind == _proxy.CLOSED and self._ends and not self._stopped:
            where = f"{self._ends[0].url} or {self._ends[1].url}"
            self._fail(BusError("the line has gone", where=where, mend="Check the cable and the adapter"))
        if note.kind != _proxy.ACTED:
            return
        event = self._event(note)
        if len(self.events) < KEPT:
            self.events.append(event)
        if self.on_event:
            self.on_event(event)

    def _event(self, note: _proxy.Note) -> dict[str, Any]:
        fault = self.plan.faults[note.fault]
        return {
            "event": "fault",
            "time_s": round((note.time_ns - self.wire.start_ns) * 1e-9, 9),
            "fault": fault.name,
            "kind": fault.kind,
            "classes": list(fault.classes),
            "connection": note.session,
            "transaction": note.number,
            "on": WAYS[note.way],
            "before": note.before.hex(),
            "after": note.after.hex(),
        }
