"""Instructions of a tick, as callgrind counts them: the same number on a busy machine, so a gate may be narrow."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from hil.counts import instructions

sys.path.insert(0, str(Path(__file__).parents[1]))  # for `from planted_rig import ...`
from planted_rig import planted

WORK = "for (volatile int i = 0; i < 10; i++) {}"


@pytest.fixture
def valgrind() -> None:
    if shutil.which("valgrind") is None:
        pytest.skip("no valgrind here: instructions are not counted (apt-get install valgrind)")


@pytest.mark.usefixtures("valgrind")
def test_instructions_of_a_tick_are_those_of_the_table(full: Callable[[int, int], int]) -> None:
    table = instructions.read_table()
    if refused := instructions.refusal(table):
        pytest.skip(refused)
    assert set(table.rigs) == set(instructions.RIGS)
    for rig in instructions.RIGS[: full(1, len(instructions.RIGS))]:
        found = instructions.a_tick(rig)
        print(f"\n{rig}: {found:.1f} instructions a tick, kept: {table.rigs[rig]:.1f}")
        assert not instructions.judged(found, table.rigs[rig])


@pytest.mark.usefixtures("valgrind")
def test_a_little_more_work_in_a_tick_is_seen_exactly(tmp_path: Path, full: Callable[[int, int], int]) -> None:
    runs = full(1, 3)
    plain = [instructions.a_tick(planted(tmp_path / f"plain{i}", ""), ticks=200) for i in range(runs)]
    more = instructions.a_tick(planted(tmp_path / "more", WORK), ticks=200)
    print(f"\ninstructions a tick: {plain}, with ten rounds of a loop {more}")
    assert len(set(plain)) == 1
    assert 30 <= more - plain[0] <= 100
    assert instructions.judged(more, plain[0])


def test_limits_are_two_sided_and_hold_for_one_compiler() -> None:
    assert instructions.judged(1009.0, 1000.0) == instructions.judged(991.0, 1000.0) == ""
    assert "+1.1 %" in instructions.judged(1011.0, 1000.0)
    assert "-1.1 %" in instructions.judged(989.0, 1000.0)


@pytest.mark.usefixtures("valgrind")
def test_another_compiler_is_not_judged_and_named() -> None:
    other = instructions.Table("gcc 1.0, valgrind 1.0", {"quad_tank": 1.0})
    refused = instructions.refusal(other)
    assert "holds for gcc 1.0" in refused
    assert instructions.compiler() in refused
    assert instructions.refusal(instructions.Table(instructions.compiler(), {})) == ""
