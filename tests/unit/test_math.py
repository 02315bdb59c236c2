"""The core's libm against mpmath, and against itself over compilers and optimisation levels."""

from __future__ import annotations

import ctypes
import itertools
import math
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import mpmath as mp
import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = [ROOT / "core" / "src" / f"math_{part}.c" for part in ("trig", "exp", "basic")]
COMPILERS = [name for name in ("gcc", "clang") if shutil.which(name)]
BUILDS = list(itertools.product(COMPILERS, ("-O0", "-O3", "-O3 -march=native", "-O2 -DHIL_SOFT_SQRT")))
FLAGS = ["-std=c11", "-ffp-contract=off", f"-I{ROOT / 'core' / 'include'}"]


def words(text: str) -> list[str]:
    return text.split()


ONE_ARGUMENT = words("sin cos tan asin acos atan exp expm1 log log1p log2 log10 sinh cosh tanh asinh acosh atanh")
ONE_ARGUMENT += words("floor ceil sqrt sqrt_soft")
TWO_ARGUMENTS = words("atan2 pow hypot fmod fmin fmax copysign")
NAMES = ONE_ARGUMENT + TWO_ARGUMENTS

Array = np.ndarray
Batch = Callable[..., Array]
Ranges = list[Callable[[np.random.Generator, int], tuple[Array, ...]]]


def probe_source() -> str:
    """All sources in one translation unit, as compiled models include them, and a loop over each function."""
    lines = [f'#include "{source}"' for source in SOURCES]
    loop = (
        "void batch_{0}(int n, const double *x, const double *y, double *z){{for(int i=0;i<n;i++) z[i]=hil_{0}({1});}}"
    )
    lines += [loop.format(name, "x[i]") + f" /* {name} */" for name in ONE_ARGUMENT]
    lines += [loop.format(name, "x[i], y[i]") for name in TWO_ARGUMENTS]
    lines.append(
        "void batch_sincos(int n, const double *x, double *s, double *c)"
        "{for(int i=0;i<n;i++) hil_sincos(x[i], s+i, c+i);}"
    )
    return "\n".join(lines) + "\n"


class Library:
    """The sources, built by one compiler at one optimisation level."""

    def __init__(self, folder: Path, compiler: str, level: str) -> None:
        source = folder / "probe.c"
        target = folder / f"math_{compiler}{level.replace(' ', '')}.so"
        subprocess.run([compiler, *FLAGS, *level.split(), "-shared", "-fPIC", "-o", target, source], check=True)
        self.dll = ctypes.CDLL(str(target))

    def __call__(self, name: str, x: Array, y: Array | None = None) -> Array:
        x = np.ascontiguousarray(x, dtype=float)
        y = x if y is None else np.ascontiguousarray(y, dtype=float)
        z = np.empty_like(x)
        pointers = [a.ctypes.data_as(ctypes.c_void_p) for a in (x, y, z)]
        getattr(self.dll, f"batch_{name}")(ctypes.c_int(len(x)), *pointers)
        return z

    def sincos(self, x: Array) -> tuple[Array, Array]:
        s, c = np.empty_like(x), np.empty_like(x)
        pointers = [a.ctypes.data_as(ctypes.c_void_p) for a in (x, s, c)]
        self.dll.batch_sincos(ctypes.c_int(len(x)), *pointers)
        return s, c


@pytest.fixture(scope="module")
def libraries(tmp_path_factory: pytest.TempPathFactory) -> list[Library]:
    folder = tmp_path_factory.mktemp("math")
    (folder / "probe.c").write_text(probe_source())
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(lambda build: Library(folder, *build), BUILDS))


@pytest.fixture(scope="module")
def libm(libraries: list[Library]) -> Library:
    """One of them; all give the same bits (tested below)."""
    return libraries[-1]


# ---- ulps ----


def error_ulp(got: float, exact: mp.mpf) -> float:
    """Distance in units of the last place that the exact value has as a double."""
    if math.isinf(got):
        limit = mp.ldexp(1, 1024) - mp.ldexp(1, 970)
        return 0.0 if (exact > 0) == (got > 0) and abs(exact) >= limit else math.inf
    if math.isnan(got):
        return math.inf
    exponent = mp.frexp(exact)[1] if exact else -2000  # exact = m * 2**exponent, 0.5 <= m < 1
    return float(mp.ldexp(abs(mp.mpf(got) - exact), 53 - max(exponent, -1021)))


