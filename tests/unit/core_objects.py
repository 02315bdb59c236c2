"""The portable core as object files, compiled once in a run of all tests for each compiler and its flags."""

from __future__ import annotations

import fcntl
import os
import re
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

CORE = Path(__file__).resolve().parents[2] / "core"
SOURCES = sorted((CORE / "src").rglob("*.c"))
FLAGS = ("-std=c11", "-D_GNU_SOURCE", "-fno-strict-aliasing", f"-I{CORE / 'include'}", f"-I{CORE / 'src'}")
KEEP_BITS = "-ffp-contract=off"


def compiled(compiler: str, flags: Sequence[str], sources: Sequence[Path], folder: Path) -> list[Path]:
    """An object for each source, in the folder."""

    def one(source: Path) -> Path:
        command = [compiler, *FLAGS, *flags, "-c", str(source)]
        subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True, timeout=240)
        return folder / f"{source.stem}.o"

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(one, sources))


def core_objects(compiler: str, level: str, places: pytest.TempPathFactory) -> list[Path]:
    """`core_objects("gcc", "-O2", tmp_path_factory)`: all of the core, without fused multiply-adds; do not write there.

    Processes of pytest-xdist share them: their folders of the run lie side by side.
    """
    own = places.getbasetemp()
    shared = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    folder = shared / re.sub(r"[^\w-]", "", f"core-{compiler}{level}")
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "whole").exists():
            compiled(compiler, [*level.split(), KEEP_BITS], SOURCES, folder)
            (folder / "whole").touch()
    return [folder / f"{source.stem}.o" for source in SOURCES]
