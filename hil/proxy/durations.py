"""Durations as a plan writes them."""

from __future__ import annotations

import re

UNITS_S = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "min": 60.0}
FORM = re.compile(rf"\s*(\d+(?:\.\d*)?|\.\d+)\s*({'|'.join(UNITS_S)})\s*")


def seconds(value: object) -> float:
    """`"200ms"`, `"2 s"`, `"1min"`, or a number of seconds.

    Raises:
        ValueError: it is none.
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    match = FORM.fullmatch(value) if isinstance(value, str) else None
    if not match:
        raise ValueError(f'must be a duration such as "200ms", "2s" or "1min" ({", ".join(UNITS_S)})')
    return float(match[1]) * UNITS_S[match[2]]
