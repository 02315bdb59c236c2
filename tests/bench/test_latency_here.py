"""`hil bench` and its gate on this machine: planted slowdowns are caught, runs without a change raise no alarm."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hil.json_text import plain
from hil.latency import Ratio, judge, measure, paired
from hil.latency.gate import FAILED, PASSED, REFUSED, UNJUDGED, WORSE, group_of
from hil.latency.quickest import quickest
from hil.latency.run import GROUPS
from hil.latency.schema import BenchResult
from hil.latency.step import in_copies, places
from hil.rig import Block, Rig, load_rig
from hil.rig.description import ModelRef, Signal, Wire

pytestmark = [pytest.mark.bench, pytest.mark.usefixtures("real_time_priority")]

GATED = ("step", "bus")
SECONDS = 1.5
WASTE = Path(__file__).with_name("waste.c")
PLANTED, ACCURACY = 0.15, 0.02
ATTEMPTS = 3  # where it says that it could not judge, the measurement is repeated
Json = dict[str, Any]


def found(rig: str | Rig = "quad_tank", only: Any = GATED) -> Json:
    told: Json = plain(measure(rig, only=only, seconds=SECONDS).to_dict())
    return told


@pytest.fixture(scope="module", autouse=True)
def in_full_only() -> None:
    if not os.environ.get("HIL_FULL"):
        pytest.skip("measures for half a minute: in make test-full only")


@pytest.fixture(scope="module")
def baseline() -> Json:
    for _ in range(ATTEMPTS):
        told = found()
        if not any(ratio["shared"] for ratio in told["ratios"].values()):
            break
    return told


def code(now: Json, base: Json, again: Callable[[Any], Json]) -> int:
    outcome = judge(now, base, again=again)
    print(f"\n{outcome.sentence}")
    return outcome.exit_code


def test_runs_without_a_change_raise_no_alarm(baseline: Json, full: Callable[[int, int], int]) -> None:
    codes = [code(found(), baseline, lambda _: found()) for _ in range(full(2, 10))]
    assert FAILED not in codes
    assert PASSED in codes


def wasteful(rounds: float) -> Rig:
    """The rig with a block more, which multiplies so often in each tick."""
    rig, signal = load_rig("quad_tank"), Signal("waste.y", producer="waste")
    out, model = (Wire("wasted", "waste.y"),), ModelRef(str(WASTE), "", "discrete")
    block = Block("waste", "model", (), out, {"rounds": rounds}, {}, model)
    return replace(rig, blocks={**rig.blocks, "waste": block}, signals={**rig.signals, "waste.y": signal})


def slowdown(rounds: float) -> Ratio:
    """A tick of it over a tick of the rig, each at several places in memory as `hil bench` measures them."""
    with places(wasteful(rounds)) as slow, places(load_rig("quad_tank")) as bare:
        return paired(*(quickest(in_copies(benches), 0.02) for benches in (slow, bare)), 61)


def rounds_for(part: float) -> float:
    """So many rounds make a tick so much slower here: what each costs is measured."""
    one, many = 20.0, 200.0
    at_one, at_many = slowdown(one).median, slowdown(many).median
    return one + (1 + part - at_one) * (many - one) / (at_many - at_one)


def test_a_step_15_percent_slower_is_caught(baseline: Json) -> None:
    for _ in range(ATTEMPTS):
        rounds = round(rounds_for(PLANTED))
        planted = slowdown(rounds)
        print(f"\n{rounds} rounds: {planted}")
        if abs(planted.median - 1 - PLANTED) <= ACCURACY:
            break
    assert abs(planted.median - 1 - PLANTED) <= ACCURACY, "planted is what is meant"
    rig = wasteful(rounds)
    for _ in range(ATTEMPTS):
        outcome = judge(found(rig, ["step"]), baseline, again=lambda _: found(rig, ["step"]))
        print(f"\n{outcome.sentence}")
        if outcome.exit_code != REFUSED:
            break
    assert [figure.name for figure in outcome.named(WORSE)] == ["step"]


def test_10_us_more_in_the_bus_are_caught(baseline: Json, tmp_path: Path) -> None:
    library = tmp_path / "slow_send.so"
    source = Path(__file__).with_name("slow_send.c")
    flags = ["-std=c11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-O2", "-shared", "-fPIC"]
    subprocess.run(["gcc", *flags, str(source), "-o", str(library), "-ldl"], check=True)

    def slowed(_: object = None) -> Json:
        out = tmp_path / "slow.json"
        env = {**os.environ, "LD_PRELOAD": str(library), "SLOW_SEND_NS": "10000"}
        command = [sys.executable, "-m", "hil", "bench", "--only", "bus", "--seconds", f"{SECONDS}", "--json", str(out)]
        subprocess.run(command, check=True, env=env, capture_output=True, timeout=60)
        told: Json = json.loads(out.read_text())
        return told

    for _ in range(ATTEMPTS):
        outcome = judge(slowed(), baseline, again=slowed)
        print(f"\n{outcome.sentence}")
        if not outcome.refused and not outcome.named(UNJUDGED):
            break
    assert {figure.name for figure in outcome.named(WORSE)} == {"bus.tcp_client", "bus.tcp_server"}
    assert outcome.exit_code == FAILED


def test_the_whole_command_measures_all_figures_and_writes_every_file(tmp_path: Path, full: Any) -> None:
    files = {kind: tmp_path / f"out.{kind}" for kind in ("json", "html", "markdown")}
    options = [text for kind, path in files.items() for text in (f"--{kind}", str(path))]
    tenths = full(1, 30)
    groups = GROUPS if tenths > 1 else ("link", "roundtrip", "batch", "plc", "fmu")  # the others are measured above
    asked = ["--only", ",".join(groups), "--seconds", f"{tenths / 10}"]
    command = [sys.executable, "-m", "hil", "bench", "quad_tank", *asked, *options]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    told = json.loads(files["json"].read_text())
    BenchResult.model_validate(told)
    assert told["options"]["took_s"] < 60
    assert {group_of(name) for name in (*told["ratios"], *told["skipped"])} == set(groups)
    assert all(ratio["pairs"] >= 8 for name, ratio in told["ratios"].items() if ratio["gated"])
    trip = told["figures"]["roundtrip"]["plc.every_tick"]
    assert trip["mil"]["p50_ticks"] == 1, "the role's boundary"
    assert 1 < trip["pil"]["p50_ticks"] <= 3
    assert trip["age_ns"]["p50"] > 0, "what is latched came over the wire"
    page, text = files["html"].read_text(), files["markdown"].read_text()
    assert page.count("<svg") >= 2, "ages at the latch"
    assert all(name in text for name in told["ratios"])
