"""What this machine can promise to a bench, and how to get more. All is tried, nothing changed (but see `examine`)."""

from __future__ import annotations

import os
import resource
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hil import doctor_serial, doctor_tools, realtime
from hil.doctor_point import OK, WARN, Point
from hil.realtime import MachineWatch

PERIOD_NS = 1_000_000
PRIORITY = 80
LIMITS_MEND = "Add '@realtime - {} {}' to /etc/security/limits.d/99-realtime.conf, join that group and log in again"


@dataclass(frozen=True)
class Diagnosis:
    """All points, wake-up lateness (us) and the conclusion in one sentence."""

    points: list[Point]
    wake_up: dict[str, Any]
    grants: dict[str, Any]
    verdict: dict[str, Any]
    conclusion: str


def examine(seconds: float = 1.0, *, fix: bool = False, root: Path = Path("/")) -> Diagnosis:
    """Look at everything, and measure for `seconds` how late a bare 1 kHz loop wakes up here.

    Args:
        fix: sets the latency timers of serial adapters, where this user may.
        root: where the /sys, /dev and /proc of the serial ports are.
    """
    watch = MachineWatch()
    grants = {"fifo": try_fifo(), "priority": PRIORITY, "memory": try_memory_lock(), "affinity": try_affinity()}
    wake_up = measure_wake_up(seconds)
    facts = realtime.machine_facts()
    measured = watch.measured()
    points = [look(facts, grants) for look in _LOOKS] + [_steal(measured), _load(facts, measured), _wake_up(wake_up)]
    points += [*doctor_serial.points(root, fix=fix), doctor_tools.point()]
    verdict = realtime.verdict("real", grants, watch)
    return Diagnosis(points, wake_up, grants, verdict, _conclusion(verdict, wake_up))


def try_fifo(priority: int = PRIORITY) -> int:
    """0 when a thread may have SCHED_FIFO, else the errno. Tried in a thread of its own."""
    return _in_thread(lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(priority)))


def try_affinity() -> int:
    """0 when a thread may pin itself to a CPU, else the errno."""
    return _in_thread(lambda: os.sched_setaffinity(0, {max(os.sched_getaffinity(0))}))


def try_memory_lock() -> int:
    """0 when a bench may lock its memory, else the errno. Tried in a child process, which ends at once."""
    from hil import _core

    child = os.fork()
    if child == 0:
        os._exit(_core.lock_memory() & 0xFF)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def measure_wake_up(seconds: float = 1.0) -> dict[str, Any]:
    """Lateness of a bare 1 kHz loop: the core's own real-time thread with an empty program.

    Returns:
        "p50_us", "p99_us", "max_us", "ticks", "priority" (0: SCHED_FIFO was not granted).

    Raises:
        BenchError: the core cannot start a thread.
    """
    from hil import _core
    from hil.spec import Spec

    ticks = max(1, round(seconds * 1e9 / PERIOD_NS))
    loop = _core.Loop(_core.State(_core.Program(Spec(period_ns=PERIOD_NS))), input_ring=0, sample_ring=0)
    loop.start(priority=PRIORITY, n_ticks=ticks)
    loop.join()
    late, edges = loop.late, _core.histogram_edges()
    return {
        "p50_us": _percentile(late["counts"], edges, 0.5) / 1e3,
        "p99_us": _percentile(late["counts"], edges, 0.99) / 1e3,
        "max_us": late["max_ns"] / 1e3,
        "ticks": ticks,
        "priority": PRIORITY if loop.granted[0] == 0 else 0,
    }


def _percentile(counts: list[int], edges: list[int], part: float) -> float:
    """Lower edge of the bucket (6 % wide) in which this part of all counts is reached."""
    wanted, seen = part * sum(counts), 0
    for count, edge in zip(counts, edges, strict=True):
        seen += count
        if seen >= wanted and seen:
            return float(edge)
    return 0.0


