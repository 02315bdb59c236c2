"""The RTU decoders of both roles under libFuzzer with AddressSanitizer; they need no operating system."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from fuzzing import INCLUDE, ROOT, Fuzz

PORTABLE = ["rtu", "rtu_slave", "rtu_master", "crc16", "modbus_request", "modbus_answer", "mb_bank", "mb_serve"]
PORTABLE += ["regmap", "regplan", "regplan_wire"]
LIBRARY = [*(ROOT / f"drivers/src/{name}.c" for name in PORTABLE), ROOT / "core/src/codec.c"]
FIX_CRC = {"slave": b"\x02", "master": b"\x00\x80"}
UNIT = 17

REQUESTS = ["010000001e", "0300040010", "0500 03ff00", "06000a0007", "0f000000100212 34", "1000040002043f800000"]
REQUESTS += ["16000400f20025", "170004000200060001020009", "0800001234"]
ANSWERS = ["010105", "0302 1234", "0304 00010002", "8302", "1000000001", "0600000007"]


def pieces(frames: list[str]) -> bytes:
    """Frames as the fuzzers read them: length and pause, then the bytes."""
    whole = [bytes([UNIT]) + bytes.fromhex(f) for f in frames]
    return b"".join(bytes([0xC0 | (len(f) - 1)]) + f for f in whole)


@pytest.mark.parametrize(("role", "frames"), [("slave", REQUESTS), ("master", ANSWERS)])
def test_nothing_that_arrives_breaks_the_decoder(
    role: str, frames: list[str], fuzz: Fuzz, full: Callable[[int, int], int]
) -> None:
    runs = full(20_000, 400_000)
    inputs = [FIX_CRC[role] + pieces(chosen) for chosen in [*([f] for f in frames), frames]]
    assert fuzz(f"fuzz_rtu_{role}", LIBRARY, inputs, runs, 800) >= runs


@pytest.mark.parametrize("compiler", ["gcc", "clang", "arm-none-eabi-gcc"])
def test_framing_and_slave_need_no_operating_system(compiler: str, tmp_path: Path) -> None:
    """They are the firmware's too: nothing but each other, the core's codec and memory functions."""
    if not shutil.which(compiler):
        pytest.skip(f"{compiler} is not installed: apt-get install clang gcc-arm-none-eabi")
    flags = ["-std=c11", "-O3", "-fno-tree-vectorize", "-ffp-contract=off", "-Wall", "-Wextra", "-Werror", "-c"]
    if compiler != "arm-none-eabi-gcc":
        flags.append("-fno-pic")
    subprocess.run([compiler, *flags, *INCLUDE, *LIBRARY], check=True, cwd=tmp_path)
    table = subprocess.run(["nm", "-g", *tmp_path.glob("*.o")], capture_output=True, text=True, check=True).stdout
    symbols = [line.split()[-2:] for line in table.splitlines() if line and not line.endswith(":")]
    defined = {name for kind, name in symbols if kind != "U"}
    wanted = {name for kind, name in symbols if kind == "U"} - defined
    allowed = {"memcpy", "memmove", "memset", "memcmp", "bcmp"}  # bcmp: clang's memcmp for equality alone
    assert {name for name in wanted if not name.startswith("__aeabi_")} <= allowed
