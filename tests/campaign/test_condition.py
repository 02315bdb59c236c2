"""Faults whose times count from a condition of the healthy run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import hil
from hil.campaign import Campaign, Request, bias, run_campaign, sensor, sobol, uniform
from hil.campaign.replay import replay
from hil.campaign.shards import merge
from hil.errors import BenchError, RigError

Plan = Callable[..., str]
Oven = Callable[..., Path]
CALM = ("after = 140.0", "after = 70.0")
# Sensor a is noisy, so that the moment depends on the seed.
NOISY = (
    '[blocks.a]\ntype = "gain"\nin = { u = "oven.t" }',
    '[blocks.a]\ntype = "sum"\nin = { u = ["oven.t", "dirt.y"] }',
)
DIRT = ("[blocks.demand]", '[blocks.dirt]\ntype = "noise"\ndeviation = 0.3\n\n[blocks.demand]')
ON = ("[activate]", '[activate]\non = "sensor.a > 61"')


def first_s(rig: Path, seed: int) -> float:
    """By a run of its own."""
    with hil.open_bench(rig, seed=seed) as bench:
        bench.run(16.0)
        return float(np.argmax(bench.history("sensor.a") > 61.0) * bench.period_s)


def test_times_count_from_the_first_tick_at_which_it_holds_in_the_run_of_each_seed(
    oven: Oven, plan: Plan, tmp_path: Path
) -> None:
    rig, out = oven(CALM, NOISY, DIRT), tmp_path / "out"
    file = plan(ON, ("duration_s = 16.0", "duration_s = 16.0\nseeds = 2"), ("runs = 60", "runs = 20"))
    result = run_campaign(Request(str(rig), file, minimise=False), out)
    expected = {seed: first_s(rig, seed) for seed in (1, 2)}
    assert len(set(expected.values())) == 2, "both seeds alike: nothing is seen"
    rows = result.table.to_pylist()
    for row in rows:
        assert row["on_s"] == pytest.approx(expected[row["seed"]])
        assert 1.0 <= row["start_s"] - row["on_s"] <= 6.0
    assert result.summary["activation"]["at_s"] == pytest.approx(sorted(expected.values()))
    assert replay(out, rows[3]["id"], tmp_path / "again")["state_hash"] == rows[3]["state_hash"]  # forked, yet the same
    parts = [tmp_path / f"part{i}" for i in (1, 2)]
    for i, part in enumerate(parts, 1):
        run_campaign(Request(str(rig), file, minimise=False, shard=(i, 2)), part)
    assert merge(parts, tmp_path / "merged").summary["results_hash"] == result.summary["results_hash"]


def test_a_condition_that_never_holds_is_one_line_before_any_run(oven: Oven, plan: Plan, tmp_path: Path) -> None:
    rig = str(oven(CALM))
    for condition, message in (
        ("oven.t > 80", r"small:activate.on: \(oven.t > 80.0\) never holds in the run without faults of seed 1"),
        ("oven.t > 69", r"so a fault could begin at 1\d\.\d+ s\. The run ends at 16 s: make it longer"),
    ):
        with pytest.raises(BenchError, match=message) as caught:
            run_campaign(Request(rig, plan(("[activate]", f'[activate]\non = "{condition}"'))), tmp_path / "out")
        assert len(str(caught.value).splitlines()) == 1
        assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("condition", "message"),
    [("fault.a > 0", "fault.a"), ("oven.x > 1", "oven.x"), ("F[0s,1s] oven.t > 61", "has no moment at which it holds")],
)
def test_a_condition_that_cannot_be_one_is_one_line(
    oven: Oven, plan: Plan, tmp_path: Path, condition: str, message: str
) -> None:
    with pytest.raises(RigError, match=message) as caught:
        run_campaign(
            Request(str(oven(CALM)), plan(("[activate]", f'[activate]\non = "{condition}"'))), tmp_path / "out"
        )
    (line,) = str(caught.value).splitlines()
    assert "activate.on = " in line


def test_the_same_in_python(oven: Oven, tmp_path: Path) -> None:
    campaign = (
        Campaign("overheat", str(oven(CALM)), duration_s=16.0)
        .faults(a=sensor("sensor.a").one_of(bias(20.0, 40.0)))
        .activate(at=uniform(1.0, 3.0), on="oven.t > 61")
        .expect("interlock.tripped", safe="oven.t < 110", ftti_s=0.5)
    )
    result = campaign.run(sobol(8), tmp_path / "out", minimise=False)
    assert {row["outcome"] for row in result.table.to_pylist()} >= {"safe detected"}
    assert min(row["start_s"] - row["on_s"] for row in result.table.to_pylist()) >= 1.0
