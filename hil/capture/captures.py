"""All captures of a bench: armed here, fed by the bench's drain, ended with the bench."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hil.capture.capture import Capture
from hil.capture.request import CaptureRequest, plan
from hil.capture.states import State
from hil.errors import BenchError
from hil.nearest import did_you_mean

if TYPE_CHECKING:
    from hil.bench import Bench

POLL_S = 0.02
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


class Captures:
    """What a bench captures.

    Attributes:
        place: folder for captures of a run that does not record; None: a temporary one that goes with the capture.
    """

    def __init__(self, bench: Bench) -> None:
        self.place: Path | None = None
        self._bench = bench
        self._all: list[Capture] = []
        self._lock = threading.Lock()
        self._waiting: Capture | None = None

    def __iter__(self) -> Iterator[Capture]:
        return iter(list(self._all))

    def __len__(self) -> int:
        return len(self._all)

    @cached_property
    def origin(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """What each recording says of the bench: rig.json, and the manifest's begin. Made once, as it takes a while."""
        bench = self._bench
        rig_json = {"rig": bench.rig.to_dict(), "files": bench.rig.files, "options": {"seed": bench.seed}}
        return rig_json, bench.manifest()

    def __getitem__(self, name: str) -> Capture:
        """The capture of that name.

        Raises:
            BenchError: there is none.
        """
        found = {capture.name: capture for capture in self}
        if name not in found:
            mend = did_you_mean(name, found) if found else "Ask for one with capture"
            raise BenchError(f"there is no capture '{name}'", where="name", mend=mend)
        return found[name]

    def add(self, request: CaptureRequest) -> Capture:
        """Checks and arms; it watches from the next tick on.

        Raises:
            BenchError: the request cannot be carried out; nothing was made then.
        """
        engine = self._bench.engine
        if engine is None or engine.closed:
            raise BenchError("the bench is closed", mend="Open a new one")
        wanted = plan(self._bench, request)
        _ = self.origin  # now, not in the drain
        with self._lock:
            capture = Capture(self._bench, wanted, self._name(request.name))
            engine.loop.arm(capture.core)
            self._all.append(capture)
        return capture

    def _name(self, name: str | None) -> str:
        taken = {capture.name for capture in self._all}
        if name is None:
            return next(text for n in range(1, len(taken) + 2) if (text := f"capture-{n}") not in taken)
        if not _NAME.fullmatch(name):
            raise BenchError(f"'{name}' cannot be its name", where="name", mend="Use letters, digits, _, . and -")
        if name in taken:
            raise BenchError(f"there is a capture '{name}' already", where="name", mend="Give it another name")
        return name

    # ---- the drain ----

    def read(self) -> list[tuple[Capture, bytes, bool]]:
        """What the loop has said; read before the recorder is drained, so that no event of a window is missing."""
        found = []
        for capture in list(self._all):
            if not capture.state.over:
                left = capture.core.left  # first: what a capture says last is in its ring by then
                data = capture.core.read()
                if data or left:
                    found.append((capture, data, left))
        return found

    def take(self, found: list[tuple[Capture, bytes, bool]]) -> None:
        """The same, once the recorder has been drained."""
        for capture, data, left in found:
            capture.take(data, left=left)
            if capture is self._waiting and capture.state.over:
                self._bench.request_stop()

    def wait(self, capture: Capture, done: threading.Event) -> None:
        """Until the capture is over, however that comes.

        Raises:
            BenchError: the bench ended or was stopped before; or what else ended it.
        """
        bench = self._bench
        if not bench.running and bench.time == "real" and not capture.state.over:
            bench.start()
        if bench.running:
            while not done.wait(POLL_S) and bench.running:
                pass
            if not capture.state.over:
                bench.join()  # raises what ended it
        elif not capture.state.over:
            self._run_for(capture)
        if not capture.state.over:
            raise BenchError(f"the run ended while it was {capture.state.word}", where=capture.name)

    def _run_for(self, capture: Capture) -> None:
        self._waiting = capture
        try:
            self._bench.run_until_stopped()
        finally:
            self._waiting = None

    # ---- the end ----

    def end(self, why: str = "the run ended") -> None:
        """Captures that are not over are aborted."""
        for capture in list(self._all):
            capture.end(why)

    def errors(self) -> list[str]:
        """Sentences on captures that failed; they fail the run."""
        return [f"capture {c.name}: {c.sentence()}" for c in list(self._all) if c.state is State.ERROR]

    def to_list(self) -> list[dict[str, Any]]:
        """All of them as plain JSON data."""
        return [capture.to_dict() for capture in list(self._all)]
