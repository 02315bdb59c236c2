"""What `hil doctor` says about privileges: real-time priority, locked memory, and who gives how much of them."""

from __future__ import annotations

import os
import re
import resource
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hil import realtime
from hil.doctor.point import OK, WARN, Point

Facts = dict[str, Any]
WANTED = {"rtprio": "90", "memlock": "unlimited"}
KINDS = {"rtprio": resource.RLIMIT_RTPRIO, "memlock": resource.RLIMIT_MEMLOCK}
SYSTEMD_FILES = ("etc/systemd/system.conf", "etc/systemd/user.conf")


def read(root: Path) -> Facts:
    """Limits of this process (None: unlimited; memlock in bytes), lines of PAM and systemd, throttling."""
    own = {name: resource.getrlimit(kind)[0] for name, kind in KINDS.items()}
    return {
        **{name: None if soft == resource.RLIM_INFINITY else soft for name, soft in own.items()},
        "pam": pam_lines(root),
        "systemd": systemd_lines(root),
        "rt_runtime_us": _number(root / "proc/sys/kernel/sched_rt_runtime_us"),
        "rt_period_us": _number(root / "proc/sys/kernel/sched_rt_period_us"),
    }


def _number(path: Path) -> int | None:
    text = realtime.read(path)
    return int(text) if re.fullmatch(r"-?\d+", text) else None


def pam_lines(root: Path) -> list[str]:
    """Lines on rtprio and memlock that pam_limits applies at a log-in: "domain type item value"."""
    found = []
    for file in [root / "etc/security/limits.conf", *sorted((root / "etc/security/limits.d").glob("*.conf"))]:
        for line in realtime.whole(file).splitlines():
            words = line.partition("#")[0].split()
            if len(words) == 4 and words[2] in WANTED:
                found.append(" ".join(words))
    return found


def systemd_lines(root: Path) -> list[str]:
    """What systemd gives to services and user sessions: they never pass pam_limits of a log-in."""
    found = []
    for name in SYSTEMD_FILES:
        for file in [root / name, *sorted((root / f"{name}.d").glob("*.conf"))]:
            text = realtime.whole(file)
            found += re.findall(r"^\s*(DefaultLimit(?:RTPRIO|MEMLOCK)=\S+)", text, flags=re.MULTILINE)
    return found


def mend(item: str, facts: Facts) -> str:
    """The line that grants it; where PAM has one already, what is missing is a new log-in."""
    if any(words.split()[2] == item for words in facts["limits"]["pam"]):
        line = next(words for words in facts["limits"]["pam"] if words.split()[2] == item)
        return f"sudo systemctl edit user@.service  # Limit{item.upper()}; PAM has '{line}': log in again"
    file = "/etc/security/limits.d/99-realtime.conf"
    return f"echo '{os.environ.get('USER') or '*'} - {item} {WANTED[item]}' | sudo tee -a {file}  # then log in again"


def points(facts: Facts, grants: Facts) -> Iterator[Point]:
    """SCHED_FIFO, its throttling, locked memory."""
    yield fifo(facts, grants)
    yield throttle(facts)
    yield memory(facts, grants)


def _given(facts: Facts, item: str) -> str:
    """Who sets this limit, in parentheses behind the value; "" when nobody does."""
    found = facts["limits"]
    lines = [line for line in found["pam"] if line.split()[2] == item]
    lines += [line for line in found["systemd"] if item.upper() in line]
    return f"; {', '.join(lines)}" if lines else ""


def fifo(facts: Facts, grants: Facts) -> Point:
    """Real-time priority, as tried."""
    soft = facts["limits"]["rtprio"]
    limit = f"rtprio limit {'unlimited' if soft is None else soft}{_given(facts, 'rtprio')}"
    if grants["fifo"] == 0:
        return Point("SCHED_FIFO", OK, f"granted ({limit})", "the loop runs before all ordinary processes")
    value = f"{os.strerror(grants['fifo'])} ({limit})"
    return Point("SCHED_FIFO", WARN, value, "the loop shares the CPU with everything else", mend("rtprio", facts))


def throttle(facts: Facts) -> Point:
    """Linux takes real-time threads off the CPU when they have used their share of a period."""
    name, runtime, period = "real-time share", facts["limits"]["rt_runtime_us"], facts["limits"]["rt_period_us"]
    if runtime is None or runtime < 0:
        value = "not told" if runtime is None else "unlimited"
        return Point(name, OK, value, "real-time threads are never throttled")
    share = 100.0 * runtime / (period or 1_000_000)
    value = f"{runtime} us of {(period or 1_000_000) / 1e6:g} s"
    if share < 90.0:
        meaning = f"a loop with a long final spin is stopped after {share:g} % of each period"
        return Point(name, WARN, value, meaning, "sudo sysctl -w kernel.sched_rt_runtime_us=950000")
    return Point(name, OK, value, f"real-time threads get at most {share:g} %; more than any bench should need")


def memory(facts: Facts, grants: Facts) -> Point:
    """Locked memory, as tried."""
    soft = facts["limits"]["memlock"]
    limit = f"memlock limit {'unlimited' if soft is None else f'{soft >> 20} MiB'}{_given(facts, 'memlock')}"
    if grants["memory"] == 0:
        return Point("locked memory", OK, f"granted ({limit})", "no page of the loop is ever swapped out")
    return Point("locked memory", WARN, limit, "a page fault may delay a tick by milliseconds", mend("memlock", facts))
