"""Faults around a PLC's own program: the campaign, its replay and its clusters take the same controller."""

from __future__ import annotations

from pathlib import Path

from hil.campaign import Request, run_campaign
from hil.campaign.cluster import read_task, task_of
from hil.campaign.plan_file import load_plan
from hil.campaign.replay import replay
from hil.campaign.space import Space
from hil.campaign.store import read_head
from hil.rig import load_rig

PROGRAM = {"plc": "program"}


def test_a_campaign_runs_and_replays_the_program(tmp_path: Path) -> None:
    what = Request("quad_tank", "transmitters", runs=4, period_s=0.01, minimise=False, controllers=PROGRAM)
    with_program = run_campaign(what, tmp_path / "program").summary
    blocks = Request("quad_tank", "transmitters", runs=4, period_s=0.01, minimise=False)
    assert run_campaign(blocks, tmp_path / "blocks").summary["results_hash"] != with_program["results_hash"]
    head = read_head(tmp_path / "program")
    assert head is not None
    assert head["controllers"] == PROGRAM
    replay(tmp_path / "program", 0, tmp_path / "again")  # raises when its state comes out otherwise


def test_a_worker_of_a_cluster_takes_the_program() -> None:
    rig = load_rig("quad_tank", 0.01, PROGRAM)
    task = task_of(rig, 0.01, Space(load_plan("transmitters", rig)))
    there, _ = read_task(task)
    assert there.controllers == PROGRAM
