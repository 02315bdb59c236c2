"""`hil proxy`: communication faults on the real wire, between two programs or cables."""

from __future__ import annotations

import math
import os
import queue
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from hil.cli import output
from hil.cli.options import JsonOption

SIGNALS = (signal.SIGTERM, signal.SIGINT)
LOOK_S = 0.2
BYTES_SHOWN = 24


def proxy(
    listen: Annotated[
        str, typer.Option(metavar="URL", help="Where clients connect: modbus-tcp://host:port, modbus-rtu://pty, ...")
    ],
    to: Annotated[str, typer.Option(metavar="URL", help="The device, in the same protocol.")],
    plan: Annotated[Path | None, typer.Option(metavar="FILE", help="Faults (TOML); none: it only forwards.")] = None,
    capture: Annotated[
        Path | None, typer.Option(metavar="FILE.pcapng", help="Write what passes, for Wireshark.")
    ] = None,
    protocol: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="modbus-rtu or serial (the MCU link), where neither URL says it."),
    ] = None,
    duration: Annotated[float | None, typer.Option(metavar="SECONDS", min=0.0, help="End after this time.")] = None,
    json: JsonOption = False,
) -> None:
    """Forward between two ends and put the PLAN's communication faults into what they say. Ctrl-C ends it.

    With --json: one line when it is ready, one for each fault that acts, one summary.
    """
    from hil.proxy import open_proxy

    ended = threading.Event()
    events: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
    show = output.print_json_line if json else _show_event
    previous = [signal.signal(number, lambda *_: ended.set()) for number in SIGNALS]
    try:
        with open_proxy(listen, to, plan=plan, capture=capture, on_event=events.put, protocol=protocol) as running:
            _show_ready(running, as_json=json)
            deadline = math.inf if duration is None else time.monotonic() + duration
            while not ended.is_set() and not running.failed.is_set() and time.monotonic() < deadline:
                _show_next(events, show, min(LOOK_S, deadline - time.monotonic()))
        while not events.empty():
            show(events.get())
    finally:
        for number, handler in zip(SIGNALS, previous, strict=True):
            signal.signal(number, handler)
    summary = {"event": "summary", **running.summary()}
    if json:
        output.print_json_line(summary)
    else:
        _show_summary(summary)
    if running.error:
        raise running.error


def _show_next(
    events: queue.SimpleQueue[dict[str, Any]], show: Callable[[dict[str, Any]], None], wait_s: float
) -> None:
    try:
        show(events.get(timeout=max(0.0, wait_s)))
    except queue.Empty:
        return


def _show_ready(running: Any, *, as_json: bool) -> None:
    if as_json:
        faults = len(running.plan.faults)
        told = {"event": "ready", "listen": running.listen, "to": running.to, "faults": faults, "pid": os.getpid()}
        output.print_json_line(told)
    else:
        output.note(f"{running.listen} -> {running.to} (Ctrl-C ends it)")


def _show_event(event: dict[str, Any]) -> None:
    before, after = (_hex(event[key]) for key in ("before", "after"))
    place = f"transaction {event['transaction']}, {event['on']}" if event["before"] else "connections"
    output.note(f"{event['time_s']:10.4f} s  {event['fault']}: {place}: {before} -> {after}")


def _hex(text: str) -> str:
    if not text:
        return "nothing"
    return text if len(text) <= 2 * BYTES_SHOWN else f"{text[: 2 * BYTES_SHOWN]}... ({len(text) // 2} bytes)"


def _show_summary(summary: dict[str, Any]) -> None:
    passed = f"{output.counted(summary['requests'], 'requests')}, {output.counted(summary['responses'], 'responses')}"
    output.note(f"{output.counted(summary['connections'], 'connections')}, {passed}")
    for key in ("unreachable", "no_frame", "overflows", "not_held", "lost_notes"):
        if summary[key]:
            output.note(f"{key.replace('_', ' ')}: {summary[key]:,}")
    for fault in summary["faults"]:
        classes = ", ".join(fault["classes"])
        output.note(f"{fault['fault']} ({classes}): acted {fault['acted']:,} of {fault['matched']:,} that matched")
