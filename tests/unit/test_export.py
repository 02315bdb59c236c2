"""Exports hold the same numbers as the recording, and no half file has a name."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pa_parquet
import pytest

from hil.errors import HilError, RecordingError
from hil.export import export
from hil.recording import Group, Recording, RecordingWriter


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    groups = {
        "signals": Group([("tank.level", "m"), ('odd,"name"', "m/s^2")], status_columns=["tank.level"]),
        "slow": Group([("plc.temperature", "degC")], every=10),
    }
    writer = RecordingWriter(tmp_path / "r", {"rig": {}}, {"rig": "tank", "period_s": 0.001}, groups)
    ticks = np.arange(500)
    values = np.random.default_rng(3).normal(size=(500, 2)) * 1e-3
    values[4, 0] = np.nan
    for at in range(0, 500, 100):
        part = slice(at, at + 100)
        writer.write_rows(
            "signals", ticks[part], ticks[part], ticks[part], values[part], np.full((100, 1), 2, np.uint8)
        )
        writer.flush()
    writer.write_rows("slow", ticks[::10], ticks[::10], ticks[::10], ticks[::10, None] * 0.1)
    writer.write_events([{"tick": 3, "kind": "mark"}])
    writer.close({"ticks": 500})
    return tmp_path / "r"


def test_csv_gives_the_same_doubles_back(folder: Path, tmp_path: Path) -> None:
    written = export(folder, "csv", tmp_path / "out.csv", unit_row=True)
    assert [path.name for path in written] == ["out.csv", "out.slow.csv"]
    with written[0].open(newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["time_s", "tank.level", 'odd,"name"', "tank.level|status"]
    assert rows[1] == ["s", "m", "m/s^2", ""]
    rec = Recording(folder)
    assert np.array_equal([float(row[1]) for row in rows[2:]], rec["tank.level"], equal_nan=True)
    assert np.array_equal([float(row[2]) for row in rows[2:]], rec['odd,"name"'])
    assert np.array_equal([float(row[0]) for row in rows[2:]], rec.time_s())
    assert {row[3] for row in rows[2:]} == {"2"}


def test_csv_has_no_unit_row_unless_asked(folder: Path) -> None:
    first, _ = export(folder)
    assert first == folder / "signals.csv"
    assert len(first.read_text().splitlines()) == 501


def test_parquet_keeps_units_and_manifest(folder: Path) -> None:
    main, slow = export(folder, "parquet")
    table = pa_parquet.read_table(main)
    assert table.schema.field("tank.level").metadata[b"unit"] == b"m"
    assert json.loads(table.schema.metadata[b"hil.manifest"])["rig"] == "tank"
    assert np.array_equal(table["tank.level"].to_numpy(), Recording(folder)["tank.level"], equal_nan=True)
    assert pa_parquet.read_table(slow)["time_s"].to_pylist()[:2] == [0.0, 0.01]


def test_mf4_is_read_by_asammdf(folder: Path) -> None:
    asammdf = pytest.importorskip("asammdf")
    (path,) = export(folder, "mf4")
    with asammdf.MDF(path) as mdf:
        level = mdf.get("tank.level")
        assert level.unit == "m"
        assert np.array_equal(level.samples, Recording(folder)["tank.level"], equal_nan=True)
        assert np.array_equal(level.timestamps, Recording(folder).time_s())
        assert len(mdf.get("plc.temperature").samples) == 50
        assert {Path(block.file_name).name for block in mdf.attachments} == {
            "manifest.json",
            "rig.json",
            "events.jsonl",
        }


def test_a_missing_asammdf_is_one_line_with_the_mend(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "asammdf", None)
    with pytest.raises(HilError, match=r'needs asammdf.*pip install "hil\[mf4\]"'):
        export(folder, "mf4")
    assert not (folder / "signals.mf4").exists()


def test_an_unknown_format_names_the_known_ones(folder: Path) -> None:
    with pytest.raises(HilError, match=r'"xlsx" is not a format\. Use one of csv, parquet, mf4'):
        export(folder, "xlsx")


@pytest.mark.parametrize("to", ["csv", "parquet", "mf4"])
def test_a_place_that_cannot_be_written(folder: Path, to: str) -> None:
    if to == "mf4":
        pytest.importorskip("asammdf")
    with pytest.raises(RecordingError, match="cannot be written"):
        export(folder, to, folder / "rig.json" / f"x.{to}")


def test_a_torn_recording_is_exported_up_to_there(folder: Path) -> None:
    path = folder / "signals.arrows"
    path.write_bytes(path.read_bytes()[:-200])
    first, _ = export(folder)
    assert len(first.read_text().splitlines()) == 401
    assert not list(folder.glob(".*")), "nothing half-written is left"
