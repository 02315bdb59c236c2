"""Counted figures of rigs over Modbus TCP and the microcontroller link; what is planted in them is caught."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hil.counts import LIMITS, figures, outside

sys.path.insert(0, str(Path(__file__).parents[1]))  # for `from planted_rig import ...`
from planted_rig import planted

pytestmark = pytest.mark.bench

ALLOCATION = "void *volatile room = malloc(8); free(room);"
LOCK = "pthread_mutex_lock(&lock); pthread_mutex_unlock(&lock);"
SYSTEM_CALL = "syscall(SYS_getppid);"


def show(found: dict[str, Any]) -> None:
    for why in found["skipped"].values():
        print(f"\nnot counted: {why}")
    print(f"\n{found['tick']} {found['bus']} {found['link']}")


def test_a_tick_and_a_transaction_call_what_they_must_and_nothing_else() -> None:
    found = figures("quad_tank", seconds=0.3)
    show(found)
    assert outside(found) == []
    counted = {f"{group}.{name}" for group in ("tick", "bus") for name, n in found[group].items() if n is not None}
    missing = {"tick.system_calls", "bus.system_calls", "bus.waits"} if found["skipped"] else set()
    assert counted == {name for name in LIMITS if not name.startswith("link")} - missing


def test_an_exchange_with_a_microcontroller_calls_what_it_must_and_nothing_else() -> None:
    found = figures("dc_motor", seconds=0.5)
    show(found)
    assert outside(found) == []
    assert found["bus"] is None
    counted = {f"link.{name}" for name, n in found["link"].items() if n is not None}
    missing = {"link.system_calls"} if found["skipped"] else set()
    assert counted == {name for name in LIMITS if name.startswith("link")} - missing


@pytest.mark.parametrize(("rig", "group"), [("quad_tank", "bus"), ("dc_motor", "link")])
def test_one_more_system_call_in_a_transaction_is_caught(
    rig: str, group: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = tmp_path / "more_calls.so"
    source = Path(__file__).with_name("more_calls.c")
    flags = ["-std=c11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-O2", "-shared", "-fPIC"]
    subprocess.run(["gcc", *flags, str(source), "-o", str(library), "-ldl"], check=True)
    monkeypatch.setenv("LD_PRELOAD", str(library))
    found = figures(rig, seconds=0.5)
    show(found)
    if "system_calls" in found["skipped"]:
        pytest.skip(found["skipped"]["system_calls"])
    assert found[group]["system_calls"] == pytest.approx(3.0, abs=0.2)
    assert [text.partition(":")[0] for text in outside(found)] == [f"{group}.system_calls"]


def test_each_thing_that_is_planted_in_a_tick_is_caught(tmp_path: Path) -> None:
    found = figures(planted(tmp_path / "rig", ALLOCATION + LOCK + SYSTEM_CALL), seconds=0.3, bus=False)
    show(found)
    # As often as it was planted, but for the last tick, behind which no sleep comes.
    assert found["tick"]["allocations"] == pytest.approx(2.0, rel=0.02)
    assert found["tick"]["locks"] == pytest.approx(1.0, rel=0.02)
    wrong = [text.partition(":")[0] for text in outside(found)]
    if "system_calls" in found["skipped"]:
        assert wrong == ["tick.allocations", "tick.locks"]
    else:
        assert found["tick"]["system_calls"] == pytest.approx(1.0, rel=0.02)
        assert wrong == ["tick.allocations", "tick.locks", "tick.system_calls"]


def test_one_call_in_a_thousand_ticks_is_beyond_the_limit() -> None:
    """The limits are exact: no share of anything is forgiven."""
    tick = {"allocations": 0.0, "locks": 0.0, "gil": 0.0, "system_calls": 0.0, "sleeps": 1.0, "switches": 1.0}
    assert outside({"tick": tick}) == []
    for name in ("allocations", "locks", "gil", "system_calls"):
        assert outside({"tick": {**tick, name: 0.001}}) == [f"tick.{name}: 0.001, expected 0"]
    assert outside({"tick": {**tick, "switches": 1.5}}) == ["tick.switches: 1.5, expected 0.5 to 1"]
