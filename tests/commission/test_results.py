"""Results of a commissioning on their way to a file and back."""

from __future__ import annotations

from pathlib import Path

import pytest

from hil.commission.results import (
    Cell,
    Conditions,
    Deviation,
    Forced,
    Item,
    Observation,
    RequirementResult,
    Results,
    TagResult,
    Trend,
    Verdict,
)
from hil.errors import RecordingError

CONDITIONS = Conditions(
    "tank", "A tank", "virtual", {"plc": "mil"}, {"hil": "0.1.0"}, "0" * 16, {"rig.toml": "ab"},
    "2026-01-01T00:00:00+00:00", "2026-01-01T00:00:01+00:00", 1, 0.001,
)  # fmt: skip


def results(verdict: Verdict = Verdict.PASSED, **more: object) -> Results:
    seen = Observation("level", "25 %", 0.25, 0.25, 0.3, ok=False, tolerance=0.01, unit="m", tick=7, time_s=0.007)
    trend = Trend("level", "m", (0.0, 0.1), (0.2, None))
    item = Item("LOOP-level", "loop", "Loop", "follows", verdict, "why", (seen,), (trend,), ("R1",), ("C1:E1",))
    return Results(
        CONDITIONS,
        (item,),
        (TagResult("level", "write", "analogue", "uint16", "m", "", True, (), ("LOOP-level",), verdict),),
        (Cell("C1", "E1", "X", verdict),),
        (RequirementResult("R1", "stays", "level < 1", verdict, items=("LOOP-level",), margin=0.1),),
        forced=(Forced("level", ("LOOP-level",), True),),
        **more,  # type: ignore[arg-type]
    )


def test_what_is_written_is_read_back_equally(tmp_path: Path) -> None:
    before = results(Verdict.FAILED, punch_list=(Deviation(1, "LOOP-level", "is off", ("level",)),))
    before.write(tmp_path)
    assert Results.read(tmp_path) == before
    assert [path.name for path in tmp_path.iterdir()] == ["results.json"]


@pytest.mark.parametrize(
    ("made", "passed"),
    [
        (results(), True),
        (results(Verdict.FAILED), False),
        (results(Verdict.NOT_COMPLETED), False),
        (results(Verdict.NOT_RUN), False),
        (results(completed=False), False),
        (results(punch_list=(Deviation(1, "TAGS", "a tag is missing"),)), False),
    ],
)
def test_only_a_whole_commissioning_without_deviation_has_passed(made: Results, passed: bool) -> None:
    assert made.passed is passed


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"format": 99}', '{"items": 1}', "\x00"])
def test_another_file_is_refused_in_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "results.json").write_text(text)
    with pytest.raises(RecordingError) as caught:
        Results.read(tmp_path)
    assert "results.json" in str(caught.value)
    assert "\n" not in str(caught.value)
