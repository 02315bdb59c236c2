"""The portable half needs no operating system, and its decoders survive libFuzzer with AddressSanitizer.

The fuzzers start from real frames, run for a bounded time and check that what one role sends the other accepts.
"""

from __future__ import annotations

import shutil
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from modbus_peers import adu

ROOT = Path(__file__).resolve().parents[2]
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


@pytest.mark.parametrize(("role", "frames"), [("server", REQUESTS), ("client", ANSWERS)])
def test_nothing_that_arrives_breaks_the_decoder(
    role: str, frames: list[bytes], tmp_path: Path, full: Callable[[int, int], int]
) -> None:
    assert shutil.which("clang"), "this test needs clang: apt-get install clang"
    program, corpus = tmp_path / "fuzz", tmp_path / "corpus"
    corpus.mkdir()
    for i, pdu in enumerate([*frames, b"".join(adu(i, p) for i, p in enumerate(frames))[7:]]):
        (corpus / f"{i}").write_bytes(bytes(2 if role == "client" else 0) + adu(i, pdu))
    flags = ["-std=c11", "-g", "-O2", "-fsanitize=fuzzer,address,undefined", "-fno-sanitize-recover=all"]
    include = [f"-I{ROOT / folder}" for folder in ("core/include", "drivers/include")]
    source = ROOT / "tests/c" / f"fuzz_modbus_{role}.c"
    subprocess.run(["clang", *flags, *include, "-o", program, source, *LIBRARY, "-lm"], check=True)
    seconds = full(10, 60)
    line = [program, f"-max_total_time={seconds}", "-max_len=1500", "-print_final_stats=1", "-seed=1", corpus]
    result = subprocess.run(line, capture_output=True, text=True, cwd=tmp_path, timeout=seconds + 60)
    assert result.returncode == 0, result.stderr[-4000:]
    runs = int(result.stderr.split("stat::number_of_executed_units:")[1].split()[0])
    assert runs > 1000 * seconds, "it did run"


def test_codec_map_and_registers_need_no_operating_system(tmp_path: Path) -> None:
    """They are the firmware's too: nothing but each other, the core's codec and memory functions."""
    sources = [*LIBRARY, ROOT / "core/src/codec.c"]
    include = [f"-I{ROOT / folder}" for folder in ("core/include", "drivers/include")]
    line = ["gcc", "-std=c11", "-O2", "-c", *include, *dict.fromkeys(sources)]
    subprocess.run(line, check=True, cwd=tmp_path)
    table = subprocess.run(["nm", "-g", *tmp_path.glob("*.o")], capture_output=True, text=True, check=True).stdout
    symbols = [line.split()[-2:] for line in table.splitlines() if line and not line.endswith(":")]
    defined = {name for kind, name in symbols if kind != "U"}
    wanted = {name for kind, name in symbols if kind == "U"} - defined
    assert wanted <= {"memcpy", "memmove", "memset", "memcmp", "_GLOBAL_OFFSET_TABLE_"}
