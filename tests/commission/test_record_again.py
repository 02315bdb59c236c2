"""SAT beside FAT, and items that are run again: what differs is named, what was replaced is kept."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

import pytest
import record_example as example

from hil.commission import record, verify
from hil.commission.compare import compare
from hil.commission.history import put_in, read_history
from hil.commission.results import Item, Observation, Results, Verdict
from hil.errors import RecordingError
from hil.signing import keys


@pytest.fixture(scope="module")
def signer(tmp_path_factory):
    file = tmp_path_factory.mktemp("key") / "ada"
    keys.new_key(file, "Ada")
    return keys.signer(file)


def on_site(results: Results) -> Results:
    return replace(results, conditions=replace(results.conditions, time="real", bindings={"plc": "hil"}))


def test_equal_runs_agree():
    found = compare(example.results(), example.results())
    assert found.sentence == "All 12 items agree."
    assert found.conditions == ()


def test_each_difference_is_named():
    sat = on_site(example.results())
    items = tuple(item for item in sat.items if item.id != "SCAN")
    found = compare(example.good(), replace(sat, items=items))
    differ = {pair.id: " / ".join(pair.differences) for pair in found.different}
    assert set(differ) == {"LOOP-sensor.h2", "ALARM-h1-high", "TUNE-h1-10cm", "SCAN"}
    assert differ["SCAN"] == "not in the SAT"
    assert "passed in the FAT, failed in the SAT: the latch reset itself" in differ["ALARM-h1-high"]
    assert "sensor.h2, 25 %: held in the FAT, not in the SAT (0.049997 and 0.054997 m)" in differ["LOOP-sensor.h2"]
    assert ("Time", "virtual", "real") in found.conditions
    assert ("Binding of plc", "mil", "hil") in found.conditions


def test_a_value_differs_only_beyond_the_tolerance():
    def item(value: float, tolerance: float | None):
        seen = (Observation("t", "50 %", 1.0, 1.0, value, True, tolerance, "V"),)
        found = example.good()
        return replace(found, items=(replace(found.items[0], observations=seen),))

    assert not compare(item(1.0, 0.1), item(1.09, 0.1)).different
    (pair,) = compare(item(0.95, 0.1), item(1.09, 0.1)).different
    assert pair.differences == ("t, 50 %: 0.95 in the FAT, 1.09 in the SAT V",)
    assert not compare(item(1.0, None), item(1.3, None)).different  # a figure with a limit: both held
    words = [replace(item(1.0, None).items[0].observations[0], observed=o) for o in ("after 2 s", "after 2.1 s")]
    assert not compare(first_with(words[0]), first_with(words[1])).different
    assert compare(first_with(words[0]), first_with(replace(words[1], observed="never"))).different


def first_with(observation: Observation) -> Results:
    found = example.good()
    return replace(found, items=(replace(found.items[0], observations=(observation,)),))


def test_points_named_by_what_was_run_meet():
    one = Observation("R-1", "over 45 items", None, "held", "held", True)
    other = replace(one, what="over 43 items")
    (pair,) = compare(first_with(one), first_with(other)).pairs
    assert (pair.differences, len(pair.values)) == ((), 1)
    both = first_with(one)
    both = replace(both, items=(replace(both.items[0], observations=(one, replace(one, what="x"))),))
    (pair,) = compare(both, first_with(other)).pairs
    assert len(pair.differences) == 3  # which of two it is nobody knows


def test_of_an_item_that_broke_off_only_that_is_told():
    found = example.good()
    items = [replace(i, verdict=Verdict.NOT_COMPLETED, reason="no answer", observations=()) for i in found.items]
    differ = compare(found, replace(found, items=tuple(items))).different
    assert {pair.differences for pair in differ if pair.id != "SAFE-comm"} == {
        ("passed in the FAT, not completed in the SAT",)
    }


def test_a_record_of_another_rig_cannot_stand_beside():
    other = example.good()
    other = replace(other, conditions=replace(other.conditions, rig="oven"))
    with pytest.raises(RecordingError, match="rig oven, not of quad_tank"):
        compare(other, example.good())


def test_a_site_record_shows_the_factory_one_and_keeps_it(tmp_path, signer):
    record.write_record(example.good(), tmp_path / "fat", signer=signer)
    beside = record.Attachments(beside=tmp_path / "fat")
    page = record.write_record(on_site(example.results()), tmp_path / "sat", beside, signer=signer).read_text()
    assert "Site acceptance record" in page
    assert "FAT and SAT side by side" in page
    assert "held in the FAT, not in the SAT" in page
    assert json.loads((tmp_path / "sat/compare.json").read_text())["different"] == [
        "LOOP-sensor.h2", "ALARM-h1-high", "TUNE-h1-10cm",
    ]  # fmt: skip
    assert Results.read(tmp_path / "sat" / "beside") == example.good()
    assert verify.verify(tmp_path / "sat").state != "broken"


def test_a_broken_record_cannot_stand_beside(tmp_path):
    record.write_record(example.good(), tmp_path / "fat")
    (tmp_path / "fat" / "results.json").write_text("{}")
    with pytest.raises(RecordingError, match=r"is broken: results\.json has changed"):
        record.write_record(example.good(), tmp_path / "sat", record.Attachments(beside=tmp_path / "fat"))
    assert not (tmp_path / "sat").exists()


def again(*ids: str) -> Results:
    """A later run of some items, all well; the others left out on purpose."""
    found = example.good()
    items = tuple(i if i.id in ids else replace(i, verdict=Verdict.NOT_RUN, observations=()) for i in found.items)
    ran = [r if set(r.items) & set(ids) else replace(r, verdict=Verdict.NOT_RUN) for r in found.requirements]
    cells = tuple(replace(c, verdict=Verdict.NOT_RUN) for c in found.cells)
    conditions = replace(found.conditions, ended="2026-03-03T10:00:00+00:00", program_hash="1" * 16)
    return replace(found, items=items, cells=cells, requirements=tuple(ran), conditions=conditions, tags=())


def test_items_run_again_replace_their_results_and_the_former_ones_are_kept(tmp_path, signer):
    out = tmp_path / "r"
    record.write_record(example.results(), out, record.Attachments(coverage=example.coverage()), signer=signer)
    page = record.rewrite_record(out, again("ALARM-h1-high"), "latch mended", signer=signer)
    found = Results.read(out)
    assert found.item("ALARM-h1-high").passed
    assert found.item("LOOP-sensor.h2").verdict is Verdict.FAILED
    assert [(point.number, point.item) for point in found.punch_list] == [(1, "LOOP-sensor.h2"), (3, "TUNE-h1-10cm")]
    assert {r.id: r.verdict for r in found.requirements}["R-2"] is Verdict.PASSED
    assert sum(cell.verdict is Verdict.FAILED for cell in found.cells) == 1
    (rerun,) = read_history(out)
    assert (rerun.reason, rerun.items, rerun.when) == ("latch mended", ("ALARM-h1-high",), "2026-03-03T10:00:00+00:00")
    assert rerun.former == (example.results().item("ALARM-h1-high"),)
    assert verify.verify(out).signed
    assert (out / "coverage.json").exists()
    text = page.read_text()
    assert "Items run again" in text
    assert "with another program: 1111111111111111" in text
    record.rewrite_record(out, again("LOOP-sensor.h2", "TUNE-h1-10cm"), "scaling and gain", signer=signer)
    assert len(read_history(out)) == 2
    tags = {tag.name: tag.verdict for tag in Results.read(out).tags}
    assert (tags["sensor.h2"], tags["plc.spare"]) == (Verdict.PASSED, Verdict.FAILED)
    assert Results.read(out).punch_list == ()


def test_a_record_that_is_changed_without_the_key_is_unsigned_and_says_so(tmp_path, signer):
    record.write_record(example.results(), tmp_path / "r", signer=signer)
    page = record.rewrite_record(tmp_path / "r", again("ALARM-h1-high"), "latch mended")
    assert verify.verify(tmp_path / "r").lines[0] == "unsigned"
    assert "was signed before it was changed" in page.read_text()


def test_a_requirement_that_was_broken_elsewhere_too_stays_broken(tmp_path):
    first = example.results()
    wider = tuple(replace(r, items=("ALARM-h1-high", "SEQ-start")) if r.id == "R-2" else r for r in first.requirements)
    record.write_record(replace(first, requirements=wider), tmp_path / "r")
    record.rewrite_record(tmp_path / "r", again("ALARM-h1-high"), "latch mended")
    found = {r.id: r for r in Results.read(tmp_path / "r").requirements}["R-2"]
    assert found.verdict is Verdict.FAILED
    assert "SEQ-start judged it too and was not run again" in found.reason


def test_the_files_of_a_run_again_are_kept_beside_the_first_ones(tmp_path, signer):
    rig = tmp_path / "rig"
    rig.mkdir()

    def files(results: Results, text: str) -> Results:
        (rig / "tank.st").write_text(text)
        hashes = {"tank.st": hashlib.sha256(text.encode()).hexdigest()}
        return replace(results, conditions=replace(results.conditions, files=hashes))

    out, attached = tmp_path / "r", record.Attachments(rig_folder=rig)
    record.write_record(files(example.results(), "old"), out, attached)
    record.rewrite_record(out, files(again("ALARM-h1-high"), "new"), "mended", attached)
    record.rewrite_record(out, files(again("LOOP-sensor.h2"), "newer"), "mended", attached)
    kept = [(out / name / "tank.st").read_text() for name in ("spec", "spec.1", "spec.2")]
    assert kept == ["old", "new", "newer"]
    assert "was changed after the run" not in (out / "record.html").read_text()


def test_other_conditions_and_broken_records_take_no_items(tmp_path):
    out = tmp_path / "r"
    record.write_record(example.results(), out)
    with pytest.raises(RecordingError, match="the time of the record is virtual, of the new run real"):
        record.rewrite_record(out, on_site(again("ALARM-h1-high")), "x")
    with pytest.raises(RecordingError, match="no item was run again"):
        record.rewrite_record(out, again(), "x")
    (out / "junit.xml").write_text("")
    with pytest.raises(RecordingError, match=r"is broken: junit\.xml has changed"):
        record.rewrite_record(out, again("ALARM-h1-high"), "x")
    assert Results.read(out) == example.results()


def test_the_list_of_forces_keeps_what_was_not_held_again():
    def with_forces(found: Results, *held: tuple[str, bool]) -> Results:
        seen = tuple(Observation(tag, "held", None, "released", "released", ok) for tag, ok in held)
        verdict = Verdict.PASSED if all(ok for _, ok in held) else Verdict.FAILED
        return replace(found, items=(*found.items, Item("FORCE", "force", "", "", verdict, "left", seen)))

    def merged(*old: tuple[str, bool]) -> Item | None:
        return put_in(with_forces(example.results(), *old), with_forces(again(), ("b", True)), "x")[0].item("FORCE")

    found = merged(("a", True), ("b", False))
    assert [(o.tag, o.ok) for o in found.observations] == [("a", True), ("b", True)]
    assert found.passed
    assert merged(("a", False), ("b", True)).verdict is Verdict.FAILED
