"""Plots and pandas objects of benches and recordings: the values of the run, with units, at every kind of input."""

from __future__ import annotations

import io
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import hil
from hil.errors import HilError
from hil.notebook.spans import marks_of, spans_of

pd = pytest.importorskip("pandas", reason="pandas is not installed")
pytest.importorskip("matplotlib", reason="matplotlib is not installed")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[hil.Bench, hil.Recording]:
    folder = tmp_path_factory.mktemp("run") / "rec"
    with hil.open_bench("quad_tank", record=folder) as bench:
        bench.fault("sensor.h1=stuck@0.2s..0.4s")
        bench.run(0.1)
        bench.force("pump.v1", 2.0)
        bench.mark("<by hand>")
        bench.run(0.4)
        bench.release("pump.v1")
        bench.run(0.5)
    return bench, hil.Recording(folder)


# ---- tables ----


def test_a_table_has_the_recorded_bits_and_their_units(run) -> None:
    bench, recording = run
    for table in (bench.to_pandas(), recording.to_pandas()):
        assert list(table.columns) == recording.names
        assert table.index.name == "time_s"
        assert table.index.to_numpy().tobytes() == recording.time_s().tobytes()
        for name in recording.names:
            assert table[name].to_numpy().tobytes() == recording[name].tobytes()
        assert table.attrs["units"] == recording.units
        assert (table.attrs["rig"], table.attrs["period_s"]) == ("quad_tank", 0.001)


def test_an_index_of_times_is_exact_and_one_of_ticks_whole(run) -> None:
    _, recording = run
    times = recording.to_pandas("sensor.h1", index="timedelta").index
    assert (times == pd.to_timedelta(np.arange(1000) * 1_000_000, unit="ns")).all()
    assert recording.to_pandas("sensor.h1", index="tick").index.tolist() == list(range(1000))
    with pytest.raises(HilError, match=r"index 'ms' is not known. Use one of time_s, timedelta, tick"):
        recording.to_pandas(index="ms")


def test_status_stands_beside_the_values_of_a_recording(run) -> None:
    bench, recording = run
    table = recording.to_pandas(["pump.v1", "sensor.h1"], status=True)
    assert list(table.columns) == ["pump.v1", "sensor.h1", "pump.v1|status", "sensor.h1|status"]
    assert (table["sensor.h1|status"].loc[0.2:0.399] & 4 == 4).all()
    assert table["sensor.h1|status"].loc[0.401:].eq(0).all()
    assert (table["pump.v1|status"].loc[0.1:0.499] & 2 == 2).all()
    with pytest.raises(HilError, match=r"keeps no status of past ticks. Record the run"):
        bench.to_pandas(status=True)


def test_events_are_a_table(run) -> None:
    _, recording = run
    table = recording.events_to_pandas()
    assert len(table) == len(recording.events)
    fault = table[table.kind == "fault_on"]
    assert fault.index.tolist() == [0.2]
    assert fault[["tick", "target"]].to_numpy().tolist() == [[200, "sensor.h1"]]
    assert table[table.kind == "mark"].text.tolist() == ["<by hand>"]


def test_a_bench_that_has_not_run_has_empty_tables() -> None:
    with hil.open_bench("quad_tank") as bench:
        assert bench.to_pandas("sensor.*").shape == (0, 4)
        assert bench.events_to_pandas().shape[0] == 0
        with pytest.raises(HilError, match=r"quad_tank: there are no rows to plot. Run the bench first"):
            bench.plot()
        assert "at rest" in bench._repr_html_()


