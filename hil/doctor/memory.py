"""What `hil doctor` says about memory beside its locking: swap, and huge pages that the kernel puts together."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hil import realtime
from hil.doctor.point import OK, WARN, Point

Facts = dict[str, Any]
HUGE_PAGES = "/sys/kernel/mm/transparent_hugepage/enabled"


def read(root: Path) -> Facts:
    """Swap devices, and the choice for transparent huge pages: "always", "madvise" or "never"; "" without them."""
    lines = realtime.whole(root / "proc/swaps").splitlines()[1:]
    chosen = re.search(r"\[(\w+)\]", realtime.read(root / HUGE_PAGES.lstrip("/")))
    return {
        "swaps": [line.split()[0] for line in lines if line.strip()],
        "huge_pages": chosen[1] if chosen else "",
    }


def points(facts: Facts, grants: Facts) -> Iterator[Point]:
    """Swap and huge pages."""
    yield swap(facts, grants)
    yield huge_pages(facts)


def swap(facts: Facts, grants: Facts) -> Point:
    """What is not locked may lie on a disk when it is needed."""
    swaps = facts["memory"]["swaps"]
    if not swaps:
        return Point("swap", OK, "none", "no page has to come back from a disk")
    value = ", ".join(swaps)
    if grants["memory"] == 0:
        return Point("swap", OK, value, "the loop's memory is locked; recorder and devices may still wait for a disk")
    return Point("swap", WARN, value, "a tick may wait for a page from the disk: some milliseconds", "sudo swapoff -a")


def huge_pages(facts: Facts) -> Point:
    """The kernel's thread that puts huge pages together stops a process while it moves its pages."""
    found = facts["memory"]["huge_pages"]
    if found != "always":
        return Point("huge pages", OK, found or "none", "only where a program asks for them")
    meaning = "the kernel may stop the loop for some 100 us to put pages of its process together"
    return Point("huge pages", WARN, found, meaning, f"echo madvise | sudo tee {HUGE_PAGES}")
