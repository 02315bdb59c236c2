"""Measured data with everything that can be wrong with it: named, marked, survived."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hil import open_bench
from hil.errors import HilError
from hil.rig import load_rig
from hil.twin.run import TwinRequest, TwinRun
from hil.twin.sources import Series, open_source
from hil.twin.sources.clean import Timed, in_time

RIG = load_rig("incubator")
NAME = "calibration_2023_test.csv"
START_NS = 1_682_912_554_273_107_499
Rows = list[list[str]]
HEADER = ["time", "t1", "t2", "t3", "heater_on"]


@pytest.fixture(scope="module")
def sound() -> Rows:
    """Half an hour of the simulated box as its logger would write it, every 3 s."""
    with open_bench(RIG) as bench:
        bench.run(1800)
        names = ("sensor.left", "sensor.right", "room.temperature", "heater.on")
        columns = [bench.history(name)[::3] for name in names]
    return [
        [str(START_NS + 3_000_000_000 * k), *(f"{v:.4f}" for v in row[:3]), str(row[3] > 0.5)]
        for k, row in enumerate(zip(*columns, strict=True))
    ]


def written(folder: Path, rows: Rows, header: list[str] = HEADER, name: str = NAME) -> Path:
    file = folder / name
    file.write_text("\n".join(",".join(row) for row in [header, *rows]) + "\n", encoding="utf-8")
    return file


def opened(folder: Path, rows: Rows) -> Series:
    return open_source(RIG, written(folder, rows))[0]


def shifted(rows: Rows, by_s: float) -> Rows:
    return [[str(int(row[0]) + round(by_s * 1e9)), *row[1:]] for row in rows]


def test_sound_data_have_no_mark(tmp_path: Path, sound: Rows) -> None:
    series = opened(tmp_path, sound)
    assert series.marks == ()
    assert series.start_ns == START_NS
    assert np.allclose(np.diff(series.time_s), 3.0)
    assert set(series.values) | set(series.constants) == {
        "sensor.left",
        "sensor.right",
        "room.temperature",
        "heater.on",
        "fan.on",
    }


def duplicated(rows: Rows) -> Rows:
    return [*rows[:100], rows[99], *rows[100:]]


def conflicting(rows: Rows) -> Rows:
    return [*rows[:100], [rows[99][0], "77.0", *rows[99][2:]], *rows[100:]]


def swapped(rows: Rows) -> Rows:
    return [*rows[:100], rows[101], rows[100], *rows[102:]]


def very_late(rows: Rows) -> Rows:
    return [*rows[:200], rows[20], *rows[200:]]


def stepped_back(rows: Rows) -> Rows:
    return [*rows[:100], *shifted(rows[100:], -500.0)]


def stepped_ahead_and_back(rows: Rows) -> Rows:
    return [*rows[:100], *shifted(rows[100:200], 3600.0), *rows[200:]]


def with_gap(rows: Rows) -> Rows:
    return [*rows[:100], *rows[140:]]


def years_ahead(rows: Rows) -> Rows:
    return [*rows[:100], *shifted(rows[100:], 3e7)]


def with_nan(rows: Rows) -> Rows:
    return [[row[0], "nan", *row[2:]] if 100 <= k < 110 else row for k, row in enumerate(rows)]


def with_words(rows: Rows) -> Rows:
    return [[row[0], "ERR", *row[2:]] if k == 100 else row for k, row in enumerate(rows)]


def without_time(rows: Rows) -> Rows:
    return [["", *row[1:]] if k == 100 else row for k, row in enumerate(rows)]


def cut_short(rows: Rows) -> Rows:
    return [*rows[:-1], rows[-1][:2]]


def in_kelvin(rows: Rows) -> Rows:
    return [[row[0], f"{float(row[1]) + 273.15:.3f}", *row[2:]] for row in rows]


def in_millidegrees(rows: Rows) -> Rows:
    return [[row[0], str(round(float(row[1]) * 1000.0)), *row[2:]] if k >= 300 else row for k, row in enumerate(rows)]


BAD: list[tuple[Callable[[Rows], Rows], str, int]] = [
    (duplicated, "duplicate", 1),
    (conflicting, "conflict", 1),
    (swapped, "out of order", 1),
    (very_late, "too late", 1),
    (stepped_back, "clock step", 1),
    (stepped_ahead_and_back, "clock step", 1),
    (with_gap, "gap", 1),
    (years_ahead, "time jump", 1),
    (with_nan, "no number", 10),
    (with_words, "no number", 1),
    (without_time, "no time", 1),
    (cut_short, "no number", 3),
    (in_kelvin, "wrong unit", 600),
    (in_millidegrees, "wrong unit", 300),
]


@pytest.mark.parametrize(("spoil", "kind", "rows"), BAD, ids=[spoil.__name__ for spoil, _, _ in BAD])
def test_what_is_wrong_is_named_and_counted(
    tmp_path: Path, sound: Rows, spoil: Callable[[Rows], Rows], kind: str, rows: int
) -> None:
    series = opened(tmp_path, spoil(sound))
    assert series.counts()[kind] == rows
    assert set(series.counts()) <= {kind, "gap"}, "and nothing else is blamed"
    assert (np.diff(series.time_s) > 0.0).all()


@pytest.mark.parametrize("spoil", [duplicated, conflicting, swapped, very_late, stepped_ahead_and_back])
def test_what_can_be_mended_gives_the_sound_series(tmp_path: Path, sound: Rows, spoil: Callable[[Rows], Rows]) -> None:
    mended, whole = opened(tmp_path, spoil(sound)), opened(tmp_path, sound)
    at = np.interp(whole.time_s[:-5], mended.time_s, mended.values["sensor.left"])
    assert np.abs(at - whole.values["sensor.left"][:-5]).max() < 0.3, "no more than a sample's shift"
    assert abs(mended.duration_s - whole.duration_s) <= 6.0


def test_a_clock_that_steps_back_does_not_take_time_back(tmp_path: Path, sound: Rows) -> None:
    series = opened(tmp_path, stepped_back(sound))
    assert series.duration_s == pytest.approx(3.0 * (len(sound) - 1), abs=3.0)
    assert "500" in series.marks[0].text


def test_the_likely_unit_is_named_and_a_declared_one_converts(tmp_path: Path, sound: Rows) -> None:
    series = opened(tmp_path, in_kelvin(sound))
    assert series.marks[0].text.startswith("looks like K, not degC")
    assert np.isnan(series.values["sensor.left"]).all()
    text = (RIG.folder / "rig.toml").read_text(encoding="utf-8")  # type: ignore[operator]
    declared = text.replace('"sensor.left" = "t1"', '"sensor.left" = { column = "t1", unit = "K" }')
    assert declared != text
    for file in ("model.py", "cup_model.py", "board.csv", "incubator.svg"):
        (tmp_path / file).write_bytes((RIG.folder / file).read_bytes())  # type: ignore[operator]
    (tmp_path / "rig.toml").write_text(declared, encoding="utf-8")
    found, _ = open_source(load_rig(tmp_path), written(tmp_path, in_kelvin(sound)))
    assert found.marks == ()
    assert np.allclose(found.values["sensor.left"], opened(tmp_path, sound).values["sensor.left"], atol=2e-3)


def all_at_once(rows: Rows) -> Rows:
    parts = [with_gap(rows[:180]), with_nan(rows[180:300]), swapped(rows[300:420]), without_time(rows[420:540])]
    last = shifted([[row[0], str(float(row[1]) * 1000.0), *row[2:]] for row in rows[540:]], -900.0)
    return [*itertools.chain(*parts), *last, last[-1]]


def test_a_twin_survives_all_of_it_at_once_and_its_ledger_tells(tmp_path: Path, sound: Rows) -> None:
    told: list[tuple[str, dict[str, Any]]] = []
    request = TwinRequest(RIG, tmp_path / "twin", source=written(tmp_path, all_at_once(sound)), record=False)
    with TwinRun(request, on_entry=lambda kind, body: told.append((kind, dict(body)))) as run:
        run.go()
        result = run.result()
    assert result.run.passed
    assert result.verified
    kinds = {body["kind"] for kind, body in told if kind == "quality"}
    assert {"no number", "no time", "wrong unit", "out of order", "clock step", "gap", "duplicate"} <= kinds
    quality = [b for kind, b in told if kind == "quality" and b.get("signal") == "sensor.left"]
    assert any(not b["good"] for b in quality), "the loop itself leaves it out"
    assert all(np.isfinite(v) for v in result.status["estimate"]["value"].values())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda rows: ([["x", *row[1:]] for row in rows], HEADER), "no two rows with a time"),
        (lambda rows: (rows, ["time", "t1", "tt2", "t3", "heater_on"]), "column 't2' is missing. Did you mean tt2?"),
        (lambda rows: (rows[:1], HEADER), "holds no data"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_and_nothing_written(
    tmp_path: Path, sound: Rows, change: Callable[[Rows], tuple[Rows, list[str]]], message: str
) -> None:
    file = written(tmp_path, *change(sound))
    with pytest.raises(HilError, match=message.replace("?", r"\?")) as error:
        TwinRun(TwinRequest(RIG, tmp_path / "twin", source=file))
    assert NAME in str(error.value)
    assert not (tmp_path / "twin").exists()


def test_other_refusals_are_one_line(tmp_path: Path, sound: Rows) -> None:
    other = written(tmp_path, sound, name="other.csv")
    for asked, message in (
        ({"source": other}, "--source-table"),
        ({"source": other, "source_table": "box_2032"}, "Did you mean box_2023"),
        ({"source": tmp_path / "none.csv"}, "no such file"),
        ({"source": tmp_path}, "is no recording"),
        ({"source": other, "scenario": "heater_degradation"}, "Give one of both"),
        ({"scenario": "heater_degradatoin"}, "Did you mean heater_degradation"),
        ({"time": "virtual"}, "needs a duration"),
        ({"source": other, "source_table": "box_2023", "time": "lockstep"}, "no wire"),
    ):
        with pytest.raises(HilError) as error:
            TwinRun(TwinRequest(RIG, tmp_path / "twin", **asked))  # type: ignore[arg-type]
        assert message in str(error.value)
        assert "\n" not in str(error.value)


def test_a_recording_of_the_bench_is_a_source_and_gives_the_same_estimate(tmp_path: Path) -> None:
    with open_bench(RIG, record=tmp_path / "recording") as bench:
        bench.set("box.P", 16.0)
        bench.run(3600)
        lived = bench["twin.power"]
    with TwinRun(TwinRequest(RIG, tmp_path / "twin", source=tmp_path / "recording", record=False)) as run:
        run.go()
        replayed = run.result().status["estimate"]["value"]["P"]
    assert replayed == pytest.approx(lived, abs=0.02)


def test_time_only_runs_forward_whatever_a_file_holds() -> None:
    rng = np.random.default_rng(5)
    for _ in range(300):
        n = int(rng.integers(2, 60))
        stamps = np.cumsum(rng.choice([3.0, 3.0, 3.0, 0.0, -3.0, -200.0, 50.0, 1e6, np.nan], n, p=PROBABILITIES))
        found: Timed = in_time(list(stamps), rng.normal(size=(n, 2)), late_s=60.0)
        assert (np.diff(found.time_s) > 0.0).all()
        assert len(found.rows) == len(set(found.rows)) == len(found.time_s)
        lost = n - len(found.rows)
        told = sum(m.rows for m in found.marks if m.kind in ("duplicate", "conflict", "too late", "no time"))
        assert told == lost, "every row that is left out is told"


PROBABILITIES = (0.4, 0.2, 0.1, 0.08, 0.08, 0.04, 0.05, 0.03, 0.02)


def test_marks_of_a_whole_file_do_not_drown_the_ledger(tmp_path: Path, sound: Rows) -> None:
    every_other = [[row[0], "nan" if k % 2 else row[1], *row[2:]] for k, row in enumerate(sound)]
    series = opened(tmp_path, every_other)
    assert series.counts()["no number"] == 300
    assert len(series.marks) <= 51
