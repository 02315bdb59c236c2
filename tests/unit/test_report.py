"""A report is one small file that holds the whole story, whatever the signals are called."""

from __future__ import annotations

import base64
import html
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hil import analysis
from hil.errors import RecordingError
from hil.recording import Group, Recording, RecordingWriter
from hil.report import numbers, write_report
from hil.report.histogram import histogram

NASTY = "</script><img src=x onerror=alert(1)>"
LIMITS = {
    "sensor.h1": {"range": [-0.005, 0.255], "limits": [-0.05, None]},
    "plc.target": {"setpoint_of": "sensor.h1"},
}


def record(folder: Path, n: int = 20_000, extra: int = 0, **manifest: Any) -> Path:
    """A level loop with a sensor that is stuck from 8 s to 14 s, one spike, an overrun and a bus."""
    columns = [("plant.h1", "m"), ("sensor.h1", "m"), ("sensor.h1.raw", "m"), ("plc.target", "m"), ("pump.v1", "V")]
    columns += [("plc.running", "1"), (NASTY, "m<b>"), *((f"extra.x{i}", "Pa") for i in range(extra))]
    rng = np.random.default_rng(4)
    ticks = np.arange(n)
    values = np.zeros((n, len(columns)))
    values[:, 0] = 0.12 + 0.01 * np.sin(ticks / 3000)
    values[:, 1] = values[:, 2] = values[:, 0] + rng.normal(0, 1e-4, n)
    values[8000:14000, 1] = values[8000, 2]
    values[:, 3], values[:, 5] = 0.125, 1.0
    values[:, 4] = 3.0 + rng.normal(0, 0.01, n)
    values[n // 3, 4] = 9.5
    values[:, 6] = rng.normal(size=n)
    values[:, 7:] = rng.normal(size=(n, extra)).cumsum(axis=0)
    status = np.zeros((n, 1), np.uint8)
    status[8000:14000] = 4
    start = {
        "hil": "0.1.0",
        "rig": "tank",
        "time": "real",
        "period_s": 0.001,
        "limits": LIMITS,
        "bindings": {"plc": "pil"},
    }
    rig = {"rig": {"title": "Tank & <pump>"}, "files": {"rig.toml": "[rig]\nperiod_s = 0.001\n"}}
    writer = RecordingWriter(folder, rig, start | manifest, {"signals": Group(columns, status_columns=["sensor.h1"])})
    late, run = rng.lognormal(10, 0.4, n).astype(np.int64), rng.lognormal(8, 0.2, n).astype(np.int64)
    writer.write_rows("signals", ticks, late, run, values, status)
    writer.write_events(
        [
            {"tick": 8000, "kind": "fault_on", "target": "sensor.h1", "id": 1, "a": 0.1238, "b": 0.1233},
            {
                "tick": 9000,
                "kind": "overrun",
                "target": "plant",
                "id": 0,
                "a": 0.0012,
                "b": 1e-5,
                "text": "late 1.2 ms",
            },
            {"tick": 14000, "kind": "fault_off", "target": "sensor.h1", "id": 1},
            *({"tick": 15000 + i, "kind": "mark", "target": NASTY, "text": NASTY} for i in range(1500)),
        ]
    )
    timing = {"late_ns": analysis.sampled_histogram(late), "exec_ns": analysis.sampled_histogram(run)}
    counters = {
        "url": "modbus-tcp://127.0.0.1:5020",
        "requests": 2000,
        "timeouts": 3,
        "round_trip_ns": timing["late_ns"],
    }
    writer.close(
        {
            "ticks": n,
            "result": "passed",
            "state_hash": "0123456789abcdef",
            "overruns": 1,
            "lost_samples": 0,
            "timing": timing | {"blocks": {"plant": {"calls": n, "mean_ns": 400.0, "max_ns": 9000}}},
            "buses": {"plc": counters},
            "faults": [{"id": 1, "target": "sensor.h1", "text": "stuck", "start_tick": 8000, "end_tick": 14000}],
            "verdict": {
                "sentence": "Best effort",
                "granted": ["locked memory"],
                "missing": ["SCHED_FIFO 80 (refused)"],
            },
        }
    )
    return folder


def data_of(page: str) -> dict[str, Any]:
    match = re.search(r'<script id="data" type="application/json">(.*?)</script>', page, re.DOTALL)
    assert match
    found: dict[str, Any] = json.loads(match[1], parse_constant=pytest.fail)
    return found


def series_of(page: str, name: str) -> dict[str, Any]:
    return next(s for plot in data_of(page)["plots"] for s in plot["series"] if s["name"] == name)


def floats(text: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), "<f4")


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_report(record(tmp_path_factory.mktemp("report") / "r")).read_text(encoding="utf-8")


