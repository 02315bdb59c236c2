"""`hil report` and `hil export` on a capture, and captures on the page of the run that asked for them."""

from __future__ import annotations

import csv
import html
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pa_parquet
import pytest

import hil
from hil.recording import Recording

Cli = Callable[..., subprocess.CompletedProcess[str]]
TRIGGER, PRE, POST = 250, 100, 200  # ticks


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose outputs go safe in a window, with four captures: finished, shortened, open at the end, never."""
    place = tmp_path_factory.mktemp("captures") / "run"
    with hil.open_bench("quad_tank", time="virtual", record=place) as bench:
        bench.force("hmi.setpoint_h1", 0.15, at=TRIGGER / 1e3)
        trigger = "hmi.setpoint_h1 > 0.14"
        names = ["sensor.h1", "pump.v1", "hmi.setpoint_h1"]
        bench.capture(names, trigger, PRE / 1e3, POST / 1e3, name="step")
        bench.capture(names, trigger, 0.5, 0.1, name="early")
        bench.capture(names, trigger, 0.1, 60.0, name="open")
        bench.capture(names, "sensor.h1 > 9", 0.1, 0.1, name="never", timeout_s=0.3)
        bench.run(0.3)
        bench.safe()
        bench.run(0.3)
    return place


def _page(cli: Cli, folder: Path, out: Path) -> tuple[str, dict[str, Any]]:
    done = cli("report", folder, "--out", out)
    assert done.returncode == 0, done.stderr
    text = out.read_text(encoding="utf-8")
    match = re.search(r'<script id="data" type="application/json">(.*?)</script>', text, re.DOTALL)
    assert match
    return text, json.loads(match[1])


def _rows(text: str) -> dict[str, list[str]]:
    """The table of captures: name -> cells."""
    section = text.partition('<section id="captures">')[2].partition("</section>")[0]
    rows = [re.findall(r"<td[^>]*>(.*?)</td>", row, re.DOTALL) for row in section.split("<tr>")[2:]]
    cells = [[html.unescape(re.sub(r"<[^>]*>", "", cell)).strip() for cell in row] for row in rows]
    return {row[0]: row[1:] for row in cells}


def test_a_capture_has_a_page_whose_time_counts_from_its_trigger(hil: Cli, folder: Path, tmp_path: Path) -> None:
    capture = folder / "captures" / "step"
    text, data = _page(hil, capture, tmp_path / "page.html")
    first, last = TRIGGER - PRE, TRIGGER + POST
    assert (data["first"], data["origin"], data["ticks"]) == (first, TRIGGER, last + 1)
    assert data["marks"] == [{"tick": TRIGGER, "text": "trigger"}]
    assert data["plots"][0]["first"] == first
    assert data["tail"] == data["ticks"], "outputs at their safe values are what was to be seen"
    assert "0.301 s, 301 ticks at 1000 Hz" in text
    assert "hmi.setpoint_h1 &gt; 0.14 at 0.250 s, tick 250" in text
    assert "hil replay" not in text
    row = _rows(text)["step"]
    assert row[:6] == ["hmi.setpoint_h1 > 0.14", "finished", "250", "0.250 s", "0.100 s", "0.200 s"]
    assert row[6] == str(capture)


def test_the_run_lists_its_captures(hil: Cli, folder: Path, tmp_path: Path) -> None:
    text, data = _page(hil, folder, tmp_path / "page.html")
    assert (data["first"], data["origin"]) == (0, 0)
    assert data["marks"] == [{"tick": TRIGGER, "text": name} for name in ("step", "early", "open")]
    rows = _rows(text)
    assert [(name, row[1], row[2]) for name, row in rows.items()] == [
        ("step", "finished", "250"),
        ("early", "finished", "250"),
        ("open", "aborted", "250"),
        ("never", "timeout", "–"),
    ]
    assert rows["step"][4:7] == ["0.100 s", "0.200 s", "captures/step"]
    assert rows["early"][4:6] == ["0.250 s of 0.500 s", "0.100 s"]
    assert "250 of 500 ticks before the trigger" in rows["early"][7]
    assert rows["open"][5] == "0.349 s of 60.000 s"
    assert rows["never"][4:7] == ["0.100 s asked for", "0.100 s asked for", ""]


def test_it_is_exported_like_any_other(hil: Cli, folder: Path, tmp_path: Path) -> None:
    capture = Recording(folder / "captures" / "step")
    run = Recording(folder)
    for kind in ("csv", "parquet", "mf4"):
        out = tmp_path / f"signals.{kind}"
        done = hil("export", capture.folder, "--to", kind, "--out", out)
        assert done.returncode == 0, done.stderr
    window = slice(TRIGGER - PRE, TRIGGER + POST + 1)
    with (tmp_path / "signals.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    column = next(name for name in rows[0] if name.startswith("pump.v1"))
    assert np.array_equal([float(row[column]) for row in rows], run["pump.v1"][window])
    table = pa_parquet.read_table(tmp_path / "signals.parquet")
    assert np.array_equal(table["pump.v1"].to_numpy(), run["pump.v1"][window])
    assert table["time_s"][0].as_py() == pytest.approx((TRIGGER - PRE) / 1e3)
    asammdf = pytest.importorskip("asammdf")
    with asammdf.MDF(tmp_path / "signals.mf4") as mdf:
        assert np.array_equal(mdf.get("pump.v1").samples, run["pump.v1"][window])


@pytest.mark.skipif(shutil.which("chromium") is None, reason="chromium is not installed")
def test_a_browser_draws_it_without_an_error(hil: Cli, folder: Path, tmp_path: Path) -> None:
    _page(hil, folder / "captures" / "step", tmp_path / "page.html")
    done = subprocess.run(
        [
            *("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
            *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
            *(f"--user-data-dir={tmp_path / 'profile'}", "--enable-logging=stderr", "--virtual-time-budget=3000"),
            *("--dump-dom", (tmp_path / "page.html").as_uri()),
        ],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert "CONSOLE" not in done.stderr, done.stderr
    assert "-0.100 s to 0.201 s" in done.stdout
