"""Mistakes in a fault plan: one line each, with file, line and key."""

from __future__ import annotations

from pathlib import Path

import pytest

from hil.errors import HilError
from hil.proxy import read_plan
from hil.proxy.vocabulary import KINDS

MISTAKES = [
    ('[[fault]]\nkind = "dely"', ':2: fault[1].kind = "dely": there is no such fault. Did you mean delay?'),
    ('[[fault]]\nkind = "delay"', ":1: fault[1].time: is missing: delay needs it"),
    ("[[fault]]\nnth = 1", ":1: fault[1].kind: is missing"),
    ('[[fault]]\nkind = "loss"\nunits = 1', ":3: fault[1].units: loss has no such key. Did you mean unit?"),
    ('[[fault]]\nkind = "loss"\ntime = "1s"', ":3: fault[1].time: loss has no such key"),
    ('[[fault]]\nkind = "delay"\ntime = "200"', ':3: fault[1].time = "200": must be a duration such as "200ms"'),
    ('[[fault]]\nkind = "delay"\ntime = "1ms"\nto = "1 hour"', ':4: fault[1].to = "1 hour": must be a duration'),
    (
        '[[fault]]\nkind = "loss"\nfrom = "2s"\nto = "1s"',
        ':4: fault[1].to = "1s": the end does not lie behind the start',
    ),
    ('[[fault]]\nkind = "loss"\nnth = 0', ":3: fault[1].nth = 0: must be greater than or equal to 1"),
    ('[[fault]]\nkind = "loss"\nnth = 1\nevery = 2', ":4: fault[1].every: nth and every exclude each other"),
    ('[[fault]]\nkind = "loss"\nprobability = 1.5', ":3: fault[1].probability = 1.5: must be less than or equal to 1"),
    ('[[fault]]\nkind = "loss"\nunit = 256', ":3: fault[1].unit = 256: must be less than or equal to 255"),
    ('[[fault]]\nkind = "loss"\nunit = "1"', ':3: fault[1].unit = "1": must be a whole number'),
    ('[[fault]]\nkind = "loss"\nregister = [9, 0]', ":3: fault[1].register"),
    ('[[fault]]\nkind = "loss"\non = "answer"', ':3: fault[1].on = "answer": loss acts on response or request or both'),
    ('[[fault]]\nkind = "frozen"\non = "request"', ':3: fault[1].on = "request": frozen acts on response'),
    ('[[fault]]\nkind = "extra"\ndata = "xy"', ':3: fault[1].data = "xy": must be 1 to 64 bytes in hex'),
    ('[[fault]]\nkind = "duplicate"\ncopies = 9', ":3: fault[1].copies = 9: duplicate makes at most 8. Use flood"),
    ('[[fault]]\nkind = "masquerade"', ":2: fault[1].kind"),
    ('[[fault]]\nkind = "refused"\nnth = 1', ":3: fault[1].nth: refused has no such key"),
    ('[[fault]]\nkind = "crc"', ':2: fault[1].kind = "crc": Modbus TCP has no such fault. It is one of Modbus RTU and'),
    ("faults = 1", ":1: faults: unknown key. Did you mean fault?"),
    ("seed = -1", ":1: seed = -1: must be greater than or equal to 0"),
    ("[[fault]\nkind = 1", ":1: broken TOML"),
]


@pytest.mark.parametrize(("text", "told"), MISTAKES, ids=range(len(MISTAKES)))
def test_a_mistake_is_one_line_with_its_place(tmp_path: Path, text: str, told: str) -> None:
    plan = tmp_path / "plan.toml"
    plan.write_text(text + "\n")
    with pytest.raises(HilError) as error:
        read_plan(plan)
    line = str(error.value)
    assert "\n" not in line
    assert line.startswith(f"{plan}{told}")


def test_all_mistakes_of_a_plan_are_told(tmp_path: Path) -> None:
    plan = tmp_path / "plan.toml"
    plan.write_text('[[fault]]\nkind = "x"\n[[fault]]\nkind = "loss"\nunit = 1\nboth = 2\n[[fault]]\nkind = "gap"\n')
    with pytest.raises(HilError) as error:
        read_plan(plan)
    assert [line.split(":")[1] for line in str(error.value).splitlines()] == ["2", "6", "7"]


def test_a_file_that_is_not_there_and_one_that_is_no_text(tmp_path: Path) -> None:
    with pytest.raises(HilError, match="cannot be read: No such file"):
        read_plan(tmp_path / "none.toml")
    (tmp_path / "plan.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(HilError, match="not UTF-8"):
        read_plan(tmp_path / "plan.toml")


def test_every_class_of_iec_61784_3_has_a_fault() -> None:
    classes = {name for kind in KINDS.values() for name in kind.classes}
    wanted = ["corruption", "repetition", "loss", "delay", "insertion", "masquerade", "addressing"]
    assert classes == {*wanted, "wrong sequence"}


def test_the_documentation_has_every_fault_with_its_classes() -> None:
    page = (Path(__file__).parents[2] / "docs" / "proxy.md").read_text(encoding="utf-8")
    rows = {line.split("|")[1].strip(" `"): line for line in page.splitlines() if line.startswith("| `")}
    for name, kind in KINDS.items():
        assert name in rows, name
        assert ", ".join(kind.classes) in rows[name], name
        assert all(f"`{key}`" in rows[name] for key in kind.keys), name
