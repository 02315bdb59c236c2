"""The portable half needs no operating system, and its decoders survive libFuzzer with AddressSanitizer.

The fuzzers start from real frames, run a counted number of times and check that what one role sends the other accepts.
"""

from __future__ import annotations

import struct
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from fuzzing import INCLUDE, ROOT, Fuzz
from modbus_peers import adu

PORTABLE = ["mbap", "modbus_request", "modbus_answer", "regmap", "regmap_check", "regplan", "regplan_wire"]
PORTABLE += ["mb_bank", "mb_serve"]
LIBRARY = [*(ROOT / f"drivers/src/{name}.c" for name in PORTABLE), ROOT / "core/src/codec.c"]

REQUESTS = [
    struct.pack(">BHH", 1, 0, 30),
    struct.pack(">BHH", 3, 4, 100),
    struct.pack(">BHH", 4, 8, 4),
    struct.pack(">BHH", 5, 3, 0xFF00),
    struct.pack(">BHH", 6, 65534, 7),
    struct.pack(">BHHBH", 15, 0, 16, 2, 0x1234),
    struct.pack(">BHHBHH", 16, 4, 2, 4, 1, 2),
    struct.pack(">BHHH", 22, 4, 0xF2, 0x25),
    struct.pack(">BHHHHBH", 23, 4, 2, 6, 1, 2, 9),
]
ANSWERS = [bytes([3, 4, 0, 1, 2, 3]), bytes([1, 1, 5]), bytes([0x83, 2]), bytes([16, 0, 0, 0, 1])]


# The server is built anew, with a map of 160 tags, for every input: the slower one.
@pytest.mark.parametrize(
    ("role", "frames", "counts"),
    [("server", REQUESTS, (6_000, 120_000)), ("client", ANSWERS, (40_000, 1_000_000))],
    ids=["server", "client"],
)
def test_nothing_that_arrives_breaks_the_decoder(
    role: str, frames: list[bytes], counts: tuple[int, int], fuzz: Fuzz, full: Callable[[int, int], int]
) -> None:
    runs, before = full(*counts), bytes(2 if role == "client" else 0)
    whole = b"".join(adu(i, p) for i, p in enumerate(frames))[7:]
    inputs = [before + adu(i, pdu) for i, pdu in enumerate([*frames, whole])]
    assert fuzz(f"fuzz_modbus_{role}", LIBRARY, inputs, runs, 1500) >= runs


def test_codec_map_and_registers_need_no_operating_system(tmp_path: Path) -> None:
    """They are the firmware's too: nothing but each other, the core's codec and memory functions."""
    sources = [*LIBRARY, ROOT / "core/src/codec.c"]
    line = ["gcc", "-std=c11", "-O2", "-c", *INCLUDE, *dict.fromkeys(sources)]
    subprocess.run(line, check=True, cwd=tmp_path)
    table = subprocess.run(["nm", "-g", *tmp_path.glob("*.o")], capture_output=True, text=True, check=True).stdout
    symbols = [line.split()[-2:] for line in table.splitlines() if line and not line.endswith(":")]
    defined = {name for kind, name in symbols if kind != "U"}
    wanted = {name for kind, name in symbols if kind == "U"} - defined
    assert wanted <= {"memcpy", "memmove", "memset", "memcmp", "_GLOBAL_OFFSET_TABLE_"}