def test_the_story_is_told(page: str) -> None:
    text = html.unescape(re.sub(r"<[^>]*>", " ", page.split("<script", maxsplit=1)[0]))
    for words in (
        "Tank & <pump>",
        "passed",
        "Real time against the wire",
        "20.000 s, 20,000 ticks at 1000 Hz",
        "0123456789abcdef",
        "locked memory granted",
        "SCHED_FIFO 80 (refused) not granted",
        "sensor.h1 stuck cleared 8.000 s 14.000 s 6,000 0.1238 m 0.1233 m",
        "late 1.2 ms",
        "Timeouts 3",
        "The first 1,000 are shown; 503 more",
        "hil replay",
        "period_s = 0.001",
    ):
        assert words in " ".join(text.split()), words


def test_nothing_is_fetched(page: str) -> None:
    without_code = re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)
    assert not re.search(r'(?:src|href)\s*=\s*"(?!data:|#)', without_code)
    assert not re.search(r"url\(|@import", without_code)
    assert "fetch(" not in page
    assert "XMLHttpRequest" not in page


def test_names_cannot_become_markup(page: str) -> None:
    assert NASTY not in page
    assert "<img src=x" not in page
    assert html.escape(NASTY, quote=False) in page
    assert page.count("</script>") == 3
    assert series_of(page, NASTY)["name"] == NASTY


def test_the_spike_is_in_the_plot_and_lines_are_told_apart(page: str) -> None:
    assert floats(series_of(page, "pump.v1")["data"]).max() == pytest.approx(9.5)
    assert series_of(page, "plc.target")["setpoint"]
    assert series_of(page, "sensor.h1")["status"] == [["faulted", 8000, 14000]]
    assert series_of(page, "sensor.h1")["limits"] == [-0.05, None]
    assert series_of(page, "sensor.h1.raw")["raw"] is not None
    assert data_of(page)["faults"] == [{"target": "sensor.h1", "text": "stuck", "from": 8000, "to": 14000}]
    plots = data_of(page)["plots"]
    together = next({s["name"] for s in plot["series"]} for plot in plots if plot["unit"] == "m")
    assert together == {"plant.h1", "sensor.h1", "sensor.h1.raw", "plc.target"}
    assert [s["name"] for plot in plots if plot["digital"] for s in plot["series"]] == ["plc.running"]


def test_a_short_run_is_drawn_with_every_sample(page: str) -> None:
    sensor = floats(series_of(page, "sensor.h1")["data"])
    assert sensor.size == 20_000
    assert not any(plot["thinned"] for plot in data_of(page)["plots"])


def test_a_long_run_with_many_signals_stays_small(tmp_path: Path) -> None:
    path = write_report(record(tmp_path / "r", n=300_000, extra=60), tmp_path / "deep" / "long.html")
    assert path == tmp_path / "deep" / "long.html"
    assert path.stat().st_size < 5_000_000
    page = path.read_text(encoding="utf-8")
    assert floats(series_of(page, "pump.v1")["data"]).max() == pytest.approx(9.5), "one sample in 300,000"
    assert all(plot["thinned"] for plot in data_of(page)["plots"])
    rec = Recording(tmp_path / "r")
    drawn = floats(series_of(page, "extra.x41")["data"])
    assert drawn.min() == np.float32(rec["extra.x41"].min())


