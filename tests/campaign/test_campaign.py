"""Whole campaigns: equal results by every way, a planted weakness, replays."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pytest

from hil.campaign import Request, run_campaign
from hil.campaign.campaign import PORTION
from hil.campaign.replay import replay
from hil.campaign.shards import merge
from hil.errors import BenchError, HilError

Plan = Callable[..., str]
Oven = Callable[..., Path]
CALM = ("after = 140.0", "after = 70.0")  # nobody asks for too much, so the interlock trips on a fault alone


@pytest.fixture
def calm(oven: Oven) -> str:
    return str(oven(CALM))


def figures(rig: str, plan: str, out: Path, **options: Any) -> dict[str, Any]:
    return run_campaign(Request(rig, plan, minimise=False, **options), out).summary


def test_any_number_of_threads_gives_the_same_results(calm: str, plan: Plan, tmp_path: Path) -> None:
    one, two = (figures(calm, plan(), tmp_path / str(jobs), jobs=jobs) for jobs in (1, 2))
    assert one["results_hash"] == two["results_hash"]
    assert sum(one["outcomes"].values()) == one["runs"] == 60
    assert 0 < one["outcomes"]["safe detected"] < 60
    assert figures(calm, plan(), tmp_path / "other", seed=2)["results_hash"] != one["results_hash"]


def test_three_shards_are_the_whole(calm: str, plan: Plan, tmp_path: Path) -> None:
    whole = figures(calm, plan(), tmp_path / "whole")
    folders = [tmp_path / f"shard{i}" for i in (1, 2, 3)]
    parts = [figures(calm, plan(), folder, shard=(i, 3)) for i, folder in enumerate(folders, 1)]
    assert [part["runs"] for part in parts] == [20, 20, 20]
    merged = merge([folders[2], folders[0], folders[1]], tmp_path / "merged").summary
    assert merged["results_hash"] == whole["results_hash"]
    assert merged["outcomes"] == whole["outcomes"]
    with pytest.raises(BenchError, match="of 3 shards there are 1, 2"):
        merge(folders[:2], tmp_path / "less")


def test_a_shard_that_stopped_is_not_merged(calm: str, plan: Plan, tmp_path: Path) -> None:
    folders = [tmp_path / f"shard{i}" for i in (1, 2)]
    runs = 2 * PORTION + 40
    figures(calm, plan(), folders[0], shard=(1, 2), runs=runs)

    def stop(done: int, _of: int) -> None:
        if done:
            raise KeyboardInterrupt

    request = Request(calm, plan(), runs=runs, shard=(2, 2), minimise=False)
    with pytest.raises(KeyboardInterrupt):
        run_campaign(request, folders[1], progress=stop)
    with pytest.raises(BenchError, match="20 of 1,040 runs are missing"):
        merge(folders, tmp_path / "merged")
    assert not (tmp_path / "merged").exists()
    run_campaign(request, folders[1], resume=True)
    assert merge(folders, tmp_path / "merged").summary["runs"] == runs


def test_two_campaigns_do_not_write_into_one_folder(calm: str, plan: Plan, tmp_path: Path) -> None:
    request, out = Request(calm, plan(), minimise=False), tmp_path / "out"

    def second(_done: int, _of: int) -> None:
        run_campaign(request, out, resume=True)

    with pytest.raises(BenchError, match="another campaign writes into the folder"):
        run_campaign(request, out, progress=second)


def test_a_bench_that_is_not_healthy_leaves_no_folder(calm: str, plan: Plan, tmp_path: Path) -> None:
    with pytest.raises(BenchError, match=r"the run without faults breaks expect\.safe"):
        figures(calm, plan(("oven.t < 110", "oven.t < 60")), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_stopped_half_way_it_goes_on_to_the_same_results(calm: str, plan: Plan, tmp_path: Path) -> None:
    whole = figures(calm, plan(), tmp_path / "whole", runs=PORTION + 40)
    stopped = tmp_path / "stopped"

    def stop(done: int, _of: int) -> None:
        if done:
            raise KeyboardInterrupt

    request = Request(calm, plan(), runs=PORTION + 40, minimise=False)
    with pytest.raises(KeyboardInterrupt):
        run_campaign(request, stopped, progress=stop)
    with pytest.raises(BenchError, match=r"holds a campaign already\. Go on with --resume"):
        run_campaign(request, stopped)
    told: list[int] = []
    again = run_campaign(request, stopped, resume=True, progress=lambda done, _of: told.append(done)).summary
    assert told[0] == PORTION
    assert again["results_hash"] == whole["results_hash"]
    with pytest.raises(BenchError, match=r"the folder holds another campaign: seed differ"):
        run_campaign(Request(calm, plan(), runs=PORTION + 40, seed=9), stopped, resume=True)


def test_killed_in_mid_run_it_goes_on_to_the_same_results(calm: str, plan: Plan, tmp_path: Path) -> None:
    runs, out = 6 * PORTION, tmp_path / "killed"
    command = [sys.executable, "-m", "hil", "campaign", calm, plan(), "--runs", str(runs), "--out", str(out), "--json"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for _ in range(600):
        if list(out.glob("parts/[0-9]*.parquet")) or process.poll() is not None:
            break
        time.sleep(0.01)
    assert process.poll() is None, "over before it could be killed"
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert not (out / "results.parquet").exists()
    (out / "parts/.000007.1.part.parquet").write_bytes(b"PAR1")  # as one leaves that is killed while it writes
    request = Request(calm, plan(), runs=runs, minimise=False)
    again = run_campaign(request, out, resume=True).summary
    assert again["runs"] == runs
    assert again["results_hash"] == figures(calm, plan(), tmp_path / "whole", runs=runs)["results_hash"]


@pytest.fixture
def cluster() -> Iterator[Any]:
    distributed = pytest.importorskip("distributed", reason="distributed is not installed (the extra dask)")
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None, silence_logs=50) as it:
        yield it


def test_a_cluster_gives_the_same_results_also_when_a_worker_is_lost(
    calm: str, plan: Plan, tmp_path: Path, cluster: Any
) -> None:
    runs = 4 * PORTION
    here = figures(calm, plan(), tmp_path / "here", runs=runs)
    pids = [worker.pid for worker in cluster.workers.values()]
    lost: list[int] = []

    def lose(done: int, _of: int) -> None:
        if done and not lost:
            lost.append(pids[0])
            os.kill(pids[0], signal.SIGKILL)

    request = Request(calm, plan(), runs=runs, scheduler=cluster.scheduler_address, minimise=False)
    there = run_campaign(request, tmp_path / "there", progress=lose).summary
    assert lost
    assert there["runs"] == runs
    assert there["results_hash"] == here["results_hash"]


def test_a_cluster_has_the_same_rig_also_after_it_was_changed(
    oven: Oven, plan: Plan, tmp_path: Path, cluster: Any
) -> None:
    rig, file = oven(CALM), plan(("[activate]", '[activate]\non = "oven.t > 61"'))
    before = figures(str(rig), file, tmp_path / "before", scheduler=cluster.scheduler_address)["results_hash"]
    toml = rig / "rig.toml"
    toml.write_text(toml.read_text().replace("level = 90.0", "level = 80.0"))
    there = figures(str(rig), file, tmp_path / "there", scheduler=cluster.scheduler_address)["results_hash"]
    assert there == figures(str(rig), file, tmp_path / "here")["results_hash"]
    assert there != before


def test_a_cluster_that_does_not_answer_is_one_line(calm: str, plan: Plan, tmp_path: Path) -> None:
    pytest.importorskip("distributed", reason="distributed is not installed (the extra dask)")
    with pytest.raises(HilError, match=r"no Dask scheduler answers\. Start it with: dask scheduler") as caught:
        figures(calm, plan(), tmp_path / "out", scheduler="tcp://127.0.0.1:1")
    assert len(str(caught.value).splitlines()) == 1


def test_two_faults_that_overlap_are_found_made_small_and_tested(oven: Oven, tmp_path: Path) -> None:
    rig = oven()
    result = run_campaign(Request(str(rig), "transients"), tmp_path / "out")
    assert result.summary["runs"] <= 2000
    hazards = result.table.filter(pc.equal(result.table["outcome"], "hazard undetected"))
    assert set(hazards["stage"].to_pylist()) == {"falsify"}, "the covering array alone finds none"
    (test,) = result.tests
    faults = next(line for line in test.read_text().splitlines() if line.startswith("FAULTS"))
    assert ("sensor.a=bias" in faults, "sensor.b=bias" in faults, "sensor.door" in faults) == (True, True, False)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(test)]
    assert "1 failed" in subprocess.run(command, capture_output=True, text=True, check=False).stdout
    toml = rig / "rig.toml"
    toml.write_text(toml.read_text().replace("level = 500.0", "level = 1e9"))  # nothing is interference any more
    assert "1 passed" in subprocess.run(command, capture_output=True, text=True, check=False).stdout


def test_a_test_of_a_requirement_about_faults_fails_as_the_run_did(calm: str, plan: Plan, tmp_path: Path) -> None:
    wanted = 'safe = "oven.t < 110"\nrequirement = "G(fault.b -> F[0s,1s] interlock.tripped)"'
    result = run_campaign(Request(calm, plan(('safe = "oven.t < 110"', wanted))), tmp_path / "out")
    assert result.summary["broken_requirement"] > 0
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *map(str, result.tests)]
    said = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    assert f"{len(result.tests)} failed" in said.splitlines()[-1]


def test_a_run_again_has_the_same_state_and_a_recording(calm: str, plan: Plan, tmp_path: Path) -> None:
    golden = ("[activate]", '[golden.set]\n"demand.before" = 62.0\n\n[activate]')
    figures(calm, plan(golden, ("duration_s = 16.0", "duration_s = 16.0\nseeds = 3")), tmp_path / "out")
    for number in (0, 7, 59):
        row = replay(tmp_path / "out", number, tmp_path / f"again{number}")
        assert row["seed"] == 1 + number % 3
        assert (tmp_path / f"again{number}" / "manifest.json").exists()
    with pytest.raises(BenchError, match="there is no run 60"):
        replay(tmp_path / "out", 60, tmp_path / "none")


def test_the_rigs_own_faults_are_left_out(oven: Oven, plan: Plan, tmp_path: Path) -> None:
    fault = '[[faults]]\nsignal = "sensor.a"\nfault = "bias"\nvalue = 40.0\nat_s = 0.5\n\n[blocks.demand]'
    rig = str(oven(CALM, ("[blocks.demand]", fault)))  # it would trip the interlock in the healthy run
    figures(rig, plan(), tmp_path / "out")
    replay(tmp_path / "out", 3, tmp_path / "again")


def test_what_was_written_once_is_not_trusted_for_another_rig(oven: Oven, plan: Plan, tmp_path: Path) -> None:
    rig = oven(CALM)
    figures(str(rig), plan(), tmp_path / "out")
    toml = rig / "rig.toml"
    toml.write_text(toml.read_text().replace("start = 60.0", "start = 61.0"))
    with pytest.raises(BenchError, match="the rig was changed since the campaign"):
        replay(tmp_path / "out", 1, tmp_path / "again")
