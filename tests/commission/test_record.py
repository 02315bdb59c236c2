"""The record's folder: whole or not there, nothing of others lost, all that was found in it, and fit to be read."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

import pytest
import record_example as example

from hil.commission import record, record_views, verify
from hil.commission.results import Cell, Item, Observation, Results, Verdict
from hil.errors import RecordingError
from hil.signing import keys

VOID = {"meta", "br", "line", "polyline", "path"}
EVIL = "<script>alert(1)</script>\"'&</style><img src=x onerror=alert(1)>{{ 7*7 }}"


class Page(HTMLParser):
    """Tags, attributes and text of a page; an element that is not closed, or closed twice, is an error."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.ids: list[str] = []
        self.links: set[str] = set()
        self.names: set[str] = set()
        self.open: list[str] = []
        self.said: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.names |= {name for name, _ in attrs}
        self.ids += [value or "" for name, value in attrs if name == "id"]
        self.links |= {value or "" for name, value in attrs if name in ("href", "src")}
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, self.getpos()

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.said.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.said).split())


@pytest.fixture(scope="module")
def signer(tmp_path_factory):
    file = tmp_path_factory.mktemp("key") / "ada"
    keys.new_key(file, "Ada Example")
    return keys.signer(file)


@pytest.fixture(scope="module")
def rig(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rig")
    (folder / "plc").mkdir()
    (folder / "rig.toml").write_text("[rig]\n")
    (folder / "plc" / "tank.st").write_text(example.PROGRAM)
    return folder


def with_files(results: Results, rig: Path) -> Results:
    files = {n: hashlib.sha256((rig / n).read_bytes()).hexdigest() for n in ("rig.toml", "plc/tank.st")}
    return replace(results, conditions=replace(results.conditions, files=files))


@pytest.fixture(scope="module")
def written(tmp_path_factory, signer, rig):
    out = tmp_path_factory.mktemp("out") / "fat"
    attached = record.Attachments(rig_folder=rig, coverage=example.coverage(), recordings={"step": rig})
    record.write_record(with_files(example.results(), rig), out, attached, signer=signer)
    return out


def test_a_record_is_whole_signed_and_says_what_was_run(written, signer, rig):
    assert verify.verify(written).lines[0] == "valid, unknown key"
    assert Results.read(written) == with_files(example.results(), rig)
    assert (written / "spec/plc/tank.st").read_text() == example.PROGRAM
    assert (written / "recordings/step/rig.toml").exists()
    manifest = json.loads((written / "manifest.json").read_bytes())
    assert (manifest["verdict"], manifest["kind"]) == ("failed", "FAT")
    assert manifest["signer"]["key"] == signer.public.fingerprint
    assert manifest["conditions"]["time"] == "virtual"
    assert set(manifest["files"]) > {"results.json", "record.html", "junit.xml", "coverage.json", "spec/rig.toml"}
    assert [path.name for path in written.parent.iterdir()] == ["fat"]  # no temporary folder is left


def test_the_page_stands_alone_and_its_links_lead_somewhere(written):
    page = Page((written / "record.html").read_text())
    assert page.tags.isdisjoint({"script", "link", "img", "iframe"})
    assert len(page.ids) == len(set(page.ids))
    assert page.links <= {f"#{name}" for name in page.ids}
    assert len(page.links) > 25


def test_the_page_tells_each_part(written, signer):
    text = Page((written / "record.html").read_text()).text
    found = example.results()
    for item in found.items:
        assert item.id in text
        assert item.title in text
        assert item.reason in text
    for part in (*found.punch_list, *found.requirements):
        assert part.text in text
    for tag in found.tags:
        assert tag.name in text
    for said in (
        "Factory acceptance record", "Quadruple tank, pump house <A & B>", "✗ Failed", "3 of 11 items failed",
        "as if scaled by 1.1", "must not act, but pump 1 went off", "Virtual time", "says nothing about wiring",
        "75 %, 3 of 4", "50 %, 1 of 2", "true never taken", "Accepted by", signer.public.fingerprint, "needs a wire",
        "in the tag list, not in the rig", hashlib.sha256((written / "results.json").read_bytes()).hexdigest(),
    ):  # fmt: skip
        assert said in text, said
    assert (written / "record.html").read_text().count('<svg class="trend"') == 5


def test_verdicts_do_not_rest_on_colour(written):
    text = (written / "record.html").read_text()
    matrix = re.search(r'<table class="matrix".*?</table>', text, re.DOTALL)
    cells = re.findall(r'<td class="([a-z-]+)(?: quiet)?" title="[^"]*">(\S+) <b>(\S)</b></td>', matrix[0])
    assert len(cells) == 16
    assert [(css, sign) for css, _, sign in cells if sign != "✓"] == [("failed", "✗")]
    assert {what for _, what, _ in cells} == {"X", "·"}


def test_nothing_in_the_results_can_become_markup(tmp_path, signer):
    def spoil(value: Any, name: str = "") -> Any:
        if isinstance(value, Verdict) or name in ("time", "kind", "started", "ended", "direction"):
            return value
        if isinstance(value, str):
            return value + EVIL if value else value
        if isinstance(value, dict):
            return {spoil(k): spoil(v) for k, v in value.items()}
        if isinstance(value, tuple):
            return tuple(spoil(v) for v in value)
        if dataclasses.is_dataclass(value):
            fields = {f.name: spoil(getattr(value, f.name), f.name) for f in dataclasses.fields(value)}
            return replace(value, **fields)
        return value

    evil = spoil(example.results())
    first = record.write_record(evil, tmp_path / "a")
    cover = example.coverage()
    cover = replace(cover, points=(), sources={EVIL: EVIL})
    record.write_record(evil, tmp_path / "b", record.Attachments(coverage=cover, beside=tmp_path / "a", notes=[EVIL]))
    for path in (first, tmp_path / "b" / "record.html"):
        page = Page(path.read_text())
        assert page.tags.isdisjoint({"script", "img"})
        assert not any(name.startswith("on") for name in page.names)
        assert "{{ 7*7 }}" in page.text
        assert path.read_text().count("</style>") == 1
    Xml.parse(tmp_path / "a" / "junit.xml")


def test_an_unsigned_record_says_so(tmp_path):
    page = record.write_record(example.good(), tmp_path / "r")
    assert verify.verify(tmp_path / "r").lines[0] == "unsigned"
    text = Page(page.read_text()).text
    assert "carries no digital signature" in text
    assert "✓ Passed All 11 items that were run have passed, 1 left out on purpose." in text
    assert "Open points none" in text


def test_a_run_that_broke_off_leaves_a_record_that_says_so(tmp_path, signer):
    found = example.good()
    items = tuple(
        replace(item, verdict=Verdict.NOT_COMPLETED, reason="the PLC was switched off") if i > 5 else item
        for i, item in enumerate(found.items)
    )
    broke = replace(found, items=items, completed=False, broken_off="plc: no answer since tick 4711")
    page = record.write_record(broke, tmp_path / "r", signer=signer)
    assert verify.verify(tmp_path / "r").verdict == "not completed"
    text = Page(page.read_text()).text
    assert "◐ Not completed plc: no answer since tick 4711. 6 of 12 items were run to their end." in text
    assert Results.read(tmp_path / "r").broken_off == broke.broken_off
    root = Xml.parse(tmp_path / "r" / "junit.xml").getroot()
    assert sum(int(suite.get("errors", 0)) for suite in root) == 7  # six items and the run itself


def test_a_record_is_neither_overwritten_nor_put_among_other_files(tmp_path, monkeypatch):
    out = tmp_path / "r"
    record.write_record(example.results(), out)
    before = (out / "manifest.json").read_bytes()
    with pytest.raises(RecordingError, match="there is a record already"):
        record.write_record(example.good(), out)
    assert (out / "manifest.json").read_bytes() == before
    record.write_record(example.good(), out, overwrite=True)
    assert verify.verify(out).verdict == "passed"
    home = tmp_path / "home"
    home.mkdir()
    (home / "thesis.txt").write_text("years")
    with pytest.raises(RecordingError, match="is not empty and no record"):
        record.write_record(example.good(), home, overwrite=True)
    with pytest.raises(RecordingError, match="is a file"):
        record.write_record(example.good(), home / "thesis.txt", overwrite=True)
    assert [path.name for path in home.iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError(28, "No space left on device")])
