"""Each finding of `hil doctor`, on a machine that is well but for it."""

from __future__ import annotations

import errno
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from hil.bench import open_bench
from hil.doctor import clock, load
from hil.doctor.diagnosis import found_points
from hil.doctor.facts import read_facts
from hil.doctor.point import Point
from hil.doctor.processors import cpu_set

sys.path.insert(0, str(Path(__file__).parent))  # for `from machine_tree import ...`
from machine_tree import CPU, Machine

GRANTED = {"fifo": 0, "memory": 0, "affinity": 0}
STEADY = {"synchronised": True, "slew_ppm": 12.0}
WELL = {"cpus": 4, "usable_cpus": 4, "rtprio": 95, "memlock": None}


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def look(machine: Machine, grants: dict[str, Any] | None = None, **changed: Any) -> dict[str, Point]:
    """The points by name; what /proc does not tell (limits, number of CPUs, steering of the clock) is well, too."""
    facts = read_facts(machine.root, CPU)
    facts |= {key: WELL[key] for key in ("cpus", "usable_cpus")}
    facts["limits"] |= {key: WELL[key] for key in ("rtprio", "memlock")}
    facts["clock"] |= STEADY
    for key, value in changed.items():
        facts[key] = {**facts[key], **value} if isinstance(value, dict) else value
    return {point.name: point for point in found_points(facts, grants or GRANTED)}


def test_a_machine_that_is_set_up_well_gives_no_warning(machine: Machine) -> None:
    found = look(machine)
    assert [point for point in found.values() if point.level != "ok"] == []
    assert [point for point in found.values() if point.mend] == []
    assert len(found) == 16


