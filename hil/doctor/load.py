"""What `hil doctor` says about others: time stolen by a hypervisor, and the load while it measured."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hil import realtime
from hil.doctor.point import OK, WARN, Point

Facts = dict[str, Any]


def points(facts: Facts, measured: Facts) -> Iterator[Point]:
    """Stolen time and load of the time that a `MachineWatch` measured."""
    yield steal(measured)
    yield load(facts, measured)


def steal(measured: Facts) -> Point:
    """CPU time that the host gave to others."""
    percent = measured["steal_percent"]
    value = f"{percent:.2f} % in {measured['watched_s']:.1f} s"
    if percent < realtime.STEAL_MATTERS_PERCENT:
        return Point("stolen time", OK, value, "the host left the CPU to this machine while it was measured")
    mend = "Pin the virtual CPUs on the host (virsh vcpupin DOMAIN VCPU CPU), or use another machine"
    cost = f"the CPU was away for {10 * percent:.0f} ms of each second"
    return Point("stolen time", WARN, value, "the host gave the CPU to others", mend, cost)


def load(facts: Facts, measured: Facts) -> Point:
    """Work that waits beside the bench."""
    found, cpus = measured["load_1min"], facts["usable_cpus"]
    if found < 0.75 * cpus:
        return Point("load", OK, f"{found:.2f} on {cpus} CPUs", "CPU time is left")
    mend = "ps -eo pcpu,pid,args --sort=-pcpu | head  # end what is not needed"
    return Point("load", WARN, f"{found:.2f} on {cpus} CPUs", "the CPUs are busy with other work", mend)