def test_one_that_cannot_be_written_leaves_the_former_one(tmp_path, monkeypatch, error):
    out = tmp_path / "r"
    record.write_record(example.results(), out)

    def fails(*_: object) -> None:
        raise error

    monkeypatch.setattr(record, "render", fails)
    with pytest.raises((KeyboardInterrupt, RecordingError)):
        record.write_record(example.good(), out, overwrite=True)
    assert verify.verify(out).verdict == "failed"
    assert [path.name for path in tmp_path.iterdir()] == ["r"]


def test_a_rig_that_was_changed_after_the_run_is_told(tmp_path, rig, signer):
    found = with_files(example.good(), rig)
    files = {**found.conditions.files, "rig.toml": "0" * 64, "gone.csv": "0" * 64, "../model.py": "0" * 64}
    found = replace(found, conditions=replace(found.conditions, files=files))
    page = record.write_record(found, tmp_path / "r", record.Attachments(rig_folder=rig), signer=signer)
    text = Page(page.read_text()).text
    for said in ("was changed after the run", "had gone when", "outside the rig's folder, not copied"):
        assert said in text
    assert verify.verify(tmp_path / "r").state != "broken"


def test_junit_counts_what_the_results_count(written):
    root = Xml.parse(written / "junit.xml").getroot()
    suites = {suite.get("name"): suite for suite in root}
    totals = example.results().totals
    kinds = [suite for name, suite in suites.items() if not name.endswith("requirements")]
    assert sum(int(suite.get("tests")) for suite in kinds) == len(example.results().items)
    assert sum(int(suite.get("failures")) for suite in kinds) == totals["failed"]
    assert sum(int(suite.get("skipped")) for suite in kinds) == totals["not_run"]
    (failure,) = suites["quad_tank alarm"].iter("failure")
    assert failure.get("message") == "the latch reset itself at 5.2 s"
    assert "did not hold at 5.2 s observed" in failure.text
    assert suites["quad_tank requirements"].get("failures") == "1"