def power(x: mp.mpf, y: mp.mpf) -> mp.mpf:
    magnitude = mp.power(abs(x), y)
    return -magnitude if x < 0 and mp.fmod(y, 2) != 0 else magnitude


def real_part(function: Callable[[mp.mpf], mp.mpf]) -> Callable[[mp.mpf], mp.mpf]:
    return lambda x: mp.re(function(x))


EXACT: dict[str, Callable[..., mp.mpf]] = {
    **{name: getattr(mp, name) for name in words("sin cos tan atan exp expm1 log log1p log10 sinh cosh tanh asinh")},
    **{name: real_part(getattr(mp, name)) for name in words("asin acos acosh atanh")},
    "log2": lambda x: mp.log(x) / mp.log(2),
    "sqrt": mp.sqrt,
    "sqrt_soft": mp.sqrt,
    "atan2": mp.atan2,
    "pow": power,
    "hypot": mp.hypot,
}


def worst_ulp(libm: Library, name: str, *arguments: Array) -> tuple[float, tuple[float, ...]]:
    results = libm(name, *arguments)
    worst, where = 0.0, tuple(float(a[0]) for a in arguments)
    with mp.workprec(220):
        for got, *point in zip(results.tolist(), *(a.tolist() for a in arguments), strict=True):
            error = error_ulp(got, EXACT[name](*map(mp.mpf, point)))
            if error > worst:
                worst, where = error, tuple(point)
    return worst, where


# ---- where the points lie ----


def uniform(low: float, high: float) -> Callable[[np.random.Generator, int], tuple[Array]]:
    return lambda rng, n: (rng.uniform(low, high, n),)


def spread(low: float, high: float, *, signed: bool = True) -> Callable[[np.random.Generator, int], tuple[Array]]:
    """Magnitudes 2**low .. 2**high, every power of 2 alike."""

    def points(rng: np.random.Generator, n: int) -> tuple[Array]:
        magnitude = np.ldexp(rng.uniform(0.5, 1, n), rng.integers(int(low) + 1, int(high) + 1, n))
        return (np.where(rng.random(n) < 0.5, -magnitude, magnitude) if signed else magnitude,)

    return points


def beside(centre: float, low: float, high: float) -> Callable[[np.random.Generator, int], tuple[Array]]:
    """centre * (1 + a) with |a| between 2**low and 2**high: where results cancel."""
    return lambda rng, n: (centre * (1 + spread(low, high)(rng, n)[0]),)


def below_one(rng: np.random.Generator, n: int) -> tuple[Array]:
    return (1 - spread(-53, -1, signed=False)(rng, n)[0],)


def near_quarter_turns(rng: np.random.Generator, n: int) -> tuple[Array]:
    """Doubles next to multiples of pi/128: the reduction's hard part."""
    steps = rng.integers(1, 2**40, n) >> rng.integers(0, 40, n)
    x = (steps + 1.0) * (np.pi / 128)
    return (np.nextafter(x, rng.choice([-np.inf, np.inf], n)),)


def both(first: Callable[..., tuple[Array]], second: Callable[..., tuple[Array]]) -> Callable[..., tuple[Array, Array]]:
    return lambda rng, n: (first(rng, n)[0], second(rng, n)[0])


def proportional(low: float, high: float) -> Callable[[np.random.Generator, int], tuple[Array, Array]]:
    """Any size, the ratio between 2**low and 2**high."""

    def points(rng: np.random.Generator, n: int) -> tuple[Array, Array]:
        x = spread(-1000, 1000)(rng, n)[0]
        y = np.clip(x * spread(low, high)(rng, n)[0], -1e308, 1e308)
        return (x, y) if rng.random() < 0.5 else (y, x)

    return points


