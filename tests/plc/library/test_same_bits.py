"""The standard functions give the same bits from every compiler at every level."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from st_cases import all_cases
from st_harness import Case, Harness

BUILDS = [["clang", "-O0"], ["gcc", "-O3", "-fno-tree-vectorize"], ["clang", "-O3", "-march=native"]]


def test_same_bits_from_every_build(
    cases: list[Case], harness: Harness, tmp_path: Path, full: Callable[[int, int], int]
) -> None:
    builds = [b for b in BUILDS[: full(1, 3)] if shutil.which(b[0])]
    if not builds:
        pytest.skip("clang is not installed")
    reference = harness.output(cases)
    for options in builds:
        other = Harness(tmp_path, [(case.name, case.types) for case in cases], options)
        assert other.output(cases) == reference, options


def test_random_arguments_never_leave_defined_behaviour(harness: Harness, full: Callable[[int, int], int]) -> None:
    """Compiled with sanitizers, which end the program at the first step outside."""
    for seed in range(full(1, 100)):
        harness.output(all_cases(random.Random(seed)))
