"""What `hil doctor` says about interrupts: those of devices that the kernel may serve on the loop's CPU."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hil import realtime
from hil.doctor.point import OK, WARN, Point
from hil.doctor.processors import cpu_set

Facts = dict[str, Any]
SHOWN = 4
NAME = "interrupts"


def read(root: Path, cpu: int) -> Facts:
    """The interrupts that may arrive on a CPU: number, device, how many did.

    Returns:
        "cpu", "here": list of {"irq", "device", "count"}, the busiest first; "elsewhere": how many keep off.
    """
    counts = _counts(realtime.whole(root / "proc/interrupts"), cpu)
    here: list[Facts] = []
    elsewhere = 0
    for folder in (root / "proc/irq").glob("[0-9]*"):
        text = realtime.read(folder / "effective_affinity_list") or realtime.read(folder / "smp_affinity_list")
        if cpu not in cpu_set(text):
            elsewhere += 1
        elif folder.name in counts:  # the others have no driver and cannot fire
            device, count = counts[folder.name]
            here.append({"irq": int(folder.name), "device": device, "count": count})
    here.sort(key=lambda entry: (-entry["count"], entry["irq"]))
    return {"cpu": cpu, "here": here, "elsewhere": elsewhere}


def _counts(text: str, cpu: int) -> dict[str, tuple[str, int]]:
    """(device, number on this CPU) by interrupt; the head of /proc/interrupts names the CPUs of its columns."""
    lines = text.splitlines()
    columns = lines[0].split() if lines else []
    if f"CPU{cpu}" not in columns:
        return {}
    found = {}
    for line in lines[1:]:
        irq, _, rest = line.strip().partition(":")
        words = rest.split()
        if irq.isdigit() and len(words) > len(columns):
            found[irq] = (words[-1], int(words[columns.index(f"CPU{cpu}")]))
    return found


def total(root: Path, cpu: int) -> int:
    """All interrupts of a CPU since boot, the kernel's own among them; two readings give a rate."""
    lines = realtime.whole(root / "proc/interrupts").splitlines()
    columns = lines[0].split() if lines else []
    if f"CPU{cpu}" not in columns:
        return 0
    at = columns.index(f"CPU{cpu}") + 1
    fields = [line.split() for line in lines[1:]]
    return sum(int(words[at]) for words in fields if len(words) > at and words[at].isdigit())


def point(facts: Facts) -> Point:
    """An interrupt is served before any thread, whatever the thread's priority."""
    found = facts["interrupts"]
    cpu, here = found["cpu"], found["here"]
    active = [entry for entry in here if entry["count"]]
    if not active:
        value = f"no device's on CPU {cpu} ({found['elsewhere'] + len(here)} elsewhere or silent)"
        return Point(NAME, OK, value, "nothing but the kernel's own timer interrupts the loop")
    shown = ", ".join(f"{entry['device']} (IRQ {entry['irq']})" for entry in active[:SHOWN])
    more = f" and {len(active) - SHOWN} more" if len(active) > SHOWN else ""
    others = sorted(set(range(facts["cpus"])) - {cpu})
    meaning = "each is served before the loop, some microseconds at a time"
    mend = None
    if others:
        keep = ",".join(str(n) for n in others)
        numbers = " ".join(str(entry["irq"]) for entry in active)
        mend = f"for i in {numbers}; do echo {keep} | sudo tee /proc/irq/$i/smp_affinity_list; done"
    return Point(NAME, WARN if mend else OK, f"on CPU {cpu}: {shown}{more}", meaning, mend)
