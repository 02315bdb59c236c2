"""What a tick must not do: allocate, lock, call the system, wait for Python. Counted in the thread of the loop."""

from __future__ import annotations

import ctypes
import json
import os
import platform
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cart_pole_bench import CartPoleBench
from place import CPU

from hil import _core
from hil.counts.tools import SHARED, built

pytestmark = pytest.mark.bench

HERE = Path(__file__).resolve().parent
PERIOD_US = 50
CLOCK_NANOSLEEP = 230  # x86-64
HOLD_S = 0.4
EDGES = 3  # sleeps at the start and the end of a loop


def run_loop(
    ticks: int, *arguments: str, before: tuple[str, ...] = (), **environment: str
) -> tuple[dict[str, Any], str]:
    """What run_loop.py printed, and the error output."""
    command = [*before, sys.executable, str(HERE / "run_loop.py"), str(ticks), str(PERIOD_US), *arguments]
    env = {**os.environ, **environment}
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=env)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), done.stderr


@pytest.fixture(scope="module")
def counter() -> str:
    return str(built("calls.c", *SHARED))


def test_a_tick_allocates_and_locks_nothing(counter: str, full: Callable[[int, int], int]) -> None:
    """With recorder, gate, block times and hashes on. 0 locks are 0 times the GIL, too: taking it locks a mutex."""
    ticks = full(20_000, 100_000)
    found, _ = run_loop(ticks, counter, LD_PRELOAD=counter)
    print(f"\n{found}")
    assert found["ticks"] == ticks
    assert (found["memory"], found["locks"]) == (0, 0)
    on_time = ticks - found["overruns"]  # a tick that is late already does not sleep
    assert on_time - EDGES <= found["sleeps"] <= on_time + EDGES
    assert found["sleeps"] > 100  # the counter has seen the thread


def test_the_counter_sees_calls(tmp_path: Path, counter: str) -> None:
    """A thread that sleeps like the loop, but allocates and locks in between."""
    (tmp_path / "bad.c").write_text(
        """
        #include <pthread.h>
        #include <stdio.h>
        #include <stdlib.h>
        #include <time.h>
        unsigned long tick_calls(int);
        static void *run(void *lock) {
            for (int i = 0; i <= 10; i++) {
                struct timespec t = {0, 1};
                clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
                void *volatile p = malloc(10);
                free(p);
                pthread_mutex_lock(lock);
                pthread_mutex_unlock(lock);
            }
            return NULL;
        }
        int main(void) {
            pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
            pthread_t id;
            pthread_create(&id, NULL, run, &lock);
            pthread_join(id, NULL);
            printf("%lu %lu %lu", tick_calls(0), tick_calls(1), tick_calls(3));
            return 0;
        }
        """
    )
    bad = tmp_path / "bad"
    subprocess.run(["gcc", "-D_GNU_SOURCE", str(tmp_path / "bad.c"), counter, "-o", str(bad)], check=True)
    out = subprocess.run([bad], capture_output=True, text=True, check=True, env={"LD_PRELOAD": counter}).stdout
    assert out.split() == ["20", "10", "10"]


@pytest.mark.skipif(platform.machine() != "x86_64", reason="reads the registers of x86-64")
def test_a_tick_makes_no_system_call_but_its_sleep(full: Callable[[int, int], int]) -> None:
    """The clock is read without one where the kernel maps it into the process; all else would be counted here."""
    ticks = full(4_000, 20_000)
    found, counted = run_loop(ticks, before=(str(built("system_calls.c")),))
    assert found["ticks"] == ticks
    calls: dict[int, Counter[int]] = {}
    for line in counted.splitlines():
        thread, number, count = map(int, line.split())
        calls.setdefault(thread, Counter())[number] = count
    loops = [c for c in calls.values() if c[CLOCK_NANOSLEEP] > 10]
    print(f"\nsystem calls of the real-time thread in {ticks} ticks: {[dict(c) for c in loops]}")
    assert len(loops) == 1
    assert set(loops[0]) == {CLOCK_NANOSLEEP}
    assert loops[0][CLOCK_NANOSLEEP] <= ticks


def test_ticks_go_on_while_somebody_holds_the_gil() -> None:
    bench = CartPoleBench(gated=True)
    loop = _core.Loop(_core.State(bench.program))
    python_steps = 0
    ended = threading.Event()

    def count_python() -> None:
        nonlocal python_steps
        while not ended.wait(0.001):
            python_steps += 1

    watcher = threading.Thread(target=count_python)
    usleep = ctypes.PyDLL(None).usleep  # PyDLL: the GIL is kept during the call
    watcher.start()
    loop.start(cpu=CPU)
    time.sleep(0.05)
    steps, ticks = python_steps, loop.counters["ticks"]
    usleep(int(HOLD_S * 1e6))
    held_steps, held_ticks = python_steps - steps, loop.counters["ticks"] - ticks
    loop.stop()
    loop.join()
    ended.set()
    watcher.join()
    print(f"\nGIL held for {HOLD_S} s: {held_ticks} ticks of 1 ms, {held_steps} steps of another Python thread")
    assert steps > 5  # it runs when it can
    assert held_steps <= 1
    assert held_ticks >= 0.9 * HOLD_S * 1000


def test_virtual_time_allocates_nothing_per_tick(counter: str) -> None:
    """Loop.run in the caller's thread: a hundred times the ticks must not add one call."""
    script = f"""
import ctypes, sys
sys.path.insert(0, {str(HERE)!r})
from cart_pole_bench import CartPoleBench
from hil import _core
bench = CartPoleBench(gated=True)
library = ctypes.CDLL({counter!r})
library.tick_calls.restype = ctypes.c_ulong
library.tick_calls_of_main()
loop = _core.Loop(_core.State(bench.program))
sleep = ctypes.CDLL(None).clock_nanosleep
past = (ctypes.c_long * 2)(0, 1)
def calls(ticks):
    sleep(1, 1, past, None)
    before = [library.tick_calls(i) for i in (0, 1)]
    assert loop.run(ticks) == ticks
    sleep(1, 1, past, None)
    return [library.tick_calls(i) - b for i, b in zip((0, 1), before)]
calls(1000), calls(1000)
print([min(calls(1000) for _ in range(5)), min(calls(100_000) for _ in range(5))])
"""
    env = {**os.environ, "LD_PRELOAD": counter}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, env=env)
    assert done.returncode == 0, done.stderr
    few, many = json.loads(done.stdout)
    print(f"\ncalls of malloc and of locks around 1,000 and 100,000 ticks: {few} {many}")
    assert few == many