def test_a_matrix_wider_than_a_sheet_comes_in_parts_with_every_cell():
    cells = [Cell(f"c{i}", f"e{j}", "", Verdict.PASSED) for i in range(3) for j in range(30)]
    parts = list(record_views.matrices(cells))
    assert [len(part.effects) for part in parts] == [11, 11, 8]
    assert [cell for part in parts for row in part.rows for cell in row[1] if cell is None] == []
    found = {(cell.cause, cell.effect) for part in parts for row in part.rows for cell in row[1]}
    assert len(found) == len(cells)


def test_figures_of_control_stand_by_operating_point():
    seen = [(f"step from {x}: {what}", x * n) for x in (0.1, 0.2) for n, what in enumerate(("rise", "IAE"))]
    found = tuple(Observation("level1", what, None, "told", value, True) for what, value in seen)
    relay = Observation("level1", "relay: test", None, "an oscillation", "none", False)
    item = Item("TUNING-1", "tuning", "Level 1", "", Verdict.FAILED, "", (*found, relay))
    table = record_views.tuning_table(replace(example.good(), items=(item,)))
    assert table.columns == ["rise", "IAE"]
    assert [(row, {name: o.observed for name, o in cells.items()}) for _, row, cells in table.rows] == [
        ("step from 0.1", {"rise": 0.0, "IAE": 0.1}),
        ("step from 0.2", {"rise": 0.0, "IAE": 0.2}),
    ]


def test_what_was_not_run_is_never_called_complete(tmp_path):
    found = example.good()
    found = replace(found, conditions=replace(found.conditions, scope=()))
    text = Page(record.write_record(found, tmp_path / "a").read_text()).text
    assert "Nothing was left out" not in text
    assert "Left out SAFE-comm: needs a wire: run it with --time lockstep" in text
    ran = tuple(item for item in found.items if item.id != "SAFE-comm")
    text = Page(record.write_record(replace(found, items=ran), tmp_path / "b").read_text()).text
    assert "Nothing was left out" in text


def test_of_many_items_those_made_for_a_thing_and_failed_ones_are_named():
    of = {7: Verdict.FAILED}
    items = [replace(example.loop("a"), id=f"I{i}", verdict=of.get(i, Verdict.PASSED)) for i in range(30)]
    results = replace(example.good(), items=tuple(items))
    names = [item.id for item in items]
    assert record_views.few(results, names, lambda item: item.id == "I20") == (["I20", "I7", "I0", "I1"], 26)
    assert record_views.few(results, names[:2], lambda _: False) == (["I0", "I1"], 0)
    shown, left = record_views.few(results, names, lambda _: True)
    assert (len(shown), left, shown[0]) == (12, 18, "I7")
