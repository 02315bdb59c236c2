"""Compiles a fuzzer of tests/c with portable sources and runs it a counted number of times."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
INCLUDE = [f"-I{ROOT / folder}" for folder in ("core/include", "drivers/include", "drivers/src", "tests/c")]
FLAGS = ["-std=c11", "-g", "-O2", "-fsanitize=fuzzer,address,undefined", "-fno-sanitize-recover=all"]
TIMEOUT_S = 240  # a run is counted; this only ends one that hangs
Fuzz = Callable[[str, Iterable[Path], Iterable[bytes], int, int], int]


class Fuzzers:
    """Objects of portable sources under the sanitizers, each compiled once for all fuzzers of a session."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.objects: dict[Path, Path] = {}

    def _compile(self, sources: Iterable[Path]) -> list[Path]:
        wanted = list(dict.fromkeys(sources))
        new = [path for path in wanted if path not in self.objects]

        def one(source: Path) -> Path:
            target = self.folder / f"{source.parent.parent.name}-{source.stem}.o"
            subprocess.run(["clang", *FLAGS, *INCLUDE, "-c", "-o", target, source], check=True)
            return target

        with ThreadPoolExecutor(os.cpu_count()) as pool:
            self.objects |= zip(new, pool.map(one, new), strict=True)
        return [self.objects[path] for path in wanted]

    def run(self, name: str, library: Iterable[Path], inputs: Iterable[bytes], runs: int, longest: int) -> int:
        """Runs tests/c/`name`.c from `inputs` on, none longer than `longest` bytes; returns how many it tried."""
        assert shutil.which("clang"), "this test needs clang: apt-get install clang"
        program, place = self.folder / name, self.folder / f"{name}.d"
        corpus = place / "corpus"
        corpus.mkdir(parents=True)
        for i, data in enumerate(inputs):
            (corpus / f"{i}").write_bytes(data)
        objects = self._compile([ROOT / "tests/c" / f"{name}.c", *library])
        subprocess.run(["clang", *FLAGS, "-o", program, *objects, "-lm"], check=True)
        line = [program, f"-runs={runs}", f"-max_len={longest}", "-print_final_stats=1", "-seed=1", corpus]
        result = subprocess.run(line, capture_output=True, text=True, cwd=place, timeout=TIMEOUT_S)
        assert result.returncode == 0, result.stderr[-4000:]
        return int(result.stderr.split("stat::number_of_executed_units:")[1].split()[0])
