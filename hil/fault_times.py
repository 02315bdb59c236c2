"""Quantities and times in the text of a fault: "1 cm", "200ms", "800t"."""

from __future__ import annotations

import re

from hil.errors import BenchError

TIME_UNITS_S = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "min": 60.0, "h": 3600.0}
TICKS = "t"
FORM = "Write signal=kind(value)@start..end, as in 'sensor.h1=stuck@8s..14s'"
_QUANTITY = re.compile(r"\s*(?P<number>[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*(?P<unit>\S.*?)?\s*")


def quantity(part: str, text: str) -> tuple[float, str | None]:
    """(1.5, "cm") of "1.5 cm", which stands in `text`; the unit is None where there is none.

    Raises:
        BenchError: the part does not begin with a number.
    """
    match = _QUANTITY.fullmatch(part)
    if match is None:
        raise BenchError(f"'{part.strip()}' in '{text}' is not a number, or a number and a unit", mend=FORM)
    return float(match["number"]), match["unit"]


def read_time(part: str, text: str) -> tuple[float | None, int | None]:
    """(seconds, None) or (None, ticks) of a time such as "8s" or "800t".

    Raises:
        BenchError: it is none, or negative.
    """
    value, unit = quantity(part, text)
    if unit in (TICKS, "tick", "ticks"):
        if value < 0 or value != int(value):
            raise BenchError(f"'{part.strip()}' in '{text}' is not a whole number of ticks")
        return None, int(value)
    if unit not in TIME_UNITS_S:
        raise BenchError(
            f"'{part.strip()}' in '{text}' is not a time", mend="Write times as 8s, 200ms, 2min or 800t (ticks)"
        )
    if value < 0:
        raise BenchError(f"'{part.strip()}' in '{text}' lies before the start of the run")
    # Division keeps 200ms at exactly 0.2; multiplication by 1e-3 would not.
    scale = TIME_UNITS_S[unit]
    return (value * scale if scale >= 1.0 else value / round(1.0 / scale)), None


def to_tick(seconds: float | None, ticks: int | None, period_ns: int) -> int | None:
    """The nearest tick."""
    if ticks is not None:
        return ticks
    return None if seconds is None else round(seconds * 1e9 / period_ns)


def time_text(seconds: float | None, ticks: int | None) -> str:
    """As `read_time` takes it; nothing where there is none."""
    if ticks is not None:
        return f"{ticks}t"
    return "" if seconds is None else f"{seconds:g}s"
