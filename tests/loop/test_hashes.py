"""One run, one hash: again, from a snapshot, in a fork, in another process, on another CPU."""

from __future__ import annotations

import functools
import hashlib
import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest

from hil import open_bench

ROOT = Path(__file__).parents[2]
FAULTS = [
    "sensor.h1=stuck@8s..14s",
    "sensor.h2=noise(1mm)@3s..40s",
    "sensor.h3=drift(0.1mm/s)@20s..",
    "sensor.h4=delay(0.5s)@5s..9s",
]
SECONDS = 60.0
HAS_FMA = "fma" in Path("/proc/cpuinfo").read_text().split()
# glibc takes its libm's variant by these features of the CPU (sysdeps/x86/include/cpu-features.h of 2.36).
WITHOUT_FMA = "glibc.cpu.hwcaps=-AVX2,-FMA,-FMA4,-AVX512F,-AVX512VL"


def run_with_events(bench):
    """A whole minute with faults, forces and parameters, the later ones sent in advance."""
    bench.set("level1.setpoint", 0.134, at=31.0)
    bench.force("pump.v2", 4.0, at=35.0)
    bench.release("pump.v2", at=36.5)
    bench.set("plant.leak1", 1e-6, at=45.0)


def opened(**options):
    bench = open_bench("quad_tank", faults=FAULTS, **options)
    run_with_events(bench)
    return bench


@functools.cache
def reference() -> str:
    with opened() as bench:
        bench.run(SECONDS)
        return bench.state_hash


def test_two_runs_of_a_minute_end_in_the_same_state():
    with opened() as bench:
        bench.run(SECONDS)
        assert bench.state_hash == reference()
        assert bench.tick == 60_000


def test_another_seed_or_fault_ends_in_another_state():
    with opened(seed=2) as bench:
        bench.run(SECONDS)
        assert bench.state_hash != reference()
    with opened() as bench:
        bench.fault("sensor.h1=bias(1mm)@59.9s..59.91s")
        bench.run(SECONDS)
        assert bench.state_hash != reference()


def test_tick_by_tick_or_in_one_go_is_the_same():
    with opened() as bench:
        for seconds in (0.001, 0.009, 7.99, 6.0, 17.123, 28.877):
            bench.run(seconds)
        assert bench.tick == 60_000
        assert bench.state_hash == reference()


def test_it_goes_on_from_a_snapshot_half_way():
    with opened() as bench:
        bench.run(30)
        half_way, at_half_way = bench.snapshot(), bench.state_hash
        bench.run(30)
        assert bench.state_hash == reference()
        bench.restore(half_way)
        assert bench.state_hash == at_half_way
        bench.run(30)
        assert bench.state_hash == reference()
    with open_bench("quad_tank") as other:
        other.restore(half_way)
        other.run(30)
        assert other.state_hash == reference()


def test_a_fork_goes_the_same_way_and_disturbs_nothing():
    with opened() as bench:
        bench.run(12.5)
        fork = bench.fork()
        fork.run(47.5)
        assert fork.hash == reference()
        bench.run(47.5)
        assert bench.state_hash == reference()


CHILD = """
import hashlib, json, math, struct, sys
sys.path.insert(0, sys.argv[1])
import importlib.util
spec = importlib.util.spec_from_file_location("hashes", sys.argv[2])
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
print(json.dumps({"hash": module.reference(), "libm": module.libm_fingerprint(), "asserts": __debug__}))
"""


def libm_fingerprint() -> str:
    """Of the system's sine and exponential, which differ with and without fused multiply-add."""
    numbers = [math.sin(0.001 * k) + math.exp(0.001 * k) for k in range(20_000)]
    return hashlib.sha256(repr(numbers).encode()).hexdigest()[:16]


def in_another_process(*python: str, **env: str) -> dict[str, object]:
    done = subprocess.run(
        [sys.executable, *python, "-c", CHILD, str(ROOT), __file__],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env={**os.environ, **env},
    )
    return json.loads(done.stdout)


def test_another_process_with_and_without_assertions():
    assert in_another_process()["hash"] == reference()
    found = in_another_process("-O")
    assert found == {"hash": reference(), "libm": libm_fingerprint(), "asserts": False}


@pytest.mark.skipif(not HAS_FMA, reason="this CPU has no fused multiply-add")
def test_a_cpu_without_fused_multiply_add():
    found = in_another_process(GLIBC_TUNABLES=WITHOUT_FMA)
    assert found["libm"] != libm_fingerprint(), "the mask works: the system's own libm gives other bits"
    assert found["hash"] == reference()
