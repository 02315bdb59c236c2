"""The sentence that proposes the valid name nearest to a wrong one."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def did_you_mean(wrong: str, valid: Iterable[str]) -> str:
    """`Did you mean 'h1'?` when a valid name is near, else the list of the valid names."""
    names = sorted(valid)
    near = get_close_matches(wrong, names, n=1)
    if near:
        return f"Did you mean {near[0]!r}?"
    return f"Valid: {', '.join(names)}" if names else "None is declared"
