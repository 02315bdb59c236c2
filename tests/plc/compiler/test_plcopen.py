"""PLCopen XML with bodies in ST is read; what is written otherwise, or could be an attack, is refused by name."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from hil.errors import PlcError
from hil.plc import compile_program
from hil.plc.plcopen import structured_text

PLANT = Path(__file__).parent / "plant.xml"


def test_a_project_runs_as_its_text_would() -> None:
    program = compile_program([PLANT])
    words = program.cold()
    assert [(v.name, v.address) for v in program.located] == [("level", "%IW0"), ("out", "%QW0")]
    assert [(t.name, t.interval_ns, t.priority, t.programs) for t in program.tasks] == [
        ("fast", 20_000_000, 1, ("main1",))
    ]
    outputs = [program.scan(words, [level], n * 20_000_000)[0][0] for n, level in enumerate((5, 11, 12))]
    assert outputs == [3 + 7 + 9, 20 + 19, 40 + 19]
    assert program.read(words, "m") == 5
    assert program.read(words, "p.b") == 1.5
    assert program.read(words, "s") == "abc"
    assert program.variables["main1.c.total"].retain
    assert not math.isnan(program.hash)


XHTML = '<xhtml xmlns="http://www.w3.org/1999/xhtml">'
CHANGES = [
    (f"<ST>{XHTML}c(up", f"<LD/><ST>{XHTML}c(up",
     "main is written as ladder diagram (LD), which is not supported"),
    ("<project ", "<!DOCTYPE project [<!ENTITY a \"b\">]><project ",
     "has a DOCTYPE or entities, which no PLCopen XML needs"),
    ("</project>", "", "is no XML: no element found: line 56, column 0"),
    ("<project xmlns", "<plan xmlns", "is no XML: mismatched tag: line 55, column 2"),
    ("<string length=\"20\"/>", "<pointer/>", "the type pointer is not supported"),
    ("<string length=\"20\"/>", "<string length=\"x;\"/>", "a string has the length 'x;'"),
    ("name=\"gain\"><type><INT/></type><init", "name=\"g; x\"><type><INT/></type><init",
     "<variable> has the name 'g; x'"),
    ("interval=\"PT0.02S\"", "single=\"x\"", "the task fast starts on an event (single), which is not supported"),
    ("pouType=\"program\"", "pouType=\"class\"", "main has the type 'class'"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "message"), CHANGES, ids=[c[2][:40] for c in CHANGES])
def test_what_is_not_supported_is_refused(old: str, new: str, message: str) -> None:
    text = PLANT.read_text()
    assert old in text
    with pytest.raises(PlcError) as caught:
        structured_text(text.replace(old, new, 1).encode(), "plant.xml")
    assert caught.value.message == message
    assert str(caught.value).startswith("plant.xml")


def test_mistakes_in_a_body_are_found() -> None:
    from hil.plc.compile import check_sources
    from hil.plc.source import Source

    text = structured_text(PLANT.read_bytes().replace(b"out := Twice", b"out := Twicee"), "plant.xml")
    with pytest.raises(PlcError, match=r"there is no function Twicee. Did you mean Twice\?"):
        check_sources([Source("plant.xml", text, 0)])
