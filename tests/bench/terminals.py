"""Terminals for tests: tmux, with keys that are sent and screens that are read."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import which

import pytest

HIL = [sys.executable, "-m", "hil"]


class Terminal:
    """A shell in a terminal of its own, hence in a session of its own."""

    def __init__(self, tmux: list[str], name: str) -> None:
        self._tmux, self._name = tmux, name
        size = ["-x", "150", "-y", "44"]
        subprocess.run([*tmux, "-f", "/dev/null", "new-session", "-d", *size, "-s", name, "sh"], check=True)

    def screen(self) -> str:
        shown = subprocess.run([*self._tmux, "capture-pane", "-p", "-t", self._name], capture_output=True, check=True)
        return shown.stdout.decode()

    def keys(self, *keys: str) -> None:
        subprocess.run([*self._tmux, "send-keys", "-t", self._name, *keys], check=True)

    def line(self, key: str, text: str, opened: str) -> None:
        """A key, the line that it opens, what is typed there behind what is proposed, and Enter."""
        self.keys(key)
        self.sees(opened)
        self.keys("-l", text)
        self.sees(text)
        self.keys("Enter")

    def sees(self, *texts: str, within_s: float = 10.0) -> str:
        end = time.monotonic() + within_s
        while not all(text in (shown := self.screen()) for text in texts):
            assert time.monotonic() < end, f"{texts} not in\n{shown}"
            time.sleep(0.05)
        return shown

    def watches(self, *words: str) -> None:
        self.keys("-l", " ".join([*HIL, "watch", *words]))
        self.keys("Enter")
        self.sees("1 signals", "plant.")


@contextmanager
def terminals(folder: Path) -> Iterator[Callable[[str], Terminal]]:
    """A function that opens a terminal by name; all are closed at the end."""
    if which("tmux") is None:
        pytest.skip("tmux is not installed")
    # readline may have put the size of another terminal into the environment.
    tmux = ["env", "-u", "LINES", "-u", "COLUMNS", "tmux", "-S", str(folder / "tmux")]
    try:
        yield lambda name: Terminal(tmux, name)
    finally:
        subprocess.run([*tmux, "kill-server"])
