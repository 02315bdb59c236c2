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
from hil.proxy.ends import OTHER_SILENCE_S, SerialEnd, listens, open_serial, parse_end, protocol_of
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
    protocol: str | None = None,
) -> Proxy:
    """Starts a proxy; use it in a `with` block.

    Args:
        listen: where clients connect: `modbus-tcp://host:port` (0: any free one), `modbus-rtu:///dev/...`,
            `serial:///dev/...` (the MCU link), `modbus-rtu://pty` for a pseudo-terminal that is made, or
            `socket://host:port`, the end of a serial line for one client at a time.
        to: the other end, in the same protocol; a line behind a network is `socket://...` or `rfc2217://...`.
        plan: what it does to frames; none: nothing.
        capture: pcapng file to write.
        on_event: is told each activation, from another thread.
        protocol: "modbus-rtu" or "serial" (the MCU link), where neither address says it.

    Raises:
        HilError: a plan with mistakes, an address that is none, a port in use, a line that cannot be opened.
    """
    spoken = protocol_of(listen, to, protocol)
    if plan is None or not isinstance(plan, Plan):
        plan = Plan() if plan is None else read_plan(plan, spoken)
    here: SerialEnd | None = None
    there: SerialEnd | None = None
    try:
        here = None if listens(listen) else open_serial(listen, spoken)
        there = None if spoken == "tcp" else open_serial(to, spoken)
        return Proxy(listen, to, spoken, plan, (here, there), capture, on_event)
    except BaseException:
        for end in (here, there):
            if end is not None:
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
        ends: tuple[SerialEnd | None, SerialEnd | None],
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
        here, there = ends
        self.listen = here.url if here else parse_end(listen, listen=True).url(self.wire.port)
        self.to = there.url if there else parse_end(to, listen=False).url()
        self._thread.start()

    def _make(self, listen: str, to: str, protocol: str, *, captured: bool) -> _proxy.WireProxy:
        faults = [fault.core for fault in self.plan.faults]
        here, there = self._ends
        lines = [end for end in self._ends if end is not None]
        where: dict[str, Any] = {"silence_s": max((end.silence_s for end in lines), default=OTHER_SILENCE_S)}
        if here:
            where["fd"] = here.line.fd
        else:
            end = parse_end(listen, listen=True)
            where |= {"host": end.host, "port": end.port}
        if there:
            where["to_fd"] = there.line.fd
        else:
            end = parse_end(to, listen=False)
            where |= {"to_host": end.host, "to_port": end.port}
        ring_bits = CAPTURE_RING_BITS if captured else RING_BITS
        return _proxy.WireProxy(protocol, faults, seed=self.plan.seed, capture=captured, ring_bits=ring_bits, **where)

    @property
    def port(self) -> int:
        """TCP port that it listens at; 0 where it listens at a serial port."""
        return 0 if self._ends[0] else self.wire.port

    @property
    def path(self) -> str:
        """Where a program connects on a serial line."""
        if self._ends[0] is None:
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
            if end is not None:
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
        if note.kind == _proxy.CLOSED and self._ends[1] and not self._stopped:
            where = f"{self._ends[0].url} or {self.to}" if self._ends[0] else self.to
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
