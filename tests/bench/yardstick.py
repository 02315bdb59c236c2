"""Measure us beside a yardstick: small C programs that mark what this machine can do, and paired runs of two things.

Absolute times on a shared machine mean little; a ratio of two runs that alternate holds within some percent. So a
performance test measures both in one go and asserts `paired(ours, theirs).median`, never a time.

    python tests/bench/yardstick.py              builds every program
    python tests/bench/yardstick.py est          builds and runs one, with its arguments behind
"""

from __future__ import annotations

import hashlib
import re
import shutil
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

SOURCES = Path(__file__).resolve().parent / "yardsticks"
ROOT = SOURCES.parents[2]
BUILD = ROOT / "build" / "yardsticks"
CORE = ROOT / "core"
DRIVERS = ROOT / "drivers"

COMMON = ["-std=c11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-pthread"]
SYSTEM = ["-O2"]  # programs that spend their time in system calls
NATIVE = ["-O3", "-march=native"]
OUR_ARITHMETIC = ["-ffp-contract=off"]
SCALAR = ["-fno-tree-vectorize"]  # vectorised code loses on 4 states (store forwarding) and wins on 12
# The core is compiled so. A yardstick of the core takes its mathematics from the same sources, as a library beside it.
AS_THE_CORE = ["-O3", *SCALAR, *OUR_ARITHMETIC, "-fvisibility=hidden", "-fno-strict-aliasing"]
CORE_HEADERS = [f"-I{CORE / 'include'}", f"-I{CORE / 'src'}"]
CORE_MATHS = [str(CORE / "src" / f"{name}.c") for name in ("math_basic", "math_exp", "math_trig")]
CORE_HASH = str(CORE / "src/hash.c")
DRIVER_HEADERS = [f"-I{DRIVERS / 'include'}", f"-I{DRIVERS / 'src'}"]
LINK_BUS = [*map(str, sorted(DRIVERS.glob("src/link*.c")))]
LINK_BUS += [str(DRIVERS / f"src/{name}.c") for name in ("cobs", "crc16", "clock_sync", "bus_thread")]
LINK_BUS += [str(CORE / f"src/{name}.c") for name in ("codec", "image")]
SHARED = ["-shared", "-fPIC"]
# Programs by name: the source and what it is compiled with. est_fma has other arithmetic than ours: shown, never gated.
PROGRAMS: dict[str, tuple[str, list[str]]] = {
    "wakeup": ("wakeup.c", SYSTEM),
    "echo_server": ("echo_server.c", SYSTEM),
    "mb_raw": ("mb_raw.c", SYSTEM),
    "mb_server": ("mb_server.c", SYSTEM),
    "mb_lib": ("mb_lib.c", SYSTEM),
    "mb_rtu_server": ("mb_rtu_server.c", SYSTEM),
    "pty_pp": ("pty_pp.c", SYSTEM),
    "link_pp": ("link_pp.c", [*AS_THE_CORE, *CORE_HEADERS, *DRIVER_HEADERS, *LINK_BUS]),
    "ring": ("ring.c", NATIVE),
    "push": ("push.c", [*AS_THE_CORE, *CORE_HEADERS, str(CORE / "src/ring.c")]),
    "cart_pole_loop": ("cart_pole_loop.c", [*AS_THE_CORE, *SHARED, *CORE_HEADERS, *CORE_MATHS, CORE_HASH]),
    "cart_pole_inlined": ("cart_pole_loop.c", [*AS_THE_CORE, *SHARED, *CORE_HEADERS, "-DALL_INLINE", CORE_HASH]),
    "cart_pole_rk4": (
        "cart_pole_loop.c",
        [*NATIVE, *OUR_ARITHMETIC, *SCALAR, *CORE_HEADERS, "-DHOST_LIBM", CORE_HASH],
    ),
    "fmu_bare": ("fmu_bare.c", ["-O3", *SHARED, "-ldl"]),
    "est": ("est.c", [*NATIVE, *OUR_ARITHMETIC, *SCALAR]),
    "est_vec": ("est.c", [*NATIVE, *OUR_ARITHMETIC]),
    # The same with the core's sine and cosine instead of the host's, which use the CPU's fused operations.
    "est_core": ("est.c", [*NATIVE, *OUR_ARITHMETIC, *SCALAR, *CORE_HEADERS, "-DCORE_MATHS", *CORE_MATHS]),
    "est_core_vec": ("est.c", [*NATIVE, *OUR_ARITHMETIC, *CORE_HEADERS, "-DCORE_MATHS", *CORE_MATHS]),
    "pid_bare": ("pid_bare.c", [*AS_THE_CORE, *SHARED]),
    "pid_block": ("pid_block.c", [*AS_THE_CORE, *CORE_HEADERS, str(CORE / "src/blocks/pid.c")]),
    "cart_pole_ekf_loop": (
        "cart_pole_ekf_loop.c",
        [*NATIVE, *OUR_ARITHMETIC, *SCALAR, *SHARED, "-fvisibility=hidden", *CORE_HEADERS, "-DCORE_MATHS", *CORE_MATHS],
    ),
    "est_fma": ("est.c", [*NATIVE, "-ffp-contract=fast", *SCALAR]),
}


# ---- build and run ----


@cache
def _source_digest() -> bytes:
    digest = hashlib.sha256()
    for path in sorted(SOURCES.glob("*.[ch]")):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.digest()


@cache
def _product_digest() -> bytes:
    digest = hashlib.sha256()
    for path in sorted(
        p for folder in (CORE, DRIVERS) for p in (*folder.glob("include/*/*.h"), *folder.glob("src/*.[ch]"))
    ):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.digest()