def _in_thread(attempt: Callable[[], object]) -> int:
    """0, or the errno with which `attempt` was refused; it changes only a thread that ends."""
    found = [0]

    def run() -> None:
        try:
            attempt()
        except OSError as error:
            found[0] = error.errno or -1

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return found[0]


Facts = dict[str, Any]


def _kernel(facts: Facts, _grants: Facts) -> Point:
    value = f"{facts['kernel']}, preemption: {facts['preemption']}"
    if facts["realtime_kernel"]:
        return Point("kernel", OK, value, "PREEMPT_RT: almost everything in the kernel can be interrupted")
    return Point(
        "kernel", WARN, value, "no PREEMPT_RT: the kernel itself may delay a tick by up to some milliseconds",
        "Boot a PREEMPT_RT kernel (Debian, Ubuntu: linux-image-rt-amd64, linux-realtime)",
    )  # fmt: skip


def _fifo(_facts: Facts, grants: Facts) -> Point:
    soft, _ = resource.getrlimit(resource.RLIMIT_RTPRIO)
    limit = "unlimited" if soft == resource.RLIM_INFINITY else soft
    if grants["fifo"] == 0:
        return Point("SCHED_FIFO", OK, f"granted (rtprio limit {limit})", "the loop runs before all ordinary processes")
    return Point(
        "SCHED_FIFO", WARN, f"{os.strerror(grants['fifo'])} (rtprio limit {limit})",
        "the loop shares the CPU with everything else", LIMITS_MEND.format("rtprio", 90),
    )  # fmt: skip


def _rt_throttle(_facts: Facts, _grants: Facts) -> Point:
    text = realtime.read(realtime.PROC / "sys/kernel/sched_rt_runtime_us")
    if text in ("-1", ""):
        return Point(
            "real-time share", OK, "unlimited" if text else "not told", "real-time threads are never throttled"
        )
    meaning = f"real-time threads get at most {int(text) / 1e4:g} % of a second; more than any bench should need"
    return Point("real-time share", OK, f"{text} us of 1 s", meaning)


def _memory(_facts: Facts, grants: Facts) -> Point:
    soft, _ = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    limit = "unlimited" if soft == resource.RLIM_INFINITY else f"{soft >> 20} MiB"
    if grants["memory"] == 0:
        return Point("locked memory", OK, f"granted (memlock limit {limit})", "no page of the loop is ever swapped out")
    return Point(
        "locked memory", WARN, f"memlock limit {limit}", "a page fault may delay a tick by milliseconds",
        LIMITS_MEND.format("memlock", "unlimited"),
    )  # fmt: skip


def _cpus(facts: Facts, grants: Facts) -> Point:
    value = f"{facts['usable_cpus']} of {facts['cpus']} usable" + (", SMT on" if facts["smt"] else "")
    if grants["affinity"]:
        return Point(
            "CPUs", WARN, f"{value}, pinning refused", "the loop may be moved between CPUs", "Allow sched_setaffinity"
        )
    if facts["usable_cpus"] < 2:
        return Point("CPUs", WARN, value, "loop, bus and recorder share one CPU", "Give the bench two CPUs or more")
    meaning = "the loop can have one for itself: [loop] cpu = N"
    return Point("CPUs", OK, value, meaning, "Switch SMT off for the least jitter" if facts["smt"] else None)


def _isolation(facts: Facts, _grants: Facts) -> Point:
    isolated = facts["isolated_cpus"]
    if isolated:
        return Point("isolated CPUs", OK, isolated, "ordinary processes keep off; name one in [loop] cpu")
    return Point(
        "isolated CPUs", WARN, "none", "other processes and interrupts may use the loop's CPU",
        "Boot with isolcpus=N nohz_full=N rcu_nocbs=N and set [loop] cpu = N",
    )  # fmt: skip


def _governor(facts: Facts, _grants: Facts) -> Point:
    found = facts["governor"]
    if found in ("", "performance"):
        value = found or "none to be seen"
        return Point("CPU frequency", OK, value, "no waiting for a clock to speed up" if found else "left to the host")
    mend = "cpupower frequency-set -g performance"
    return Point("CPU frequency", WARN, found, "a sleeping CPU wakes up slowly and jitters", mend)


