"""The pages of `hil watch`: each is a table or a few plots that are filled anew from what was seen."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import DataTable, Sparkline, Static

from hil.cli.output import counted, nanoseconds_text
from hil.watch.asker import Seen
from hil.watch.look import GOOD, bus_row, signal_row

TREND_S = 30.0  # of what a trend shows
MOST_TRENDS = 6
RIGHT = ("value", "age")  # columns of numbers
ALARM_STYLES = {"unacknowledged": "bold red", "acknowledged": "red", "returned": "yellow", "latched": "yellow"}
CAPTURE_STYLES = {"error": "bold red", "timeout": "yellow", "finished": GOOD}

Row = tuple[str, Sequence[Text]]


class TablePage(VerticalScroll):
    """A table whose rows have keys; only cells that differ are drawn again.

    Attributes:
        columns: their headings.
        empty: what stands there instead of no rows.
    """

    columns: tuple[str, ...] = ()
    empty = ""

    def __init__(self) -> None:
        super().__init__(can_focus=False)
        self._shown: dict[str, Sequence[Text]] = {}

    def compose(self) -> ComposeResult:
        """The table, and the line that stands there without rows."""
        yield Static(self.empty, classes="empty")
        yield DataTable[Text](cursor_type="row", zebra_stripes=False)

    def on_mount(self) -> None:
        """Headings."""
        self.table.add_columns(*((name, name or "flag") for name in self.columns))

    @property
    def table(self) -> DataTable[Text]:
        """The table alone."""
        return self.query_one(DataTable)

    def rows(self, seen: Seen) -> list[Row]:
        """Key and cells of each row."""
        raise NotImplementedError

    @property
    def selected(self) -> str:
        """Key of the row under the cursor; "" without rows."""
        keys = list(self._shown)
        return keys[self.table.cursor_row] if 0 <= self.table.cursor_row < len(keys) else ""

    def fill(self, seen: Seen) -> None:
        """Shows what was seen."""
        rows = self.rows(seen)
        self.query_one(".empty").display = not rows
        table = self.table
        table.display = bool(rows)
        if [key for key, _ in rows] != list(self._shown):
            kept = self.selected
            table.clear()
            for key, cells in rows:
                table.add_row(*cells, key=key)
            if kept in (keys := [key for key, _ in rows]):
                table.move_cursor(row=keys.index(kept))
        else:
            for key, cells in rows:
                for column, cell, before in zip(self.columns, cells, self._shown[key], strict=True):
                    if cell != before:
                        table.update_cell(key, column or "flag", cell, update_width=len(cell) > len(before))
        self._shown = dict(rows)


class SignalsPage(TablePage):
    """Values with unit, status and age."""

    columns = ("signal", "value", "unit", "status", "unchanged")
    empty = "no signal fits the filter"

    def __init__(self) -> None:
        super().__init__()
        self.pattern = ""
        self._changed: dict[str, tuple[float | None, float]] = {}

    def rows(self, seen: Seen) -> list[Row]:
        """One for each signal that fits the filter."""
        values, time_s = seen.view.values, seen.view.values["time_s"]
        found: list[Row] = []
        for name, value in values["values"].items():
            if self._changed.get(name, (None, 0.0))[0] != value:
                self._changed[name] = (value, time_s)
            if not fits(self.pattern, name):
                continue
            shown, unit, words, style = signal_row(values, name)
            age = _age_text(time_s - self._changed[name][1]) if name in self._changed else ""
            cells = (Text(name), Text(shown, style, justify="right"), Text(unit, "dim"), Text(words, style))
            found.append((name, (*cells, Text(age, "dim", justify="right"))))
        return found


def fits(pattern: str, name: str) -> bool:
    """Whether a signal is shown: any pattern fits, or is part of its name."""
    words = pattern.replace(",", " ").split()
    return not words or any(fnmatchcase(name, word) or word in name for word in words)


def _age_text(seconds: float) -> str:
    """How long a value has stood still; nothing for one that moves."""
    if seconds < 1.0:
        return ""
    return f"{seconds:.0f} s" if seconds < 600 else f"{seconds / 60:.0f} min"


class FaultsPage(TablePage):
    """Faults that are armed or act, and signals that are held."""

    columns = ("number", "phase", "what")
    empty = "no fault is armed, nothing is forced; a arms a fault, f forces a signal"

    def rows(self, seen: Seen) -> list[Row]:
        """Faults first, then forces."""
        status = seen.view.status
        found: list[Row] = []
        for fault in status["faults"]:
            style = "bold red" if fault["phase"] == "active" else "yellow"
            cells = Text(str(fault["id"]), "dim"), Text(fault["phase"], style), Text(fault["text"])
            found.append((str(fault["id"]), cells))
        for name in status["forced"]:
            value, unit, *_ = (
                signal_row(seen.view.values, name) if name in seen.view.values["values"] else ("", "", "", "")
            )
            found.append((name, (Text(""), Text("forced", "cyan"), Text(f"{name} = {value} {unit}".rstrip(" =")))))
        return found


class BusesPage(TablePage):
    """Connections and their times."""

    columns = ("bus", "", "level", "round trip", "99 %", "age", "age 99 %", "trouble")
    empty = "this bench has no bus"

    def rows(self, seen: Seen) -> list[Row]:
        """One for each bus."""
        found: list[Row] = []
        for name, counters in seen.view.status["buses"].items():
            words = bus_row(name, counters)
            styles = ["bold", GOOD if words[1] == "connected" else "bold red", *[""] * 5]
            styles.append(GOOD if words[-1] == "no errors" else "yellow")
            found.append((name, [Text(word, style) for word, style in zip(words, styles, strict=True)]))
        return found


class TimingPage(TablePage):
    """How well the loop keeps time."""

    columns = ("loop", "median", "99 %", "worst")

    def rows(self, seen: Seen) -> list[Row]:
        """Histograms, then counters."""
        status = seen.view.status
        found: list[Row] = []
        for key, word in (("late_ns", "begins late by"), ("exec_ns", "work of a tick")):
            times = [nanoseconds_text(status[key][part]) for part in ("p50", "p99", "max")]
            found.append((key, [Text(word), *(Text(one, justify="right") for one in times)]))
        period_s = status["period_s"]
        found.append(("period", [Text("period"), Text(nanoseconds_text(1e9 * period_s), justify="right"), *_blank(2)]))
        found.append(("tick", [Text("ticks"), Text(f"{status['tick']:,}", justify="right"), *_blank(2)]))
        counters = (
            ("overruns", "overruns"),
            ("missed", "missed ticks"),
            ("lost_samples", "lost rows"),
            ("lost_inputs", "lost inputs"),
        )
        for key, word in counters:
            style = "bold red" if status[key] else GOOD
            found.append((key, [Text(word), Text(f"{status[key]:,}", style, justify="right"), *_blank(2)]))
        return found


def _blank(count: int) -> list[Text]:
    return [Text("")] * count


class AlarmsPage(TablePage):
    """Alarms of the bench's twin that are not normal."""

    columns = ("alarm", "priority", "state", "since", "text", "response")
    empty = "no alarm stands"

    def rows(self, seen: Seen) -> list[Row]:
        """One for each alarm that somebody should know of."""
        self.query_one(".empty", Static).update("this bench has no twin" if seen.alarms is None else self.empty)
        found: list[Row] = []
        for alarm in (seen.alarms or {}).get("alarms", ()):
            if alarm["state"] != "normal":
                style = ALARM_STYLES.get(alarm["state"], "dim")
                words = alarm["name"], alarm["priority"], alarm["state"], f"{alarm['since_s']:g} s"
                more = Text(alarm["text"]), Text(alarm["response"] or "", "dim")
                found.append((alarm["name"], [*(Text(word, style) for word in words), *more]))
        return found


