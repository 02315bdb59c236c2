"""What all tests share: counts that shrink in a normal run, and say so at the end."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable

import pytest
from hypothesis import settings

FULL = os.environ.get("HIL_FULL", "") not in ("", "0")
# (test, reduced count, complete count) and how many cases of that test said so.
REDUCED = pytest.StashKey[Counter[tuple[str, int, int]]]()

settings.register_profile("reduced", max_examples=50, deadline=None)
settings.register_profile("full", max_examples=2000, deadline=None)
settings.load_profile("full" if FULL else "reduced")


def pytest_configure(config: pytest.Config) -> None:
    config.stash[REDUCED] = Counter()


@pytest.fixture
def full(request: pytest.FixtureRequest) -> Callable[[int, int], int]:
    """`n = full(2000, 100_000)` is 100,000 with HIL_FULL=1, else 2,000 and a line in the summary of the run."""

    def count(reduced: int, complete: int) -> int:
        if FULL or reduced >= complete:
            return complete
        test = request.node.nodeid.partition("[")[0]
        request.config.stash[REDUCED][test, reduced, complete] += 1
        return reduced

    return count


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if not config.stash[REDUCED]:
        return
    terminalreporter.section("reduced counts (make test-full runs all)")
    for (test, reduced, complete), cases in config.stash[REDUCED].items():
        times = f" in each of {cases} cases" if cases > 1 else ""
        terminalreporter.line(f"reduced: {test}: {reduced:,} of {complete:,}{times}")
