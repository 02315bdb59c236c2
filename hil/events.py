"""Events as the core takes them: 64 bytes of plain data (core/include/hil/event.h)."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from enum import IntEnum
from typing import Any

NEXT_TICK = 2**64 - 1
NO_END = 2**64 - 1
ALL_PATHS = 2**32 - 1
_EVENT = struct.Struct("<QIIIIQ4d")


class EventKind(IntEnum):
    """enum hil_event_kind."""

    PARAM = 1
    FORCE = 2
    RELEASE = 3
    FAULT = 4
    FAULT_CLEAR = 5
    SAFE = 6
    FAULTS_ENABLE = 7
    BIND = 8
    MARK = 9
    FAULT_MODE = 10
    UPSET = 11
    AUTHORITY = 12


class AuthorityAct(IntEnum):
    """enum hil_authority_act."""

    GRANT = 1
    REQUEST = 2
    WITHDRAW = 3
    REVOKE = 4


class AuthorityReason(IntEnum):
    """enum hil_authority_reason: why a twin's value does not act."""

    ACTS = 0
    NONE = 1
    EXPIRED = 2
    INTERLOCK = 3
    INPUT = 4
    PERSON = 5
    REVOKED = 6
    OVER = 7
    WITHDRAWN = 8

    @property
    def text(self) -> str:
        """As a sentence about the envelope."""
        return _REASONS[self]


_REASONS = {
    AuthorityReason.ACTS: "granted",
    AuthorityReason.NONE: "nothing was granted",
    AuthorityReason.EXPIRED: "the envelope has expired",
    AuthorityReason.INTERLOCK: "an interlock stands, or is not known",
    AuthorityReason.INPUT: "the person's set point is stale, bad or no number",
    AuthorityReason.PERSON: "a person set another value",
    AuthorityReason.REVOKED: "revoked",
    AuthorityReason.OVER: "the request is over",
    AuthorityReason.WITHDRAWN: "the request was withdrawn",
}


class SafeReason(IntEnum):
    """enum hil_safe_reason."""

    NONE = 0
    COMMAND = 1
    OVERRUN = 2
    TEARDOWN = 3


def encode(
    kind: EventKind,
    *,
    target: int = 0,
    values: Sequence[float] = (),
    due: int = NEXT_TICK,
    event_id: int = 0,
    kind2: int = 0,
    ticks: int = 0,
) -> bytes:
    """The 64 bytes of an event; `due` is a tick, `ticks` the duration of a fault."""
    v = [*values, 0.0, 0.0, 0.0, 0.0][:4]
    return _EVENT.pack(due, kind, target, event_id, kind2, ticks, *v)


Mode = tuple[int, Sequence[float]]  # enum hil_fault_mode, values


def with_modes(kind: EventKind, modes: Sequence[Mode], *, target: int = 0, event_id: int, **fields: Any) -> list[bytes]:
    """An event behind the modes of a fault, which wait in the core for the fault with their id."""
    mode = EventKind.FAULT_MODE
    ahead = [encode(mode, target=target, event_id=event_id, kind2=number, values=v) for number, v in modes]
    return [*ahead, encode(kind, target=target, event_id=event_id, **fields)]


def decode(data: bytes) -> dict[str, Any]:
    """An event's fields by name."""
    due, kind, target, event_id, kind2, ticks, *v = _EVENT.unpack(data)
    return {"due": due, "kind": kind, "target": target, "id": event_id, "kind2": kind2, "ticks": ticks, "values": v}
