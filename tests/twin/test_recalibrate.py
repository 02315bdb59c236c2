"""Recalibration: planted changes are found, what the data cannot tell or makes the hold-out worse is refused, and every
version can be gone back to.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hil import open_bench
from hil.cli import main
from hil.errors import HilError
from hil.rig import Rig, load_rig
from hil.twin.ledger import Ledger, audit
from hil.twin.recalibrate import Versions, contest, recalibrate, shadow

RIG = Path(__file__).resolve().parents[2] / "rigs" / "incubator"
DATA = Path(os.environ.get("HIL_DATA_DIR", RIG.parents[2] / "shared" / "data")) / "incubator"
WEAK_W = 14.0  # of a heater of 18.7 W


@pytest.fixture(scope="module")
def rig() -> Rig:
    loaded = load_rig(RIG)
    return replace(loaded, fit=replace(loaded.fit, parameters=("P",)))


def recorded(rig: Rig, folder: Path, *stretches: tuple[float, float]) -> Path:
    """The incubator with its thermostat: (seconds, power of the heater) one behind the other."""
    with open_bench(rig, record=folder) as bench:
        for seconds, power in stretches:
            bench.set("box.P", power)
            bench.run(seconds)
    return folder


@pytest.fixture(scope="module")
def weak(rig: Rig, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return recorded(rig, tmp_path_factory.mktemp("weak") / "rec", (3600, WEAK_W))


# ---- which of two predicts better ----


def noise(random: np.random.Generator, rows: int, rho: float, deviation: float = 1.0) -> np.ndarray:
    series = random.normal(0.0, deviation * np.sqrt(1 - rho**2), (1, rows))
    for k in range(1, rows):
        series[0, k] += rho * series[0, k - 1]
    return series


@pytest.mark.parametrize("rho", [0.0, 0.9])
def test_of_two_equals_neither_is_better_beyond_doubt(full: Callable[[int, int], int], rho: float) -> None:
    """One-sided at 2.5 %; with memory a bootstrap of short series promises a little too much."""
    runs = full(80, 600)
    random = np.random.default_rng(1)
    better = sum(contest(noise(random, 400, rho), noise(random, 400, rho), ["T"]).better for _ in range(runs))
    print(f"\n{better} of {runs} equal challengers were called better, rho {rho}")
    assert better / runs < 0.025 + 0.02 + 3 * np.sqrt(0.045 * 0.955 / runs)


def test_a_challenger_with_half_the_error_is_better_beyond_doubt() -> None:
    random = np.random.default_rng(2)
    found = contest(noise(random, 600, 0.8), noise(random, 600, 0.8, deviation=0.5), ["T"])
    assert found.better
    assert found.gain == pytest.approx(0.75, abs=0.15)
    assert found.low < found.gain < found.high


def test_rows_without_a_measurement_do_not_count() -> None:
    random = np.random.default_rng(3)
    a, b = noise(random, 200, 0.0), noise(random, 200, 0.0)
    a[0, ::3] = np.nan
    assert contest(a, b, ["T"]).rows == 133
    with pytest.raises(ValueError, match="no row"):
        contest(a * np.nan, b, ["T"])


# ---- the box ----


def test_a_weak_heater_is_found_and_predicts_better(rig: Rig, weak: Path) -> None:
    found = recalibrate(rig, weak)
    assert found.accepted, found.refused
    assert found.values["P"] == pytest.approx(WEAK_W, rel=0.01)
    assert found.champion == {"P": pytest.approx(18.7)}
    assert found.judged.better
    low, high = found.intervals["P"]
    assert low < WEAK_W < high
    deviation = float(np.sqrt(found.covariance[0][0]))
    assert (high - low) / 2 == pytest.approx(1.96 * deviation, rel=0.01)


def test_a_window_is_what_is_fitted(rig: Rig, tmp_path: Path) -> None:
    data = recorded(rig, tmp_path / "rec", (1800, 18.7), (2400, WEAK_W))
    found = recalibrate(rig, data, from_s=1800)
    assert found.values["P"] == pytest.approx(WEAK_W, rel=0.01)
    assert (found.from_s, found.rows) == (1800.0, 2400)


def test_a_change_that_does_not_last_is_refused_by_the_hold_out(rig: Rig, tmp_path: Path) -> None:
    data = recorded(rig, tmp_path / "rec", (2700, WEAK_W), (1200, 18.7))
    found = recalibrate(rig, data, hold_out=0.25)
    assert not found.accepted
    assert found.judged.worse
    assert any("the hold-out gets worse: RMSE T" in reason for reason in found.refused)


def test_what_the_data_cannot_tell_apart_is_refused_by_name(rig: Rig, weak: Path) -> None:
    found = recalibrate(rig, weak, wanted=replace(rig.fit, parameters=("P", "C_a", "C_h", "G_b", "G_h")))
    assert not found.accepted
    (reason,) = [text for text in found.refused if "cannot tell apart" in text]
    assert "P" in reason
    assert "C_a" in reason


def test_a_window_without_rows_is_named_with_what_there_is(rig: Rig, weak: Path) -> None:
    with pytest.raises(HilError, match=r"0 rows lie in the window, at least 8 are needed.*go from 0 to 3599 s"):
        recalibrate(rig, weak, from_s=1e6)


def test_a_real_box_is_recalibrated_or_the_reason_is_told() -> None:
    """Of the recording of 2023, with the values of 2020-21 in use: the hold-out improves. All four parameters together
    cannot be told by a thermostat's swing."""
    file = DATA / "calibration_2023-05.csv"
    if not file.exists():
        pytest.skip(f"no recording at {file}: set HIL_DATA_DIR to the folder that holds incubator/")
    loaded = load_rig(RIG)
    of_2021 = {"C_a": 177.63, "G_b": 0.77308, "C_h": 239.61, "G_h": 2.31873}
    all_four = recalibrate(loaded, file, champion=of_2021)
    print(f"\nall four: {all_four.refused}")
    assert any("the data" in reason and "C_h" in reason for reason in all_four.refused)
    told = recalibrate(loaded, file, champion=of_2021, wanted=replace(loaded.fit, parameters=("G_b", "C_a")))
    old, new = told.judged.rmse["T"]
    print(f"G_b, C_a: hold-out RMSE {old:.3f} -> {new:.3f} K, {told.refused}")
    assert new < old or told.refused
    assert told.accepted == (not told.refused)


