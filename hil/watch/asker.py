"""The thread that talks to the bench for the pages of `hil watch`: it looks, acts, and keeps the lease.

The terminal never waits for a bench: it hands acts over, and takes what was seen last.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hil.control import ControlClient, kept
from hil.errors import BenchError, HilError
from hil.watch.look import View, look

LEASE_S = 10.0  # what a watcher that was killed leaves to others
RENEW_S = 3.0
IDLE_S = 300.0  # a terminal that nobody touches lets the lease end
BESIDE_S = 0.5  # between two looks at what changes rarely
TIMEOUT_S = 2.0
PAUSE_S = 0.2  # before a slow bench is asked again
SLOW = ("in time", "does not listen")  # what a bench says, or does not, that only hangs
GONE = ("has ended", "has gone", "refused", "No such file")
LAST_S = 1.0  # how long the end waits for the lease to be given back


@dataclass(frozen=True)
class Seen:
    """All that the pages show.

    Attributes:
        view: status and values.
        captures: the request `captures`.
        alarms: the request `twin_alarms`; None where the bench has no twin.
        lease: the request `lease`.
        mine: this watcher holds the lease.
        at_s: monotonic time of the look.
    """

    view: View
    captures: Mapping[str, Any] = field(default_factory=dict)
    alarms: Mapping[str, Any] | None = None
    lease: Mapping[str, Any] = field(default_factory=lambda: {"held": False})
    mine: bool = False
    at_s: float = 0.0


@dataclass(frozen=True)
class Listener:
    """Who is told, from the asker's thread."""

    seen: Callable[[Seen], None]
    said: Callable[[str, bool], None]  # a line, and whether it tells of trouble
    ended: Callable[[str], None]


