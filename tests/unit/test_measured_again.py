"""What another machine had a part of all the time is measured again, later; what had a core of its own stays."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest

from hil.errors import BenchError
from hil.latency import run
from hil.latency.paired import Ratio


class Neighbour:
    """A group of two ratios; some of its measurings have a core of their own."""

    def __init__(self, alone: list[tuple[bool, bool]]) -> None:
        self.alone, self.measured = alone, 0

    def measure(self, found: run.Run) -> None:
        for name, alone in zip(("step", "step.more"), self.alone[self.measured], strict=True):
            ratio = Ratio((float(self.measured),), 1.0, 1.0, shared=not alone)
            found.ratios[name] = run.Measured(ratio, "it", "ns")
        found.figures["step"] = self.measured
        self.measured += 1


@pytest.mark.parametrize(
    ("alone", "measured", "medians", "shared", "figure"),
    [
        ([(True, True)], 1, [0.0, 0.0], [False, False], 0),
        ([(True, False), (True, True)], 2, [0.0, 1.0], [False, False], 1),
        ([(True, False), (False, True)], 2, [0.0, 1.0], [False, False], 0),
        ([(False, False), (True, False)], 2, [1.0, 0.0], [False, True], 1),
        ([(False, False), (False, False)], 2, [0.0, 0.0], [True, True], 0),
    ],
)
def test_a_group_that_was_never_alone_is_measured_again(
    monkeypatch: pytest.MonkeyPatch,
    alone: list[tuple[bool, bool]],
    measured: int,
    medians: list[float],
    shared: list[bool],
    figure: int,
) -> None:
    group = Neighbour(alone)
    monkeypatch.setitem(sys.modules, "hil.latency.step", SimpleNamespace(measure=group.measure))
    found = run.measure("quad_tank", only=["step"], seconds=1.0)
    assert group.measured == measured
    assert [ratio["median"] for ratio in found.ratios.values()] == medians
    assert [ratio["shared"] for ratio in found.ratios.values()] == shared
    assert found.figures["step"] == figure


def test_patience_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    group = Neighbour([(False, False)])
    monkeypatch.setitem(sys.modules, "hil.latency.step", SimpleNamespace(measure=group.measure))
    monkeypatch.setattr(run, "PATIENCE", 0)
    run.measure("quad_tank", only=["step"], seconds=1.0)
    assert group.measured == 1


def test_what_cannot_be_measured_again_is_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    group = Neighbour([(True, False)])

    def measure(found: run.Run) -> None:
        if group.measured:
            raise BenchError("the device has gone")
        group.measure(found)

    monkeypatch.setitem(sys.modules, "hil.latency.step", SimpleNamespace(measure=measure))
    found = run.measure("quad_tank", only=["step"], seconds=1.0)
    assert [ratio["shared"] for ratio in found.ratios.values()] == [False, True]