# ---- versions ----


def test_versions_are_kept_put_into_use_and_gone_back_from(rig: Rig, weak: Path, tmp_path: Path) -> None:
    folder = tmp_path / "twin"
    found = recalibrate(rig, weak)
    with Ledger(folder) as ledger:
        versions = Versions(folder, ledger)
        assert (versions.champion, versions.challenger) == (0, None)
        first = versions.add(found, "the heater is weaker")
        assert versions.challenger == first
        assert first.named() == {"box.P": pytest.approx(WEAK_W, rel=0.01)}
        versions.promote(first.number, "won in shadow", evidence=found.judged.to_dict())
        assert (versions.champion, versions.challenger) == (1, None)
        second = versions.add(replace(found, values={"G_b": 0.6}), "trial")
        assert second.values == {**first.values, "G_b": 0.6}, "what the parent had stays"
        versions.promote(second.number, "I say so", person="Ada")
        assert versions.rollback("worse", person="Ada") == first.number
        assert versions.rollback("worse still") == 0
        with pytest.raises(HilError, match="the rig's own values are in use"):
            versions.rollback("once more")
    kinds = [(e.kind, e.body.get("what")) for e in Ledger(folder, write=False).entries()]
    assert kinds[1:] == [("model", "challenger"), ("model", "in use")] * 2 + [("model", "in use")] * 2
    assert audit(folder).verified


def test_a_refused_calibration_makes_no_version_and_is_told(rig: Rig, tmp_path: Path, weak: Path) -> None:
    folder = tmp_path / "twin"
    found = replace(recalibrate(rig, weak), refused=("the hold-out gets worse",))
    with Ledger(folder) as ledger:
        versions = Versions(folder, ledger)
        with pytest.raises(HilError, match="the calibration was refused"):
            versions.add(found, "try")
        versions.refuse(found, "try")
        assert versions.all() == []
    last = list(Ledger(folder, write=False).entries())[-1]
    assert (last.kind, last.body["what"], last.body["refused"]) == ("model", "refused", ["the hold-out gets worse"])


def test_a_challenger_runs_in_shadow_on_new_data(rig: Rig, weak: Path, tmp_path: Path) -> None:
    folder = tmp_path / "twin"
    with Ledger(folder) as ledger:
        versions = Versions(folder, ledger)
        assert shadow(rig, weak, versions) is None
        versions.add(recalibrate(rig, weak), "weaker")
        still_weak = recorded(rig, tmp_path / "still", (2400, WEAK_W))
        again_strong = recorded(rig, tmp_path / "again", (2400, 18.7))
        won, lost = shadow(rig, still_weak, versions), shadow(rig, again_strong, versions)
    assert won is not None
    assert won.better
    assert lost is not None
    assert lost.worse


def test_a_damaged_version_is_named(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "0001.json").write_text('{"number": 1')
    with pytest.raises(HilError, match=r"0001\.json: is no version of a model"):
        Versions(tmp_path).all()
    (tmp_path / "models" / "champion").write_text("one\n")
    with pytest.raises(HilError, match="champion: does not name the version in use"):
        _ = Versions(tmp_path).champion


# ---- the command line ----


def test_the_command_line_tells_the_story(
    rig: Rig, weak: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "twin"
    call = ["twin", "recalibrate", str(RIG), str(weak), "--dir", str(folder), "--param", "P", "--reason", "weak heater"]
    assert main([*call, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["version"] == 1
    assert main(["twin", "models", "promote", str(folder), "1", "--reason", "it is", "--person", "Ada"]) == 0
    assert main(["twin", "models", "list", str(folder), "--json"]) == 0
    assert json.loads(capsys.readouterr().out.partition("\n")[2])["in_use"] == 1
    assert main(["twin", "models", "rollback", str(folder), "--reason", "trial over"]) == 0
    assert main(["twin", "models", "promote", str(folder), "7", "--reason", "none"]) == 2
    assert "there is no version 7" in capsys.readouterr().err
    wide = [*call[:-4], "--param", "P", "--param", "C_a", "--param", "C_h", "--param", "G_h", "--reason", "all"]
    assert main(wide) == 1
    assert "Refused: the data cannot tell apart" in capsys.readouterr().out