class Asker:
    """Looks at a bench again and again, and does what it is told in between.

    Args:
        path: the bench's socket.
        person: who acts; stands in the recording with each act.
        patterns: which signals; None for all.
        rate_hz: looks in a second.
        listener: who is told.
    """

    def __init__(self, path: Path, person: str, patterns: list[str] | None, rate_hz: float, listener: Listener) -> None:
        self._path, self._person, self._patterns, self._listener = path, person, patterns, listener
        self._period_s = 1.0 / rate_hz
        self._todo: queue.Queue[tuple[str, dict[str, Any]] | None] = queue.Queue()
        self._thread = threading.Thread(target=self._run, name="hil-watch", daemon=True)
        self._ending = False
        self._token: str | None = None  # of the lease that was taken here; outlives a connection
        self._renewed_s = self._touched_s = time.monotonic()
        self._beside_s = -BESIDE_S
        self._rare: dict[str, Any] = {}
        self._has_twin = True
        self._silent = False

    def start(self) -> None:
        """Begins to look."""
        self._thread.start()

    def do(self, request: tuple[str, dict[str, Any]]) -> None:
        """Hands an act over; what came of it is told to the listener. None is kept for a bench that hangs: when it goes
        on, what was meant for then may do harm.
        """
        if self._silent:
            self._listener.said(f"{request[0]} was not done: the bench does not answer", True)
        else:
            self._todo.put(request)

    def touched(self) -> None:
        """Somebody is at the keys."""
        self._touched_s = time.monotonic()

    def close(self) -> None:
        """Gives the lease back and ends the thread; leaves it to itself when the bench does not answer."""
        self._ending = True
        self._todo.put(None)
        if self._thread.is_alive():
            self._thread.join(LAST_S)

    # ---- in the thread ----

    def _run(self) -> None:
        client: ControlClient | None = None
        while not self._ending:
            try:
                client = client or ControlClient(self._path, TIMEOUT_S)
                self._look(client)
                self._wait(client)
            except BenchError as error:
                if client is not None:
                    client.close()
                if not self._is_there(error):
                    self._listener.ended("the bench has ended" if _has_gone(error) else error.message)
                    return
                client = None
                time.sleep(PAUSE_S)
            except Exception as error:  # else the pages would stand still and say nothing
                self._listener.ended(f"hil watch has a mistake: {type(error).__name__}: {error}")
                return
        if client is not None:
            with suppress(BenchError):
                self._give_back(client)
            client.close()

    def _is_there(self, error: BenchError) -> bool:
        """Whether the bench is only slow. A connection that has timed out is of no use: its late answer would be read
        as the answer to the next question.
        """
        if not any(word in error.message for word in SLOW) or _has_gone(error):
            return False
        if not self._silent:
            self._listener.said("the bench does not answer; waiting for it", True)
        self._silent = True
        with suppress(queue.Empty):
            while (request := self._todo.get_nowait()) is not None:
                self._listener.said(f"{request[0]} was not done: the bench does not answer", True)
        return True

    def _look(self, client: ControlClient) -> None:
        view, now = look(client, self._patterns), time.monotonic()
        if now - self._beside_s >= BESIDE_S:
            self._beside_s = now
            self._rare = {"captures": client.request("captures"), "alarms": self._alarms(client)}
            self._keep_lease(client, now)
            self._rare["lease"] = client.request("lease", act="show")
        if self._silent:
            self._silent = False
            self._listener.said("the bench answers again", False)
        self._listener.seen(Seen(view, **self._rare, mine=self._token is not None, at_s=now))

    def _alarms(self, client: ControlClient) -> Mapping[str, Any] | None:
        if not self._has_twin:
            return None
        try:
            return client.request("twin_alarms")
        except BenchError as error:
            if "is not known" not in error.message:
                raise
            self._has_twin = False
            return None

    def _wait(self, client: ControlClient) -> None:
        """Until the next look, or the next act is done."""
        try:
            request = self._todo.get(timeout=self._period_s)
        except queue.Empty:
            return
        if request is None:
            return
        self._act(client, *request)

    def _act(self, client: ControlClient, do: str, fields: Mapping[str, Any]) -> None:
        try:
            self._take_lease(client)
            owned = {"lease": self._token} if self._token else {}
            answer = client.request(do, **fields, **owned, person=self._person)
        except HilError as error:
            self._listener.said(str(error), True)
            if _is_of_the_line(error):
                raise
            return
        self._beside_s = -BESIDE_S  # show at once what it changed
        self._listener.said(_done_text(do, fields, answer), False)

    def _take_lease(self, client: ControlClient) -> None:
        """Before a write: the lease, unless this terminal has one of its own that `hil lease take` began."""
        if self._token or (kept.read(self._path) and client.request("lease", act="show")["held"]):
            return
        taken = client.request("lease", act="take", for_s=LEASE_S, person=self._person)
        self._token, self._renewed_s = taken["token"], time.monotonic()

    def _keep_lease(self, client: ControlClient, now: float) -> None:
        if self._token is not None and now - self._renewed_s > LEASE_S:
            self._token = None  # it has ended; the next write takes it again
        if self._token is None or now - self._renewed_s < RENEW_S or now - self._touched_s > IDLE_S:
            return
        self._renewed_s = now
        try:
            client.request("lease", act="renew", for_s=LEASE_S, lease=self._token)
        except BenchError as error:
            if _is_of_the_line(error):
                raise
            self._token = None

    def _give_back(self, client: ControlClient) -> None:
        if self._token is not None:
            client.request("lease", act="release", lease=self._token)


def _has_gone(error: HilError) -> bool:
    return any(word in error.message for word in GONE)


def _is_of_the_line(error: HilError) -> bool:
    """Whether the bench did not answer at all, instead of refusing."""
    return any(word in error.message for word in ("in time", *GONE[:2])) and "lease" not in error.message


def _done_text(do: str, fields: Mapping[str, Any], answer: Mapping[str, Any]) -> str:
    from hil.control.requests import told

    text = told({"do": do, **fields})
    if "fault_id" in answer:
        text += f" (fault {answer['fault_id']})"
    if "capture" in answer:
        text += f" ({answer['capture']['name']}: {answer['capture']['state']})"
    return text + (f", accepted at {answer['time_s']:.3f} s" if "time_s" in answer else "")
