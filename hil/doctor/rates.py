"""The rates that this machine can hold: a short run of a bare loop at each."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from hil.doctor.attempts import PRIORITY
from hil.doctor.wake_up import GOOD_PART, Way, measure_wake_up

RATES_HZ = (100, 200, 500, 1000, 2000, 5000, 10_000)


@dataclass(frozen=True)
class Rate:
    """What a run at one rate showed: lateness (us), ticks missed, and whether a bench could be run so.

    `holds`: no tick missed, and 99 % began within a quarter of the period.
    """

    rate_hz: int
    ticks: int
    p50_us: float
    p99_us: float
    max_us: float
    missed: int
    holds: bool


def measure_rates(cpu: int, seconds: float) -> list[Rate]:
    """One run of `seconds` at each rate, with SCHED_FIFO where permitted, pinned, kept awake."""
    return [judged(rate, measure_wake_up(seconds, Way(PRIORITY, cpu), round(1e9 / rate))) for rate in RATES_HZ]


def judged(rate_hz: int, found: dict[str, Any]) -> Rate:
    """A measurement and what it means."""
    holds = found["missed"] == 0 and found["p99_us"] <= GOOD_PART * 1e6 / rate_hz
    wanted = ("ticks", "p50_us", "p99_us", "max_us", "missed")
    return Rate(rate_hz, **{name: found[name] for name in wanted}, holds=holds)


def fastest(rates: list[Rate]) -> int | None:
    """The highest rate up to which all held, in Hz; None when not even the lowest did."""
    best = None
    for rate in sorted(rates, key=lambda each: each.rate_hz):
        if not rate.holds:
            break
        best = rate.rate_hz
    return best


def plain(rates: list[Rate]) -> list[dict[str, Any]]:
    """For JSON."""
    return [asdict(rate) for rate in rates]
