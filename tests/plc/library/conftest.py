"""The standard functions, compiled once with sanitizers, and every way to call them with its arguments."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from st_blocks import compile_blocks
from st_cases import all_cases
from st_harness import SANITIZE, Case, Harness

from hil.plc import CompiledProgram


@pytest.fixture(scope="session")
def cases() -> list[Case]:
    return all_cases(random.Random(61131))


@pytest.fixture(scope="session")
def harness(cases: list[Case], tmp_path_factory: pytest.TempPathFactory) -> Harness:
    folder: Path = tmp_path_factory.mktemp("standard")
    return Harness(folder, [(case.name, case.types) for case in cases], ["gcc", "-O0", *SANITIZE])


@pytest.fixture(scope="session")
def results(cases: list[Case], harness: Harness) -> Iterator[dict[str, list[tuple[Case, list[Any]]]]]:
    """By name of the function: each way to call it, and what each row of arguments gave."""
    found: dict[str, list[tuple[Case, list[Any]]]] = {}
    for case, values in zip(cases, harness.run(cases), strict=True):
        found.setdefault(case.name, []).append((case, values))
    return found


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> CompiledProgram:
    return compile_blocks(tmp_path_factory.mktemp("blocks"))
