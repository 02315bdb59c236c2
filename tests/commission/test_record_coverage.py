"""Coverage on the source: figures, marks of lines, and texts that do not belong together."""

from __future__ import annotations

import pytest
import record_example as example

from hil.commission.record_coverage import Coverage, Point, Share, cover
from hil.errors import RecordingError


def test_lines_show_what_was_reached_and_what_not():
    (found,) = example.coverage().files
    states = {line.number: (line.state, line.count, line.missing) for line in found.lines if line.state}
    assert states == {
        7: ("hit", 40, ""),
        8: ("partly", 40, "true never taken"),
        9: ("missed", 0, "never run"),
        11: ("hit", 40, ""),
    }
    assert (found.statements.text, found.branches.text) == ("75 %, 3 of 4", "50 %, 1 of 2")
    assert [line.text for line in found.lines] == example.PROGRAM.splitlines()


@pytest.mark.parametrize(
    ("hit", "of", "text"),
    [(0, 0, "none"), (0, 3, "0 %, 0 of 3"), (1999, 2000, "99.9 %, 1999 of 2000"), (3, 3, "100 %, 3 of 3")],
)
def test_only_all_is_a_hundred_percent(hit, of, text):
    assert Share(hit, of).text == text


def test_it_goes_to_json_and_back():
    found = example.coverage()
    assert Coverage.from_dict(found.to_dict()) == found
    assert found.to_dict()["statements"] == {"hit": 3, "of": 4, "percent": 75.0}
    with pytest.raises(RecordingError, match="is no coverage"):
        Coverage.from_dict({"points": [1]})


def test_coverage_of_another_text_is_refused():
    with pytest.raises(RecordingError, match=r"tank\.st: has no line 14"):
        cover(example.PROGRAM, [Point("tank.st", 14, "statement", 1)], "tank.st")
