"""Oracles of time and date, on Python's calendar."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from st_oracle import DAY, ORACLES, RANGE, says, stop, wrap

EPOCH = date(1970, 1, 1)
Args = list[Any]
Types = tuple[str, ...]


def day(ns: int) -> date:
    return EPOCH + timedelta(days=ns // DAY)


def date_ns(year: int, month: int, day_: int) -> int | None:
    try:
        return (date(year, month, day_) - EPOCH).days * DAY if 1678 <= year <= 2261 else None
    except (ValueError, OverflowError):
        return None


def clock_ns(hour: int, minute: int, second: int, *parts: int) -> int | None:
    bounds = ((hour, 24), (minute, 60), (second, 60), *((p, 1000) for p in parts))
    if not all(0 <= value < bound for value, bound in bounds):
        return None
    fraction = sum(p * 10 ** (6 - 3 * i) for i, p in enumerate(parts))
    return ((hour * 60 + minute) * 60 + second) * 10**9 + fraction


@says("CONCAT_DATE_TOD", "CONCAT_DATE_LTOD")
def joined(types: Types, args: Args, result: str) -> Any:
    return wrap("LINT", sum(args))


@says("CONCAT_DATE")
def concat_date(types: Types, args: Args, result: str) -> Any:
    ns = date_ns(*args)
    return stop(RANGE) if ns is None else ns


@says("CONCAT_TOD", "CONCAT_LTOD")
def concat_tod(types: Types, args: Args, result: str) -> Any:
    ns = clock_ns(*args)
    return stop(RANGE) if ns is None else ns


@says("CONCAT_DT", "CONCAT_LDT")
def concat_dt(types: Types, args: Args, result: str) -> Any:
    days, clock = date_ns(*args[:3]), clock_ns(*args[3:])
    return stop(RANGE) if days is None or clock is None else days + clock


ORACLES["DAY_OF_WEEK"] = lambda types, args, result: day(args[0]).isoweekday() % 7
ORACLES["YEAR_OF"] = lambda types, args, result: day(args[0]).year
ORACLES["MONTH_OF"] = lambda types, args, result: day(args[0]).month
ORACLES["DAY_OF"] = lambda types, args, result: day(args[0]).day


# ---- text ----


def duration_text(prefix: str, ns: int) -> str:
    rest, parts = abs(ns), ""
    for unit, size in (("d", DAY), ("h", 3600 * 10**9), ("m", 60 * 10**9), ("s", 10**9), ("ms", 10**6), ("us", 10**3)):
        whole, rest = divmod(rest, size)
        parts += f"{whole}{unit}" if whole else ""
    parts += f"{rest}ns" if rest else ""
    return f"{prefix}{'-' if ns < 0 else ''}{parts or '0s'}"


def clock_text(ns: int) -> str:
    seconds, fraction = divmod(ns % DAY, 10**9)
    text = (datetime(2000, 1, 1) + timedelta(seconds=seconds)).strftime("%H:%M:%S")
    digits = f"{fraction:09d}"
    while digits.endswith("000"):
        digits = digits[:-3]
    return f"{text}.{digits}" if digits else text


def time_text(kind: str, ns: int) -> str:
    if kind == "TIME":
        return duration_text("T#", ns)
    if kind == "LTIME":
        return duration_text("LTIME#", ns)
    prefix = "D#" if kind == "DATE" else f"{kind}#"
    if kind in ("TOD", "LTOD"):
        return prefix + clock_text(ns)
    text = prefix + day(ns).isoformat()
    return f"{text}-{clock_text(ns)}" if kind in ("DT", "LDT") else text
