"""A run of `hil` imports what it needs: large packages that happen to be installed cost each of its starts."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

LARGE = ("pandas", "pint", "casadi", "dask", "scipy", "matplotlib")
CODE = f"""
import sys
from hil.cli import main
code = main(sys.argv[1:])
print("imported:", *[name for name in {LARGE} if name in sys.modules])
sys.exit(code)
"""


def imported(*args: object, code: str = CODE) -> list[str]:
    command = [sys.executable, "-c", code, *map(str, args)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.rpartition("imported:")[2].split()


def test_a_recorded_run_and_its_report_import_nothing_large(tmp_path: Path) -> None:
    imported("check", "quad_tank")  # now the model is compiled
    place = tmp_path / "recording"
    assert imported("run", "quad_tank", "--virtual", "--duration", 0.2, "--record", place) == []
    assert imported("replay", place) == []


def test_that_is_seen() -> None:
    pytest.importorskip("pandas", reason="pandas is not installed: nothing could import it")
    assert "pandas" in imported("check", "quad_tank", code="import pandas\n" + CODE)
