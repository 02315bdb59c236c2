"""The watch over the incubator: an open lid, a cup of water, a bad sensor; simulated, and recorded from the real box.

The recording is not part of HIL: HIL_DATA_DIR names the folder with incubator/lid_opening_2021-03.csv and its events.
"""

from __future__ import annotations

import csv
import math
import os
import runpy
import shutil
from pathlib import Path

import numpy as np
import pytest

from hil import open_bench
from hil.bench import Bench
from hil.rig import load_rig

RIG = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("HIL_DATA_DIR", RIG.parents[2] / "shared" / "data")) / "incubator"
RECORDING, EVENTS = DATA / "lid_opening_2021-03.csv", DATA / "lid_opening_2021-03_events.csv"
LID, CUP, BAD_SENSOR = "watch.lid_open", "watch.plant_changed", "watch.sensor_bad"
BAD = 8
OPEN_W_K, CLOSED_W_K, CUP_W_K = 14.0, 0.77308, 1.0

# What stands in the rig in place of the box.
PLAYBACK = "".join(
    f"""
[blocks.{name}]
type = "playback"
out = {{ y = "{signal}" }}
t = "recording.csv:t"
u = "recording.csv:{name}"
"""
    for name, signal in {
        "room": "sensor.room",
        "left": "sensor.left",
        "right": "sensor.right",
        "heater": "box.heater",
    }.items()
)


def onsets(alarm: np.ndarray) -> np.ndarray:
    """Rows at which an alarm begins."""
    return np.flatnonzero(np.diff(np.concatenate(([0.0], alarm))) > 0.0)


@pytest.fixture
def bench() -> Bench:
    with open_bench(RIG / "watch.toml") as opened:
        yield opened


def test_the_rig_holds_the_observers_that_the_design_gives() -> None:
    design = runpy.run_path(str(RIG / "watch_design.py"))
    blocks = load_rig(RIG / "watch.toml").blocks
    found = {name: design["observer"](cup=name == "loaded") for name in ("calibrated", "loaded")}
    for name, observer in found.items():
        for key in "ABCQR":
            written = blocks[name].config[key]
            assert np.allclose(written, getattr(observer, key).ravel(), rtol=1e-8, atol=1e-12), (name, key)
    assert math.isclose(blocks["lid"].params["scale"], found["calibrated"].deviation, rel_tol=1e-5)


def test_a_closed_box_raises_no_alarm_in_a_day(bench: Bench) -> None:
    bench.run(24 * 3600)
    for name in (LID, CUP, BAD_SENSOR):
        assert not bench.history(name).any(), name


@pytest.mark.parametrize("at_s", [1500.0, 1560.0, 1800.0, 2100.0])
def test_an_open_lid_is_found_within_twelve_seconds_and_ends_when_closed(bench: Bench, at_s: float) -> None:
    bench.set("box.G_b", OPEN_W_K, at=at_s)
    bench.set("box.G_b", CLOSED_W_K, at=at_s + 90.0)
    bench.run(at_s + 3000.0)
    lid = bench.history(LID)
    begins = onsets(lid) * 3.0 - at_s
    assert 0.0 <= begins[0] <= 12.0
    assert (begins < 90.0).all(), "none begins before or after"
    assert lid[int((at_s + 12.0) / 3.0) : int((at_s + 42.0) / 3.0)].all(), "it stands while the air cools"
    assert not lid[int((at_s + 120.0) / 3.0) :].any()
    assert not bench.history(CUP).any()


def test_a_cup_of_water_is_a_change_of_the_plant_and_no_lid(bench: Bench) -> None:
    for time_s, name, value in (
        (1500.0, "box.G_b", OPEN_W_K),
        (1503.0, "box.G_w", CUP_W_K),
        (1590.0, "box.G_b", CLOSED_W_K),
    ):
        bench.set(name, value, at=time_s)
    bench.run(6000.0)
    cup = onsets(bench.history(CUP))
    assert 1590.0 < cup[0] * 3.0 < 1590.0 + 300.0
    lids = onsets(bench.history(LID)) * 3.0
    assert ((lids >= 1500.0) & (lids < 1590.0)).all(), "the lid's own"


@pytest.mark.parametrize("fault", ["stuck(31)", "bias(8K)", "dropout(1)"])
def test_a_bad_sensor_is_told_and_its_mean_says_so(bench: Bench, fault: str) -> None:
    bench.run(900.0)
    assert bench.status("box.air") == 0
    bench.fault(f"sensor.right={fault}")
    bench.run(630.0)
    assert bench[BAD_SENSOR] == 1.0
    assert bench.status("quality_right.y") & BAD
    assert bench.status("box.air") & BAD
    if not fault.startswith("stuck"):  # which is found when the two sensors are 6 K apart, not at once
        bench.clear_fault()
        bench.run(1200.0)
        assert bench.status("box.air") == 0
        assert not bench.history(LID).any(), "the observers leave bad samples out, so nothing else is suspected"
        assert not bench.history(CUP).any()


