"""A running bench in the terminal: values, status, faults, bus health and timing, read through its control socket."""

from __future__ import annotations

import contextlib
import select
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from rich.columns import Columns
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from hil.cli.output import counted, nanoseconds_text
from hil.control import ControlClient
from hil.errors import BenchError

STATUS = (
    (8, "bad", "bold red"),
    (16, "safe", "bold magenta"),
    (1, "stale", "yellow"),
    (4, "faulted", "red"),
    (2, "forced", "cyan"),
)
GOOD = "green"
AWAY = ("not here", "dim")  # internal to a controller that runs on its device
TABLE_WIDTH = 58  # columns of one table of signals
AROUND = 4  # lines of frame and heading around the signals


@dataclass(frozen=True)
class View:
    """One look at a bench: `status` and `values` as hil.control.requests gives them."""

    status: Mapping[str, Any]
    values: Mapping[str, Any]


def look(client: ControlClient, patterns: Sequence[str] | None = None) -> View:
    """Asks the bench for everything a frame shows; `patterns` choose signals.

    Raises:
        BenchError: the bench has ended, or no signal fits.
    """
    status = client.request("status")
    values = client.request("values")
    if patterns:
        names = [name for name in values["values"] if any(fnmatchcase(name, p) for p in patterns)]
        if not names:
            raise BenchError(
                "no signal fits", where="--signals", mend=f"There are {', '.join(list(values['values'])[:12])}"
            )
        values = {**values, **{key: {n: values[key][n] for n in names} for key in ("values", "status", "units")}}
    return View(status, values)


def show(client: ControlClient, console: Console, patterns: Sequence[str] | None, rate_hz: float) -> None:
    """Redraws until the bench ends, or somebody types q or Ctrl-C."""
    view = look(client, patterns)
    live = Live(console=console, auto_refresh=False, screen=console.is_terminal)
    # The error that ends it is the bench's end.
    with contextlib.suppress(KeyboardInterrupt, BenchError), _keys() as quit_typed, live:
        while not quit_typed(1.0 / rate_hz):
            live.update(frame(view, console.width, console.height), refresh=True)
            view = look(client, patterns)
    console.print(f"{view.status['rig']} at {view.status['time_s']:.3f} s")


def frame(view: View, width: int, height: int | None) -> RenderableType:
    """One picture of the bench; `height` None shows all signals."""
    below = [part for part in (_faults(view.status), _buses(view.status)) if part is not None]
    used = 2 + AROUND + len(view.status["faults"]) + 4 * bool(view.status["faults"]) + len(view.status["buses"]) + 4
    room = None if height is None else max(3, height - used)
    return Group(_head(view.status), _signals(view.values, width, room), *below)


def _head(status: Mapping[str, Any]) -> RenderableType:
    """Who runs, and how well it keeps time."""
    kind = {"real": "real time", "lockstep": "lock-step", "virtual": "virtual time"}[status["time"]]
    levels = ", ".join(f"{role}: {level}" for role, level in status["bindings"].items())
    first = Text(status["rig"], "bold")
    first.append(f"  {status['time_s']:.2f} s", "bold cyan")
    first.append(
        f"  {kind}, tick {status['tick']:,} of {1e3 * status['period_s']:g} ms, {levels}, pid {status['pid']}", "dim"
    )
    if status["safe"]:
        first.append("  SAFE STATE", "bold white on magenta")
    second = Text("loop  ", "bold")
    late, work = ({key: nanoseconds_text(v) for key, v in status[name].items()} for name in ("late_ns", "exec_ns"))
    if status["late_ns"]["p50"] is not None:
        second.append(f"late {late['p50']}, 99 % {late['p99']}, worst {late['max']}; ")
        second.append(f"work {work['p50']}, worst {work['max']}; ")
    for key, word in (("overruns", "overruns"), ("missed", "missed ticks"), ("lost_samples", "lost rows")):
        second.append(counted(status[key], word) + "  ", "bold red" if status[key] else GOOD)
    return Group(first, second)


