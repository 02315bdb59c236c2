"""A /proc, /sys, /dev and /etc of a machine that is set up well for a bench on CPU 3, to be spoiled by a test."""

from __future__ import annotations

from pathlib import Path

CPU = 3
FILES = {
    "proc/cpuinfo": "processor : 0\nmodel name : Test CPU\nflags : fpu tsc\n",
    "proc/cmdline": "quiet isolcpus=2-3",
    "proc/interrupts": (
        "           CPU0       CPU1       CPU2       CPU3\n"
        "  16:       1000         20          0          0  IR-IO-APIC  16-fasteoi   eth0\n"
        "  17:          0          0          0          0  IR-IO-APIC  17-fasteoi   nvme0\n"
        " LOC:        100        100        100        100  Local timer interrupts\n"
    ),
    "proc/irq/16/smp_affinity_list": "0-1",
    "proc/irq/17/smp_affinity_list": "0-3",
    "proc/irq/99/smp_affinity_list": "0-3",  # nobody's
    "proc/self/cgroup": "0::/lab.slice/bench.scope",
    "proc/self/timerslack_ns": "50000",
    "proc/swaps": "Filename\tType\tSize\tUsed\tPriority\n",
    "proc/sys/kernel/osrelease": "6.12.0-rt",
    "proc/sys/kernel/version": "#1 SMP PREEMPT_RT",
    "proc/sys/kernel/sched_rt_runtime_us": "-1",
    "proc/sys/kernel/sched_rt_period_us": "1000000",
    "sys/kernel/mm/transparent_hugepage/enabled": "always [madvise] never",
    "sys/kernel/realtime": "1",
    "sys/devices/system/cpu/isolated": "2-3",
    "sys/devices/system/cpu/nohz_full": "2-3",
    "sys/devices/system/cpu/cpu3/cpufreq/scaling_governor": "performance",
    "sys/devices/system/cpu/cpu3/topology/thread_siblings_list": "3",
    "sys/devices/system/cpu/cpuidle/current_driver": "intel_idle",
    "sys/devices/system/cpu/cpu3/cpuidle/state0/name": "C1",
    "sys/devices/system/cpu/cpu3/cpuidle/state0/latency": "2",
    "sys/devices/system/cpu/cpu3/cpuidle/state0/disable": "0",
    "sys/devices/system/cpu/cpu3/cpuidle/state1/name": "C6",
    "sys/devices/system/cpu/cpu3/cpuidle/state1/latency": "133",
    "sys/devices/system/cpu/cpu3/cpuidle/state1/disable": "1",
    "sys/devices/system/clocksource/clocksource0/current_clocksource": "tsc",
    "sys/devices/system/clocksource/clocksource0/available_clocksource": "tsc hpet acpi_pm",
}


class Machine:
    """Its files below `root`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for name, text in FILES.items():
            self.set(name, text)

    def set(self, name: str, text: str) -> None:
        """A file with this text."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text.rstrip()}\n")
