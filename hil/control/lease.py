"""The lease of a running bench: one writes, all others read. It lives in the bench's process and ends by itself.

Who asks is what the kernel says of the other end of the socket. Times are of the monotonic clock, so setting the
machine's clock moves no lease.
"""

from __future__ import annotations

import math
import os
import pwd
import secrets
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hil.errors import BenchError

PRESET_S = 60.0
LONGEST_S = 3600.0  # what somebody forgets is free again within the hour
AUTOMATIC_S = 3.0  # a one-shot command's: long enough that no other person acts between two steps of a script
LONGEST_PERSON = 64
LONGEST_PROGRAM = 40

Fields = Mapping[str, Any]
Answer = dict[str, Any]


@dataclass(frozen=True, eq=False)
class Peer:
    """The other end of a connection.

    Attributes:
        uid: its user.
        pid: its process.
        session: of the terminal or service that it belongs to; None where it has ended or cannot be seen.
    """

    uid: int
    pid: int
    session: int | None

    @classmethod
    def of(cls, uid: int, pid: int) -> Peer:
        """Looks up the session."""
        try:
            return cls(uid, pid, os.getsid(pid) if pid > 0 else None)
        except OSError:
            return cls(uid, pid, None)

    def is_one_with(self, other: Peer) -> bool:
        """Whether both are the same person at the same terminal, as far as can be told."""
        return self is other or (self.session is not None and (self.uid, self.session) == (other.uid, other.session))


@dataclass(frozen=True)
class _Held:
    """A lease that somebody has; `token` None: automatic."""

    peer: Peer
    who: Mapping[str, Any]
    ends_s: float
    token: str | None


