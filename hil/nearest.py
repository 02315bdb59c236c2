"""The nearest valid name, for messages about unknown ones."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

LISTED = 12  # names in "Valid: ..."


def nearest(name: str, names: Iterable[str]) -> str | None:
    """The valid name that is most like `name`, whatever the case, or None."""
    by_lower = {valid.lower(): valid for valid in names}
    near = difflib.get_close_matches(name.lower(), by_lower, n=1, cutoff=0.6)
    return by_lower[near[0]] if near else None


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """The mend for an unknown name: the nearest valid one, else the list of them."""
    names = list(names)
    near = nearest(name, names)
    if near is not None:
        return f"Did you mean {near}?"
    if not names:
        return "There are none"
    return "Valid: " + ", ".join(names[:LISTED]) + (" ..." if len(names) > LISTED else "")
