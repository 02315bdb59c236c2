"""The emulated TCLab board, compiled once."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from tclab_board import build_board


@pytest.fixture(scope="session")
def tclab_program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not shutil.which("gcc"):
        pytest.skip("gcc is not installed")
    pytest.importorskip("casadi", reason="casadi is not installed: the thermal model cannot be compiled")
    return build_board(tmp_path_factory.mktemp("tclab"))