# What is spoilt: (file, text), the point that warns, what stands in its value or meaning, what stands in its mend.
SPOILT = [
    (("sys/kernel/realtime", "0"), "kernel", "rt", ""),
    (("sys/devices/system/cpu/isolated", ""), "isolated CPUs", "none", "isolcpus=3"),
    (("sys/devices/system/cpu/isolated", "1-2"), "isolated CPUs", "not one of them", "taskset -c 1"),
    (("sys/devices/system/cpu/cpu3/topology/thread_siblings_list", "1,3"), "SMT siblings", "with CPU 1", "smt/control"),
    (("sys/devices/system/cpu/cpu3/cpufreq/scaling_governor", "powersave"), "CPU frequency", "powersave", "cpupower"),
    (("proc/cpuinfo", "flags : tsc hypervisor"), "machine", "virtual machine", "virsh vcpupin"),
    (("sys/devices/system/cpu/cpu3/cpuidle/state1/disable", "0"), "idle states", "C6 133 us", "idle-set -D 10"),
    (("sys/fs/cgroup/lab.slice/cpu.max", "150000 100000"), "CPU quota", "1.5 CPUs in each 100 ms", "CPUQuota="),
    (("proc/sys/kernel/sched_rt_runtime_us", "500000"), "real-time share", "50 %", "sysctl -w kernel.sched_rt_runtime"),
    (("sys/kernel/mm/transparent_hugepage/enabled", "[always] never"), "huge pages", "100 us", "echo madvise"),
    (
        ("sys/devices/system/clocksource/clocksource0/current_clocksource", "hpet"),
        "clock", "a microsecond", "echo tsc | sudo tee /sys/devices/system/clocksource",
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("file", "name", "said", "mend"), SPOILT[1:], ids=[row[1] + "." + row[2] for row in SPOILT[1:]]
)
def test_one_thing_that_is_not_well_is_the_only_warning(
    machine: Machine, file: tuple[str, str], name: str, said: str, mend: str
) -> None:
    machine.set(*file)
    warned = [point for point in look(machine).values() if point.level == "warn"]
    assert [point.name for point in warned] == [name]
    assert said in f"{warned[0].value} {warned[0].meaning}"
    assert mend in (warned[0].mend or "")


@pytest.mark.parametrize(
    ("version", "cmdline", "debug", "model"),
    [
        ("#1 SMP PREEMPT_DYNAMIC", "quiet preempt=voluntary", "", "voluntary"),
        ("#1 SMP PREEMPT_DYNAMIC", "quiet", "none voluntary (full) lazy", "full"),
        ("#1 SMP PREEMPT_DYNAMIC", "quiet", "", "dynamic"),
        ("#1 SMP PREEMPT", "", "", "full"),
        ("#1 SMP", "", "", "none"),
    ],
)
def test_the_preemption_model_of_an_ordinary_kernel(
    machine: Machine, version: str, cmdline: str, debug: str, model: str
) -> None:
    machine.set("sys/kernel/realtime", "0")
    machine.set("proc/sys/kernel/version", version)
    machine.set("proc/cmdline", cmdline)
    machine.set("sys/kernel/debug/sched/preempt", debug)
    point = look(machine)["kernel"]
    assert (point.level, point.value) == ("warn", f"6.12.0-rt, preemption: {model}")
    assert ("preempt=full" in (point.mend or "")) == (model in ("none", "voluntary"))


def test_interrupts_that_may_arrive_on_the_loops_cpu_are_named_with_their_device(machine: Machine) -> None:
    assert "no device's on CPU 3" in look(machine)["interrupts"].value
    machine.set(
        "proc/interrupts",
        "   CPU0 CPU1 CPU2 CPU3\n 16: 0 0 0 7 IR-IO-APIC 16-fasteoi eth0\n 17: 0 0 0 9 x 17-e nvme0\n",
    )
    machine.set("proc/irq/16/effective_affinity_list", "3")
    point = look(machine)["interrupts"]
    assert (point.level, point.value) == ("warn", "on CPU 3: nvme0 (IRQ 17), eth0 (IRQ 16)")
    assert point.mend == "for i in 17 16; do echo 0,1,2 | sudo tee /proc/irq/$i/smp_affinity_list; done"


def test_a_quota_of_an_older_kernel_and_how_often_it_was_used_up(machine: Machine) -> None:
    machine.set("proc/self/cgroup", "4:cpu,cpuacct:/docker/abc\n3:pids:/x\n")
    machine.set("sys/fs/cgroup/cpu,cpuacct/docker/abc/cpu.cfs_quota_us", "50000")
    machine.set("sys/fs/cgroup/cpu,cpuacct/docker/abc/cpu.cfs_period_us", "100000")
    machine.set("sys/fs/cgroup/cpu,cpuacct/docker/abc/cpu.stat", "nr_periods 9\nnr_throttled 4\nthrottled_time 1")
    point = look(machine)["CPU quota"]
    assert (point.value, point.cost) == ("0.5 CPUs in each 100 ms", "used up 4 times so far")


def test_the_tightest_quota_of_all_groups_above_counts(machine: Machine) -> None:
    machine.set("sys/fs/cgroup/lab.slice/bench.scope/cpu.max", "max 100000")
    machine.set("sys/fs/cgroup/lab.slice/cpu.max", "200000 100000")
    machine.set("sys/fs/cgroup/cpu.max", "300000 100000")
    assert look(machine)["CPU quota"].value == "2 CPUs in each 100 ms"


def test_deep_sleep_is_no_harm_where_a_run_may_forbid_it(machine: Machine) -> None:
    machine.set("sys/devices/system/cpu/cpu3/cpuidle/state1/disable", "0")
    machine.set("dev/cpu_dma_latency", "")
    assert look(machine)["idle states"].level == "ok"
    point = look(machine, idle={"latency_permitted": False})["idle states"]
    assert (point.level, point.mend) == ("warn", "sudo setfacl -m u:$USER:rw /dev/cpu_dma_latency")


def test_refused_priority_names_who_sets_the_limit(machine: Machine) -> None:
    refused = {**GRANTED, "fifo": errno.EPERM}
    machine.set("etc/systemd/system.conf", "[Manager]\n#DefaultLimitRTPRIO=1\nDefaultLimitRTPRIO=5\n")
    point = look(machine, refused, limits={"rtprio": 5})["SCHED_FIFO"]
    assert point.value == f"{os.strerror(errno.EPERM)} (rtprio limit 5; DefaultLimitRTPRIO=5)"
    assert "rtprio 90' | sudo tee -a /etc/security/limits.d/99-realtime.conf" in (point.mend or "")
    machine.set(
        "etc/security/limits.d/99-realtime.conf", "# for benches\n@realtime - rtprio 90  # ours\n@realtime - nofile 9\n"
    )
    point = look(machine, refused, limits={"rtprio": 0})["SCHED_FIFO"]
    assert "@realtime - rtprio 90, DefaultLimitRTPRIO=5" in point.value
    assert "log in again" in (point.mend or "")
    assert "tee" not in (point.mend or "")


def test_unlocked_memory_makes_swap_a_danger(machine: Machine) -> None:
    machine.set("proc/swaps", "Filename Type Size\n/dev/sda2 partition 100\n")
    assert look(machine)["swap"].level == "ok"
    found = look(machine, {**GRANTED, "memory": errno.ENOMEM}, limits={"memlock": 8 << 20})
    assert (found["swap"].level, found["swap"].value, found["swap"].mend) == ("warn", "/dev/sda2", "sudo swapoff -a")
    assert found["locked memory"].value == "memlock limit 8 MiB"


def test_too_few_cpus_and_refused_pinning(machine: Machine) -> None:
    assert look(machine, usable_cpus=1)["CPUs"].mend == "taskset -c 0-3 hil run RIG"
    assert "pinning refused" in look(machine, {**GRANTED, "affinity": errno.EPERM})["CPUs"].value


def test_a_clock_that_nobody_steers_or_that_is_pulled_hard(machine: Machine) -> None:
    assert look(machine, clock={"synchronised": False})["clock steps"].mend == "sudo timedatectl set-ntp true"
    point = look(machine, clock={"slew_ppm": -320.5})["clock steps"]
    assert "320.5 millionths too long" in point.meaning
    assert look(machine, clock={"synchronised": None, "slew_ppm": None})["clock steps"].level == "ok"
    machine.set("sys/devices/system/clocksource/clocksource0/current_clocksource", "hpet")
    machine.set("sys/devices/system/clocksource/clocksource0/available_clocksource", "hpet acpi_pm")
    assert "clocksource=tsc tsc=reliable" in (look(machine)["clock"].mend or "")


def test_the_kernel_tells_how_it_steers_the_clock() -> None:
    found = clock.steering()
    assert found["synchronised"] in (True, False)
    assert abs(found["slew_ppm"]) <= 500.0  # MAXFREQ of the kernel


def test_stolen_time_and_load() -> None:
    measured = {"steal_percent": 2.5, "load_1min": 3.0, "watched_s": 1.0}
    stolen, busy = load.points({"usable_cpus": 4}, measured)
    assert (stolen.level, stolen.cost) == ("warn", "the CPU was away for 25 ms of each second")
    assert busy.level == "warn"
    calm = {**measured, "steal_percent": 0.1, "load_1min": 2.9}
    assert [point.level for point in load.points({"usable_cpus": 4}, calm)] == ["ok", "ok"]


def test_a_machine_that_tells_nothing_is_no_error(tmp_path: Path) -> None:
    found = found_points(read_facts(tmp_path, CPU), GRANTED)
    assert len({point.name for point in found}) == len(found) == 16
    assert all(point.value and point.meaning for point in found)


def test_a_recording_holds_what_the_machine_told(tmp_path: Path) -> None:
    with open_bench("quad_tank", record=tmp_path / "recording") as bench:
        bench.run(0.1)
    found = json.loads((tmp_path / "recording/doctor.json").read_text())
    now = read_facts()
    assert found.keys() == now.keys()
    unchanging = ("kernel", "cpu", "loop_cpu", "processors", "idle", "memory", "latency_timers")
    assert {key: found[key] for key in unchanging} == {key: now[key] for key in unchanging}
    with open_bench(
        "quad_tank", record=tmp_path / "recording", overwrite=True
    ) as bench:  # its own file, not a stranger
        bench.run(0.1)


def test_lists_of_cpus() -> None:
    assert cpu_set("0-2,5, 7-7") == {0, 1, 2, 5, 7}
    assert cpu_set("") == set()


def test_the_facts_of_a_recording_open_few_files(machine: Machine) -> None:
    """They are read at the start of each run: two files an interrupt at most, and a few dozen others."""
    for irq in range(100, 200):
        machine.set(f"proc/irq/{irq}/smp_affinity_list", "0-3")
    opened = []
    watching = True

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if watching and event == "open" and str(arguments[0]).startswith(str(machine.root)):
            opened.append(arguments[0])

    sys.addaudithook(hook)
    read_facts(machine.root, CPU)
    watching = False
    assert 2 * 100 < len(opened) < 2 * 103 + 60
