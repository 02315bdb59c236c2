"""From items to results: the items about the whole, results by tag, cell and requirement, and the punch list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hil.commission.ledger import Ledger
from hil.commission.loops import Tag
from hil.commission.results import (
    Cell,
    Conditions,
    Deviation,
    Item,
    Observation,
    RequirementResult,
    Results,
    TagResult,
    Verdict,
)
from hil.commission.spec import Spec

RANK = (Verdict.FAILED, Verdict.NOT_COMPLETED, Verdict.NOT_RUN, Verdict.PASSED)
ABOUT_TAGS = ("loop", "binary", "wire_break")


def summed(
    spec: Spec, conditions: Conditions, items: Sequence[Item], ledger: Ledger, left: dict[str, str], broken_off: str,
    whole: bool,
) -> Results:  # fmt: skip
    """The results of a commissioning.

    Args:
        items: those of the bench.
        left: what was not given back, and how it stood.
        broken_off: why not all were completed.
        whole: nothing was left out on purpose.
    """
    judged = [_requirement_item(item, ledger) for item in items]
    about = [_tags_item(spec), _touched_item(spec, ledger, broken_off, whole), _force_item(ledger, left, broken_off)]
    every = (about[0], *judged, *about[1:])
    requirements = _requirements(spec, ledger, every)
    completed = not broken_off and all(item.verdict is not Verdict.NOT_COMPLETED for item in every)
    return Results(
        conditions, every, _tags(spec, ledger, every), _cells(spec, every), requirements,
        _punch_list(every, requirements), ledger.forced(left), completed, broken_off,
    )  # fmt: skip


def _requirement_item(item: Item, ledger: Ledger) -> Item:
    """An item of a requirement tells how it fared in all runs by which it was judged."""
    if item.kind != "requirement" or item.verdict is not Verdict.PASSED:
        return item
    name = item.requirements[0]
    result = ledger.requirement(name, [], [])
    margin = "" if result.margin is None else f"margin {result.margin:.4g}"
    seen = Observation(
        name, f"over {len(result.items)} items", None, result.formula, result.reason or f"holds, {margin}",
        result.verdict is Verdict.PASSED, time_s=result.at_s,
    )  # fmt: skip
    return replace(item, verdict=result.verdict, reason=result.reason, observations=(seen,))


def _tags_item(spec: Spec) -> Item:
    title, told = "Tag list against rig", "no difference in names, addresses, types, scales and units"
    if spec.differences is None:
        reason = "commission.tag_list names no list"
        return Item("TAGS-list", "tags", title, told, Verdict.NOT_RUN, reason)
    found = tuple(Observation(d.tag, d.what, None, d.rig, d.listed, ok=False, note=f"line {d.line}" if d.line else "")
                  for d in spec.differences)  # fmt: skip
    reason = "; ".join(map(str, spec.differences))
    names = tuple(dict.fromkeys(d.tag for d in spec.differences))
    return Item(
        "TAGS-list", "tags", title, told, Verdict.FAILED if found else Verdict.PASSED, reason, found, tags=names
    )


def _touched_item(spec: Spec, ledger: Ledger, broken_off: str, whole: bool) -> Item:
    names = [tag.signal for tag in spec.tags if tag.signal not in ledger.touched]
    item = Item(
        "TAGS-touched", "tags", "Every tag was touched", "the value of every tag changed in some check", Verdict.PASSED
    )  # fmt: skip
    if broken_off:
        return replace(item, verdict=Verdict.NOT_COMPLETED, reason=broken_off)
    if not whole:
        return replace(item, verdict=Verdict.NOT_RUN, reason="not all items were run")
    if names:
        seen = tuple(Observation(name, "touched", None, "a change", "none", ok=False) for name in names)
        reason = f"never touched: {', '.join(names)}"
        return replace(item, verdict=Verdict.FAILED, reason=reason, observations=seen, tags=tuple(names))
    return item


def _force_item(ledger: Ledger, left: dict[str, str], broken_off: str) -> Item:
    held = ledger.forced(left)
    seen = tuple(
        Observation(f.name, f"held in {', '.join(f.items)}", None, "released", left.get(f.name, "released"), f.released)
        for f in held
    )
    item = Item(
        "FORCE-released", "force", "Forces, faults and settings given back",
        f"all of {len(held)} that were held are as before", Verdict.PASSED, observations=seen,
    )  # fmt: skip
    if left:
        told = ", ".join(f"{name}: {how}" for name, how in left.items())
        return replace(item, verdict=Verdict.FAILED, reason=f"not given back: {told}", tags=tuple(left))
    return replace(item, verdict=Verdict.NOT_COMPLETED, reason=broken_off) if broken_off else item


def worst(verdicts: Sequence[Verdict]) -> Verdict:
    """The worst of them; without any, not run. What was left out does not outweigh what was seen."""
    seen = [v for v in verdicts if v is not Verdict.NOT_RUN]
    return min(seen, key=RANK.index) if seen else Verdict.NOT_RUN


def _tags(spec: Spec, ledger: Ledger, items: Sequence[Item]) -> tuple[TagResult, ...]:
    return tuple(_tag(spec, tag, tag.signal in ledger.touched, items) for tag in spec.tags)


def _tag(spec: Spec, tag: Tag, touched: bool, items: Sequence[Item]) -> TagResult:
    mine = [item for item in items if tag.signal in item.tags and item.kind != "tags"]
    about = [item for item in mine if item.kind in ABOUT_TAGS]
    findings = tuple(str(d) for d in spec.differences or () if d.tag == tag.signal)
    verdict = Verdict.FAILED if findings else worst([item.verdict for item in about])
    return TagResult(
        tag.signal, "write" if tag.to_controller else "read", "binary" if tag.binary else "analogue",
        tag.io.type if tag.io else "", tag.unit or "", tag.io.place if tag.io else "", touched, findings,
        tuple(item.id for item in mine), verdict,
    )  # fmt: skip


def _cells(spec: Spec, items: Sequence[Item]) -> tuple[Cell, ...]:
    by_id = {item.id: item for item in items}
    found = []
    for cause in spec.matrix.causes:
        item = by_id.get(f"MATRIX-{cause.name}")
        for effect, cell in cause.cells.items():
            verdict, reason = Verdict.NOT_RUN, "not among the items of this run"
            if item is not None:
                mine = [o for o in item.observations if o.tag == f"{cause.name}:{effect}"]
                bad = [o for o in mine if not o.ok]
                verdict, reason = (Verdict.FAILED, str(bad[0])) if bad else (item.verdict, item.reason)
                if mine and not bad and item.verdict is Verdict.FAILED:
                    verdict, reason = Verdict.PASSED, ""
            found.append(Cell(cause.name, effect, "" if cell.text == "-" else cell.text, verdict, reason))
    return tuple(found)


def _requirements(spec: Spec, ledger: Ledger, items: Sequence[Item]) -> tuple[RequirementResult, ...]:
    found = []
    for name in spec.requirements:
        linked = [item for item in items if name in item.requirements]
        failed = [item.id for item in linked if item.verdict is Verdict.FAILED and item.kind != "requirement"]
        made = ledger.requirement(name, [item.id for item in linked], failed)
        broken = any(item.verdict is Verdict.NOT_COMPLETED for item in linked)
        if broken and made.verdict is not Verdict.FAILED:
            made = replace(made, verdict=Verdict.NOT_COMPLETED, reason="not all of its items were completed")
        found.append(made)
    return tuple(found)


def _punch_list(items: Sequence[Item], requirements: Sequence[RequirementResult]) -> tuple[Deviation, ...]:
    """Every failed item once; a requirement only where none of its items says so already."""
    texts = [(item.id, f"{item.title}: {item.reason}", item.tags) for item in items if item.verdict is Verdict.FAILED]
    told = {name for name, _, _ in texts}
    untold = [r for r in requirements if r.verdict is Verdict.FAILED and not told & {f"REQ-{r.id}", *r.items}]
    texts += [(f"REQ-{found.id}", f"{found.text}: {found.reason}", ()) for found in untold]
    return tuple(Deviation(n, name, text, tags) for n, (name, text, tags) in enumerate(texts, 1))