# ---- the recording ----


def recorded_rig(folder: Path) -> tuple[Path, np.ndarray]:
    """The rig with the recording in place of the box, and the time of each of its rows in s."""
    copy = folder / "incubator"
    shutil.copytree(RIG, copy, ignore=shutil.ignore_patterns("tests", "__pycache__"))
    text = (copy / "watch.toml").read_text(encoding="utf-8")
    begin, end = text.index("# ---- the box:"), text.index("# ---- may the sensors")
    (copy / "watch.toml").write_text(text[:begin] + PLAYBACK + "\n" + text[end:], encoding="utf-8")
    with RECORDING.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    lines = [
        f"{3 * k},{row['t1']},{row['t2']},{row['t3']},{1 if row['heater_on'] == 'True' else 0}"
        for k, row in enumerate(rows)
    ]
    (copy / "recording.csv").write_text("\n".join(["t,room,left,right,heater", *lines]) + "\n", encoding="utf-8")
    return copy / "watch.toml", np.array([int(row["time"]) * 1e-9 for row in rows])


@pytest.fixture(scope="module")
def replayed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, np.ndarray]:
    if not RECORDING.exists():
        pytest.skip(f"no recording at {RECORDING}: set HIL_DATA_DIR to the folder that holds incubator/")
    rig, time_s = recorded_rig(tmp_path_factory.mktemp("recorded"))
    with open_bench(rig) as bench:
        bench.run(3.0 * len(time_s))
        history = {name: bench.history(name) for name in (LID, CUP, BAD_SENSOR, "cup.high")}
    with EVENTS.open(encoding="utf-8") as file:
        events = [(int(row["time"]) * 1e-9, row["code"]) for row in csv.DictReader(file)]
    times = {code: np.array([t for t, c in events if c == code]) for code in {c for _, c in events}}
    return {"time_s": time_s, **history, **times}


def test_all_seven_lid_openings_are_found_within_twelve_seconds(replayed: dict[str, np.ndarray]) -> None:
    begins = replayed["time_s"][onsets(replayed[LID])]
    opened = replayed["lid_open"]
    assert len(opened) == 7
    assert len(begins) == 7, "and nothing else is taken for one"
    delays = begins - opened
    print("delays in s:", np.round(delays, 1))
    assert (delays > 0.0).all()
    assert (delays <= 12.0).all()


def test_the_lid_alarm_ends_soon_after_the_lid_is_closed(replayed: dict[str, np.ndarray]) -> None:
    ends = replayed["time_s"][onsets(1.0 - replayed[LID])[1:]]
    delays = ends - replayed["lid_close"]
    print("after closing in s:", np.round(delays, 1))
    assert ((delays > 0.0) & (delays < 30.0)).all()


def test_no_alarm_while_the_box_is_closed_and_as_calibrated(replayed: dict[str, np.ndarray]) -> None:
    time_s = replayed["time_s"]
    with_cup = (time_s >= replayed["object_add"][0]) & (time_s <= replayed["object_remove"][0])
    opened = np.zeros(len(time_s), dtype=bool)
    for begin, end in zip(replayed["lid_open"], replayed["lid_close"], strict=True):
        opened |= (time_s >= begin) & (time_s < end + 30.0)
    quiet = ~(with_cup | opened)
    assert quiet.sum() > 2900
    assert not replayed[LID][quiet].any()
    assert not replayed[CUP][quiet].any()
    assert not replayed[BAD_SENSOR].any()
    largest = float(replayed["cup.high"][quiet].max())
    print(f"largest sum of the likelihood ratio in the calibrated box: {largest:.1f} of 16")
    assert 0.5 < largest < 8.0, "half of the threshold is left"


def test_the_cup_of_water_is_told_apart_as_a_change_of_the_plant(replayed: dict[str, np.ndarray]) -> None:
    time_s, cup = replayed["time_s"], replayed[CUP]
    closed = replayed["lid_close"][4]
    begins = time_s[onsets(cup)]
    print("plant changed, in s after the lid was closed over the cup:", np.round(begins - closed, 1))
    assert 30.0 < begins[0] - closed < 200.0
    closed_box = (time_s > begins[0]) & (time_s < replayed["object_remove"][0]) & (replayed[LID] == 0.0)
    lately = np.zeros(len(time_s), dtype=bool)
    lately |= (time_s >= replayed["lid_open"][5]) & (time_s < replayed["lid_close"][5] + 200.0)
    assert cup[closed_box & ~lately].mean() > 0.99, "it stands while the cup is there"
    assert not cup[time_s > replayed["object_remove"][0] + 12.0].any(), "and is gone with it"
