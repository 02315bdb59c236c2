"""`hil watch` with pages and keys. `asker.py` talks to the bench, so one that hangs never holds the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from rich.text import Text
from textual import events
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import DataTable, Input, Static, TabbedContent, TabPane

from hil.control.lease import lease_text, left_text
from hil.errors import HilError
from hil.watch.acts import ACTS
from hil.watch.asker import Asker, Listener, Seen
from hil.watch.look import head_text
from hil.watch.pages import (
    AlarmsPage,
    BusesPage,
    CapturesPage,
    FaultsPage,
    SignalsPage,
    TablePage,
    TimingPage,
    TrendsPage,
    counters_text,
    look_age_s,
)

PAGES: dict[str, type[TablePage | TrendsPage]] = {
    "signals": SignalsPage,
    "trends": TrendsPage,
    "faults": FaultsPage,
    "buses": BusesPage,
    "timing": TimingPage,
    "alarms": AlarmsPage,
    "captures": CapturesPage,
}
OLD_S = 1.5  # a look that is older is said to be old
KEYS = "f force  r release  s set  a arm  x clear  c capture  n note  S safe  / filter  q quit"
OWN_KEYS: dict[type[TablePage | TrendsPage], str] = {
    SignalsPage: "t trend  ",
    AlarmsPage: "k acknowledge  h shelve  ",
    CapturesPage: "x abort  ",
}


class WatchApp(App[str]):
    """The pages. Its result is the line that is printed when it has ended.

    Args:
        path: the bench's socket.
        person: who acts.
        patterns: which signals; None for all.
        rate_hz: frames in a second.
    """

    CSS = """
    Screen { layout: vertical; }
    #head, #lease, #keys { height: 1; padding: 0 1; }
    #told { height: auto; max-height: 3; padding: 0 1; }
    #keys { color: $text-muted; }
    TabbedContent { height: 1fr; }
    TabPane { padding: 0 1; }
    .empty { padding: 1 1; color: $text-muted; }
    .trend { margin-top: 1; height: 1; }
    Sparkline { height: 3; }
    DataTable { height: 1fr; background: $background; }
    #form { height: 1; padding: 0 1; color: $text-muted; }
    Input, Input:focus { height: 1; border: none; padding: 0 1; background: $boost; }
    """
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        *(Binding(str(n), f"page('{name}')", show=False) for n, name in enumerate(PAGES, 1)),
        Binding("f", "ask('force')", show=False),
        Binding("r", "ask('release')", show=False),
        Binding("s", "ask('set')", show=False),
        Binding("a", "arm", show=False),
        Binding("x", "end", show=False),
        Binding("c", "ask('capture')", show=False),
        Binding("n", "ask('note')", show=False),
        Binding("S", "ask('safe')", show=False),
        Binding("k", "ask('acknowledge')", show=False),
        Binding("h", "ask('shelve')", show=False),
        Binding("slash", "ask('filter')", show=False),
        Binding("t", "trend", show=False),
        Binding("escape", "cancel", show=False, priority=True),
        Binding("q,ctrl+c", "leave", show=False),
    ]

    def __init__(self, path: Path, person: str, patterns: Sequence[str] | None, rate_hz: float) -> None:
        super().__init__()
        listener = Listener(
            lambda seen: self._from_thread(self._show, seen),
            lambda text, bad: self._from_thread(self._say, text, bad),
            lambda text: self._from_thread(self._ended, text),
        )
        self.asker = Asker(path, person, list(patterns) if patterns else None, rate_hz, listener)
        self._seen: Seen | None = None
        self._asked = ""

    def compose(self) -> ComposeResult:
        """Head, pages, and the lines at the bottom."""
        yield Static(id="head")
        with TabbedContent(id="pages"):
            for number, (name, kind) in enumerate(PAGES.items(), 1):
                with TabPane(f"{number} {name}", id=name):
                    yield kind()
        yield Static(id="told")
        yield Static(id="form")
        yield Input(id="line", select_on_focus=False)
        yield Static(id="lease")
        yield Static(KEYS, id="keys")

    def on_mount(self) -> None:
        """Begins to look, and draws the age of the look also when none comes."""
        self.action_cancel()
        self.asker.start()
        self.set_interval(0.5, self._draw_head)

    # ---- what comes from the asker's thread ----

    def _from_thread(self, call: Any, *given: Any) -> None:
        if self.is_running:
            self.call_later(call, *given)

    def _show(self, seen: Seen) -> None:
        self._seen = seen
        self.query_one(TrendsPage).remember(seen)
        self._draw_head()
        self._page().fill(seen)

    def _say(self, text: str, bad: bool) -> None:
        """A line on what came of an act; a look that comes later leaves it there."""
        self.query_one("#told", Static).update(Text(text, "bold red" if bad else "green"))

    def _ended(self, text: str) -> None:
        seen = self._seen
        at = f"{seen.view.status['rig']} at {seen.view.status['time_s']:.3f} s: " if seen else ""
        self.exit(at + text)

    # ---- drawing ----

    def _draw_head(self) -> None:
        seen = self._seen
        if seen is None:
            self.query_one("#head", Static).update(Text("waiting for the bench", "dim"))
            return
        status = seen.view.status
        text = Text(status["rig"], "bold").append(f"  {status['time_s']:.2f} s", "bold cyan")
        text.append("  SAFE STATE", "bold white on magenta") if status["safe"] else None
        if (age := look_age_s(seen)) > OLD_S:
            text.append(f"  no answer for {age:.0f} s", "bold white on red")
        troubled = status["missed"] or status["overruns"]
        text.append(f"  {counters_text(status)}", "bold red" if troubled else "green")
        text.append(f"  {head_text(status)}", "dim")
        self.query_one("#head", Static).update(text)
        self.query_one("#lease", Static).update(self._lease_text(seen))

    def _lease_text(self, seen: Seen) -> Text:
        if look_age_s(seen) > OLD_S:
            return Text("who holds the lease is not known now", "dim")
        if not seen.lease["held"]:
            return Text("nobody holds the lease; the first write takes it", "dim")
        if seen.mine:
            return Text(f"you hold the lease for another {left_text(seen.lease['left_s'])}", "green")
        return Text(lease_text(seen.lease), "yellow")

    def _page(self) -> TablePage | TrendsPage:
        pages = self.query_one(TabbedContent)
        return self.query_one(PAGES[pages.active or "signals"])

    def _focus_page(self) -> None:
        page = self._page()
        (page.table if isinstance(page, TablePage) else page).focus()

    def on_tabbed_content_tab_activated(self) -> None:
        """Another page: shown at once, with what was seen last."""
        if self._seen is not None:
            self._page().fill(self._seen)
        self.query_one("#keys", Static).update(OWN_KEYS.get(type(self._page()), "") + KEYS)
        if not self._asked:
            self._focus_page()

    def on_key(self, _: events.Key) -> None:
        """Somebody is here: the lease goes on."""
        self.asker.touched()

    # ---- keys ----

    def action_page(self, name: str) -> None:
        """Turns to a page."""
        self.query_one(TabbedContent).active = name

    def action_arm(self) -> None:
        """A capture on its page, a fault on all others."""
        self.action_ask("capture" if isinstance(self._page(), CapturesPage) else "fault")

    def action_end(self) -> None:
        """Ends a capture on its page; clears a fault on all others."""
        self.action_ask("abort" if isinstance(self._page(), CapturesPage) else "clear")

    def action_ask(self, what: str) -> None:
        """Opens the line, with what is chosen on the page."""
        self._asked = what
        form, line = self.query_one("#form", Static), self.query_one(Input)
        told = f"{ACTS[what].word}: {ACTS[what].form}" if what != "filter" else "filter: part of a name, or sensor.*"
        form.update(Text(told))
        line.value = self._proposed(what)
        for widget in (form, line):
            widget.display = True
        self.screen.set_focus(line)  # at once: what is typed next belongs there
        line.cursor_position = len(line.value)

    def _proposed(self, what: str) -> str:
        page = self._page()
        chosen = page.selected
        if what == "filter":
            return self.query_one(SignalsPage).pattern
        if what == "safe":
            return "off" if self._seen is not None and self._seen.view.status["safe"] else "on"
        forced = self._seen.view.status["forced"] if self._seen is not None else ()
        if what == "release":
            return chosen if chosen in forced else next(iter(forced), "")
        if isinstance(page, SignalsPage):
            return {"force": f"{chosen} ", "fault": f"{chosen}=", "capture": f"{chosen} when {chosen} "}.get(what, "")
        own = {"clear": FaultsPage, "abort": CapturesPage, "acknowledge": AlarmsPage, "shelve": AlarmsPage}.get(what)
        if own is None or not isinstance(page, own) or chosen in forced:
            return ""
        return f"{chosen} 3600 " if what == "shelve" else chosen

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Hands the act over; a line that cannot be read stays open."""
        what = self._asked
        if what == "filter":
            self.query_one(SignalsPage).pattern = event.value.strip()
        else:
            try:
                self.asker.do(ACTS[what].parse(event.value))
            except HilError as error:
                self._say(str(error), True)
                return
        self.action_cancel()
        if self._seen is not None:
            self._page().fill(self._seen)

    def action_cancel(self) -> None:
        """Closes the line."""
        self._asked = ""
        for widget in (self.query_one("#form"), self.query_one(Input)):
            widget.display = False
        self._focus_page()

    async def action_trend(self) -> None:
        """Adds the chosen signal to the trends, or takes it away."""
        page = self._page()
        if not isinstance(page, SignalsPage) or not page.selected:
            self._say("t chooses a signal on page 1", True)
            return
        shown = await self.query_one(TrendsPage).toggle(page.selected)
        self._say(f"{page.selected} is {'now' if shown else 'no longer'} on page 2", False)

    def action_leave(self) -> None:
        """Ends the view; the bench runs on."""
        seen = self._seen
        self.exit(f"{seen.view.status['rig']} at {seen.view.status['time_s']:.3f} s" if seen else "")

    def on_unmount(self) -> None:
        """Gives the lease back."""
        self.asker.close()

    def on_data_table_row_selected(self, _: DataTable.RowSelected) -> None:
        """Enter on a row of signals opens `force`."""
        if isinstance(self._page(), SignalsPage):
            self.action_ask("force")