def test_groups_of_different_rates_share_a_table(tmp_path: Path, rig_copy: Callable[..., Path]) -> None:
    rig = rig_copy("quad_tank")
    text = (rig / "rig.toml").read_text()
    assert "record" not in tomllib.loads(text)
    more = '\n[record.signals]\nnames = ["sensor.h1"]\n\n[record.slow]\nnames = ["pump.v1"]\nevery = 100\n'
    (rig / "rig.toml").write_text(text + more)
    with hil.open_bench(rig, record=tmp_path / "rec") as bench:
        bench.run(1)
        with pytest.raises(HilError, match="keeps its first recorded group in memory: record the run"):
            bench.plot("pump.v1")
    recording = hil.Recording(tmp_path / "rec")
    table = recording.to_pandas(["pump.v1", "sensor.h1"], status=True)
    assert len(table) == 1000
    assert table["sensor.h1"].notna().all()
    slow = table["pump.v1"].dropna()
    assert slow.to_numpy().tobytes() == recording["pump.v1"].tobytes()
    assert len(slow) == 10
    assert str(table["pump.v1|status"].dtype) == "UInt8"
    assert len(recording.plot(["pump.v1", "sensor.h1"]).axes) == 2


# ---- plots ----


def lines(axes) -> dict:
    return {line.get_label(): line for line in axes.get_lines() if not line.get_label().startswith("_")}


def test_a_plot_shows_the_values_in_one_axes_for_each_unit(run) -> None:
    for source in run:
        figure = source.plot(["sensor.h1", "pump.v1", "plant.h1"])
        level, pump = figure.axes
        assert (level.get_ylabel(), pump.get_ylabel()) == ("m", "V")
        assert list(lines(level)) == ["sensor.h1", "plant.h1"]
        drawn = lines(pump)["pump.v1"]
        assert np.array_equal(drawn.get_ydata(), run[1]["pump.v1"])
        assert np.array_equal(drawn.get_xdata(), run[1].time_s())


def test_units_are_for_the_eye(run) -> None:
    bench, recording = run
    figure = recording.plot(["sensor.h1", "plant.h1"], units={"m": "cm", "plant.h1": "mm"})
    cm, mm = figure.axes
    assert (cm.get_ylabel(), mm.get_ylabel()) == ("cm", "mm")
    assert np.allclose(lines(cm)["sensor.h1"].get_ydata(), 100 * recording["sensor.h1"], rtol=1e-15)
    with pytest.raises(HilError, match="unit 'm' does not convert to 'V'"):
        bench.plot("sensor.h1", units={"m": "V"})
    with pytest.raises(HilError, match="units: 'Pa' is neither a plotted signal nor the unit of one"):
        bench.plot("sensor.h1", units={"Pa": "bar"})


def test_what_happened_is_marked_where_it_acted(run) -> None:
    figure = run[0].plot(["sensor.h1", "pump.v1"])
    labels = [[patch.get_label() for patch in axes.patches] for axes in figure.axes]
    assert labels == [["sensor.h1=stuck@0.2s..0.4s"], ["pump.v1 forced"]]
    assert [text.get_text() for text in figure.axes[0].texts] == ["<by hand>"]
    assert not run[0].plot(["sensor.h1"], events=False).axes[0].patches
    late = run[0].plot(["sensor.h1", "pump.v1"], start_s=0.6)
    assert [len(axes.patches) for axes in late.axes] == [0, 0]


def test_a_window_of_time_is_exact_to_the_tick(run) -> None:
    axes = run[1].plot("sensor.h1", start_s=0.3, end_s=0.5).axes[0]
    t_s = lines(axes)["sensor.h1"].get_xdata()
    assert (round(t_s[0] * 1000), round(t_s[-1] * 1000), len(t_s)) == (300, 500, 201)


def test_a_long_run_is_drawn_with_few_points_and_all_extremes() -> None:
    with hil.open_bench("quad_tank") as bench:
        bench.force("sensor.h1", 0.15)
        bench.run(0.001)
        bench.release("sensor.h1")
        bench.run(30)
        line = lines(bench.plot("sensor.h1").axes[0])["sensor.h1"]
        assert len(line.get_xdata()) <= 4000
        assert line.get_ydata().max() == bench.history("sensor.h1").max() == 0.15


def test_a_figure_needs_no_display_and_opens_no_window(run) -> None:
    assert "matplotlib.pyplot" not in sys.modules or not sys.modules["matplotlib.pyplot"].get_fignums()
    figure = run[1].plot()
    assert figure._repr_png_().startswith(b"\x89PNG")
    file = io.BytesIO()
    figure.savefig(file, format="svg")
    assert b"<svg" in file.getvalue()


