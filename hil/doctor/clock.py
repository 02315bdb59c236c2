"""What `hil doctor` says about the clock: its source, and who sets it."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hil import realtime
from hil.doctor.point import OK, WARN, Point, boot_with

Facts = dict[str, Any]
FAST_SOURCES = ("tsc", "arch_sys_counter")
TIME_ERROR, STA_UNSYNC = 5, 0x40  # <sys/timex.h>
SLEW_PPM = 100.0  # a crystal is within this; more is a clock that is being pulled in


class _Timex(ctypes.Structure):
    """The head of struct timex (adjtimex(2)); the rest is room."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("room", ctypes.c_char * 256),
    )


def read(root: Path) -> Facts:
    """Sources, timer slack (ns), and how the kernel steers the clock: synchronised, slew in ppm."""
    folder = root / "sys/devices/system/clocksource/clocksource0"
    slack = realtime.read(root / "proc/self/timerslack_ns")
    return {
        "available": realtime.read(folder / "available_clocksource").split(),
        "timer_slack_ns": int(slack) if slack.isdigit() else None,
        **steering(),
    }


def steering() -> Facts:
    """What adjtimex(2) tells, without changing anything; None for both where it tells nothing."""
    found = _Timex()
    try:
        state = ctypes.CDLL(None).adjtimex(ctypes.byref(found))
    except (OSError, AttributeError):
        state = -1
    if state < 0:
        return {"synchronised": None, "slew_ppm": None}
    return {
        "synchronised": state != TIME_ERROR and not found.status & STA_UNSYNC,
        "slew_ppm": round(found.freq / 65536.0, 3),
    }


def points(facts: Facts) -> Iterator[Point]:
    """The source and the steering."""
    yield source(facts)
    yield steps(facts)


def source(facts: Facts) -> Point:
    """A clock that is read without a system call takes tens of nanoseconds, any other a microsecond."""
    found, available = facts["clock_source"] or "not told", facts["clock"]["available"]
    slack = facts["clock"]["timer_slack_ns"]
    value = found if slack is None else f"{found}, timer slack {slack} ns"
    if found in (*FAST_SOURCES, "not told"):
        return Point("clock", OK, value, "read without a system call; the loop sets its own timer slack to 1 ns")
    meaning = "reading the clock may take a microsecond, three times a tick"
    if "tsc" in available:
        path = "/sys/devices/system/clocksource/clocksource0/current_clocksource"
        return Point("clock", WARN, value, meaning, f"echo tsc | sudo tee {path}")
    return Point("clock", WARN, value, meaning, boot_with("clocksource=tsc tsc=reliable"))


def steps(facts: Facts) -> Point:
    """The loop runs on CLOCK_MONOTONIC: never stepped, but slewed like the time of day."""
    found = facts["clock"]
    name, slew = "clock steps", found["slew_ppm"]
    if found["synchronised"] is None:
        return Point(name, OK, "not told", "steps cannot move the loop: it runs on the monotonic clock")
    value = f"{'synchronised' if found['synchronised'] else 'not synchronised'}, slewed by {slew:g} ppm"
    if abs(slew) > SLEW_PPM:
        meaning = f"every period is {abs(slew):g} millionths too {'short' if slew > 0 else 'long'} against true time"
        return Point(name, WARN, value, meaning, "sudo chronyc makestep")
    if not found["synchronised"]:
        meaning = "the loop runs on the monotonic clock; times of day in recordings of two machines do not match"
        return Point(name, WARN, value, meaning, "sudo timedatectl set-ntp true")
    return Point(name, OK, value, "steps cannot move the loop: it runs on the monotonic clock")
