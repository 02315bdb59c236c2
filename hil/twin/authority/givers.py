"""What a desk is given: grants by people, and by the twin what it writes, foretells and remembers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from hil.twin.authority.envelope import Envelope
from hil.twin.authority.proposal import Effect, Proposal

Crossed = Callable[[str, float], bool | None]
"""(limit, since_s) -> whether it was crossed since; None: it cannot be known."""
Foretell = Callable[[Proposal], tuple[Effect, str]]
"""What an action does from now on, and the hash of the state that this is foretold from."""


class Write(Protocol):
    """Writes one entry into the ledger."""

    def __call__(self, kind: str, body: Mapping[str, Any], personal: Mapping[str, str] | None = None) -> int:
        """Returns its number."""


@dataclass(frozen=True)
class Grant:
    """What a person's envelope allows an action now.

    Attributes:
        by: name of the trusted key that signed.
        until_s: bench time of its end.
    """

    envelope: Envelope
    by: str
    until_s: float
