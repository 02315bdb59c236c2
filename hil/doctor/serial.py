"""What `hil doctor` says about serial ports: adapters that hold bytes back, ports that this user may not open."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from hil.doctor.point import OK, WARN, Point
from hil.drivers.serial_ports import LatencyTimer, SerialPort, latency_timers, list_ports

WANTED_MS = 1
RULE = 'ACTION=="add", SUBSYSTEM=="usb-serial", DRIVER=="ftdi_sio", ATTR{latency_timer}="1"'
KEEP = f"To keep it so: /etc/udev/rules.d/99-ftdi-latency.rules with {RULE}"
PROMPT = f"an adapter hands on what it received within {WANTED_MS} ms"


def read(root: Path) -> dict[str, int | None]:
    """Latency timers of FTDI adapters in ms by port."""
    return {timer.port: timer.ms for timer in latency_timers(root)}


def points(root: Path, *, fix: bool) -> Iterator[Point]:
    """Both points.

    Args:
        root: where /sys, /dev and /proc are.
        fix: sets latency timers where this user may.
    """
    yield latency(latency_timers(root), fix=fix)
    yield permission(list_ports(root))


def latency(timers: list[LatencyTimer], *, fix: bool) -> Point:
    """An FTDI adapter waits 16 ms for more bytes unless told otherwise: longer than most control periods."""
    name = "serial latency timers"
    if not timers:
        return Point(name, OK, "no FTDI adapter", "other adapters hand on what they received without such a wait")
    slow, changed, found = [], [], []
    for timer in timers:
        if (before := timer.ms) is None:
            continue  # unplugged meanwhile
        is_slow = before > WANTED_MS
        is_set = is_slow and fix and timer.set_ms(WANTED_MS)
        found.append(f"{timer.port} {before} ms" + (f", set to {WANTED_MS} ms" if is_set else ""))
        changed += [timer] if is_set else []
        slow += [timer] if is_slow and not is_set else []
    value = "; ".join(found)
    if slow:
        meaning = "received bytes are held back so long, and every exchange takes at least that"
        return Point(name, WARN, value, meaning, "; ".join(f"echo {WANTED_MS} | sudo tee {t.file}" for t in slow))
    return Point(
        name, OK, value, PROMPT + (", until it is plugged in again" if changed else ""), KEEP if changed else None
    )


def permission(ports: list[SerialPort]) -> Point:
    """A port belongs to a group, mostly dialout; without it nothing on the line can be reached."""
    name = "serial ports"
    if not ports:
        return Point(name, OK, "none", "boards and adapters appear here when they are plugged in")
    closed = [port for port in ports if not port.permitted]
    if not closed:
        return Point(name, OK, ", ".join(port.path for port in ports), "this user may open them")
    groups = ",".join(dict.fromkeys(port.group for port in closed))
    value = ", ".join(port.path for port in closed) + ": not permitted"
    mend = f"sudo usermod -aG {groups} $USER, then log in again"
    return Point(name, WARN, value, "devices on them cannot be reached by this user", mend)