def _latency(_facts: Facts, _grants: Facts) -> Point:
    path = Path("/dev/cpu_dma_latency")
    if not path.exists():
        return Point("idle states", OK, "no /dev/cpu_dma_latency", "left to the host")
    if os.access(path, os.W_OK):
        return Point("idle states", OK, "/dev/cpu_dma_latency can be written", "a run keeps the CPUs out of deep sleep")
    mend = "Let your group write /dev/cpu_dma_latency (udev rule), or boot with cpuidle.off=1"
    return Point("idle states", WARN, "/dev/cpu_dma_latency cannot be written", "CPUs in deep sleep wake up late", mend)


def _clock(facts: Facts, _grants: Facts) -> Point:
    found = facts["clock_source"]
    slack = realtime.read(realtime.PROC / "self/timerslack_ns")
    value = f"{found}, timer slack {slack} ns" if slack else found
    if found in ("tsc", "arch_sys_counter"):
        return Point("clock", OK, value, "read in tens of nanoseconds; timer slack counts only without SCHED_FIFO")
    mend = "Boot with clocksource=tsc if the CPU's TSC is stable"
    return Point("clock", WARN, value, "reading the clock may take a microsecond", mend)


def _machine(facts: Facts, _grants: Facts) -> Point:
    if not facts["virtual_machine"]:
        return Point("machine", OK, "no hypervisor", "nobody takes the CPU away below the kernel")
    mend = "Run real-time benches on a machine of their own"
    return Point(
        "machine", WARN, "virtual machine", "its host may take the CPU away at any time, unseen by this kernel", mend
    )


_LOOKS = (_kernel, _fifo, _rt_throttle, _memory, _cpus, _isolation, _governor, _latency, _clock, _machine)


def _steal(measured: Facts) -> Point:
    steal = measured["steal_percent"]
    value = f"{steal:.2f} % in {measured['watched_s']:.1f} s"
    if steal < realtime.STEAL_MATTERS_PERCENT:
        return Point("stolen time", OK, value, "the host left the CPU to this machine while it was measured")
    return Point(
        "stolen time", WARN, value, "the host gave the CPU to others", "Pin the virtual CPUs, or use another machine"
    )


def _load(facts: Facts, measured: Facts) -> Point:
    load, cpus = measured["load_1min"], facts["usable_cpus"]
    if load < 0.75 * cpus:
        return Point("load", OK, f"{load:.2f} on {cpus} CPUs", "CPU time is left")
    mend = "End other work before a run in real time"
    return Point("load", WARN, f"{load:.2f} on {cpus} CPUs", "the CPUs are busy with other work", mend)


def _wake_up(found: Facts) -> Point:
    value = f"p50 {found['p50_us']:.0f} us, p99 {found['p99_us']:.0f} us, max {found['max_us']:.0f} us"
    how = "SCHED_FIFO" if found["priority"] else "without priority"
    level = OK if found["p99_us"] < 0.25 * PERIOD_NS / 1e3 else WARN
    mend = None if level == OK else "Mend the points above, or use a longer period"
    return Point("wake-up", level, value, f"how late a bare 1 kHz loop woke up ({how}, {found['ticks']} ticks)", mend)


def _conclusion(verdict: Facts, wake_up: Facts) -> str:
    typical, rare, worst = wake_up["p50_us"], wake_up["p99_us"], wake_up["max_us"]
    promise = {
        "best effort": "best effort only",
        "soft real time": "soft real time",
        "real time kernel": "real time on a PREEMPT_RT kernel",
    }[verdict["level"]]
    text = f"This machine can promise {promise}: ticks begin typically {typical:.0f} us late"
    text += f" (99 % within {rare:.0f} us, the worst of {wake_up['ticks']} was {worst:.0f} us)"
    return text + ("; no guarantee, because it is a virtual machine" if verdict["virtual_machine"] else "")
