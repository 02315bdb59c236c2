"""The real-time verdict: what a run could promise, from what the machine granted and what it did meanwhile.

`machine_facts` reads what does not change, `MachineWatch` measures stolen time while a run lasts, `verdict` puts both
into one sentence. Every recording carries it. Nothing here changes a setting of the machine.
"""

from __future__ import annotations

import errno
import os
import platform
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path("/")
FIFO, AFFINITY, MEMORY, KERNEL = "SCHED_FIFO", "CPU affinity", "locked memory", "PREEMPT_RT kernel"
STEAL_MATTERS_PERCENT = 0.5
SENTENCES = {
    "virtual": "Virtual time: no clock took part, the same run gives the same bits on any machine",
    "lockstep": "Lock-step: every tick waited for the devices on the wire; times are the bench's, not the clock's",
    "best effort": "Best effort: the loop ran beside everything else on this machine and may be late by milliseconds",
    "soft real time": "Soft real time: the loop had real-time priority on an ordinary kernel, which may delay it",
    "real time kernel": "Real time: the loop had real-time priority and locked memory on a PREEMPT_RT kernel",
}
_HZ = os.sysconf("SC_CLK_TCK")


def read(path: Path) -> str:
    """First line of a file of the kernel, "" where it is not there or not ours to read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").split("\n", 1)[0].strip()
    except OSError:
        return ""


def machine_facts(root: Path = ROOT) -> dict[str, Any]:
    """What the machine is: kernel, preemption, CPUs, governor, isolated CPUs, SMT, clock source, virtual machine.

    Args:
        root: where /proc and /sys are.

    Returns:
        plain texts, numbers and booleans; "" or None where the machine does not tell.
    """
    system = root / "sys/devices/system"
    return {
        "machine": platform.machine(),
        "cpu": cpu_model(root),
        "cpus": os.cpu_count() or 1,
        "usable_cpus": len(os.sched_getaffinity(0)),
        "kernel": read(root / "proc/sys/kernel/osrelease"),
        "preemption": preemption(root),
        "realtime_kernel": is_realtime_kernel(root),
        "governor": governor(root),
        "isolated_cpus": read(system / "cpu/isolated"),
        "nohz_full": read(system / "cpu/nohz_full").replace("(null)", ""),
        "smt": read(system / "cpu/smt/active") == "1",
        "clock_source": read(system / "clocksource/clocksource0/current_clocksource"),
        "virtual_machine": is_virtual(root),
    }


def cpu_model(root: Path = ROOT) -> str:
    """Name of the processor."""
    match = re.search(r"^(?:model name|Model|Hardware)\s*:\s*(.+)$", _cpuinfo(root), flags=re.MULTILINE)
    return match[1].strip() if match else ""


def is_realtime_kernel(root: Path = ROOT) -> bool:
    """True with PREEMPT_RT, in the mainline kernel or as a patch."""
    return read(root / "sys/kernel/realtime") == "1" or "PREEMPT_RT" in _version(root)


def preemption(root: Path = ROOT) -> str:
    """Preemption model: "rt", "full", "lazy", "voluntary" or "none"; "dynamic" where only root can see which."""
    if is_realtime_kernel(root):
        return "rt"
    # The running choice stands in brackets or parentheses: "none voluntary (full) lazy".
    chosen = re.search(r"[(\[](\w+)[)\]]", read(root / "sys/kernel/debug/sched/preempt"))
    if chosen:
        return chosen[1]
    version = _version(root)
    if "PREEMPT_DYNAMIC" in version:
        option = re.search(r"\bpreempt=(\w+)", read(root / "proc/cmdline"))
        return option[1] if option else "dynamic"
    return "full" if "PREEMPT" in version else "none"


def governor(root: Path = ROOT) -> str:
    """Frequency governor of the CPUs, several joined by a comma; "" where the machine has none (most virtual ones)."""
    cpus = root / "sys/devices/system/cpu"
    found = {read(path) for path in sorted(cpus.glob("cpu[0-9]*/cpufreq/scaling_governor"))}
    return ", ".join(sorted(found - {""}))


def is_virtual(root: Path = ROOT) -> bool:
    """True when a hypervisor runs below; the processor's own flag says so."""
    return bool(re.search(r"^flags\s*:.*\bhypervisor\b", _cpuinfo(root), flags=re.MULTILINE))


def _version(root: Path) -> str:
    return read(root / "proc/sys/kernel/version")


