"""What the block of a PLC program costs beside the program's own scan: less than the register of a role does."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

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
    done = subprocess.run([program, str(n)], capture_output=True, text=True, check=True, timeout=60, env=os.environ)
    block, scan, codec = map(float, done.stdout.split())
    own = (block - scan) / (2 * n)
    print(f"\n{n} inputs, {n} outputs: {own:.2f} ns a value beside the scan, a register {codec / n:.2f} ns")
    assert own < MOST * codec / n
