"""Coverage on the source: figures, marks of lines, and texts that do not belong together."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import record_example as example

from hil.commission.record_coverage import Coverage, Point, Share, cover, of_program
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


@dataclass(frozen=True)
class Bit:
    """As hil.plc gives a point."""

    file: int
    line: int
    kind: str
    word: int
    bit: int


def test_bits_of_a_programs_state_become_counts_of_runs():
    bits = [
        Bit(0, 7, "statement", 2, 0),
        Bit(0, 8, "true", 2, 31),
        Bit(0, 8, "false", 3, 0),
        Bit(0, 9, "statement", 3, 1),
    ]
    states = [[0, 0, 1, 1], [0, 0, 1 | 1 << 31, 0], [0, 0, 1, 0]]
    found = of_program(bits, [("plc/tank.st", example.PROGRAM), ("plc/unused.st", "")], states)
    assert [(p.line, p.kind, p.count, p.label) for p in found.points] == [
        (7, "statement", 3, ""),
        (8, "branch", 1, "condition true"),
        (8, "branch", 1, "condition false"),
        (9, "statement", 0, ""),
    ]
    assert list(found.sources) == ["plc/tank.st"]
