"""What people meet of `hil bench`: errors of the command, the fixture of pytest, a base commit of their repository."""

from __future__ import annotations

import copy
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hil.errors import BenchError
from hil.json_text import dumps
from hil.latency import measure
from hil.latency.base_commit import measure_base
from hil.latency.in_pytest import BenchLatency
from hil.rig import find_rig

pytestmark = pytest.mark.bench

NAME, GROUP, SECONDS = "batch.runs", "batch", 0.2
TESTS = f"""
def test_fast_enough(bench_latency):
    ratio = bench_latency.check("{NAME}", at_most=100.0, seconds={SECONDS})
    assert ratio["pairs"] >= 8

def test_too_slow(bench_latency):
    bench_latency.check("{NAME}", at_most=0.001, seconds={SECONDS})
"""


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A rig in a git repository of a user."""
    place = tmp_path_factory.mktemp("repository") / "tanks"
    shutil.copytree(find_rig("quad_tank").parent, place, ignore=shutil.ignore_patterns("tests", "__*", "campaigns"))
    (place / "tests").mkdir()
    (place / "tests" / "test_speed.py").write_text(TESTS)
    who = ["-c", "user.name=Somebody", "-c", "user.email=somebody@example.org"]
    for command in (["init", "-q"], ["add", "."], [*who, "commit", "-q", "-m", "A rig"]):
        subprocess.run(["git", *command], cwd=place.parent, check=True)
    return place


@pytest.fixture(scope="module")
def measured(rig: Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(dumps(measure(rig, only=[GROUP], seconds=SECONDS).to_dict()))
    return told


def written(folder: Path, measured: dict[str, Any], factor: float = 1.0, **change: Any) -> Path:
    """A baseline whose ratio is so many times the measured one, on a machine of such a class."""
    told = copy.deepcopy(measured)
    told["ratios"][NAME]["median"] *= factor
    told["machine"]["class"] |= change
    path = folder / "baseline.json"
    path.write_text(json.dumps(told))
    return path


def test_a_test_of_a_rig_measures_it_and_compares(rig: Path, tmp_path: Path, measured: dict[str, Any]) -> None:
    command = [sys.executable, "-m", "pytest", "-v", "-p", "no:cacheprovider", str(rig), "--hil-gate"]
    baseline = str(written(tmp_path, measured, 2.0))
    done = subprocess.run([*command, baseline], capture_output=True, text=True, cwd=rig, timeout=120)
    assert "test_fast_enough PASSED" in done.stdout
    assert "test_too_slow FAILED" in done.stdout
    assert "of its yardstick, allowed 0.001" in done.stdout


def test_a_ratio_worse_than_the_baselines_fails_the_test(rig: Path, tmp_path: Path, measured: dict[str, Any]) -> None:
    with pytest.raises(pytest.fail.Exception, match=NAME):
        BenchLatency(rig, written(tmp_path, measured, 0.5)).check(NAME, seconds=SECONDS)


def test_a_baseline_of_another_machine_skips_the_test_and_says_why(
    rig: Path, tmp_path: Path, measured: dict[str, Any]
) -> None:
    with pytest.raises(pytest.skip.Exception, match=r"another CPU class .*'Another'"):
        BenchLatency(rig, written(tmp_path, measured, 1.0, cpu="Another")).check(NAME, seconds=SECONDS)


def test_what_a_rig_has_not_is_no_passed_check(rig: Path) -> None:
    with pytest.raises(pytest.fail.Exception, match="this rig has no FMU"):
        BenchLatency(rig).check("fmu", seconds=SECONDS)


def test_a_base_commit_of_a_users_repository_is_measured_here(rig: Path) -> None:
    told = measure_base("HEAD", str(rig), ["--only", GROUP, "--seconds", "0.1"], rig)
    assert told["rig"] == "quad_tank"
    assert told["ratios"][NAME]["pairs"] >= 8
    trees = subprocess.run(["git", "worktree", "list"], cwd=rig, capture_output=True, text=True, check=True).stdout
    assert len(trees.splitlines()) == 1, "nothing is left behind"
    with pytest.raises(BenchError, match="base-commit"):
        measure_base("no-such-commit", str(rig), [], rig)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--gate"], "--baseline FILE or --base-commit REV"),
        (["--only", "stepp"], "Did you mean step"),
        (["--baseline", "missing.json"], "missing.json"),
        (["no_such_rig"], "no_such_rig"),
    ],
    ids=["no baseline", "no such figure", "no such file", "no such rig"],
)
def test_bad_input_is_one_line_and_exit_code_2(hil: Any, tmp_path: Path, options: list[str], words: str) -> None:
    done = hil("bench", *options, cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert words in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not list(tmp_path.iterdir())