def power_to(low: float, high: float, base: Callable[..., tuple[Array]]) -> Callable[..., tuple[Array, Array]]:
    """x from `base`, y such that log(x**y) lies between low and high."""

    def points(rng: np.random.Generator, n: int) -> tuple[Array, Array]:
        x = np.abs(base(rng, n)[0])
        x = np.where(x == 1, 2, x)
        return x, rng.uniform(low, high, n) / np.log(x)

    return points


def whole_power(rng: np.random.Generator, n: int) -> tuple[Array, Array]:
    return rng.uniform(-40, 40, n), rng.integers(-60, 60, n).astype(float)


ANGLES: Ranges = [uniform(-4, 4), spread(-40, 13), spread(12, 1024), near_quarter_turns]
RATIOS: Ranges = [uniform(-1, 1), spread(-70, 0), below_one]
ALL: Ranges = [spread(-1022, 1024)]
LOGS: Ranges = [uniform(0, 4), beside(1, -50, -2), spread(-1074, 1024, signed=False)]
RANGES: dict[str, Ranges] = {
    **dict.fromkeys(words("sin cos tan"), ANGLES),
    **dict.fromkeys(["asin", "acos"], RATIOS),
    "atanh": RATIOS,
    "atan": [uniform(-4, 4), spread(-40, 70), *ALL],
    "exp": [uniform(-4, 4), uniform(-708, 710), uniform(-746, -707), spread(-70, 9)],
    "expm1": [uniform(-1, 1), uniform(-50, 710), spread(-70, 5)],
    **dict.fromkeys(words("log log2 log10"), LOGS),
    "log1p": [uniform(-1, 4), spread(-80, 0), spread(-1000, 1023, signed=False)],
    **{key: [uniform(-1, 1), uniform(-711, 711), spread(-60, 6)] for key in ["sinh", "cosh"]},
    "tanh": [uniform(-1, 1), uniform(-23, 23), spread(-60, 6)],
    "asinh": [uniform(-4, 4), spread(-60, 70), *ALL],
    "acosh": [
        uniform(1, 4),
        lambda rng, n: (1 + spread(-52, 0, signed=False)(rng, n)[0],),
        spread(1, 1024, signed=False),
    ],
    **{key: [uniform(0, 4), spread(-1074, 1024, signed=False)] for key in ["sqrt", "sqrt_soft"]},
    "atan2": [both(uniform(-4, 4), uniform(-4, 4)), proportional(-3, 3), proportional(-70, 1), both(*ALL * 2)],
    "hypot": [
        both(uniform(-4, 4), uniform(-4, 4)),
        proportional(-3, 3),
        both(spread(-1074, -1000), spread(-1074, -1000)),
    ],
    "pow": [
        both(uniform(0, 4), uniform(-8, 8)),
        power_to(-708, 710, spread(-1074, 1024)),
        power_to(-746, -707, spread(-1074, 1024)),
        power_to(-708, 710, beside(1, -50, -2)),
        whole_power,
    ],
}


@pytest.mark.parametrize("name", RANGES)
def test_error_is_below_one_ulp(libm: Library, name: str, full: Callable[[int, int], int]) -> None:
    count = full(2000, 100_000)
    rng = np.random.default_rng(20240229)
    found = [worst_ulp(libm, name, *points(rng, count)) for points in RANGES[name]]
    print(f"{name}: " + " ".join(f"{error:.3f}" for error, _ in found))
    worst, where = max(found)
    assert worst <= (0.5 if "sqrt" in name else 0.80), (name, where)


# ---- cases by hand ----

INF, NAN, TINY, HUGE = math.inf, math.nan, 5e-324, 1.7976931348623157e308

HARD_ANGLES = [
    math.ldexp(6381956970095103, 797),  # the double nearest to a multiple of pi/2 (Kahan)
    *(math.ldexp(m, e) for m, e in [(5261692873635770, 499), (8476879854170123, -49), (5706674932067741, 83)]),
    *(k * math.pi / 2 for k in (1, 2, 3, 4, 5, 22, 355 * 2, 103993, 10**6, 10**15)),
    355.0, 104348.0, 1e22, HUGE, 8191.999999999999, 8192.0, 2.0**-27, math.nextafter(2.0**-27, 0), math.pi / 128,
]  # fmt: skip


