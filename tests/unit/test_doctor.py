"""`hil doctor` and the real-time verdict: what is said has to follow from what the machine granted."""

from __future__ import annotations

import errno
import os
import resource
import subprocess
import sys
import time
from typing import Any

import pytest

from hil import doctor, realtime
from hil.doctor import rates
from hil.doctor.wake_up import measure_wake_up
from hil.realtime import MachineWatch, verdict

GRANTED = {"fifo": 0, "memory": 0, "affinity": None, "priority": 80, "cpu": None}
FACTS = {"realtime_kernel": False, "virtual_machine": False}


@pytest.fixture
def facts(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Facts of a bare machine with an ordinary kernel, to be changed by the test."""
    changed = {**realtime.machine_facts(), **FACTS}
    monkeypatch.setattr(realtime, "machine_facts", lambda: changed)
    return changed


def test_the_level_follows_from_the_grants(facts: dict[str, Any]) -> None:
    assert verdict("real", GRANTED)["level"] == "soft real time"
    assert verdict("real", {**GRANTED, "fifo": errno.EPERM})["level"] == "best effort"
    assert verdict("real", {**GRANTED, "memory": errno.ENOMEM})["level"] == "best effort"
    assert verdict("real", {**GRANTED, "fifo": None})["level"] == "best effort"
    assert verdict("real")["level"] == "best effort"
    facts["realtime_kernel"] = True
    assert verdict("real", GRANTED)["level"] == "real time kernel"
    assert verdict("real", {**GRANTED, "fifo": errno.EPERM})["level"] == "best effort"


def test_virtual_time_and_lockstep_promise_no_times(facts: dict[str, Any]) -> None:
    for time_ in ("virtual", "lockstep"):
        found = verdict(time_, GRANTED)
        assert found["level"] == time_
        assert found["granted"] == found["missing"] == []


def test_what_is_missing_is_named_with_its_reason(facts: dict[str, Any]) -> None:
    found = verdict("real", {**GRANTED, "fifo": errno.EPERM, "cpu": 3, "affinity": errno.EINVAL})
    assert found["granted"] == ["locked memory"]
    assert found["missing"] == [
        "SCHED_FIFO 80 (not permitted)",
        "CPU affinity 3 (Invalid argument)",
        "PREEMPT_RT kernel",
    ]
    assert "SCHED_FIFO 80 (not permitted)" in found["sentence"]


def test_a_virtual_machine_and_stolen_time_are_in_the_sentence(
    facts: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    facts["virtual_machine"] = True
    watch = MachineWatch()
    monkeypatch.setattr(watch, "measured", lambda: {"steal_percent": 7.0, "load_1min": 0.1})
    found = verdict("real", GRANTED, watch)
    assert "virtual machine" in found["sentence"]
    assert "7.0 %" in found["sentence"]
    assert found["steal_percent"] == 7.0


def test_stolen_time_is_the_part_of_this_run(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([(10.0, 1000.0), (10.5, 1010.0)])
    monkeypatch.setattr(realtime, "steal_time_s", lambda: next(clock))
    assert MachineWatch().measured()["steal_percent"] == pytest.approx(5.0)


def test_the_kernels_own_count_of_time_goes_on() -> None:
    _, before = realtime.steal_time_s()
    time.sleep(0.05)
    _, after = realtime.steal_time_s()
    assert 0.0 < after - before < 10.0 * (os.cpu_count() or 1)


def test_trying_a_policy_leaves_this_thread_as_it_was() -> None:
    # In a process of its own: one that has run in real time keeps locking the stacks of its threads, which come and go.
    code = (
        "import errno, os; from pathlib import Path; from hil import doctor\n"
        "def now():\n"
        "    lines = Path('/proc/self/status').read_text().splitlines()\n"
        "    return os.sched_getscheduler(0), os.sched_getaffinity(0), [l for l in lines if l.startswith('VmLck')]\n"
        "before = now()\n"
        "assert doctor.try_fifo() in (0, errno.EPERM)\n"
        "assert doctor.try_affinity() == 0\n"
        "assert doctor.try_memory_lock() in (0, errno.ENOMEM, errno.EPERM)\n"
        "assert now() == before and len(before[2]) == 1, (before, now())\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_every_point_says_what_it_means_and_every_warning_how_to_mend_it() -> None:
    found = doctor.examine(0.1)
    assert len({point.name for point in found.points}) == len(found.points) >= 20
    for point in found.points:
        assert point.value
        assert point.meaning
        assert point.level == "ok" or point.mend, point
    assert 0.0 <= found.wake_up["p50_us"] <= found.wake_up["p99_us"] <= found.wake_up["max_us"] * 1.07
    assert f"{found.wake_up['p50_us']:.0f} us" in found.conclusion


def test_without_privileges_the_doctor_says_what_is_refused_and_what_would_grant_it() -> None:
    code = (
        "import os, resource\n"
        "resource.setrlimit(resource.RLIMIT_RTPRIO, (0, 0))\n"
        "resource.setrlimit(resource.RLIMIT_MEMLOCK, (65536, 65536))\n"
        "from hil import _core, doctor, spec\n"
        "examine = doctor.examine\n"
        "if os.getuid() == 0: os.setuid(65534)\n"
        "found = examine(0.1); print(found.verdict['level']); print(found.conclusion)\n"
        "for p in found.points: print(p.name, p.level, p.value, p.mend, sep=' | ')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("best effort\n")
    assert "SCHED_FIFO | warn | Operation not permitted (rtprio limit 0) | echo '" in done.stdout
    assert " - rtprio 90' | sudo tee -a /etc/security/limits.d/99-realtime.conf" in done.stdout
    assert "locked memory | warn | memlock limit 0 MiB | echo '" in done.stdout
    assert " - memlock unlimited' | sudo tee -a /etc/security/limits.d/99-realtime.conf" in done.stdout
    assert "can promise best effort only" in done.stdout


def test_a_loop_with_priority_measures_its_own_wake_up() -> None:
    found = doctor.measure_wake_up(0.2)
    assert found["ticks"] == 200
    soft, _ = resource.getrlimit(resource.RLIMIT_RTPRIO)
    assert found["priority"] == 0 or os.getuid() == 0 or soft == resource.RLIM_INFINITY or soft >= doctor.PRIORITY
    assert 0.0 < found["max_us"] < 1e6


def test_what_is_measured_stands_beside_its_point() -> None:
    found = doctor.examine(0.1)
    by_name = {point.name: point for point in found.points}
    for name in ("SCHED_FIFO", "CPUs", "idle states", "clock", "locked memory", "interrupts"):
        assert by_name[name].cost, name
    for pair in found.costs["pairs"].values():
        assert len(pair) == 2
        assert all(run["ticks"] == 50 and 0.0 <= run["p50_us"] <= run["p99_us"] for run in pair.values())
    spin, plain = found.costs["pairs"]["final spin"].values()
    assert spin["p50_us"] < plain["p50_us"]
    assert found.costs["clock"]["read_ns"] >= 0.0
    assert found.costs["page_fault_ns"] > 0.0
    assert found.costs["interrupts_per_s"] > 0.0  # timers at least
    assert [(rate["rate_hz"], rate["ticks"]) for rate in found.rates][:4] == [
        (100, 5),
        (200, 10),
        (500, 25),
        (1000, 50),
    ]


def lateness(p99_us: float, missed: int = 0) -> dict[str, Any]:
    return {"ticks": 100, "p50_us": 1.0, "p99_us": p99_us, "max_us": p99_us, "missed": missed}


def test_a_rate_holds_when_no_tick_is_missed_and_nearly_all_begin_in_a_quarter_of_the_period() -> None:
    assert rates.judged(1000, lateness(250.0)).holds
    assert not rates.judged(1000, lateness(251.0)).holds
    assert not rates.judged(1000, lateness(10.0, missed=1)).holds
    held = [rates.judged(100, lateness(10)), rates.judged(1000, lateness(300)), rates.judged(5000, lateness(10))]
    assert rates.fastest(held) == 100  # a faster one that held by chance is no promise
    assert rates.fastest(held[1:]) is None


def test_a_late_loop_is_seen_to_miss_ticks() -> None:
    """A period of 1 us: no thread wakes up that often."""
    found = measure_wake_up(1e-3, period_ns=1000)
    assert found["ticks"] == 1000
    assert found["missed"] > 0
