"""The link's two ends under fire, and both decoders under libFuzzer; they need no operating system."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from fuzzing import ROOT, Fuzz

LINK = [
    ROOT / f"drivers/src/{name}.c" for name in ("link", "link_receive", "link_send", "link_values", "cobs", "crc16")
]
LINK += [ROOT / "core/src/codec.c"]
CLOCK = ROOT / "drivers/src/clock_sync.c"
INCLUDE = [f"-I{ROOT / folder}" for folder in ("core/include", "drivers/include", "drivers/src", "tests/c")]
SANITIZED = ["-std=c11", "-g", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]


def run(name: str, *arguments: int, sources: list[Path], folder: Path) -> dict[str, float]:
    """A program of tests/c under the sanitizers, with counts of our own; returns the figures of its first line."""
    program = folder / name
    source = ROOT / "tests/c" / f"{name}.c"
    subprocess.run(["gcc", *SANITIZED, "-D_GNU_SOURCE", *INCLUDE, "-o", program, source, *sources, "-lm"], check=True)
    line = [program, *map(str, arguments)]
    result = subprocess.run(line, capture_output=True, text=True, timeout=280)
    assert result.returncode == 0, result.stderr[-4000:]
    assert result.stdout.endswith(f"{name}: ok\n")
    print(result.stdout)
    return {key: float(value) for key, value in re.findall(r"(\w+)=([\d.]+)", result.stdout)}


def test_nothing_wrong_is_accepted_under_fire(tmp_path: Path, full: Callable[[int, int], int]) -> None:
    """Loss, corruption, duplication, reordering, delay, split and joined frames, up to a fifth of all frames each."""
    seeds = full(60, 1_500)
    told = run("test_link_fire", seeds, 2_000, sources=LINK, folder=tmp_path)
    assert told["frames"] > 3_000 * seeds
    assert told["thrown_away"] > 500 * seeds, "it was under fire"
    assert told["messages"] > 80 * seeds, "and yet they arrived"


def test_the_clock_is_known_within_its_stated_bound(tmp_path: Path, full: Callable[[int, int], int]) -> None:
    """50 ppm of drift and 200 us of jitter over 60 s."""
    told = run("test_clock_sync", full(20, 400), sources=[CLOCK], folder=tmp_path)
    assert told["error_us"] < told["bound_us"] < 50


def framed(*payloads: str) -> bytes:
    """What the fuzzer reads: an action (1: a frame that gets right checks, 4: poll), its length, its bytes."""
    frames = [bytes.fromhex(p) for p in payloads]
    return b"".join(bytes([1, len(f)]) + f + bytes([4, 1, 1]) for f in frames)


HELLO, WELCOME = "010000000100aabbccdd", "020000000100aabbccdd"
IN_SESSION = ["0301010001020304", "0401000007", "0401010008", "05010000", "06010000"]


@pytest.mark.parametrize(("role", "greeting"), [("device", HELLO), ("host", WELCOME)])
def test_nothing_that_arrives_breaks_the_link(
    role: str, greeting: str, fuzz: Fuzz, full: Callable[[int, int], int]
) -> None:
    inputs = [framed(greeting, *frames) for frames in [*([f] for f in IN_SESSION), IN_SESSION]]
    runs = full(20_000, 1_000_000)
    assert fuzz(f"fuzz_link_{role}", LINK, inputs, runs, 1500) >= runs


@pytest.mark.parametrize("compiler", ["gcc", "clang", "arm-none-eabi-gcc"])
def test_the_link_needs_no_operating_system(compiler: str, tmp_path: Path) -> None:
    """It is the firmware's too: nothing but itself, the core's codec and memory functions."""
    if not shutil.which(compiler):
        pytest.skip(f"{compiler} is not installed: apt-get install clang gcc-arm-none-eabi")
    flags = ["-std=c11", "-O3", "-fno-tree-vectorize", "-ffp-contract=off", "-Wall", "-Wextra", "-Werror", "-c"]
    if compiler == "arm-none-eabi-gcc":
        flags += ["-mcpu=cortex-m4", "-mthumb"]
    else:
        flags.append("-fno-pic")
    subprocess.run([compiler, *flags, *INCLUDE, *LINK, CLOCK], check=True, cwd=tmp_path)
    table = subprocess.run(["nm", "-g", *tmp_path.glob("*.o")], capture_output=True, text=True, check=True).stdout
    symbols = [line.split()[-2:] for line in table.splitlines() if line and not line.endswith(":")]
    wanted = {n for kind, n in symbols if kind == "U"} - {n for kind, n in symbols if kind != "U"}
    arithmetic = {n for n in wanted if n.startswith("__aeabi_")}  # doubles of a core that has none
    assert wanted - arithmetic <= {"memcpy", "memmove", "memset", "memcmp"}