def _signals(values: Mapping[str, Any], width: int, room: int | None) -> RenderableType:
    """Signals in as many tables side by side as fit, cut where the terminal ends."""
    names = list(values["values"])
    tables = max(1, min(width // TABLE_WIDTH, -(-len(names) // 8)))
    each = -(-len(names) // tables)
    shown = each if room is None else min(each, room)
    parts = [_signal_table(values, names[i * each : i * each + shown], names) for i in range(tables)]
    hidden = sum(max(0, len(names[i * each : (i + 1) * each]) - shown) for i in range(tables))
    title = f"signals, {hidden} not shown (--signals PATTERN chooses)" if hidden else "signals"
    return Panel(Columns(parts, padding=(0, 2)), title=title, title_align="left", border_style="dim", expand=False)


def _signal_table(values: Mapping[str, Any], names: Sequence[str], all_names: Sequence[str]) -> Table:
    longest = max((len(name) for name in all_names), default=0)
    table = Table.grid(padding=(0, 1, 0, 0))
    table.add_column(width=min(longest, 28), no_wrap=True)
    table.add_column(width=12, justify="right", no_wrap=True)
    table.add_column(width=6, no_wrap=True, style="dim")
    table.add_column(width=8, no_wrap=True)
    for name in names:
        away = name in values["away"]
        words, style = AWAY if away else status_words(values["status"][name])
        unit = values["units"].get(name) or ""
        table.add_row(
            Text(name),
            Text("n/a" if away else _number(values["values"][name]), style),
            Text("" if unit == "1" else unit),
            Text(words, style),
        )
    return table


def status_words(bits: int) -> tuple[str, str]:
    """The worst status bit in a word, with "+" when there are more; and its colour."""
    found = [(word, style) for bit, word, style in STATUS if bits & bit]
    if not found:
        return "good", GOOD
    return found[0][0] + ("+" if len(found) > 1 else ""), found[0][1]


def _number(value: float | None) -> str:
    if value is None:
        return "nan"
    return f"{value:.5g}" if value and abs(value) < 1e-3 else f"{value:,.5f}"[:12]


def _faults(status: Mapping[str, Any]) -> RenderableType | None:
    if not status["faults"] and not status["forced"]:
        return None
    table = Table.grid(padding=(0, 2, 0, 0))
    for fault in status["faults"]:
        style = "bold red" if fault["phase"] == "active" else "yellow"
        table.add_row(Text(str(fault["id"]), "dim"), Text(fault["phase"], style), Text(fault["text"]))
    for name in status["forced"]:
        table.add_row(Text(""), Text("forced", "cyan"), Text(name))
    return Panel(table, title="faults and forces", title_align="left", border_style="dim", expand=False)


def _buses(status: Mapping[str, Any]) -> RenderableType | None:
    if not status["buses"]:
        return None
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for column in ("bus", "", "level", "round trip", "99 %", "age", "99 %", "trouble"):
        table.add_column(column, no_wrap=True)
    for name, counters in status["buses"].items():
        table.add_row(*_bus_row(name, counters))
    return Panel(table, title="buses", title_align="left", border_style="dim", expand=False)


def _bus_row(name: str, counters: Mapping[str, Any]) -> Iterator[Text]:
    from hil.cli.summary import trouble_text

    up = counters.get("connected", False)
    yield Text(name, "bold")
    yield Text("connected" if up else "NOT CONNECTED", GOOD if up else "bold red")
    yield Text(str(counters.get("level", "")))
    for histogram in ("round_trip_ns", "age_ns"):
        times = counters.get(histogram) or {}
        yield Text(nanoseconds_text(times.get("p50")))
        yield Text(nanoseconds_text(times.get("p99")), "dim")
    trouble = trouble_text(counters)
    yield Text(trouble, GOOD if trouble == "no errors" else "yellow")


@contextlib.contextmanager
def _keys() -> Iterator[Any]:
    """A function that waits so many seconds and says whether q was typed meanwhile."""
    if not sys.stdin.isatty():
        yield _sleep
        return
    import termios
    import tty

    before = termios.tcgetattr(sys.stdin)
    try:
        tty.setcbreak(sys.stdin)
        yield _wait_for_q
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


def _sleep(seconds: float) -> bool:
    time.sleep(seconds)
    return False


def _wait_for_q(seconds: float) -> bool:
    ready, _, _ = select.select([sys.stdin], [], [], seconds)
    return bool(ready) and sys.stdin.read(1) in ("q", "Q", "\x1b")
