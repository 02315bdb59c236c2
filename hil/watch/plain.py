"""The plain view of a running bench: values, status, faults, bus health and timing in one picture, with rich."""

from __future__ import annotations

import contextlib
import select
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
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
from hil.watch.look import GOOD, View, bus_row, head_text, look, signal_row

TABLE_WIDTH = 58  # columns of one table of signals
AROUND = 4  # lines of frame and heading around the signals


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
    first = Text(status["rig"], "bold")
    first.append(f"  {status['time_s']:.2f} s", "bold cyan")
    first.append(f"  {head_text(status)}", "dim")
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
        value, unit, words, style = signal_row(values, name)
        table.add_row(Text(name), Text(value, style), Text(unit), Text(words, style))
    return table


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
    word, up, level, trip, trip_99, age, age_99, trouble = bus_row(name, counters)
    yield Text(word, "bold")
    yield Text(up, GOOD if up == "connected" else "bold red")
    yield Text(level)
    for middle, late in ((trip, trip_99), (age, age_99)):
        yield Text(middle)
        yield Text(late, "dim")
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
