"""The core's libm against the host's libm, interleaved in one process; gates are ratios, never times."""

from __future__ import annotations

import statistics
import subprocess
from pathlib import Path

import pytest

from hil.latency import paired_until

ROOT = Path(__file__).resolve().parents[2]
CORE = ROOT / "core"
PAIRS = 12  # of a run

# Name, arguments from .. to, largest allowed ratio. The aim is 1.2 for sin and cos and 1.3 for exp and log; the gates
# have room for a noisy machine. The others are only kept from becoming slow by an order of magnitude.
CASES = [
    ("sin", -4.0, 4.0, 1.5),
    ("cos", -4.0, 4.0, 1.5),
    ("exp", -4.0, 4.0, 1.5),
    ("log", 0.01, 4.0, 1.5),
    ("tan", -4.0, 4.0, 4.0),
    ("atan", -4.0, 4.0, 4.0),
    ("asin", -1.0, 1.0, 8.0),
    ("sinh", -4.0, 4.0, 4.0),
    ("tanh", -4.0, 4.0, 4.0),
    ("atan2", -4.0, 4.0, 4.0),
    ("pow", 0.1, 4.0, 4.0),
]
TWO_ARGUMENTS = ("atan2", "pow")

PROGRAM = """
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "hil/math.h"
enum { N = 2048, REPEATS = 20 };
static double x[N], y[N];
static volatile double sink;
static double now(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec * 1e9 + t.tv_nsec; }
static double rnd(double a, double b) { return a + (b - a) * (rand() / (double)RAND_MAX); }
typedef double one(double);
typedef double two(double, double);
/* Nanoseconds a call; chained makes each argument wait for the last result, as in a model's equations. */
static double time_one(one *volatile f, int chained)
{
    double sum = 0, zero = 0, start = now();
    for (int r = 0; r < REPEATS; r++)
        for (int i = 0; i < N; i++) {
            double v = f(x[i] + zero);
            if (chained) zero = v * 0.0;
            sum += v;
        }
    sink = sum;
    return (now() - start) / (N * REPEATS);
}
static double time_two(two *volatile f, int chained)
{
    double sum = 0, zero = 0, start = now();
    for (int r = 0; r < REPEATS; r++)
        for (int i = 0; i < N; i++) {
            double v = f(x[i] + zero, y[i]);
            if (chained) zero = v * 0.0;
            sum += v;
        }
    sink = sum;
    return (now() - start) / (N * REPEATS);
}
static double slow_sin(double v) { return hil_sin(v) + hil_sin(v + sink) + hil_sin(v - sink); }
int main(int argc, char **argv)
{
    double a = atof(argv[2]), b = atof(argv[3]);
    int pairs = atoi(argv[4]), chained = atoi(argv[5]);
    (void)argc;
    for (int i = 0; i < N; i++) { x[i] = rnd(a, b); y[i] = rnd(a, b); }
#define ONE(label, ours, theirs) if (!strcmp(argv[1], label)) \\
        for (int p = 0; p < pairs; p++) { double u = time_one(ours, chained), t = time_one(theirs, chained); \\
                                          printf("%g %g\\n", u, t); }
#define TWO(label, ours, theirs) if (!strcmp(argv[1], label)) \\
        for (int p = 0; p < pairs; p++) { double u = time_two(ours, chained), t = time_two(theirs, chained); \\
                                          printf("%g %g\\n", u, t); }
    CASES
    ONE("planted", slow_sin, sin)
    return 0;
}
"""


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Our side is compiled as the core is; calls go through pointers on both sides."""
    folder = tmp_path_factory.mktemp("speed")
    cases = [f'{"TWO" if n in TWO_ARGUMENTS else "ONE"}("{n}", hil_{n}, {n})' for n, *_ in CASES]
    (folder / "speed.c").write_text(PROGRAM.replace("CASES", "\n    ".join(cases)))
    flags = ["-std=gnu11", "-O3", "-fno-tree-vectorize", "-ffp-contract=off", "-fno-builtin", f"-I{CORE / 'include'}"]
    sources = sorted((CORE / "src").glob("math_*.c"))
    subprocess.run(["gcc", *flags, folder / "speed.c", *sources, "-o", folder / "speed", "-lm"], check=True)
    return folder / "speed"


def ratio(program: Path, name: str, low: float, high: float, *, chained: bool = False) -> tuple[float, float]:
    """Median over the pairs of (ours / theirs), and our median in nanoseconds."""
    command = [program, name, str(low), str(high), str(PAIRS), str(int(chained))]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    pairs = [tuple(map(float, line.split())) for line in lines]
    assert len(pairs) == PAIRS
    return statistics.median(u / t for u, t in pairs), statistics.median(u for u, _ in pairs)


@pytest.mark.bench
@pytest.mark.parametrize(("name", "low", "high", "gate"), CASES, ids=[case[0] for case in CASES])
def test_speed_is_near_the_hosts_libm(program: Path, name: str, low: float, high: float, gate: float) -> None:
    stream = paired_until(lambda: ratio(program, name, low, high)[0], lambda: 1.0, at_most=gate)
    chain, chain_ns = ratio(program, name, low, high, chained=True)
    print(f"{name}: {stream} of libm, chained {chain:.2f} ({chain_ns:.1f} ns)")
    assert stream.median <= gate


@pytest.mark.bench
def test_gate_sees_a_planted_slowdown(program: Path) -> None:
    planted = paired_until(lambda: ratio(program, "planted", -4, 4)[0], lambda: 1.0, at_least=1.5)
    assert planted.median > 1.5