def _libraries(source: str) -> list[str]:
    libraries = ["-lm", "-lutil"]
    if source.startswith("mb_") and source != "mb_raw.c":
        flags = subprocess.run(["pkg-config", "--cflags", "--libs", "libmodbus"], capture_output=True, text=True)
        if flags.returncode:
            raise RuntimeError(f"{source} needs libmodbus: apt-get install pkg-config libmodbus-dev")
        libraries += flags.stdout.split()
    return libraries


@cache
def build(name: str) -> Path:
    """Compile a program unless its like is there already. Returns its path; raises RuntimeError with gcc's message."""
    source, flags = PROGRAMS[name]
    command = ["gcc", *COMMON, *flags, str(SOURCES / source), *_libraries(source)]
    digest = _source_digest() + (_product_digest() if CORE_HEADERS[0] in flags else b"")
    key = hashlib.sha256(digest + "\0".join(command).encode()).hexdigest()[:16]
    program = BUILD / key / name
    if not program.exists():
        program.parent.mkdir(parents=True, exist_ok=True)
        unfinished = program.with_suffix(".new")
        result = subprocess.run([*command, "-o", str(unfinished)], capture_output=True, text=True)
        if result.returncode:
            raise RuntimeError(f"cannot compile {source}:\n{result.stderr}")
        unfinished.rename(program)
    return program


@cache
def may_use_fifo() -> bool:
    """Whether this user may start programs under SCHED_FIFO."""
    return (
        bool(shutil.which("chrt")) and subprocess.run(["chrt", "-f", "1", "true"], capture_output=True).returncode == 0
    )


def command(program: str | Path, *args: object, cpu: int | None = None, priority: int = 0) -> list[str]:
    """Return the command of a yardstick (a name) or any program (a path), on one CPU, under SCHED_FIFO if allowed."""
    place = ["taskset", "-c", str(cpu)] if cpu is not None else []
    policy = ["chrt", "-f", str(priority)] if priority and may_use_fifo() else []
    return [*place, *policy, str(build(program) if isinstance(program, str) else program), *map(str, args)]


def parse(text: str) -> dict[str, float]:
    """Read lines such as `pid ns=9.2 min=8.8` as {"pid ns": 9.2, ...}; repeated names give their median."""
    values: dict[str, list[float]] = {}
    for line in text.splitlines():
        label: list[str] = []
        ended = False  # a word behind a value starts a new label
        for word in line.split():
            pair = re.fullmatch(r"([^=\s]+)=(-?[\d.]+(?:e[-+]?\d+)?)\D*", word)
            if pair:
                values.setdefault(" ".join([*label, pair[1]]), []).append(float(pair[2]))
            else:
                label = [word] if ended else [*label, word]
            ended = bool(pair)
    return {name: statistics.median(found) for name, found in values.items()}


def run(
    program: str | Path, *args: object, cpu: int | None = None, priority: int = 0, timeout_s: float = 120
) -> dict[str, float]:
    """Run a program to its end and return its figures, as `parse` names them."""
    line = command(program, *args, cpu=cpu, priority=priority)
    result = subprocess.run(line, capture_output=True, text=True, timeout=timeout_s)
    if result.returncode:
        raise RuntimeError(f"{' '.join(line)} ended with {result.returncode}: {result.stderr.strip()}")
    return parse(result.stdout)


# ---- servers ----


def free_port() -> int:
    """Return a TCP port that nobody on this machine listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(port: int, process: subprocess.Popen[bytes], timeout_s: float = 5.0) -> None:
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        if process.poll() is not None:
            raise RuntimeError(f"the server on port {port} ended with {process.returncode}")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=0.5).close()
            return
        except OSError:
            time.sleep(0.02)
    raise RuntimeError(f"nothing answers on port {port}")


@contextmanager
def serve(
    program: str | Path, *options: object, cpu: int | None = None, priority: int = 0, port: int | None = None
) -> Iterator[int]:
    """Run a server (`PROGRAM PORT options...`) for the length of a `with` block, which gets its port."""
    port = port or free_port()
    process = subprocess.Popen(command(program, port, *options, cpu=cpu, priority=priority))
    try:
        _wait_for(port, process)
        yield port
    finally:
        process.kill()
        process.wait()


# ---- paired runs ----


@dataclass(frozen=True)
class Ratio:
    """How `a` compares with `b` over alternating runs; above 1 is slower if the figures are times."""

    ratios: tuple[float, ...]
    a: float
    b: float

    @property
    def median(self) -> float:
        """The figure to assert on."""
        return statistics.median(self.ratios)

    @property
    def low(self) -> float:
        """The smallest ratio of one pair."""
        return min(self.ratios)

    @property
    def high(self) -> float:
        """The largest ratio of one pair."""
        return max(self.ratios)

    def __str__(self) -> str:
        spread = f"{self.low:.3f} to {self.high:.3f}, {len(self.ratios)} pairs"
        return f"{self.median:.3f} ({spread}; {self.a:.4g} / {self.b:.4g})"


def paired(a: Callable[[], float], b: Callable[[], float], pairs: int = 8) -> Ratio:
    """Measure `a` and `b` in turn, a b b a a b ..., and return the ratio a/b of each pair.

    Both return one figure, such as a median time. Drift of the machine hits both alike, and neither is always first.
    """
    figures: list[tuple[float, float]] = []
    for i in range(pairs):
        if i % 2:
            second = b()
            figures.append((a(), second))
        else:
            first = a()
            figures.append((first, b()))
    firsts, seconds = zip(*figures, strict=True)
    return Ratio(tuple(x / y for x, y in figures), statistics.median(firsts), statistics.median(seconds))


def main(arguments: list[str]) -> int:
    """Build all programs, or build one and run it."""
    if arguments:
        return subprocess.run(command(arguments[0], *arguments[1:])).returncode
    for name in PROGRAMS:
        print(build(name))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