def test_the_safe_state_at_the_end_does_not_set_the_scale(tmp_path: Path) -> None:
    writer = RecordingWriter(
        tmp_path / "r", {"rig": {}}, {"period_s": 0.001, "time": "virtual"}, {"signals": Group([("valve.u", "V")])}
    )
    ticks = np.arange(5000)
    values = np.full((5000, 1), 7.0)
    values[4990:] = -100.0
    writer.write_rows("signals", ticks, ticks * 0, ticks * 0, values)
    writer.write_events([{"tick": 4990, "kind": "safe_on", "target": "valve.u"}])
    writer.close({"ticks": 5000})
    page = write_report(tmp_path / "r").read_text(encoding="utf-8")
    assert data_of(page)["tail"] == 4990
    assert series_of(page, "valve.u")["min"] == 7.0
    assert data_of(page)["timing"] is None, "virtual time has no lateness"


def test_an_incomplete_recording_says_so(tmp_path: Path) -> None:
    folder = record(tmp_path / "r")
    manifest = json.loads((folder / "manifest.json").read_text())
    kept = {key: manifest[key] for key in ("format", "rig", "time", "period_s", "started")}
    (folder / "manifest.json").write_text(json.dumps(kept | {"complete": False}))
    signals = folder / "signals.arrows"
    signals.write_bytes(signals.read_bytes()[:-5000])
    text = write_report(folder).read_text(encoding="utf-8")
    assert "<strong>incomplete</strong>" in text
    assert "The last batch of signals.arrows is torn" in text


def test_an_empty_recording_still_has_a_report(tmp_path: Path) -> None:
    RecordingWriter(tmp_path / "r", {}, {"period_s": 0.001}, {"signals": Group([("a", "m")])}).close({"ticks": 0})
    assert "Nothing happened" in write_report(tmp_path / "r").read_text(encoding="utf-8")


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    folder = record(tmp_path / "r", n=15_000)
    (tmp_path / "file").write_text("")
    with pytest.raises(RecordingError, match="cannot be written"):
        write_report(folder, tmp_path / "file" / "report.html")


def test_histograms_count_everything_once() -> None:
    values = np.random.default_rng(7).lognormal(10, 1.0, 5000)
    drawn = histogram(analysis.sampled_histogram(values), "Lateness", "", period_ns=1e6)
    assert drawn is not None
    assert drawn.total == 5000
    assert "<rect" in drawn.svg
    assert ">period<" in drawn.svg
    assert histogram({"edges": [], "counts": []}, "", "") is None
    assert histogram({"edges": [0, 1], "counts": [4], "p50": None, "max": 0}, "", "") is not None


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (0, "0 ns"),
        (412, "412 ns"),
        (1234, "1.23 µs"),
        (999_600, "1.00 ms"),
        (2.5e9, "2.50 s"),
        (None, "–"),
        (float("nan"), "–"),
    ],
)
def test_durations_are_readable(ns: float | None, text: str) -> None:
    assert numbers.duration(ns) == text


@pytest.mark.parametrize(
    ("x", "text"), [(0.0, "0"), (0.123456789, "0.12346"), (3.0, "3"), (1e-9, "1.0000e-09"), (120.0, "120"), (None, "–")]
)
def test_values_are_short(x: float | None, text: str) -> None:
    assert numbers.value(x) == text


@pytest.mark.skipif(shutil.which("chromium") is None, reason="chromium is not installed")
def test_a_browser_draws_it_without_an_error(tmp_path: Path) -> None:
    path = write_report(record(tmp_path / "r"))
    done = subprocess.run(
        [
            *("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
            *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
            *(f"--user-data-dir={tmp_path / 'profile'}", "--enable-logging=stderr", "--virtual-time-budget=3000"),
            *("--dump-dom", path.as_uri()),
        ],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert "CONSOLE" not in done.stderr, done.stderr
    plots = len(data_of(path.read_text(encoding="utf-8"))["plots"]) + 1
    assert done.stdout.count("<canvas") == plots
    assert done.stdout.count('class="n now"') == 8 + 1
    assert "0.000 s to 20.000 s" in done.stdout
