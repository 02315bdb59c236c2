"""A small plan on the oven, and the oven in a folder of the test's own."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

OVEN = Path(__file__).parent / "rigs" / "oven"
SMALL = """
duration_s = 16.0

[activate]
start_s = [1.0, 6.0]
duration_s = [0.1, 4.0]

[faults.a]
signal = "sensor.a"
kinds = ["bias(-40..40)", "stuck(50)", "noise(1..20)"]

[faults.b]
signal = "sensor.b"
kinds = ["gain(0.5..1.5)", "drift(-5..5)"]

[expect]
detect = "interlock.tripped"
safe = "oven.t < 110"

[search]
method = "latin_hypercube"
runs = 60
"""


@pytest.fixture
def oven(tmp_path: Path) -> Callable[..., Path]:
    """`oven(("old", "new"), ...)`: a copy with texts of rig.toml replaced."""

    def copy(*replaced: tuple[str, str]) -> Path:
        place = tmp_path / "oven"
        shutil.copytree(OVEN, place)
        text = (place / "rig.toml").read_text(encoding="utf-8")
        for old, new in replaced:
            assert old in text, old
            text = text.replace(old, new)
        (place / "rig.toml").write_text(text, encoding="utf-8")
        return place

    return copy


@pytest.fixture
def plan(tmp_path: Path) -> Callable[..., str]:
    """`plan(("old", "new"), ...)`: the small plan with texts replaced, as a file; nobody asks for too much in it."""

    def write(*replaced: tuple[str, str], name: str = "small") -> str:
        text = SMALL
        for old, new in replaced:
            assert old in text, old
            text = text.replace(old, new)
        file = tmp_path / f"{name}.toml"
        file.write_text(text, encoding="utf-8")
        return str(file)

    return write
