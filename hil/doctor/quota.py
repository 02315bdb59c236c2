"""What `hil doctor` says about control groups: a container's share of CPU time, and how often it was used up."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from hil import realtime
from hil.doctor.point import OK, WARN, Point

Facts = dict[str, Any]
NAME = "CPU quota"


def read(root: Path) -> Facts:
    """The tightest quota of this process's group and those above it.

    Returns:
        "cpus": CPU time a time, None without a quota; "period_us"; "throttled": times that it was used up; "group".
    """
    found: Facts = {"cpus": None, "period_us": None, "throttled": 0, "group": ""}
    for folder in _groups(root):
        share = _version_2(folder) or _version_1(folder)
        if share and (found["cpus"] is None or share[0] < found["cpus"]):
            stopped = re.search(r"^nr_throttled (\d+)", realtime.whole(folder / "cpu.stat"), flags=re.MULTILINE)
            group = str(folder.relative_to(root / "sys/fs/cgroup"))
            found = {"cpus": share[0], "period_us": share[1], "throttled": int(stopped[1]) if stopped else 0}
            found["group"] = "" if group == "." else group
    return found


def _groups(root: Path) -> list[Path]:
    """Folders of this process's groups, and of all above them: each may have a quota."""
    mount = root / "sys/fs/cgroup"
    folders = []
    for line in realtime.whole(root / "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        base = mount / controllers if controllers else mount
        inner = base / path.strip("/")
        folders += [inner, *(above for above in inner.parents if above == base or base in above.parents)]
    # In a container the path is the host's, and only the top is to be seen.
    return folders or [mount]


def _version_2(folder: Path) -> tuple[float, int] | None:
    words = realtime.read(folder / "cpu.max").split()
    if len(words) != 2 or not words[0].isdigit():
        return None
    return int(words[0]) / int(words[1]), int(words[1])


def _version_1(folder: Path) -> tuple[float, int] | None:
    quota, period = realtime.read(folder / "cpu.cfs_quota_us"), realtime.read(folder / "cpu.cfs_period_us")
    if not quota.isdigit() or not period.isdigit():  # -1: none
        return None
    return int(quota) / int(period), int(period)


def point(facts: Facts) -> Point:
    """A group that has used up its quota stands still to the end of the period, mostly 100 ms."""
    found = facts["quota"]
    if found["cpus"] is None:
        return Point(NAME, OK, "none", "no control group takes the CPU away")
    value = f"{found['cpus']:g} CPUs in each {found['period_us'] / 1e3:g} ms"
    cost = f"used up {found['throttled']} times so far" if found["throttled"] else None
    meaning = "when it is used up, everything but SCHED_FIFO stands still to the end of that period"
    group = found["group"] or "system.slice"
    mend = f"sudo systemctl set-property --runtime {Path(group).name} CPUQuota=   # docker: docker update --cpus 0 NAME"
    return Point(NAME, WARN, value, meaning, mend, cost)
