"""The vessel: a small rig with a commissioning, copied so that its files can be changed."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

VESSEL = Path(__file__).parent / "vessel"
Copy = Callable[..., Path]


@pytest.fixture
def vessel(tmp_path: Path) -> Copy:
    """`vessel(("old", "new"), file="rig.toml")`: the vessel with texts replaced, each of which is there once."""

    def copy(*replaced: tuple[str, str], file: str = "rig.toml") -> Path:
        folder = tmp_path / "vessel"
        if not folder.exists():
            shutil.copytree(VESSEL, folder)
        text = (folder / file).read_text()
        for old, new in replaced:
            assert text.count(old) == 1, old
            text = text.replace(old, new)
        (folder / file).write_text(text)
        return folder

    return copy
