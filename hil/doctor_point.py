"""One line of what `hil doctor` found."""

from __future__ import annotations

from dataclasses import dataclass

OK, WARN = "ok", "warn"


@dataclass(frozen=True)
class Point:
    """One thing that was looked at.

    Attributes:
        level: "ok" or "warn".
        value: what was found.
        meaning: what that means for a loop.
        mend: how to get more, None when there is nothing to do.
    """

    name: str
    level: str
    value: str
    meaning: str
    mend: str | None = None
