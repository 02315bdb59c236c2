"""What `hil doctor` says about the kernel and the processors: preemption, isolation, frequency, hardware threads."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hil import realtime
from hil.doctor.point import OK, WARN, Point, boot_with

Facts = dict[str, Any]


def read(root: Path, cpu: int) -> Facts:
    """Siblings of the loop's CPU on its core, and CPUs that a cpuset keeps for itself."""
    topology = root / f"sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list"
    return {
        "siblings": sorted(cpu_set(realtime.read(topology)) - {cpu}),
        "cpuset_isolated": realtime.read(root / "sys/fs/cgroup/cpuset.cpus.isolated"),
    }


def cpu_set(text: str) -> set[int]:
    """The CPUs of a list as the kernel writes it: "0-3,5"."""
    found: set[int] = set()
    for part in text.split(","):
        first, _, last = part.strip().partition("-")
        if first.isdigit():
            found |= set(range(int(first), int(last or first) + 1))
    return found


def points(facts: Facts, grants: Facts) -> Iterator[Point]:
    """Kernel, CPUs, isolation, hardware threads, frequency, machine."""
    yield kernel(facts)
    yield cpus(facts, grants)
    yield isolation(facts)
    yield threads(facts)
    yield frequency(facts)
    yield machine(facts)


def kernel(facts: Facts) -> Point:
    """PREEMPT_RT or not, and the preemption model."""
    value = f"{facts['kernel']}, preemption: {facts['preemption']}"
    if facts["realtime_kernel"]:
        return Point("kernel", OK, value, "PREEMPT_RT: almost everything in the kernel can be interrupted")
    meaning = "no PREEMPT_RT: the kernel itself may delay a tick by up to some milliseconds"
    mend = "sudo apt-get install linux-image-rt-amd64 && sudo reboot"
    if facts["preemption"] in ("none", "voluntary"):
        meaning += f"; with preemption '{facts['preemption']}' at each of its longer works"
        mend += f", or at least: {boot_with('preempt=full')}"
    return Point("kernel", WARN, value, meaning, mend)


def cpus(facts: Facts, grants: Facts) -> Point:
    """How many this process may use, and whether it may choose."""
    value = f"{facts['usable_cpus']} of {facts['cpus']} usable"
    if grants["affinity"]:
        mend = "sudo systemctl set-property user.slice AllowedCPUs="
        return Point("CPUs", WARN, f"{value}, pinning refused", "the loop may be moved between CPUs", mend)
    if facts["usable_cpus"] < 2:
        meaning = "loop, bus and recorder share one CPU"
        return Point("CPUs", WARN, value, meaning, f"taskset -c 0-{max(1, facts['cpus'] - 1)} hil run RIG")
    return Point("CPUs", OK, value, "the loop can have one for itself: [loop] cpu = N")


def isolation(facts: Facts) -> Point:
    """CPUs that ordinary processes keep off."""
    found = facts["isolated_cpus"] or facts["processors"]["cpuset_isolated"]
    name, cpu = "isolated CPUs", facts["loop_cpu"]
    if not found:
        meaning = "other processes may use the loop's CPU"
        mend = f"{boot_with(f'isolcpus={cpu} nohz_full={cpu} rcu_nocbs={cpu}')}; then [loop] cpu = {cpu}"
        return Point(name, WARN, "none", meaning, mend)
    if cpu not in cpu_set(found):
        first = min(cpu_set(found))
        meaning = f"the loop would run on CPU {cpu}, which is not one of them"
        return Point(
            name, WARN, found, meaning, f"[loop] cpu = {first} in rig.toml, or: taskset -c {first} hil run RIG"
        )
    if cpu in cpu_set(facts["nohz_full"]):
        return Point(name, OK, f"{found}, without timer tick", "ordinary processes and the kernel's tick keep off")
    return Point(name, OK, found, "ordinary processes keep off; nohz_full would stop the kernel's own tick there, too")


def threads(facts: Facts) -> Point:
    """SMT: a second hardware thread takes half of the core whenever it is busy."""
    siblings = facts["processors"]["siblings"]
    if siblings:
        names = ", ".join(str(n) for n in siblings)
        value = f"CPU {facts['loop_cpu']} shares its core with CPU {names}"
        meaning = "work there slows the loop down by up to a half and makes its times uneven"
        return Point("SMT siblings", WARN, value, meaning, "echo off | sudo tee /sys/devices/system/cpu/smt/control")
    meaning = "the loop has its core for itself"
    if facts["virtual_machine"]:
        meaning = "as far as this machine can see; its host may pair virtual CPUs on a core"
    return Point("SMT siblings", OK, f"none beside CPU {facts['loop_cpu']}", meaning)


def frequency(facts: Facts) -> Point:
    """The governor that decides how fast a CPU runs."""
    found = facts["governor"]
    if found in ("", "performance"):
        value = found or "none to be seen"
        return Point("CPU frequency", OK, value, "no waiting for a clock to speed up" if found else "left to the host")
    mend = "sudo cpupower frequency-set -g performance"
    return Point("CPU frequency", WARN, found, "a sleeping CPU wakes up slowly and jitters", mend)


def machine(facts: Facts) -> Point:
    """A hypervisor below is a scheduler that nobody here sees."""
    if not facts["virtual_machine"]:
        return Point("machine", OK, "no hypervisor", "nobody takes the CPU away below the kernel")
    meaning = "its host may take the CPU away at any time, unseen by this kernel"
    mend = "Run real-time benches on a machine of their own; on a host with libvirt: virsh vcpupin DOMAIN VCPU CPU"
    return Point("machine", WARN, "virtual machine", meaning, mend)
