"""Campaigns on benches with a wire: an emulated PLC, and a board at an address, here and as a Dask resource."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from rig_on_a_line import emulate, finish, write_rig

from hil.campaign import Request, cluster_benches, run_campaign
from hil.campaign.replay import replay
from hil.campaign.store import read_table, results_hash
from hil.errors import BenchError

Rig = Callable[..., Path]
TANKS = """
duration_s = 2.0
time = "lockstep"

[bind]
plc = "pil"

[activate]
on = "plc.running"
start_s = [0.2, 1.0]

[faults.h1]
signal = "sensor.h1"
kinds = ["bias(7cm..8cm)", "stuck(0.19)"]

[expect]
detect = "plc.alarm_h1"
safe = "plant.h1 < 18cm"
ftti_s = 0.5

[search]
method = "latin_hypercube"
"""
BOARD = """
duration_s = 1.0

[activate]
on = "x.out > 1.5"
start_s = [0.1, 0.5]

[faults.in]
signal = "x.in"
kinds = ["bias(0..30)", "stuck"]

[expect]
detect = "x.out > 20"
safe = "x.out < 40"

[search]
method = "latin_hypercube"
runs = 8
"""


def told(rows: list[dict[str, Any]]) -> list[dict[str, str]]:
    """All but the hash of the state, which has another layout with the controller outside of it; NaN equal to NaN."""
    return [{key: repr(value) for key, value in row.items() if key != "state_hash"} for row in rows]


def rows_of(rig: Path, plan: Path, out: Path, **options: Any) -> list[dict[str, Any]]:
    return list(run_campaign(Request(str(rig), str(plan), minimise=False, **options), out).table.to_pylist())


def test_an_emulated_plc_in_lock_step_gives_the_outcomes_of_virtual_time(
    rig_copy: Rig, tmp_path: Path, full: Callable[[int, int], int]
) -> None:
    rig, plan, runs = rig_copy("quad_tank"), tmp_path / "tanks.toml", full(1, 8)
    plan.write_text(TANKS)
    wire = rows_of(rig, plan, tmp_path / "wire", runs=runs)
    blocks = rows_of(rig, plan, tmp_path / "blocks", runs=runs, time="virtual", bind={"plc": "mil"})
    assert told(wire) == told(blocks)
    assert {row["outcome"] for row in wire} == {"safe detected"}
    with pytest.raises(BenchError, match="runs at the rig's own period"):
        rows_of(rig, plan, tmp_path / "slow", period_s=0.01)


# ---- a board at an address: the firmware as a process on a pseudo-terminal, which outlives the runs ----


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """A rig, and where its board is."""
    law = 'out = { y = "x.out" }\ngain = '
    steady = (f"{law}2.0", f"{law}1.0")  # x.in = 1 + x.out / 2 settles at 2
    patient = [
        (f"max_age_s = {age}", f"max_age_s = {10 * age:g}.0") for age in (0.1, 0.2)
    ]  # a busy machine is no fault
    rig = write_rig(tmp_path_factory.mktemp("board") / "rig", "serial:///dev/ttyACM0", steady, *patient)
    process, told = emulate(rig)
    try:
        yield rig, told["url"]
    finally:
        process.terminate()
        finish(process)


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    file = tmp_path / "board.toml"
    file.write_text(BOARD)
    return file


WIRE: dict[str, Any] = {"time": "lockstep", "bind": {"controller": "hil"}}


@pytest.fixture(scope="module")
def on_the_wire(board: tuple[Path, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The campaign on the board, from this process."""
    folder = tmp_path_factory.mktemp("wire")
    (folder / "board.toml").write_text(BOARD)
    rows_of(board[0], folder / "board.toml", folder / "out", urls={"board": board[1]}, **WIRE)
    return folder / "out"


def test_a_board_in_lock_step_gives_the_outcomes_of_virtual_time_and_a_replay(
    board: tuple[Path, str], plan: Path, tmp_path: Path, on_the_wire: Path
) -> None:
    rig, urls = board[0], {"board": board[1]}
    wire = read_table(on_the_wire).to_pylist()
    assert told(wire) == told(rows_of(rig, plan, tmp_path / "blocks"))
    assert {row["outcome"] for row in wire} >= {"safe undetected", "safe detected", "hazard detected"}
    assert replay(on_the_wire, 2, tmp_path / "again", urls)["state_hash"] == wire[2]["state_hash"]


@pytest.fixture
def scheduler() -> Iterator[str]:
    """Of a cluster whose one worker has no bench."""
    distributed = pytest.importorskip("distributed", reason="distributed is not installed (the extra dask)")
    options: dict[str, Any] = {"dashboard_address": None, "silence_logs": 50, "protocol": "tcp://", "host": "127.0.0.1"}
    with distributed.LocalCluster(n_workers=1, threads_per_worker=1, processes=False, **options) as it:
        yield it.scheduler_address


@pytest.fixture
def add_worker(scheduler: str) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    """Starts a worker with a bench as docs/campaigns.md has it; of its threads only one may use the bench."""
    there = []

    def add() -> subprocess.Popen[bytes]:
        dask = Path(sys.executable).with_name("dask")
        options = ["--nthreads", "3", "--no-nanny", "--no-dashboard", "--resources", "hil:one=1"]
        command = [str(dask), "worker", scheduler, *options]
        there.append(subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        return there[-1]

    yield add
    for process in there:
        process.terminate()
        process.wait()


def test_a_cluster_runs_one_run_at_a_time_on_a_bench_also_when_its_worker_is_lost(
    board: tuple[Path, str],
    plan: Path,
    tmp_path: Path,
    on_the_wire: Path,
    scheduler: str,
    add_worker: Callable[[], Any],
) -> None:
    first = add_worker()

    def lose(done: int, _of: int) -> None:
        if done == 3 and first.poll() is None:
            first.kill()
            first.wait()
            add_worker()

    # Two runs at a time would be an error: a serial port is for one program alone.
    urls = {"board": board[1]}
    request = Request(str(board[0]), str(plan), scheduler=scheduler, minimise=False, urls=urls, **WIRE)
    there = run_campaign(request, tmp_path / "there", progress=lose)
    assert first.poll() is not None
    assert there.summary["results_hash"] == results_hash(read_table(on_the_wire))


@pytest.mark.realtime
def test_a_board_in_real_time(board: tuple[Path, str], plan: Path, tmp_path: Path) -> None:
    urls = {"board": board[1]}
    rows = rows_of(board[0], plan, tmp_path / "real", urls=urls, runs=1, time="real", bind=WIRE["bind"])
    assert rows[0]["kind"] in ("in.bias", "in.stuck")


def test_a_cluster_without_a_bench_is_one_line(
    board: tuple[Path, str], plan: Path, tmp_path: Path, scheduler: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster_benches, "WORKERS_S", 0.3)
    with pytest.raises(BenchError, match=r'has a bench hil:one\. Start one with: dask worker .*"hil:one=1"') as caught:
        rows_of(board[0], plan, tmp_path / "out", scheduler=scheduler, **WIRE)
    assert len(str(caught.value).splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_a_worker_knows_where_its_own_devices_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HIL_URLS", "board=serial:///dev/ttyACM1?baud=921600 plc=modbus-tcp://10.0.0.7")
    here = {"board": "serial:///dev/ttyACM1?baud=921600", "plc": "modbus-tcp://10.0.0.7"}
    assert cluster_benches.urls_here() == here
    monkeypatch.setenv("HIL_URLS", "board")
    with pytest.raises(BenchError, match="HIL_URLS: is not DEVICE=URL"):
        cluster_benches.urls_here()
