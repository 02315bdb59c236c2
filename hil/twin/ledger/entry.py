"""One entry of a ledger, and the hash that chains it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hil.signing.canonical import canonical

FIRST = "0" * 64  # what stands for the hash before the first entry
OPENED, ERASED = "opened", "erased"  # kinds of the ledger's own entries
KINDS = (
    OPENED,
    ERASED,
    "quality",
    "detection",
    "diagnosis",
    "alarm",
    "model",
    "forecast",
    "proposal",
    "decision",
    "authority",
    "action",
    "outcome",
)
PERSONAL = "personal"  # key of a body: commitments by field


@dataclass(frozen=True)
class Entry:
    """What happened.

    Attributes:
        number: 1, 2, 3 ...
        time_ns: nanoseconds since 1970, UTC, by the clock of the writer.
        kind: one of KINDS.
        body: what is told of it, as JSON; `body["personal"]` has a commitment for each personal field.
        before: hash of the entry before, 64 hex digits.
        personal: values of the personal fields that have not been erased.
    """

    number: int
    time_ns: int
    kind: str
    body: Mapping[str, Any]
    before: str
    personal: Mapping[str, str] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The body as it is kept and hashed."""
        return body_text(self.body)

    @property
    def hash(self) -> str:
        """64 hex digits."""
        return chained(self.number, self.time_ns, self.kind, self.text, self.before)


def body_text(body: Mapping[str, Any]) -> str:
    """The one text of a body."""
    return canonical(body).decode().rstrip("\n")


def chained(number: int, time_ns: int, kind: str, text: str, before: str) -> str:
    """SHA-256 over an entry's own fields and the hash of the entry before it."""
    own = {"number": number, "time_ns": time_ns, "kind": kind, "body": sha256(text.encode()), "before": before}
    return sha256(canonical(own))


def commitment(salt: bytes, value: str) -> str:
    """What the chain keeps of a personal value; without the salt nobody can try values against it."""
    return sha256(salt + value.encode())


def sha256(data: bytes) -> str:
    """64 hex digits (FIPS 180-4)."""
    return hashlib.sha256(data).hexdigest()


def read_body(text: str) -> dict[str, Any]:
    """The body of a kept text; raises ValueError or TypeError when it is none."""
    return dict(json.loads(text))
