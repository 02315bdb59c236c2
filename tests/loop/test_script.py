"""Timed scripts: one CSV that sets, arms faults and expects, unchanged in virtual time, lock-step and real time."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

import hil
from hil.cli import main
from hil.errors import HilError
from hil.recording import Recording
from hil.replay import replay
from hil.report import write_report
from hil.requirements.in_rig import Judged
from hil.script import ScriptError, read_script, with_script
from hil.script.play import Played, play

START_UP = Path(__file__).resolve().parents[2] / "rigs" / "quad_tank" / "start_up.csv"
HEADER = "time,signal,value,fault,expect,until,tolerance,within,hold,comment\n"


@pytest.fixture(scope="module")
def tanks(rig_copy: Callable[..., Path]) -> Path:
    return rig_copy("quad_tank")


def written(folder: Path, *rows: str, header: str = HEADER) -> Path:
    file = folder / "script.csv"
    file.write_text(header + "".join(row + "\n" for row in rows))
    return file


# ---- the shipped start-up test ----


@pytest.mark.parametrize(
    "options", [{}, {"time": "lockstep", "bind": {"plc": "pil"}}, {"time": "real"}], ids=["virtual", "lockstep", "real"]
)
def test_the_start_up_test_runs_unchanged_in_every_kind_of_time(
    options: dict[str, Any], tanks: Path, tmp_path: Path
) -> None:
    found = play(tanks, START_UP, record=tmp_path / "rec", **options)
    assert found.passed, found.broken
    assert len(found.judged) == 6
    events = Recording(tmp_path / "rec").events
    fired = {(e["kind"], e["tick"]) for e in events}
    assert ("event", 500) in fired
    assert ("fault_on", 6000) in fired
    assert ("fault_off", 8000) in fired
    assert {"tank 1 fills", "nothing has tripped"} <= {e.get("text") for e in events if e["kind"] == "mark"}
    assert replay(tmp_path / "rec")["identical"]


def test_virtual_time_and_the_emulated_plc_in_lock_step_give_the_same_values(tanks: Path, tmp_path: Path) -> None:
    play(tanks, START_UP, record=tmp_path / "a")
    play(tanks, START_UP, record=tmp_path / "b", time="lockstep", bind={"plc": "pil"})
    a, b = Recording(tmp_path / "a"), Recording(tmp_path / "b")
    for name in ("sensor.h1", "sensor.h2", "pump.v1", "pump.v2"):
        assert np.array_equal(a[name], b[name]), name


# ---- what rows mean ----


def test_rows_set_force_release_and_fault_at_their_ticks(tanks: Path, tmp_path: Path) -> None:
    file = written(
        tmp_path,
        "100ms,plant.k1,2e-6,,,,,,,",
        "0.2,sensor.h1,15cm,,,0.3,,,,",
        "0.25,sensor.h2,0.1,,,,,,,",
        "0.35,sensor.h2,release,,,,,,,",
        "0.4,sensor.h1,,bias(1cm),,0.5,,,,",
    )
    with hil.open_bench(tanks, script=file) as bench:
        bench.run(0.6)
        h1, h2, plant = bench.history("sensor.h1"), bench.history("sensor.h2"), bench.history("plant.h1")
        assert bench["plant.k1"] == 2e-6
    assert h1[199] != 0.15
    assert np.all(h1[200:300] == 0.15)
    assert h1[300] != 0.15
    assert np.all(h2[250:350] == 0.1)
    assert h2[350] != 0.1
    assert np.all(h1[400:500] - plant[400:500] > 0.009)
    assert np.all(np.abs(h1[500:] - plant[500:]) < 0.002)


@pytest.mark.parametrize(
    ("row", "holds"),
    [
        ("0.1,sensor.h1,,,15cm,,1mm,,,", True),
        ("0.1,sensor.h1,,,0.149,,1mm,,,", True),
        ("0.1,sensor.h1,,,0.148,,1mm,,,", False),
        ("0.1,sensor.h1,,,< 0.15,,,,,", False),
        ("0.1,sensor.h1,,,<= 0.15,,,,,", True),
        ("0.1,sensor.h1,,,!= 0.15,,,,,", False),
        ("0.1,sensor.h1,,,= 0.15,,,,,", True),
        ("0.1,sensor.h1,,,0.15,,,,50ms,", True),
        ("0.1,sensor.h1,,,0.15,,,,150ms,", False),
        ("0,sensor.h1,,,0.15,,,50ms,,", False),
        ("0,sensor.h1,,,0.15,,,0.1s,,", True),
        ("0,sensor.h1,,,0.15,,,0.1s,90ms,", True),
        ("0,sensor.h1,,,0.15,,,0.1s,110ms,", False),
    ],
)
def test_expectations_have_tolerance_delay_and_duration(row: str, holds: bool, tanks: Path, tmp_path: Path) -> None:
    """sensor.h1 is 0.15 m from 0.1 s to 0.2 s."""
    force = "0.1,sensor.h1,15cm,,,0.2,,,,"
    rows = (row, force) if row.startswith("0,") else (force, row)
    found = play(tanks, written(tmp_path, *rows))
    assert found.passed == holds, found.broken
    if not holds:
        assert found.broken[0].startswith(f"script.csv:{rows.index(row) + 2}: broken: expected sensor.h1 ")


def test_a_thousand_rows_are_more_than_the_queue_takes_at_once(tanks: Path, tmp_path: Path) -> None:
    rows = [f"{k / 1000!r},plant.k1,{1e-6 + k * 1e-9!r},,,,,,," for k in range(1000)]
    with hil.open_bench(tanks, script=written(tmp_path, *rows), record=tmp_path / "rec") as bench:
        for k in (0, 1, 499, 999):
            bench.run((k + 1) / 1000 - bench.time_s)
            assert bench["plant.k1"] == 1e-6 + k * 1e-9
        assert not [e for e in bench.events if e["kind"] == "refused"]
        bench.set("plant.k1", 3e-6)  # and there is room for a person
        bench.run(0.001)
        assert bench["plant.k1"] == 3e-6
    assert replay(tmp_path / "rec")["identical"]


def test_semicolons_decimal_commas_and_a_byte_order_mark_of_a_spreadsheet(tanks: Path, tmp_path: Path) -> None:
    file = tmp_path / "excel.csv"
    text = "﻿time;signal;value;expect;tolerance\r\n0,1;sensor.h1;0,15;;\r\n0,2;sensor.h1;;0,1495;0,001\r\n;;;;\r\n"
    file.write_text(text, encoding="utf-8")
    assert play(tanks, file).passed


# ---- what is wrong is told before anything runs ----

MISTAKES = [
    ("1,sensor.h9,,,1,,,,,", "2:signal", "there is no signal 'sensor.h9'. Did you mean sensor.h"),
    ("1,sensor.h9,1,,,,,,,", "2:signal", "'sensor.h9' can be neither set nor forced"),
    ("1,sensor.h1,,stuk,,,,,,", "2:fault", "there is no fault 'stuk'. Did you mean stuck?"),
    ("1,sensor.h1,,stuck@3s,,,,,,", "2:fault", "has a time in it. The columns time and until say when"),
    ("1,sensor.h1,,bias(3 V),,,,,,", "2:fault", "V cannot become m"),
    ("1,sensor.h1,high,,,,,,,", "2:value", "'high' is not a number. Write 0.12, or 12cm"),
    ("1,sensor.h1,3 V,,,,,,,", "2:value", "V"),
    ("1,sensor.h1,,,about 3,,,,,", "2:expect", "'about 3' is no expectation"),
    ("1,sensor.h1,,,> 3,,1mm,,,", "2:tolerance", "means nothing beside >"),
    ("1,sensor.h1,,,3,,-1mm,,,", "2:tolerance", "'-1mm' is negative"),
    ("soon,sensor.h1,1,,,,,,,", "2:time", "'soon' is not a time. Write seconds as 1.5"),
    ("-1,sensor.h1,1,,,,,,,", "2:time", "-1 lies before the start of the run"),
    ("1,sensor.h1,1,stuck,,,,,,", "2", "has value and fault. A row does one thing"),
    ("1,sensor.h1,,,,,,,,", "2", "has neither value nor fault nor expect"),
    ("1,,1,,,,,,,", "2:signal", "is empty. Name a signal"),
    (
        "2,sensor.h1,1,,,,,,,\n1,sensor.h1,1,,,,,,,",
        "3:time",
        "1 s lies before the row above, 2 s. Sort the rows by time",
    ),
    ("1,sensor.h1,1,,,0.5,,,,", "2:until", "0.5 s is not behind its time, 1 s"),
    ("1,plant.k1,1e-6,,,3,,,,", "2:until", "a parameter that is set has no end"),
    ("1,sensor.h1,1,,,,,3,,", "2:within", "means nothing beside value. It belongs to a row with expect"),
    ("1,sensor.h1,1,,,,,,,,,,x", "2", "13 cells under a header of 10. Put a text with a comma into quotes"),
    ('1,sensor.h1,"1,,,,,,,', "2", "is no row of a CSV file"),
    ("1,plant.k1,7,,,,,,,", "2", "plant.k1 = 7 is outside its range 0 to 0.0001"),
    ("1.00025,sensor.h1,,,1,,,,,", "2:time", "sensor.h1 has no value then: it is recorded every 0.001 s"),
    ("1,pump.v1,,bias(50 V),,,,,,", "2", "the safety gate would clip this fault"),
]


@pytest.mark.parametrize(("rows", "place", "text"), MISTAKES)
def test_a_mistake_names_file_line_and_column(
    rows: str, place: str, text: str, tanks: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = written(tmp_path, rows)
    folder = tmp_path / "rec"
    assert main(["run", str(tanks), "--virtual", "--script", str(file), "--record", str(folder)]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"hil: {file}:{place}: "), error
    assert text in error
    assert error.count("\n") == 1
    assert not folder.exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("time,signal,valeu\n", "there is no column 'valeu'. Did you mean value"),
        ("time,value\n", "has no column 'signal'"),
        ("time,signal\n", "has none of the columns value, fault, expect"),
        ("time,signal,value,value\n", "has the column 'value' twice"),
        ("time,signal,value\n", "has a header and no row"),
        (b"time,signal,value\n1,\xff\xfe,2\n", "is not UTF-8 text"),
    ],
)
def test_a_file_that_is_no_script_is_told(text: str | bytes, message: str, tmp_path: Path) -> None:
    file = tmp_path / "x.csv"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ScriptError, match=message):
        read_script(file)
    with pytest.raises(ScriptError, match="cannot be read"):
        read_script(tmp_path / "none.csv")


def test_an_expectation_behind_the_runs_end_is_told_before_it(
    tanks: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = written(tmp_path, "1,sensor.h1,,,> 0,,,2s,1s,")
    assert main(["run", str(tanks), "--virtual", "--no-report", "--script", str(file), "--duration", "3"]) == 2
    assert f"{file}:2: is over at 4 s, and the run at 3 s" in capsys.readouterr().err
    assert main(["run", str(tanks), "--virtual", "--no-record", "--script", str(file)]) == 2
    assert "a run without a recording is not judged" in capsys.readouterr().err


# ---- the faces ----


def test_a_broken_expectation_ends_the_run_with_its_line_and_stands_in_the_report(
    tanks: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = written(tmp_path, "0.5,sensor.h1,,,> 0.2,,,,1s,too high to be true", "0.5,sensor.h1,,,> 0.1,,,,,")
    folder = tmp_path / "rec"
    assert main(["run", str(tanks), "--virtual", "--script", str(file), "--record", str(folder), "--json"]) == 1
    found = json.loads(capsys.readouterr().out)["requirements"]
    assert found["script.csv:2"]["satisfied"] is False
    assert found["script.csv:2"]["at_s"] == 0.5
    assert found["script.csv:3"]["satisfied"] is True
    page = (folder / "report.html").read_text()
    assert "script.csv:2" in page
    assert "too high to be true" in page


def test_a_script_is_part_of_the_rig_that_a_campaign_or_a_batch_runs(tanks: Path, tmp_path: Path) -> None:
    file = written(tmp_path, "0.1,plant.k1,2e-6,,,,,,,")
    rig = with_script(hil.rig.load_rig(tanks), read_script(file))
    with hil.open_bench(rig) as bench:
        result = bench.batch(2, duration_s=0.2, record=["plant.h1"])
        bench.run(0.2)
        assert bench["plant.k1"] == 2e-6
        assert np.array_equal(result["plant.h1"][0], bench.history("plant.h1"))


def test_played_tells_what_broke(tanks: Path, tmp_path: Path) -> None:
    found = play(tanks, written(tmp_path, "0.5,sensor.h1,,,> 0.2,,,,,"))
    assert isinstance(found, Played)
    assert not found.passed
    assert found.result.passed, "the run itself ended well"
    (line,) = found.broken
    assert line.startswith("script.csv:2: broken: expected sensor.h1 > 0.2 at 0.5 s, seen 0.12")
    assert line.endswith(" m at 0.5 s")


SEEN = [  # sensor.h1 is 15 cm from 0.1 s to 0.2 s, about 12.3 cm else
    ("0.1,sensor.h1,,,> 14cm,,,,150ms,", False, "12", 0.2, 0.25),  # the worst value
    ("0.1,sensor.h1,,,> 14cm,,,,50ms,", True, "15 cm at 0.1 s", 0.1, 0.15),
    ("0,sensor.h1,,,> 14cm,,,0.2s,,", True, "15 cm at 0.1 s", 0.1, 0.1),  # when it came
    ("0,sensor.h1,,,> 14cm,,,0.2s,60ms,", True, "15 cm at 0.1 s", 0.1, 0.1),
    ("0,sensor.h1,,,> 16cm,,,0.2s,,", False, "15 cm at", 0.1, 0.2),  # the nearest
    ("0,sensor.h1,,,> 14cm,,,0.2s,110ms,", False, "12", 0.0, 0.31),
    ("0.1,sensor.h1,,,149mm,,1mm,,,", True, "150 mm at 0.1 s", 0.1, 0.1),  # in the unit that it is written in
]


@pytest.mark.parametrize(("row", "holds", "text", "first_s", "last_s"), SEEN)
def test_the_value_that_decides_is_told_with_its_moment(
    row: str, holds: bool, text: str, first_s: float, last_s: float, tanks: Path, tmp_path: Path
) -> None:
    rows = sorted(["0.1,sensor.h1,15cm,,,0.2,,,,", row], key=lambda line: float(line.split(",")[0]))
    found = play(tanks, written(tmp_path, *rows), record=tmp_path / "rec")
    (one,) = found.judged
    assert one.satisfied == holds
    assert one.seen is not None
    assert str(one.seen).startswith(text)
    assert first_s <= one.seen.at_s <= last_s
    values = Recording(tmp_path / "rec")["sensor.h1"]
    scale = {"m": 1, "cm": 100, "mm": 1000}[one.seen.unit]
    assert one.seen.value == pytest.approx(values[round(one.seen.at_s * 1000)] * scale, rel=1e-12)
    assert Judged.from_dict(json.loads(json.dumps(one.to_dict()))) == one


def test_a_delay_that_ran_out_is_broken_at_its_end_and_not_at_the_start(tanks: Path, tmp_path: Path) -> None:
    (one,) = play(tanks, written(tmp_path, "0.2,sensor.h1,,,> 1,,,0.3s,,")).judged
    assert one.at_s == 0.5


def test_the_report_and_junit_have_each_expectation_with_its_line(tanks: Path, tmp_path: Path) -> None:
    rows = ["0.2,sensor.h1,,,> 20cm,,,0.3s,,", "0.2,sensor.h1,,,> 10cm,,,,0.1s,"]
    file, folder, junit = written(tmp_path, *rows), tmp_path / "rec", tmp_path / "j.xml"
    line = ["run", str(tanks), "--virtual", "--script", str(file), "--record", str(folder), "--junit", str(junit)]
    assert main(line) == 1
    page = (folder / "report.html").read_text()
    section = page[page.index('id="expectations"') : page.index('id="signals"')]
    for text in ("script.csv:2", "between 0.2 s and 0.5 s", "&gt; 20cm", "broken", "script.csv:3", "met"):
        assert text in section, text
    assert '"tone": "bad"' in page
    assert 'id="requirements"' not in page, "they have a table of their own"
    suite = ElementTree.parse(junit).getroot()[0]
    assert suite.attrib["failures"] == "1"
    cases = {case.get("name"): case.find("failure") for case in suite}
    assert list(cases) == ["quad_tank", "script.csv:2", "script.csv:3"]
    failure = cases["script.csv:2"]
    assert failure is not None
    assert failure.get("message", "").startswith("broken: expected sensor.h1 > 20cm between 0.2 s and 0.5 s, seen 12.")
    assert cases["script.csv:3"] is None
    assert cases["quad_tank"] is None, "the run by itself ended well"


# ---- on a bench that is open ----


@pytest.mark.parametrize(
    "options", [{}, {"time": "lockstep", "bind": {"plc": "pil"}}, {"time": "real"}], ids=["virtual", "lockstep", "real"]
)
def test_the_start_up_test_is_played_on_an_open_bench_in_every_kind_of_time(
    options: dict[str, Any], tanks: Path, tmp_path: Path
) -> None:
    with hil.open_bench(tanks, record=tmp_path / "rec", **options) as bench:
        bench.run(0.5)
        found = bench.play(START_UP)
        assert found.passed, found.broken
        assert len(found.judged) == 6
        assert bench.tick == 500 + 9100
        assert bench.finish().passed
    recording = Recording(tmp_path / "rec")
    fired = {(e["kind"], e["tick"]) for e in recording.events}
    assert {("event", 1000), ("fault_on", 6500), ("fault_off", 8500)} <= fired, "its times count from the call"
    (played,) = recording.manifest["played"]
    assert played["begin_tick"] == 500
    assert played["expectations"][0]["expected"]["time_s"] == 1.5
    assert replay(tmp_path / "rec")["identical"]


def test_a_script_that_is_played_has_the_values_of_one_that_is_opened_with(tanks: Path, tmp_path: Path) -> None:
    with hil.open_bench(tanks) as played, hil.open_bench(tanks, script=START_UP) as opened:
        played.play(START_UP)
        opened.run(9.1)
        for name in ("sensor.h1", "sensor.h2", "pump.v1", "pump.v2"):
            assert np.array_equal(played.history(name), opened.history(name)), name


def test_a_script_larger_than_the_table_of_events_is_sent_in_pieces(tanks: Path, tmp_path: Path) -> None:
    rows = [f"{k / 1000!r},plant.k1,{1e-6 + k * 1e-9!r},,,,,,," for k in range(300)]
    file = written(tmp_path, *rows)
    with hil.open_bench(tanks, record=tmp_path / "rec") as bench:
        bench.set("plant.k2", 2e-6, at=0.35)  # it takes a place all the while
        bench.play(file)
        assert not [e for e in bench.events if e["kind"] == "refused"]
        ticks = [e["tick"] for e in bench.events if e["kind"] == "event" and e["text"] == "plant.k1"]
        assert ticks == list(range(300))
        assert bench["plant.k2"] == 2e-6
    assert replay(tmp_path / "rec")["identical"]


def test_what_does_not_fit_is_refused_before_anything_happens(tanks: Path, tmp_path: Path) -> None:
    at_once = written(tmp_path, *[f"0.1,plant.k1,{1e-6 + k * 1e-9!r},,,,,,," for k in range(70)])
    many = tmp_path / "many.csv"
    many.write_text(HEADER + "".join(f"{k / 100!r},plant.k1,1e-6,,,,,,,\n" for k in range(70)))
    full = (
        "up to here the script does{} more than the 64 events that are free on this bench. Open the bench with script="
    )
    for time, file, at in (("virtual", at_once, " at 0.1 s"), ("real", many, "")):
        with hil.open_bench(tanks, time=time) as bench:
            with pytest.raises(ScriptError, match=rf"csv:66: {full.format(at)}"):
                bench.play(file)
            assert bench.tick == 0
            assert bench.events_free == 64
    last = written(tmp_path, "0.1,plant.k1,2e-6,,,,,,,", "0.2,plant.k1,7,,,,,,,")
    with hil.open_bench(tanks) as bench:
        with pytest.raises(HilError, match=r"csv:3: .*plant.k1 = 7 is outside its range"):
            bench.play(last)
        bench.run(0.3)
        assert bench["plant.k1"] != 2e-6, "the first row was not sent either"


def test_a_broken_expectation_of_a_played_script_fails_the_run_and_is_in_its_report(
    tanks: Path, tmp_path: Path
) -> None:
    with hil.open_bench(tanks, record=tmp_path / "rec") as bench:
        bench.run(0.25)
        found = bench.play(written(tmp_path, "0.5,sensor.h1,,,> 20cm,,,,0.1s,"))
        (line,) = found.broken
        assert line.startswith("script.csv:2: broken: expected sensor.h1 > 20cm from 0.75 s to 0.85 s, seen 12.")
        assert 0.75 <= found.judged[0].seen.at_s <= 0.85  # type: ignore[union-attr]
        assert found.judged[0].at_s == pytest.approx(0.75)
        assert bench.finish().reason == line
    page = write_report(tmp_path / "rec").read_text()
    section = page[page.index('id="expectations"') : page.index('id="signals"')]
    assert "from 0.75 s to 0.85 s" in section
    assert "broken" in section


def test_a_script_may_be_all_of_a_pytest(tanks: Path, tmp_path: Path) -> None:
    good, bad = written(tmp_path, "0.1,sensor.h1,,,> 10cm,,,,,"), tmp_path / "bad.csv"
    bad.write_text("time,signal,expect\n0.1,sensor.h1,> 20cm\n")
    test = "def test_good(bench): bench.play({!r})\ndef test_bad(bench): bench.play({!r})\n"
    (tmp_path / "test_it.py").write_text(test.format(str(good), str(bad)))
    line = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "--rig",
        str(tanks),
        str(tmp_path / "test_it.py"),
    ]
    done = subprocess.run(line, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert "2 passed, 1 error" in done.stdout, done.stdout
    assert "the bench did not end well: bad.csv:2: broken: expected sensor.h1 > 20cm at 0.1 s, seen 12." in done.stdout