def _cpuinfo(root: Path) -> str:
    return whole(root / "proc/cpuinfo")


def steal_time_s() -> tuple[float, float]:
    """(CPU time that the hypervisor gave to others, all CPU time) in s since boot, summed over CPUs."""
    line = read(ROOT / "proc/stat").split()
    # user nice system idle iowait irq softirq steal; guest times are part of user and nice. See proc_stat(5).
    ticks = [int(n) for n in line[1:9]] if line[:1] == ["cpu"] else []
    if len(ticks) < 8:
        return 0.0, 0.0
    return ticks[7] / _HZ, sum(ticks) / _HZ


class MachineWatch:
    """Measures, from its making on, what the machine did beside the run."""

    def __init__(self) -> None:
        self._steal, self._all = steal_time_s()
        self._start_s = time.monotonic()

    def measured(self) -> dict[str, Any]:
        """steal_percent of the CPU time since then, load_1min, watched_s."""
        steal, total = steal_time_s()
        spent = total - self._all
        return {
            "steal_percent": round(100.0 * (steal - self._steal) / spent, 3) if spent > 0 else 0.0,
            "load_1min": round(os.getloadavg()[0], 2),
            "watched_s": round(time.monotonic() - self._start_s, 3),
        }


def verdict(time: str, grants: Mapping[str, Any] | None = None, watch: MachineWatch | None = None) -> dict[str, Any]:
    """What a run could promise.

    Args:
        time: "virtual", "lockstep" or "real".
        grants: what was asked of the machine and what it answered. "fifo", "affinity", "memory": 0 is granted, an errno
            is refused, None (or no entry) was not asked for. "priority" and "cpu": the values asked for.
        watch: started with the run; without it the stolen time of the run is unknown.

    Returns:
        "level": "virtual", "lockstep", "best effort", "soft real time" or "real time kernel"; "sentence" for people;
        "granted" and "missing": lists of texts; "steal_percent", "load_1min" (None when not watched); "time"; and all
        of `machine_facts`.
    """
    facts = machine_facts()
    found = watch.measured() if watch else {"steal_percent": None, "load_1min": None}
    granted, missing = _asked(grants or {}, facts) if time == "real" else ([], [])
    level = _level(time, granted, missing)
    sentence = _sentence(level, missing, facts, found["steal_percent"])
    return {
        "level": level,
        "sentence": sentence,
        "time": time,
        "granted": granted,
        "missing": missing,
        **found,
        **facts,
    }


def _asked(grants: Mapping[str, Any], facts: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """What was granted and what is missing, in words."""
    wanted = {FIFO: grants.get("fifo"), AFFINITY: grants.get("affinity"), MEMORY: grants.get("memory")}
    detail = {FIFO: grants.get("priority"), AFFINITY: grants.get("cpu")}
    granted, missing = [], []
    for name, error in wanted.items():
        if error is None:
            continue
        what = name if detail.get(name) is None else f"{name} {detail[name]}"
        if error == 0:
            granted.append(what)
        else:
            missing.append(f"{what} ({_errno_text(error)})")
    if wanted[FIFO] is None:
        missing.append(f"{FIFO} (not asked for)")
    (granted if facts["realtime_kernel"] else missing).append(KERNEL)
    return granted, missing


def _errno_text(error: Any) -> str:
    known = isinstance(error, int) and error in errno.errorcode
    return "not permitted" if error in (errno.EPERM, errno.EACCES) else os.strerror(error) if known else "refused"


def _level(time: str, granted: list[str], missing: list[str]) -> str:
    if time in ("virtual", "lockstep"):
        return time
    if not any(text.startswith(FIFO) for text in granted) or any(text.startswith(MEMORY) for text in missing):
        return "best effort"
    return "real time kernel" if KERNEL in granted else "soft real time"


def _sentence(level: str, missing: list[str], facts: Mapping[str, Any], steal: float | None) -> str:
    text = SENTENCES[level]
    if level in ("virtual", "lockstep"):
        return text
    if level == "best effort":
        text += f" (missing: {', '.join(m for m in missing if not m.startswith(KERNEL))})"
    if facts["virtual_machine"]:
        text += "; a virtual machine gives no guarantee below its own scheduler"
    if steal is not None and steal >= STEAL_MATTERS_PERCENT:
        text += f"; {steal:.1f} % of the CPU time was stolen by its host"
    return text


def whole(path: Path) -> str:
    """A file of the kernel, "" where it is not there or not ours to read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
