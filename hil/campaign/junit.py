"""Results of a campaign as JUnit XML."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as Xml  # only writes

from hil.campaign.heat import Counts
from hil.campaign.plan import Kind, Plan


def write_junit(path: Path, plan: Plan, counts: Counts) -> None:
    """A case for each kind of each fault; one that ended in a hazard or was handled too late fails."""
    pairs = counts.space.pairs
    failed = 0
    suite = Xml.Element("testsuite", name=plan.name, tests=str(len(pairs)))
    for slot, kind in pairs:
        case = Xml.SubElement(suite, "testcase", classname=f"{plan.name}.{slot.name}", name=kind.text, time="0")
        failed += _judge(case, plan, counts, slot.name, kind)
    suite.set("failures", str(failed))
    Xml.indent(suite)
    Xml.ElementTree(suite).write(path, encoding="utf-8", xml_declaration=True)


def _judge(case: Xml.Element, plan: Plan, counts: Counts, slot: str, kind: Kind) -> bool:
    runs, hazards = counts.of(slot, kind.text)
    if not runs:
        Xml.SubElement(case, "skipped", message="no run had it")
    late = counts.late[slot, kind.text]
    found = [f"{hazards} of {runs} runs ended in a hazard"] if hazards else []
    if late:
        limit = f"the fault tolerant time interval of {plan.expect.ftti_s:g} s"
        found.append(f"{late} of {runs} runs were handled beyond {limit}")
    if found:
        name = f"{plan.expect.name}: " if plan.expect.name else ""
        Xml.SubElement(case, "failure", message=name + "; ".join(found))
    return bool(found)