def test_a_bench_in_the_background_can_be_plotted_all_the_time() -> None:
    with hil.open_bench("quad_tank") as bench:
        bench.start()
        bench.wait_until("plant.h1 > 0", timeout_s=10)
        sizes = []
        for _ in range(20):
            table = bench.to_pandas("sensor.*")
            sizes.append(len(table))
            assert "runs" in bench._repr_html_()
            if len(table):
                assert (np.diff(bench.to_pandas("sensor.h1", index="tick").index) == 1).all()
                bench.plot("sensor.h1")
        bench.stop()
    assert sizes == sorted(sizes)
    assert sizes[-1] > sizes[0]


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda s: s.plot("sensor.h9"), "there are no recorded values of 'sensor.h9'. Did you mean sensor.h"),
        (lambda s: s.to_pandas(["sensr.h1"]), "no recorded values of 'sensr.h1'. Did you mean sensor.h1?"),
        (lambda s: s.plot("motor.*"), "no signal has a name like 'motor.*'"),
        (lambda s: s.plot([["sensor.h1", "pump.v1"]]), "sensor.h1 in 'm' and pump.v1 in 'V' cannot share an axis"),
        (lambda s: s.plot([]), "there is no signal to plot"),
        (lambda s: s.plot([3]), '3 is no name of a signal. Write it like "sensor.h1"'),
        (lambda s: s.plot("sensor.h1", start_s=2, end_s=1), "start_s = 2 is not before end_s = 1"),
        (lambda s: s.plot("sensor.h1", start_s=float("nan")), "start_s = nan is not before"),
        (lambda s: s.plot("sensor.h1", start_s=50), "there are no rows to plot. Give other times"),
        (lambda s: s.plot([["sensor.h1"]] * 13), "13 signals need 13 axes, at most 12 are drawn"),
    ],
)
def test_what_cannot_be_shown_is_told_in_one_line(run, call: Callable, text: str) -> None:
    for source in run:
        with pytest.raises(HilError) as caught:
            call(source)
        assert text in str(caught.value)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("package", "call"), [("pandas", "to_pandas"), ("matplotlib.figure", "plot")])
def test_without_the_extra_the_error_says_what_to_install(run, package: str, call: str, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.delitem(sys.modules, "hil.notebook.plot", raising=False)
    with pytest.raises(HilError, match=r"is not installed. Install it with: pip install 'hil\[notebook\]'"):
        getattr(run[0], call)()


# ---- what a cell shows ----


def test_a_cell_shows_a_recording_and_what_is_wrong_with_it(run, tmp_path: Path) -> None:
    whole = run[1]._repr_html_()
    assert "1 s, 1,000 ticks of 0.001 s" in whole
    bench = hil.open_bench("quad_tank", record=tmp_path / "<b>")
    bench.run(0.1)
    bench.close()  # without an end
    page = hil.Recording(tmp_path / "<b>")._repr_html_()
    assert "problem" in page
    assert "&lt;b&gt;" in page
    assert "<b>" not in page
    assert "ended, passed" in run[0]._repr_html_()


def test_spans_of_faults_on_one_signal_end_by_their_id() -> None:
    def event(kind: str, time_s: float, number: int, target: str = "a") -> dict:
        return {"kind": kind, "time_s": time_s, "id": number, "target": target, "text": f"f{number}"}

    events = [event("fault_on", 1, 1), event("fault_on", 2, 2), event("fault_off", 3, 1), event("forced", 4, 7)]
    events += [event("forced", 5, 8), event("released", 6, 9), event("mark", 6, 4), event("released", 7, 9)]
    assert [tuple(span) for span in spans_of(events, 10.0)] == [
        ("fault", "a", "f1", 1.0, 3.0),
        ("fault", "a", "f2", 2.0, 10.0),
        ("force", "a", "a forced", 4.0, 6.0),
    ]
    assert [tuple(mark) for mark in marks_of(events)] == [(6.0, "f4")]
