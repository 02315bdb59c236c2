"""The yardsticks: small C programs that mark what this machine can do, compiled once into the cache.

Their sources are `tests/bench/yardsticks/`, in the package through a symlink, as the core's sources are.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from functools import cache
from pathlib import Path

from hil.errors import BenchError
from hil.models.cache import cache_folder, is_sound, publish, workplace

PACKAGE = Path(__file__).resolve().parents[1]
SOURCES = PACKAGE / "latency" / "yardsticks"
CORE, DRIVERS = PACKAGE / "core", PACKAGE / "drivers"
KIND = "yardsticks"  # of what lies in the cache

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
    "neighbour": ("neighbour.c", [*SYSTEM, *SHARED]),
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
    "plc_tank": ("plc_tank.c", [*AS_THE_CORE, *SHARED, "-fno-math-errno"]),  # as a compiled program
    "pid_bare": ("pid_bare.c", [*AS_THE_CORE, *SHARED]),
    "pid_block": ("pid_block.c", [*AS_THE_CORE, *CORE_HEADERS, str(CORE / "src/blocks/pid.c")]),
    "cart_pole_ekf_loop": (
        "cart_pole_ekf_loop.c",
        [*NATIVE, *OUR_ARITHMETIC, *SCALAR, *SHARED, "-fvisibility=hidden", *CORE_HEADERS, "-DCORE_MATHS", *CORE_MATHS],
    ),
    "est_fma": ("est.c", [*NATIVE, "-ffp-contract=fast", *SCALAR]),
}


@cache
def _source_digest() -> bytes:
    return _digest(sorted(SOURCES.glob("*.[ch]")))


@cache
def _product_digest() -> bytes:
    folders = (CORE, DRIVERS)
    return _digest(sorted(p for f in folders for p in (*f.glob("include/*/*.h"), *f.glob("src/*.[ch]"))))


def _digest(paths: list[Path]) -> bytes:
    digest = hashlib.sha256()
    for path in paths:
        digest.update(path.name.encode() + path.read_bytes())
    return digest.digest()


def _libraries(source: str) -> list[str]:
    libraries = ["-lm", "-lutil"]
    if source.startswith("mb_") and source != "mb_raw.c":
        flags = subprocess.run(
            ["pkg-config", "--cflags", "--libs", "libmodbus"], check=False, capture_output=True, text=True
        )
        if flags.returncode:
            mend = "Install it: apt-get install pkg-config libmodbus-dev"
            raise BenchError("this yardstick needs libmodbus", where=source, mend=mend)
        libraries += flags.stdout.split()
    return libraries


@cache
def build(name: str) -> Path:
    """The compiled program of this name, from the cache when its sources and gcc's options have not changed.

    Raises:
        BenchError: gcc is missing or does not compile it.
        RigError: the cache cannot be written.
    """
    source, flags = PROGRAMS[name]
    command = [compiler(), *COMMON, *flags, str(SOURCES / source), *_libraries(source)]
    digest = _source_digest() + (_product_digest() if CORE_HEADERS[0] in flags else b"")
    key = hashlib.sha256(digest + "\0".join(command).encode() + compiler_version().encode()).hexdigest()[:16]
    program = cache_folder(KIND) / f"{name}-{key}"
    if not is_sound(program):
        with workplace(KIND) as folder:
            result = subprocess.run([*command, "-o", str(folder / name)], check=False, capture_output=True, text=True)
            if result.returncode:
                raise BenchError(f"cannot compile {source}:\n{result.stderr}", where="gcc")
            publish(folder / name, program)
    return program


@cache
def compiler() -> str:
    """Path of gcc.

    Raises:
        BenchError: there is none.
    """
    found = shutil.which("gcc")
    if not found:
        raise BenchError("gcc is not installed", where="yardsticks", mend="Install it: apt-get install gcc libc6-dev")
    return found


@cache
def compiler_version() -> str:
    """Its own first line, as in "gcc (Debian 12.2.0-14) 12.2.0"."""
    shown = subprocess.run([compiler(), "--version"], check=False, capture_output=True, text=True)
    return shown.stdout.split("\n", 1)[0].strip()
