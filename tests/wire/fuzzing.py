"""Compiles a fuzzer of tests/c with portable sources and runs it for a bounded time."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
INCLUDE = [f"-I{ROOT / folder}" for folder in ("core/include", "drivers/include")]
FLAGS = ["-std=c11", "-g", "-O2", "-fsanitize=fuzzer,address,undefined", "-fno-sanitize-recover=all"]


def fuzz(name: str, library: Iterable[Path], inputs: Iterable[bytes], folder: Path, seconds: int, longest: int) -> int:
    """Runs tests/c/`name`.c from `inputs` on, none longer than `longest` bytes; returns how many it tried."""
    assert shutil.which("clang"), "this test needs clang: apt-get install clang"
    program, corpus = folder / "fuzz", folder / "corpus"
    corpus.mkdir()
    for i, data in enumerate(inputs):
        (corpus / f"{i}").write_bytes(data)
    source = ROOT / "tests/c" / f"{name}.c"
    subprocess.run(["clang", *FLAGS, *INCLUDE, "-o", program, source, *library, "-lm"], check=True)
    line = [program, f"-max_total_time={seconds}", f"-max_len={longest}", "-print_final_stats=1", "-seed=1", corpus]
    result = subprocess.run(line, capture_output=True, text=True, cwd=folder, timeout=seconds + 60)
    assert result.returncode == 0, result.stderr[-4000:]
    return int(result.stderr.split("stat::number_of_executed_units:")[1].split()[0])
