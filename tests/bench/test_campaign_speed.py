"""A campaign beside the bare batch of the same length, and on a cluster beside the threads of one process."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import hil
from hil.campaign import Request, run_campaign
from hil.latency import paired_until
from hil.rig import load_rig

pytestmark = pytest.mark.bench
RIG, PLAN, PERIOD_S, DURATION_S = "quad_tank", "transmitters", 0.01, 60.0
OVERHEAD_GATE, CLUSTER_GATE, SHORT_CLUSTER_GATE = 1.3, 0.85, 0.6
BATCHES = 3


def campaign_s(out: Path, runs: int, scheduler: str | None = None) -> float:
    """Seconds that its runs took, without what comes before and after."""
    result = run_campaign(Request(RIG, PLAN, runs, period_s=PERIOD_S, scheduler=scheduler, minimise=False), out)
    print(f"\n{runs:,} runs: {result.summary['realtime_factor']:,.0f} times real time")
    return runs / float(result.summary["runs_per_s"])


def batch_s(runs: int) -> float:
    start = time.perf_counter()
    hil.batch(load_rig(RIG, PERIOD_S), runs, duration_s=DURATION_S, reduce=["max(plant.h1)"])
    return time.perf_counter() - start


def test_a_campaign_beside_a_batch_of_whole_runs(tmp_path: Path, full: Callable[[int, int], int]) -> None:
    """Faults, rows and verdicts cost; that runs fork from the healthy one saves."""
    runs, number = full(500, 5_000), itertools.count()
    most = 12 if runs == 5_000 else 20  # sides of 15 s scatter less
    ratio = paired_until(
        lambda: campaign_s(tmp_path / str(next(number)), runs), lambda: batch_s(runs), at_most=OVERHEAD_GATE, most=most
    )
    print(f"campaign / batch: {ratio}")
    assert ratio.median <= OVERHEAD_GATE


def test_a_cluster_beside_threads(tmp_path: Path, full: Callable[[int, int], int]) -> None:
    distributed = pytest.importorskip("distributed", reason="distributed is not installed (the extra dask)")
    runs = full(2_000, 10_000)
    gate = CLUSTER_GATE if runs == 10_000 else SHORT_CLUSTER_GATE  # a short one is mostly the workers' beginning
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None, silence_logs=50) as it:
        campaign_s(tmp_path / "first", 200, it.scheduler_address)  # both workers have read the rig
        for batch in range(BATCHES):
            here = campaign_s(tmp_path / f"here{batch}", runs)
            there = campaign_s(tmp_path / f"there{batch}", runs, it.scheduler_address)
            print(f"throughput of two workers / two threads: {here / there:.2f}")
            if here / there >= gate:
                return
    pytest.fail(f"cluster: {here / there:.2f}, {gate} wanted")
