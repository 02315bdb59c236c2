"""One program of every block type has one hash, whatever the compiler, its level and the instruction set."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from core_objects import CORE, KEEP_BITS, compiled, core_objects

ROOT = CORE.parent
HAS_FMA = "fma" in Path("/proc/cpuinfo").read_text().split()
FEW = [("gcc", "-O0"), ("gcc", "-O3 -march=native"), ("clang", "-O2")]
ALL = [(c, f"-O{n}{more}") for c in ("gcc", "clang") for n in range(4) for more in ("", " -march=native")]
PROGRAM = ROOT / "tests/c/hash_matrix.c"
FUSED = ("blocks/pid.c", "blocks/lag.c", "blocks/kalman.c", "path.c")


def printed(compiler: str, flags: list[str], objects: list[Path], place: Path) -> str:
    """What the program prints, built with compiler and flags, on objects of the core."""
    place.mkdir()
    program = compiled(compiler, flags, [PROGRAM], place)
    subprocess.run([compiler, *program, *objects, "-o", place / "program"], check=True, timeout=60)
    return subprocess.run([place / "program"], stdout=subprocess.PIPE, text=True, check=True, timeout=60).stdout


def test_compilers_levels_and_instruction_sets_give_one_hash(full, tmp_path, tmp_path_factory):
    matrix = FEW if full(len(FEW), len(ALL)) == len(FEW) else ALL
    texts = [
        printed(
            compiler, [*level.split(), KEEP_BITS], core_objects(compiler, level, tmp_path_factory), tmp_path / str(n)
        )
        for n, (compiler, level) in enumerate(matrix)
    ]
    assert set(texts) == {texts[0]}, dict(zip(matrix, texts, strict=True))
    assert len(texts[0].splitlines()) == 8
    assert "clips yes" in texts[0]


@pytest.mark.skipif(not HAS_FMA, reason="this CPU has no fused multiply-add")
def test_contraction_would_give_another_hash(tmp_path, tmp_path_factory):
    """That the test above can fail: a few sources that may fuse make the same program another state."""
    objects = core_objects("gcc", "-O2", tmp_path_factory)
    wanted = printed("gcc", ["-O2", KEEP_BITS], objects, tmp_path / "wanted").splitlines()
    fuse = ["-O2", "-march=native", "-ffp-contract=fast"]
    (tmp_path / "fused").mkdir()
    fused = compiled("gcc", fuse, [CORE / "src" / name for name in FUSED], tmp_path / "fused")
    names = {path.name for path in fused}
    mixed = [*fused, *(path for path in objects if path.name not in names)]
    found = printed("gcc", ["-O2", KEEP_BITS], mixed, tmp_path / "mixed").splitlines()
    assert found[0] == wanted[0], "one program"
    assert found[-2] != wanted[-2], "two states"