@pytest.mark.parametrize("name", words("sin cos tan"))
def test_reduction_survives_the_hardest_angles(libm: Library, name: str) -> None:
    x = np.array([sign * a for a in HARD_ANGLES for sign in (1, -1)])
    worst, where = worst_ulp(libm, name, x)
    assert worst <= 0.6, where


def test_hard_angle_is_kept_apart_from_the_quarter_turn(libm: Library) -> None:
    x = np.array([math.ldexp(6381956970095103, 797)])
    assert libm("cos", x)[0] == -4.6871659242546277e-19


NUMBERS = {
    "pi": math.pi,
    "pi/2": math.pi / 2,
    "pi/4": math.pi / 4,
    "3pi/4": 3 * math.pi / 4,
    "tiny": TINY,
    "huge": HUGE,
}


def number(text: str) -> float:
    sign, magnitude = (-1.0, text[1:]) if text[0] == "-" else (1.0, text)
    return sign * (NUMBERS[magnitude] if magnitude in NUMBERS else float(magnitude))


def special_values(name: str) -> list[list[float]]:
    """Rows of the file beside: the arguments, then the result."""
    rows = [line.replace("=", "").split() for line in (Path(__file__).parent / "math_special_values.txt").open()]
    return [[number(text) for text in row[1:]] for row in rows if row and row[0] == name]


def bits(values: Array) -> Array:
    return np.ascontiguousarray(values, dtype=float).view(np.uint64)


@pytest.mark.parametrize("name", NAMES)
def test_special_values(libm: Library, name: str) -> None:
    """Bit by bit: the sign of zero, and every NaN is the canonical one."""
    rows = special_values(name)
    assert rows or name == "copysign"
    for *arguments, expected in rows:
        got = libm(name, *(np.array([a]) for a in arguments))
        assert bits(got)[0] == bits(np.array([expected]))[0], (name, arguments, got[0], expected)


@pytest.mark.parametrize("name", words("floor ceil fmod sqrt_soft"))
def test_exact_functions_agree_with_ieee(libm: Library, name: str, full: Callable[[int, int], int]) -> None:
    rng = np.random.default_rng(7)
    count = full(20_000, 1_000_000)
    x = np.concatenate(
        [rng.uniform(-1e3, 1e3, count), *spread(-1074, 1024)(rng, count), rng.integers(-99, 99, count) / 2]
    )
    y = np.concatenate([rng.uniform(-10, 10, count), *spread(-1074, 1024)(rng, count), rng.integers(1, 9, count) / 2])
    x = np.abs(x) if name == "sqrt_soft" else x
    exact = {
        "floor": np.floor,
        "ceil": np.ceil,
        "sqrt_soft": np.sqrt,
        "fmod": lambda a: np.array([math.fmod(p, q) for p, q in zip(a, y, strict=True)]),
    }
    assert np.array_equal(bits(libm(name, x, y)), bits(exact[name](x)))


# ---- the same bits everywhere ----


def any_points(rng: np.random.Generator, n: int) -> tuple[Array, Array]:
    """Bit patterns (so also NaN, infinities, subnormals), ordinary numbers, and the special values."""
    special = np.array([0.0, -0.0, 1, -1, INF, -INF, NAN, TINY, HUGE, 0.5, 2, 3, *HARD_ANGLES])
    pairs = np.array(list(itertools.product(special, special))).T
    x, y = (
        np.concatenate(
            [
                rng.integers(0, 2**64, n, dtype=np.uint64).view(float),
                rng.uniform(-4, 4, n),
                beside(1, -40, -1)(rng, n)[0],
            ]
        )
        for _ in range(2)
    )
    return np.concatenate([x, pairs[0]]), np.concatenate([y, pairs[1]])


@pytest.mark.parametrize("name", NAMES)
def test_same_bits_over_compilers_and_levels(
    libraries: list[Library], name: str, full: Callable[[int, int], int]
) -> None:
    x, y = any_points(np.random.default_rng(11), full(20_000, 1_000_000))
    results = [bits(library(name, x, y)) for library in libraries]
    for build, result in zip(BUILDS, results, strict=True):
        assert np.array_equal(result, results[0]), build
    if name != "copysign":
        assert set(results[0][np.isnan(results[0].view(float))].tolist()) <= {0x7FF8000000000000}


