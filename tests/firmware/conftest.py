"""Emulated TCLab boards, compiled once."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from tclab_board import build_boards


@pytest.fixture(scope="session")
def tclab_programs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    if not shutil.which("gcc"):
        pytest.skip("gcc is not installed")
    pytest.importorskip("casadi", reason="casadi is not installed: the thermal model cannot be compiled")
    return build_boards(tmp_path_factory.mktemp("tclab"))


@pytest.fixture(scope="session")
def tclab_program(tclab_programs: tuple[Path, Path]) -> Path:
    """Its clock may run faster than the host's."""
    return tclab_programs[0]


@pytest.fixture(scope="session")
def tclab_posix(tclab_programs: tuple[Path, Path]) -> Path:
    """The product's board `posix`."""
    return tclab_programs[1]
