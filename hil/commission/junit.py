"""Results of a commissioning as JUnit XML: a suite for each kind of check, one for the requirements."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree as Xml  # only writes

from hil.commission.results import Item, RequirementResult, Results, Verdict
from hil.junit import suite

OUTCOME = {Verdict.FAILED: "failure", Verdict.NOT_COMPLETED: "error", Verdict.NOT_RUN: "skipped"}
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, section 2.2


def write_junit(path: Path, results: Results) -> None:
    """Writes `path`. A commissioning that broke off has an error of its own, whatever its items say."""
    rig = results.conditions.rig
    kinds: dict[str, list[Xml.Element]] = {}
    for item in results.items:
        kinds.setdefault(item.kind, []).append(_case(item, f"{rig}.{item.kind}"))
    if results.requirements:
        kinds["requirements"] = [_requirement(found, f"{rig}.requirements") for found in results.requirements]
    if not results.completed:
        case = _element(f"{rig}.commission", "completed", 0.0)
        _outcome(case, Verdict.NOT_COMPLETED, results.broken_off or "not completed")
        kinds["commission"] = [case]
    root = Xml.Element("testsuites", name=_text(f"hil commission {rig}"))
    root.extend(suite(_text(f"{rig} {kind}"), cases) for kind, cases in kinds.items())
    Xml.indent(root)
    Xml.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)


def _case(item: Item, group: str) -> Xml.Element:
    case = _element(group, item.id, item.seconds)
    wrong = [
        f"{o.tag}, {o.what}: {o.expected} expected, {o.observed} observed {o.unit}".rstrip()
        for o in item.observations
        if not o.ok
    ]
    _outcome(case, item.verdict, item.reason or item.title, "\n".join(wrong))
    return case


def _requirement(found: RequirementResult, group: str) -> Xml.Element:
    case = _element(group, found.id, 0.0)
    _outcome(case, found.verdict, found.reason or found.text, found.formula)
    return case


def _element(group: str, name: str, seconds: float) -> Xml.Element:
    return Xml.Element("testcase", classname=_text(group), name=_text(name), time=f"{seconds:.3f}")


def _outcome(case: Xml.Element, verdict: Verdict, message: str, detail: str = "") -> None:
    if verdict in OUTCOME:
        Xml.SubElement(case, OUTCOME[verdict], message=_text(message)).text = _text(detail) or None


def _text(text: str) -> str:
    """Characters that XML has no place for become a question mark."""
    return _NOT_XML.sub("?", text)
