"""Real peers for the bus tests, and a watch on what they leave behind."""

from __future__ import annotations

import gc
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
from fuzzing import Fuzz, Fuzzers

HERE = Path(__file__).resolve().parent


def _open_things() -> tuple[int, int]:
    """Count the file descriptors and threads of this process."""
    return len(list(Path("/proc/self/fd").iterdir())), len(list(Path("/proc/self/task").iterdir()))


@pytest.fixture(autouse=True)
def nothing_leaks() -> Iterator[None]:
    """Every test leaves as many descriptors and threads as it found."""
    before = _open_things()
    yield
    end = time.monotonic() + 3
    while (left := _open_things()) > before and time.monotonic() < end:
        gc.collect()
        time.sleep(0.02)
    assert left <= before, f"descriptors and threads: {before} before, {left} after"


@pytest.fixture(scope="session")
def peer(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """`peer("libmodbus_server")` compiles tests/wire/peers/libmodbus_server.c once and returns the program."""
    folder = tmp_path_factory.mktemp("peers")

    def build(name: str) -> Path:
        program = folder / name
        if not program.exists():
            flags = subprocess.run(["pkg-config", "--cflags", "--libs", "libmodbus"], capture_output=True, text=True)
            assert flags.returncode == 0, "these tests need libmodbus: apt-get install pkg-config libmodbus-dev"
            source = HERE / "peers" / f"{name}.c"
            line = ["gcc", "-std=c11", "-D_GNU_SOURCE", "-O1", "-o", program, source, *flags.stdout.split()]
            subprocess.run(line, check=True)
        return program

    return build


@pytest.fixture(scope="session")
def fuzz(tmp_path_factory: pytest.TempPathFactory) -> Fuzz:
    """`tried = fuzz("fuzz_link_host", library, inputs, 20_000, 1500)`: fuzzers that share what they compile."""
    return Fuzzers(tmp_path_factory.mktemp("fuzz")).run
