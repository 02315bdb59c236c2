"""The checks as pytest files: they are clean, hold for the correct controller, and fail with a planted mistake."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from hil.commission.commissioning import chosen_checks
from hil.commission.spec import load_spec
from hil.commission.write_tests import write_tests
from hil.errors import HilError
from hil.rig import load_rig

Copy = Callable[..., Path]


def written(folder: Path, out: Path, *only: str) -> list[Path]:
    spec = load_spec(load_rig(folder))
    return write_tests(spec, chosen_checks(spec, only), out)


def run(folder: Path, tests: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", str(tests), "-q", "-p", "no:cacheprovider", "--rig", str(folder)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=tests, timeout=120)


def test_written_tests_hold(vessel: Copy, tmp_path: Path) -> None:
    folder = vessel()
    files = written(folder, tmp_path / "tests")
    assert {file.stem for file in files} >= {"test_loop", "test_alarm", "test_sequence", "test_mode", "test_tuning"}
    found = run(folder, tmp_path / "tests")
    assert found.returncode == 0, found.stdout


def test_written_tests_fail_with_a_mistake_and_say_where(vessel: Copy, tmp_path: Path) -> None:
    written(vessel(), tmp_path / "tests", "ALARM-*", "MATRIX-*", "SEQUENCE-*")
    folder = vessel(("delay_s = 0.5", "delay_s = 0.0"), ("delay_s = 1.0", "delay_s = 0.2"))
    found = run(folder, tmp_path / "tests")
    assert found.returncode == 1
    assert "test_alarm_plc_alarm_sensor_level1" in found.stdout
    assert "test_sequence_start_up_to_the_end" in found.stdout
    assert "test_matrix_low2" not in found.stdout.partition("short test summary")[2]


def test_written_tests_are_clean(vessel: Copy, tmp_path: Path) -> None:
    written(vessel(), tmp_path / "tests")
    root = Path(__file__).parents[2]
    for command in (["check", "--no-cache"], ["format", "--check", "--no-cache"]):
        ruff = [str(Path(sys.executable).with_name("ruff")), *command, "--config", str(root / "pyproject.toml")]
        found = subprocess.run([*ruff, str(tmp_path / "tests")], capture_output=True, text=True, check=False)
        assert found.returncode == 0, found.stdout + found.stderr


def test_a_file_of_somebody_else_is_not_replaced(vessel: Copy, tmp_path: Path) -> None:
    (tmp_path / "test_loop.py").write_text("mine = 1\n")
    with pytest.raises(HilError, match="was not written by hil"):
        written(vessel(), tmp_path)
    assert [file.name for file in tmp_path.glob("test_*.py")] == ["test_loop.py"]
