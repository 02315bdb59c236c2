"""The gate of `hil bench` on planted data: no false alarm on a machine of two states, a slowdown of 15 % is found."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hil.errors import RecordingError
from hil.latency.fitness import look
from hil.latency.gate import BETTER, FAILED, PASSED, REFUSED, SAME, UNJUDGED, WORSE, judge
from hil.latency.markdown import summary
from hil.latency.paired import Shared, interval_of, paired_for, settled
from hil.latency.run import Measured
from hil.latency.schema import BenchResult, json_schema, read

CLASS = {"cpu": "Some CPU", "cores": 2, "preemption": "dynamic", "compiler": "gcc 12"}
FIGURES = {"step": (210.0, 76.0), "bus.tcp_client": (15.0, 14.0), "record.tick": (260.0, 76.0)}
RUNS = 1000


@dataclasses.dataclass
class Machine:
    """Pairs scatter by 2 %, one side in twenty is hit by something, and for a tenth of the time a neighbour has a part
    of the core: the yardstick is slower then, the longer code still more, for a run and often for its repeat."""

    rng: np.random.Generator
    neighbour: bool = False

    def move_on(self) -> None:
        stays = self.rng.random() < (0.5 if self.neighbour else 0.9)
        self.neighbour = self.neighbour if stays else self.rng.random() < 0.5

    def pairs(self, ours: float, theirs: float, n: int) -> list[tuple[float, float]]:
        slow = self.rng.uniform(1.10, 1.25) if self.neighbour else 1.0
        more = self.rng.uniform(1.05, 1.25) if self.neighbour else 1.0
        until = self.rng.integers(0, n + 1) if self.neighbour and self.rng.random() < 0.3 else n
        found = []
        for i in range(n):
            a, b = ours * np.exp(self.rng.normal(0, 0.02)), theirs * np.exp(self.rng.normal(0, 0.02))
            a, b = (a * slow * more, b * slow) if i < until else (a, b)
            hit = self.rng.random(2) < 0.05
            found.append(
                (a * (self.rng.uniform(1.2, 3) if hit[0] else 1), b * (self.rng.uniform(1.2, 3) if hit[1] else 1))
            )
        return found

    def result(self, slower: float = 1.0, n: int = 12) -> dict[str, Any]:
        self.move_on()
        ratios = {}
        for name, (ours, theirs) in FIGURES.items():
            measured = Measured(settled(self.pairs(ours * slower, theirs, n)), "by hand", "ns")
            ratios[name] = measured.to_dict()
        return result(ratios)


def result(ratios: dict[str, Any], **options: Any) -> dict[str, Any]:
    machine = {"kernel": "6.1", "cpus": 2, "virtual_machine": True, "class": CLASS}
    verdict = {"level": "soft real time", "sentence": "Soft", "steal_percent": 0.0, "fit": True, "unfit_because": []}
    given = {
        "only": ["step", "bus", "record"],
        "seconds": 1.0,
        "rate_hz": 1000.0,
        "time": 1.0,
        "took_s": 3.0,
        **options,
    }
    parts = {"machine": machine, "verdict": verdict, "figures": {}, "ratios": ratios, "skipped": {}, "options": given}
    return {"schema": 1, "hil": "0.1.0", "rig": "quad_tank", **parts}


def entry(median: float, half: float = 0.01, **more: Any) -> dict[str, Any]:
    known = {"disturbed": 0, "yardstick": "by hand", "ours": 100 * median, "theirs": 100.0, "unit": "ns"}
    told = {"median": median, "low": median - half, "high": median + half, "pairs": 12, "gated": True, "why_not": ""}
    return {**told, **known, **more}


def outcome(machine: Machine, base: dict[str, Any], slower: float) -> Any:
    return judge(machine.result(slower), base, again=lambda _: machine.result(slower))


def test_a_thousand_runs_without_a_change_raise_no_alarm() -> None:
    machine = Machine(np.random.default_rng(7))
    base, alarms, open_ = machine.result(), 0, 0
    for run in range(RUNS):
        if run % 20 == 0:
            base = machine.result()
        found = outcome(machine, base, 1.0)
        alarms += found.exit_code == FAILED
        open_ += found.exit_code == REFUSED
    assert alarms == 0
    assert open_ < 0.1 * RUNS, f"{open_} of {RUNS} were not judged"


@pytest.mark.parametrize(("slower", "share"), [(1.15, 0.75), (1.3, 0.75)])
def test_a_planted_slowdown_is_found(slower: float, share: float) -> None:
    """Where it is not found the neighbour is there, and the gate says that it does not judge."""
    machine = Machine(np.random.default_rng(8))
    base, found, passed = machine.result(), 0, 0
    while machine.neighbour:
        base = machine.result()
    for _ in range(100):
        code = outcome(machine, base, slower).exit_code
        found += code == FAILED
        passed += code == PASSED
    assert found >= share * 100
    assert passed <= 1


def test_without_a_neighbour_15_percent_are_always_found() -> None:
    machine = Machine(np.random.default_rng(9))
    machine.move_on = lambda: None  # type: ignore[method-assign]
    base = machine.result()
    assert all(outcome(machine, base, 1.15).exit_code == FAILED for _ in range(100))


def test_a_suspect_that_is_well_when_repeated_is_no_alarm() -> None:
    base, slow = result({"step": entry(1.0)}), result({"step": entry(1.2)})
    found = judge(slow, base, again=lambda _: base)
    assert [f.verdict for f in found.figures] == [SAME]
    assert found.exit_code == PASSED


def test_a_suspect_is_repeated_with_its_own_group_only() -> None:
    base = result({"step": entry(1.0), "bus.rtu": entry(1.0)})
    asked: list[Sequence[str]] = []
    slow = result({"step": entry(1.0), "bus.rtu": entry(1.2)})
    found = judge(slow, base, again=lambda names: asked.append(names) or slow)  # type: ignore[func-returns-value]
    assert asked == [["bus.rtu"]]
    assert found.exit_code == FAILED
    assert "bus.rtu +20.0%" in found.sentence


@pytest.mark.parametrize(
    ("now", "verdict", "code"),
    [
        (entry(1.07), SAME, PASSED),
        (entry(1.2, half=0.2), SAME, PASSED),
        (entry(0.8), BETTER, PASSED),
        (entry(1.2), WORSE, FAILED),
        (entry(1.2, pairs=7), UNJUDGED, REFUSED),
        (entry(1.2, theirs=110.0), UNJUDGED, REFUSED),
    ],
    ids=["in the margin", "a wide interval", "better", "worse", "too few pairs", "the yardstick is slower too"],
)
def test_the_verdict_on_a_figure(now: dict[str, Any], verdict: str, code: int) -> None:
    slow = result({"step": now})
    found = judge(slow, result({"step": entry(1.0)}), again=lambda _: slow)
    assert [f.verdict for f in found.figures] == [verdict]
    assert found.exit_code == code


def test_what_is_not_gated_is_never_worse() -> None:
    slow = result({"step": entry(1.0), "roundtrip.plc": entry(3.0, gated=False, why_not="chance")})
    base = result({"step": entry(1.0), "roundtrip.plc": entry(1.0, gated=False, why_not="chance")})
    assert judge(slow, base, again=lambda _: slow).exit_code == PASSED


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"machine": {"class": {**CLASS, "cpu": "Another"}}}, "another CPU class"),
        ({"rig": "tclab"}, "of the rig 'tclab'"),
        ({"options": {"rate_hz": 500.0, "only": []}}, "500 Hz"),
        ({"verdict": {"unfit_because": ["a core was throttled"]}}, "throttled"),
    ],
    ids=["class", "rig", "rate", "unfit"],
)
def test_it_refuses_a_baseline_that_cannot_be_compared_with(change: dict[str, Any], why: str) -> None:
    base = {**result({"step": entry(1.0)}), **change}
    found = judge(result({"step": entry(1.2)}), base)
    assert found.exit_code == REFUSED
    assert why in found.sentence


def test_a_machine_is_unfit_beside_other_tests_or_with_stolen_or_throttled_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    assert look({"steal_percent": 0.1}).why == ()
    assert "stolen" in look({"steal_percent": 20.0}).why[0]
    assert "throttled" in look({}, throttled_before=-1).why[0]
    monkeypatch.setenv("PYTEST_XDIST_WORKER", "gw0")
    assert "xdist" in look({}).why[0]


def test_an_interval_holds_the_median_and_is_the_same_each_time() -> None:
    ratios = list(np.random.default_rng(1).lognormal(0.0, 0.05, 16))
    low, high = interval_of(ratios)
    assert low <= float(np.median(ratios)) <= high
    assert interval_of(ratios) == (low, high)
    assert interval_of([1.0] * 8) == (1.0, 1.0)


def test_nineteen_intervals_of_twenty_hold_the_true_median() -> None:
    rng = np.random.default_rng(3)
    inside = sum(low <= 1.0 <= high for low, high in (interval_of(rng.lognormal(0, 0.05, 12)) for _ in range(300)))
    assert 0.88 * 300 <= inside <= 0.99 * 300


def test_disturbed_pairs_are_left_out_and_counted() -> None:
    pairs = [(2.0, 1.0)] * 10 + [(2.4, 1.5)] * 3
    assert (settled(pairs).median, settled(pairs).disturbed) == (2.0, 3)
    calls = iter([1.0, 1.0, 9.0] + [1.0] * 40)
    assert paired_for(lambda: 1.0, lambda: next(calls), seconds=0.0).disturbed == 1


def test_pairs_on_a_shared_core_are_left_out_whatever_they_say() -> None:
    pairs = [(2.0, 1.0)] * 8 + [(Shared(1.0), 1.0), (2.0, Shared(1.0))] * 10
    assert (settled(pairs).median, settled(pairs).disturbed, settled(pairs).shared) == (2.0, 20, False)
    calls = iter([Shared(9.0)] * 5 + [1.0] * 40)
    found = paired_for(lambda: next(calls), lambda: 1.0, seconds=0.0)
    assert (found.median, found.disturbed, found.shared) == (1.0, 5, False)


def test_a_figure_that_never_had_a_core_of_its_own_is_not_judged() -> None:
    slow = [(Shared(2.0), 1.0)] * 12 + [(2.0, 1.0)] * 7
    assert settled(slow).shared
    shared = Measured(settled(slow), "by hand", "ns").to_dict()
    for now, base in ((shared, entry(1.0)), (entry(1.0), shared)):
        outcome = judge(result({"step": now}), result({"step": base}), again=lambda _: result({"step": shared}))
        assert outcome.exit_code == REFUSED
        assert "another machine computed on the measured core" in outcome.named(UNJUDGED)[0].why


def test_a_run_that_never_saw_a_core_without_a_neighbour_is_not_judged() -> None:
    """The yardstick of the probe itself tells: 0.67 on this kind of CPU, 1.1 beside a neighbour."""
    alone, shared, unknown = (result({"step": entry(1.0)}) for _ in range(3))
    alone["machine"]["core_ratio"], shared["machine"]["core_ratio"] = 0.67, 1.1
    for now, base, which in ((alone, shared, "the baseline"), (shared, alone, "this run")):
        outcome = judge(now, base)
        assert outcome.exit_code == REFUSED
        assert outcome.sentence.startswith(f"Not judged: {which} shared its cores with another machine")
    assert [judge(now, alone).exit_code for now in (alone, unknown)] == [PASSED, PASSED]


def test_the_json_is_what_its_schema_says(tmp_path: Path) -> None:
    jsonschema = pytest.importorskip("jsonschema", reason="jsonschema is not installed: pip install 'hil[test]'")
    whole = result({"step": entry(1.0)})
    jsonschema.validate(whole, json_schema())
    BenchResult.model_validate(whole)
    broken = {**whole, "ratios": {"step": {**entry(1.0), "median": "fast"}}}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(broken, json_schema())
    file = tmp_path / "broken.json"
    file.write_text(json.dumps(broken))
    with pytest.raises(RecordingError, match=r"ratios\.step\.median"):
        read(file)


def test_the_summary_tells_outcome_change_and_reason() -> None:
    slow = result({"step": entry(1.2), "bus.rtu": entry(1.0)})
    text = summary(slow, judge(slow, result({"step": entry(1.0)}), again=lambda _: slow))
    assert "**Worse: step +20.0%.**" in text
    assert "| step |" in text
    assert "worse +20.0% |" in text
    assert "| new |" in text