class CapturesPage(TablePage):
    """All captures of the run."""

    columns = ("capture", "state", "windows", "triggered", "trigger", "signals", "note")
    empty = "no capture was armed; c arms one"

    def rows(self, seen: Seen) -> list[Row]:
        """In the order in which they were armed."""
        found: list[Row] = []
        for one in seen.captures.get("captures", ()):
            state = Text(one["state"], CAPTURE_STYLES.get(one["state"], "cyan"))
            at = "" if one["trigger_s"] is None else f"{one['trigger_s']:.3f} s"
            done = f"{len(one['windows'])} of {one['count']}"
            rest = Text(one["trigger"]), Text(", ".join(one["signals"]), "dim"), Text(one["note"] or "", "yellow")
            found.append((one["name"], [Text(one["name"], "bold"), state, Text(done), Text(at), *rest]))
        return found


class TrendsPage(VerticalScroll):
    """A few signals over the last seconds."""

    def __init__(self) -> None:
        super().__init__()
        self._data: dict[str, deque[tuple[float, float]]] = {}

    def compose(self) -> ComposeResult:
        """What stands there as long as none is chosen."""
        yield Static("no signal is chosen; t on the page of signals chooses one", classes="empty")

    @property
    def names(self) -> list[str]:
        """Signals that are shown."""
        return list(self._data)

    async def toggle(self, name: str) -> bool:
        """Adds a signal or takes it away; whether it is shown now. The oldest gives way to one too many."""
        if name in self._data:
            await self._remove(name)
            return False
        if len(self._data) >= MOST_TRENDS:
            await self._remove(next(iter(self._data)))
        self._data[name] = deque()
        await self.mount(Static(name, classes="trend", name=name), Sparkline([], name=name))
        self.query_one(".empty").display = False
        return True

    async def _remove(self, name: str) -> None:
        del self._data[name]
        for widget in [child for child in self.children if child.name == name]:
            await widget.remove()
        self.query_one(".empty").display = not self._data

    def remember(self, seen: Seen) -> None:
        """Keeps the values; also while another page is shown."""
        values = seen.view.values["values"]
        for name, data in self._data.items():
            value = values.get(name)
            if value is not None:
                data.append((seen.at_s, float(value)))
            while data and data[0][0] < seen.at_s - TREND_S:
                data.popleft()

    def fill(self, seen: Seen) -> None:
        """Draws them."""
        for child in self.children:
            if child.name is None or child.name not in self._data:
                continue
            points = [value for _, value in self._data[child.name]]
            if isinstance(child, Sparkline):
                child.data = points
            elif isinstance(child, Static):
                child.update(_trend_text(child.name, seen.view.values, self._data[child.name]))

    @property
    def selected(self) -> str:
        """No row is chosen here."""
        return ""


def _trend_text(name: str, values: Mapping[str, Any], data: Sequence[tuple[float, float]]) -> Text:
    if name not in values["values"]:
        return Text(f"{name}  not shown", "dim")
    shown, unit, words, style = signal_row(values, name)
    text = Text(name, "bold").append(f"  {shown} {unit}", style).append(f"  {words}" if words != "good" else "", style)
    if data:
        points = [value for _, value in data]
        text.append(f"   {min(points):.5g} to {max(points):.5g} in {data[-1][0] - data[0][0]:.0f} s", "dim")
    return text


def counters_text(status: Mapping[str, Any]) -> str:
    """Overruns and the like, in one line."""
    return ", ".join(counted(status[key], word) for key, word in (("overruns", "overruns"), ("missed", "missed ticks")))


def look_age_s(seen: Seen) -> float:
    """Seconds since the bench was looked at."""
    return time.monotonic() - seen.at_s
