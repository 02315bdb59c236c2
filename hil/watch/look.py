"""What `hil watch` asks of a bench, and the words for what it is told. Nothing here knows how it is shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from hil.cli.output import nanoseconds_text
from hil.control import ControlClient
from hil.errors import BenchError

STATUS = (
    (8, "bad", "bold red"),
    (16, "safe", "bold magenta"),
    (1, "stale", "yellow"),
    (4, "faulted", "red"),
    (2, "forced", "cyan"),
)
GOOD = "green"
AWAY = ("not here", "dim")  # internal to a controller that runs on its device
TIMES = {"real": "real time", "lockstep": "lock-step", "virtual": "virtual time"}


@dataclass(frozen=True)
class View:
    """One look at a bench: `status` and `values` as hil.control.requests gives them."""

    status: Mapping[str, Any]
    values: Mapping[str, Any]


def look(client: ControlClient, patterns: Sequence[str] | None = None) -> View:
    """Asks the bench for everything a frame shows; `patterns` choose signals.

    Raises:
        BenchError: the bench has ended, or no signal fits.
    """
    status = client.request("status")
    values = client.request("values")
    if patterns:
        names = [name for name in values["values"] if any(fnmatchcase(name, p) for p in patterns)]
        if not names:
            raise BenchError(
                "no signal fits", where="--signals", mend=f"There are {', '.join(list(values['values'])[:12])}"
            )
        values = {**values, **{key: {n: values[key][n] for n in names} for key in ("values", "status", "units")}}
    return View(status, values)


def status_words(bits: int) -> tuple[str, str]:
    """The worst status bit in a word, with "+" when there are more; and its colour."""
    found = [(word, style) for bit, word, style in STATUS if bits & bit]
    if not found:
        return "good", GOOD
    return found[0][0] + ("+" if len(found) > 1 else ""), found[0][1]


def number_text(value: float | None) -> str:
    """A value in at most 12 columns; "nan" where it is none."""
    if value is None:
        return "nan"
    return f"{value:.5g}" if value and abs(value) < 1e-3 else f"{value:,.5f}"[:12]


def signal_row(values: Mapping[str, Any], name: str) -> tuple[str, str, str, str]:
    """Value, unit, status and the status's colour of one signal."""
    away = name in values["away"]
    words, style = AWAY if away else status_words(values["status"][name])
    unit = values["units"].get(name) or ""
    return "n/a" if away else number_text(values["values"][name]), "" if unit == "1" else unit, words, style


def head_text(status: Mapping[str, Any]) -> str:
    """Kind of time, tick and levels of a bench, in one line."""
    levels = ", ".join(f"{role}: {level}" for role, level in status["bindings"].items())
    tick = f"tick {status['tick']:,} of {1e3 * status['period_s']:g} ms"
    return ", ".join(part for part in (TIMES[status["time"]], tick, levels, f"pid {status['pid']}") if part)


def bus_row(name: str, counters: Mapping[str, Any]) -> tuple[str, ...]:
    """Name, connection, level, median and 99 % of round trip and age, and trouble of a bus."""
    from hil.cli.summary import trouble_text

    times = []
    for histogram in ("round_trip_ns", "age_ns"):
        found = counters.get(histogram) or {}
        times += [nanoseconds_text(found.get("p50")), nanoseconds_text(found.get("p99"))]
    up = "connected" if counters.get("connected", False) else "NOT CONNECTED"
    return (name, up, str(counters.get("level", "")), *times, trouble_text(counters))
