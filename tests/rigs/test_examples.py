"""Python in the documentation runs as it stands there, with the imports above it on the page; tests run by pytest."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hil.rig import find_rig

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md")), *sorted(ROOT.glob("*/README.md"))]
PAGES += sorted(ROOT.glob("rigs/*/README.md"))
HAS_BOARD = shutil.which("qemu-system-arm") and shutil.which("arm-none-eabi-gcc")


def blocks(page: Path) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```$", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


EXAMPLES = [
    pytest.param(page, number, id=f"{page.relative_to(ROOT)}:{number}")
    for page in PAGES
    for number in range(len(blocks(page)))
]


def is_test(block: str) -> bool:
    return block.startswith("def test_")


@pytest.mark.parametrize(("page", "number"), EXAMPLES)
def test_an_example_runs(page, number, tmp_path):
    example = blocks(page)[number]
    if '"pil"' in example and not HAS_BOARD:
        pytest.skip("needs qemu-system-arm and arm-none-eabi-gcc: tools/system_packages.sh firmware")
    if is_test(example):
        passes_in_a_rig(example, tmp_path)
        return
    imports = [line for block in blocks(page)[:number] for line in block.splitlines() if line.startswith("import ")]
    names: dict[str, Any] = {}
    exec(compile("\n".join([*imports, example]), f"{page.name}, example {number}", "exec"), names)


def passes_in_a_rig(example: str, folder: Path) -> None:
    rig = folder / "quad_tank"
    shutil.copytree(find_rig("quad_tank").parent, rig, ignore=shutil.ignore_patterns("tests"))
    (rig / "tests").mkdir()
    (rig / "tests" / "test_example.py").write_text(example)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-rs", str(rig)], capture_output=True, text=True, cwd=folder, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout or "pytest-xdist runs tests beside it" in done.stdout


def test_the_readme_has_examples():
    assert len(blocks(ROOT / "README.md")) >= 3
