"""`hil twin forecast` and `hil twin whatif` as people and programs meet them."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

import hil
from hil.cli import main
from hil.twin.forecast import Belief, Limit, estimated, forecast

RIGS = Path(__file__).resolve().parents[2] / "rigs"
DATA = Path(os.environ.get("HIL_DATA_DIR", RIGS.parents[1] / "shared" / "data")) / "incubator"
DRIFTER = Path(__file__).parent / "rigs" / "drifter"
SHORT = ["--after", "600", "--members", "40", "--horizon", "900"]


def out_of(capsys: pytest.CaptureFixture[str], *arguments: object, code: int = 0) -> tuple[str, str]:
    assert main(["twin", *map(str, arguments)]) == code
    return tuple(capsys.readouterr())


def test_a_forecast_is_a_table_an_object_and_a_picture(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    text, _ = out_of(
        capsys, "forecast", "incubator", *SHORT, "--set", "setpoint.value=45", "--plot", tmp_path / "a.png"
    )
    assert "40 members from 600 s on" in text
    assert "box.air degC" in text
    assert "limit hot: crossed with" in text
    assert (tmp_path / "a.png").read_bytes()[:4] == b"\x89PNG"
    text, _ = out_of(capsys, "forecast", "incubator", *SHORT, "--set", "setpoint.value=45", "--json")
    found = json.loads(text)
    assert found["members"] == 40
    assert set(found["signals"]["box.air"]) == {"0.05", "0.5", "0.95"}
    assert found["limits"]["cold"]["probability"] == 1.0  # it has not warmed up yet
    assert found["drawn"]["box.P"]["deviation"] > 0.0


def test_the_same_in_python_is_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    found = json.loads(out_of(capsys, "forecast", "incubator", *SHORT, "--json")[0])
    with hil.open_bench("incubator", history=False) as bench:
        bench.run(600)
        belief = estimated(bench, "observer", "box", noise=True)
        ahead = forecast(bench, belief=belief, signals=["box.air"], members=40, horizon_s=900)
    assert found["signals"]["box.air"]["0.5"] == ahead.quantiles("box.air", [0.5])[0].tolist()


def test_a_whatif_compares_the_rigs_own_courses(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    text, _ = out_of(capsys, "whatif", "incubator", *SHORT, "--plot", tmp_path / "w.svg")
    for word in ("as it is", "cooler", "warmer", "pause", "cold_room", "energy", "quality", "wear", "crosses hot"):
        assert word in text
    assert "<svg" in (tmp_path / "w.svg").read_text()
    found = json.loads(out_of(capsys, "whatif", "incubator", *SHORT, "--scenario", "cold_room", "--json")[0])
    energy = next(d for d in found["differences"] if d["kpi"] == "energy")
    assert energy["scenario"] == "cold_room"
    assert energy["low"] > -1e-9


def test_courses_and_figures_of_ones_own(capsys: pytest.CaptureFixture[str]) -> None:
    more = ["--try", "setpoint.value=38", "--try", "setpoint.value=42,room.value=18", "--kpi", "end=box.air", "--json"]
    found = json.loads(out_of(capsys, "whatif", "incubator", *SHORT, *more)[0])
    assert list(found["scenarios"]) == ["as it is", "setpoint.value=38", "setpoint.value=42,room.value=18"]
    assert {d["kpi"] for d in found["differences"]} >= {"end", "energy"}


def test_a_snapshot_is_a_beginning(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with hil.open_bench("incubator", history=False) as bench:
        bench.run(600)
        (tmp_path / "now.bin").write_bytes(bench.snapshot())
    short = ["--members", "40", "--horizon", "900", "--json"]
    one = out_of(capsys, "forecast", "incubator", "--snapshot", tmp_path / "now.bin", *short)[0]
    other = out_of(capsys, "forecast", "incubator", "--after", "600", *short)[0]
    assert json.loads(one)["signals"] == json.loads(other)["signals"]


@pytest.mark.skipif(not DATA.is_dir(), reason=f"no recordings of real boxes in {DATA}")
def test_measured_data_lead_to_the_present(capsys: pytest.CaptureFixture[str]) -> None:
    """The box of 2023 where its data are at 3,000 s: the forecast begins there, with the room as measured."""
    file = DATA / "calibration_2023-05.csv"
    arguments = ["--source", file, "--after", "3000", "--members", "40", "--horizon", "600", "--json"]
    found = json.loads(out_of(capsys, "forecast", "incubator", *arguments)[0])
    assert found["started_s"] == pytest.approx(3000.0)
    assert 15.0 < found["signals"]["box.air"]["0.5"][0] < 60.0
    assert found["drawn"]["box.P"]["deviation"] > 0.0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["forecast", "incubator", "--name", "temperatur"], "temperature"),
        (["forecast", "incubator", "--signal", "box.ait", "--after", "10"], "box.air"),
        (["forecast", "incubator", "--set", "setpoint.value"], "--set"),
        (["forecast", "incubator", "--set", "box.P=9999", "--after", "10"], "box.P"),
        (["forecast", "incubator", "--plot", "a.doc", "--after", "10", "--members", "5"], ".doc"),
        (["forecast", str(DRIFTER)], "no twin"),
        (["whatif", "incubator", "--scenario", "colder"], "cooler"),
        (["whatif", "incubator", "--kpi", "x=sum(box.air)", "--after", "10"], "sum"),
        (["whatif", "incubator", "--kpi", "x"], "--kpi"),
        (["forecast", "incubator", "--snapshot", "a", "--source", "b"], "--snapshot"),
    ],
)
def test_mistakes_are_one_line_with_the_mend(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    _, errors = out_of(capsys, *arguments, code=2)
    assert len(errors.strip().splitlines()) == 1
    assert says in errors
    assert not list(tmp_path.iterdir())


def test_a_bench_with_a_board_is_forecast_on_the_simulated_binding() -> None:
    """Its controller is the firmware behind a link; the fork goes on with the same controller, here."""
    with hil.open_bench("incubator", time="lockstep", bind={"controller": "pil"}, history=False) as bench:
        bench.run(60)
        ahead = forecast(
            bench, belief=Belief.of({"box.P": (18.7, 0.5)}), signals=["box.air"], members=10, horizon_s=900, every_s=60,
            limits=[Limit("hot", "box.air", high=60.0)],
        )  # fmt: skip
        bench.run(900)
        came = bench["box.air"]
    with hil.open_bench("incubator", history=False) as bench:
        bench.run(960)
        assert came == bench["box.air"]
    low, high = ahead.values["box.air"][:, -1].min(), ahead.values["box.air"][:, -1].max()
    assert low - 0.5 < came < high + 0.5
    assert high > 25.0  # the simulated controller heats
