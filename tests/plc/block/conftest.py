"""A tank that a PLC program fills, on any wire."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

TANK = Path(__file__).parent / "rigs" / "tank"


@pytest.fixture
def tank() -> Path:
    """The rig's folder; do not change it."""
    return TANK


@pytest.fixture
def changed(tmp_path: Path) -> Callable[..., Path]:
    """`changed(("rig.toml", "old", "new"), ...)`: a copy of the rig with other texts."""

    def copy(*changes: tuple[str, str, str]) -> Path:
        folder = shutil.copytree(TANK, tmp_path / f"tank{len(list(tmp_path.iterdir()))}")
        for name, old, new in changes:
            text = (folder / name).read_text()
            assert old in text, (name, old)
            (folder / name).write_text(text.replace(old, new))
        return folder

    return copy


@pytest.fixture
def on_wire(changed: Callable[..., Path]) -> Callable[[str, str], Path]:
    """`on_wire(url, side)`: the rig with its PLC there."""

    def copy(url: str, side: str) -> Path:
        old = 'url = "modbus-tcp://127.0.0.1:15502"\nmap = "plc.csv"'
        csv = "plc.csv" if side == "client" else "plc_server.csv"
        return changed(("rig.toml", old, f'url = "{url}"\nside = "{side}"\nmap = "{csv}"'))

    return copy