class Lease:
    """Who may write to a bench. Whoever uses it holds its `lock`.

    Args:
        rig: name of the bench's rig, for messages.
        clock: seconds that never go back.
    """

    def __init__(self, rig: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._rig, self._clock = rig, clock
        self._held: _Held | None = None
        self.lock = threading.Lock()

    def take(self, peer: Peer, for_s: float, token: str | None = None, person: str | None = None) -> Answer:
        """Gives the lease to `peer`; who has it already prolongs it. Answers like `show`, and with the token.

        Raises:
            BenchError: somebody else has it.
        """
        self.check(peer, token)
        now = self._current()
        old = now.token if now is not None else None
        self._held = _Held(peer, _who(peer, person), self._clock() + for_s, old or secrets.token_urlsafe(24))
        return {**self.show(), "token": self._held.token}

    def renew(self, for_s: float, token: str | None) -> Answer:
        """Lets the lease with `token` last `for_s` from now on.

        Raises:
            BenchError: the token is of no lease that lasts.
        """
        held = self._owned(token)
        self._held = _Held(held.peer, held.who, self._clock() + for_s, held.token)
        return self.show()

    def release(self, token: str | None) -> Answer:
        """Ends the lease with `token`.

        Raises:
            BenchError: the token is of no lease that lasts.
        """
        self._owned(token)
        self._held = None
        return self.show()

    def show(self) -> Answer:
        """`held`, and where it is: `holder` (user, host, program, pid, person), `left_s`, `automatic`."""
        held = self._current()
        if held is None:
            return {"held": False, "holder": None, "left_s": None, "automatic": None}
        return {
            "held": True,
            "holder": dict(held.who),
            "left_s": held.ends_s - self._clock(),
            "automatic": held.token is None,
        }

    def check(self, peer: Peer, token: str | None) -> None:
        """Returns when `peer` may write now.

        Raises:
            BenchError: somebody else has the lease; says who, and for how long still.
        """
        held = self._current()
        if held is not None and not _may(held, peer, token):
            raise BenchError(self._told(held), where=self._rig, mend="Reading and hil stop need no lease")

    def wrote(self, peer: Peer) -> None:
        """`peer`, who may, has written: where nobody has taken the lease it is theirs for a moment."""
        held = self._current()
        if held is None or held.token is None:
            self._held = _Held(peer, _who(peer, None), self._clock() + AUTOMATIC_S, None)

    def _current(self) -> _Held | None:
        if self._held is not None and self._clock() >= self._held.ends_s:
            self._held = None
        return self._held

    def _owned(self, token: str | None) -> _Held:
        held = self._current()
        if held is not None and _fits(held, token):
            return held
        mend = f"Take it with: hil lease take {self._rig}"
        if held is not None and held.token is not None:
            raise BenchError(self._told(held), where=self._rig, mend="It ends by itself")
        raise BenchError("you hold no lease, or it has ended", where=self._rig, mend=mend)

    def _told(self, held: _Held) -> str:
        left = held.ends_s - self._clock()
        return f"{holder_text(held.who)} holds the lease for another {left_text(left)}"


@dataclass(frozen=True)
class Access:
    """One connection's way through the lease.

    Attributes:
        lease: of the bench.
        peer: who asks.
        free: requests that need no lease.
    """

    lease: Lease
    peer: Peer
    free: frozenset[str]

    def check(self, message: Fields) -> None:
        """Raises BenchError when the request writes and somebody else has the lease."""
        if message["do"] not in self.free:
            with self.lease.lock:
                self.lease.check(self.peer, _token(message))

    def done(self, message: Fields) -> None:
        """The request was carried out."""
        if message["do"] not in self.free:
            with self.lease.lock:
                self.lease.wrote(self.peer)

    def request(self, _bench: object, fields: Fields) -> Answer:
        """The request `lease`: `act` take, renew, release or show, `for_s`, `person`; `lease` is the token."""
        with self.lease.lock:
            return self._request(fields)

    def _request(self, fields: Fields) -> Answer:
        act, token = fields.get("act", "show"), _token(fields)
        if act == "take":
            return self.lease.take(self.peer, _for_s(fields), token, person_of(fields))
        if act == "renew":
            return self.lease.renew(_for_s(fields), token)
        if act == "release":
            return self.lease.release(token)
        if act == "show":
            return self.lease.show()
        raise BenchError(f"{act!r} cannot be done to a lease", mend="There are take, renew, release, show")


def holder_text(who: Mapping[str, Any]) -> str:
    """As in "ann@lab3 (hil lease, pid 4711)"; says so when that process has ended."""
    gone = ", which has ended" if _has_ended(who["pid"]) else ""
    told = f"{who['user']}@{who['host']} ({who['program']}, pid {who['pid']}{gone})"
    return f"{who['person']}, {told}," if who["person"] else told


def lease_text(shown: Mapping[str, Any]) -> str:
    """What the request `lease` shows, in one line."""
    if not shown["held"]:
        return "nobody holds the lease"
    return f"{holder_text(shown['holder'])} holds the lease for another {left_text(shown['left_s'])}"


def left_text(seconds: float) -> str:
    """What is left, never rounded to nothing."""
    return f"{math.ceil(10 * seconds) / 10:.1f} s" if seconds < 10 else f"{math.ceil(seconds)} s"


def person_of(fields: Fields) -> str | None:
    """Name of a person in a message, on one line; None where none is given.

    Raises:
        BenchError: it is no text, or a long one.
    """
    person = fields.get("person")
    if person is None:
        return None
    text = " ".join(person.split()) if isinstance(person, str) else ""
    if not text or len(text) > LONGEST_PERSON or not text.isprintable():
        raise BenchError(f"person must be a name of at most {LONGEST_PERSON} characters")
    return text


def user_name(uid: int) -> str:
    """Name of a user; the number where there is none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def program_of(pid: int) -> str:
    """What a process runs, in words such as "hil set", "tune.py" or "pytest"; "unknown" when it cannot be seen."""
    try:
        data = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return "unknown"
    words = [word.decode(errors="replace") for word in data.split(b"\0")]
    name, rest = Path(words[0]).name, words[1:]
    if name.startswith("python"):
        name, rest = _of_python(name, rest)
    if name == "hil":
        name = " ".join([name, *(word for word in rest[:1] if word and not word.startswith("-"))])
    shown = "".join(c if c.isprintable() else "?" for c in name)[:LONGEST_PROGRAM]
    return shown or "unknown"


def _of_python(name: str, words: list[str]) -> tuple[str, list[str]]:
    """Script or module that an interpreter runs, and what is behind it."""
    k = 0
    while k < len(words) and words[k].startswith("-"):
        if words[k] == "-m" and k + 1 < len(words):
            return words[k + 1], words[k + 2 :]
        if words[k] in ("-c", "-"):
            return name, []
        k += 2 if words[k] in ("-X", "-W") else 1
    return (Path(words[k]).name or name, words[k + 1 :]) if k < len(words) else (name, [])


def _has_ended(pid: int) -> bool:
    """Whether there is no such process; one of somebody else's counts as there."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass
    return False


def _who(peer: Peer, person: str | None) -> Mapping[str, Any]:
    return {
        "user": user_name(peer.uid),
        "host": socket.gethostname(),
        "program": program_of(peer.pid),
        "pid": peer.pid,
        "person": person,
    }


def _may(held: _Held, peer: Peer, token: str | None) -> bool:
    return held.peer.is_one_with(peer) if held.token is None else _fits(held, token)


def _fits(held: _Held, token: str | None) -> bool:
    if held.token is None or token is None:
        return False
    return secrets.compare_digest(held.token.encode(), token.encode())


def _token(fields: Fields) -> str | None:
    token = fields.get("lease")
    if token is not None and not (isinstance(token, str) and token.isascii()):
        raise BenchError("lease must be the token of a lease", mend="hil lease take RIG --json gives one")
    return token


def _for_s(fields: Fields) -> float:
    for_s = fields.get("for_s", PRESET_S)
    if isinstance(for_s, bool) or not isinstance(for_s, int | float) or not 0 < for_s <= LONGEST_S:
        raise BenchError(f"a lease lasts more than 0 and at most {LONGEST_S:g} s", mend="Renew it when it ends")
    return float(for_s)
