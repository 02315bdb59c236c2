"""The table of causes and symptoms, by Bayes' rule."""

from __future__ import annotations

import itertools
import math

import pytest

from hil.rig import load_rig
from hil.twin.diagnosis import NONE, Diagnosis, posterior
from hil.twin.spec import CauseTable, twin_of


def cause(prior: float, **symptoms: float) -> CauseTable:
    return CauseTable(prior=prior, symptoms=symptoms, text="")


def test_the_posterior_is_that_of_the_whole_table_written_out() -> None:
    causes = {"x": cause(0.1, a=0.9, b=0.3), "y": cause(0.2, b=0.8)}
    detectors = {"a": 0.05, "b": 0.02, "c": 0.1}
    given = {NONE: {}, **{name: c.symptoms for name, c in causes.items()}}
    prior = {NONE: 0.7, "x": 0.1, "y": 0.2}
    for heard in itertools.product((False, True), repeat=3):
        speaking = [d for d, on in zip(detectors, heard, strict=True) if on]
        joint = {}
        for name, table in given.items():
            chances = [table.get(d, aside) for d, aside in detectors.items()]
            joint[name] = prior[name] * math.prod(p if on else 1 - p for p, on in zip(chances, heard, strict=True))
        found = posterior(causes, detectors, speaking)
        assert sum(found.values()) == pytest.approx(1.0)
        for name, weight in joint.items():
            assert found[name] == pytest.approx(weight / sum(joint.values()))


@pytest.mark.parametrize(
    ("speaking", "expected"),
    [
        ([], NONE),
        (["heater_weak", "loss_high", "power_likelier"], "heater"),
        (["heater_weak", "loss_high", "loss_likelier"], "insulation"),
        (["lid_open"], "lid"),
        (["cup"], "load"),
        (["sensors_apart"], "thermometer"),
        (["sensor_bad"], "line"),
    ],
)
def test_the_incubators_signatures_name_their_cause(speaking: list[str], expected: str) -> None:
    found = Diagnosis(twin_of(load_rig("incubator")))
    found.see(0.0, speaking)
    assert found.newest is not None
    assert found.newest.cause == expected
    assert found.newest.probability[expected] > 0.7


def test_a_symptom_is_remembered_for_a_while_and_news_is_told_once() -> None:
    table = twin_of(load_rig("incubator"))
    found = Diagnosis(table)
    assert found.see(0.0, []) is None, "all is well: nothing to tell"
    assert found.see(10.0, ["lid_open"]) is not None
    assert found.see(13.0, ["lid_open"]) is None
    assert found.see(20.0, []) is None, "it goes on counting"
    assert found.newest is not None
    assert found.newest.cause == "lid"
    after = found.see(20.0 + table.memory_s, [])
    assert after is not None
    assert after.cause == NONE
