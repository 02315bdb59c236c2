"""What the block of a PLC program costs beside the program's own scan: less than the register of a role does."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from hil.latency import paired_until

pytestmark = pytest.mark.bench

HERE = Path(__file__).resolve().parent
CORE = HERE.parents[1] / "core"
FLAGS = ["-std=c11", "-O3", "-fno-tree-vectorize", "-ffp-contract=off", "-fno-strict-aliasing", "-D_GNU_SOURCE"]
MOST = 0.6  # of a value's way through a register and back; 0.3 was measured


@pytest.fixture(scope="module")
def program(tmp_path_factory) -> Path:
    built = tmp_path_factory.mktemp("plc") / "plc_block"
    sources = [HERE / "plc_block.c", *(CORE.parent / "build").glob("temp.*/libhilcore.a")]
    assert len(sources) == 2, "make build keeps the core's objects"
    subprocess.run(["gcc", *FLAGS, f"-I{CORE}/include", f"-I{CORE}/src", *sources, "-o", built], check=True)
    return built


@pytest.mark.parametrize("n", [16, 256])
def test_a_value_costs_less_than_a_register(program, n):
    def own() -> float:
        """A value's cost beside the scan, over that of a register; all of one run."""
        done = subprocess.run([program, str(n)], capture_output=True, text=True, check=True, timeout=60, env=os.environ)
        block, scan, codec = map(float, done.stdout.split())
        return (block - scan) / (2 * n) / (codec / n)

    found = paired_until(own, lambda: 1.0, at_most=MOST, most=45)
    print(f"\n{n} inputs, {n} outputs: a value beside the scan / a register: {found}")
    assert found.median <= MOST