def test_sincos_has_the_bits_of_sin_and_cos(libraries: list[Library]) -> None:
    x, _ = any_points(np.random.default_rng(12), 20_000)
    for library in libraries:
        s, c = library.sincos(x)
        assert np.array_equal(bits(s), bits(library("sin", x)))
        assert np.array_equal(bits(c), bits(library("cos", x)))


# ---- how it is built ----


@pytest.mark.parametrize("compiler", COMPILERS)
@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_no_symbol_from_outside(tmp_path: Path, compiler: str, source: Path) -> None:
    target = tmp_path / "x.o"
    for level in ("-O0", "-O2", "-O3"):
        subprocess.run([compiler, *FLAGS, level, "-Wall", "-Wextra", "-Werror", "-c", "-o", target, source], check=True)
        listed = subprocess.run(["nm", "-u", target], check=True, capture_output=True, text=True).stdout
        assert set(listed.replace(" U ", "").split()) <= {"memcpy", "memset"}


def test_no_undefined_behaviour(tmp_path: Path) -> None:
    main = """
    #include <stdio.h>
    int main(void) {
        double p[2]; volatile double z;
        while (fread(p, sizeof p, 1, stdin) == 1) { %s }
        return 0;
    }"""
    calls = [f"z = hil_{name}(p[0]);" for name in ONE_ARGUMENT] + [
        f"z = hil_{name}(p[0], p[1]);" for name in TWO_ARGUMENTS
    ]
    (tmp_path / "main.c").write_text(probe_source() + main % " ".join(calls))
    strict = ["-fsanitize=undefined,float-cast-overflow", "-fno-sanitize-recover=all", "-g", "-O1"]
    subprocess.run([COMPILERS[-1], *FLAGS, *strict, "-o", tmp_path / "main", tmp_path / "main.c"], check=True)
    points = np.stack(any_points(np.random.default_rng(13), 3000), axis=1)
    subprocess.run([tmp_path / "main"], input=points.tobytes(), check=True)


def test_names_lead_generated_code_to_the_core(tmp_path: Path) -> None:
    generated = """
    #include <math.h>
    double model(double x) {
        return sin(x) + cos(x) + tan(x) + asin(x) + acos(x) + atan(x) + atan2(x, 2)
            + sinh(x) + cosh(x) + tanh(x) + exp(x) + log(x) + pow(x, 3)
            + sqrt(x) + fabs(x) + floor(x) + ceil(x) + fmod(x, 2) + fmin(x, 1) + fmax(x, 1) + copysign(1, x)
            + hypot(x, 1) + log1p(x) + expm1(x);
    }"""
    (tmp_path / "model.c").write_text(generated)
    forced = ["-include", "hil/math_names.h", "-Wall", "-Werror", "-c", "-o", tmp_path / "model.o"]
    for compiler, level in BUILDS:
        subprocess.run([compiler, *FLAGS, *level.split(), *forced, tmp_path / "model.c"], check=True)
        listed = subprocess.run(["nm", "-u", tmp_path / "model.o"], check=True, capture_output=True, text=True).stdout
        assert all(name.startswith("hil_") for name in listed.replace(" U ", "").split())


def test_names_refuse_what_the_core_does_not_have(tmp_path: Path) -> None:
    (tmp_path / "model.c").write_text("#include <math.h>\ndouble model(double x) { return erf(x); }")
    command = [COMPILERS[0], *FLAGS, "-Werror=implicit-function-declaration", "-include", "hil/math_names.h", "-c"]
    done = subprocess.run([*command, "-o", tmp_path / "m.o", tmp_path / "model.c"], capture_output=True, text=True)
    assert done.returncode != 0
    assert "hil_has_no_erf" in done.stderr


def test_tables_come_from_their_script() -> None:
    subprocess.run([sys.executable, ROOT / "tools" / "make_math_tables.py", "--check"], check=True)
