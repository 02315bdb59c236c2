"""Results as JUnit XML: of `hil test` a suite for each level, and one for the comparison; of `hil run` one."""

from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy
from pathlib import Path
from xml.etree import ElementTree as Xml  # only writes

from hil.back_to_back import BackToBack
from hil.errors import BenchError
from hil.level_tests import LevelTests
from hil.requirements.in_rig import Judged
from hil.result import RunResult


def write_junit(path: Path, rig: str, levels: Iterable[LevelTests], compared: BackToBack | None) -> None:
    """Write `path`. A level's cases carry its name in front of their class, so that a CI keeps the levels apart."""
    suites = [suite(f"{rig} {tests.level}", _cases(tests)) for tests in levels]
    if compared is not None:
        suites.append(suite(f"{rig} back to back", _comparisons(compared)))
    _write(path, f"hil test {rig}", suites)


def write_run(path: Path, result: RunResult, judged: Iterable[Judged]) -> None:
    """Write `path`: a case for the run by itself, and one for each requirement and each expectation of a script.

    Raises:
        BenchError: the file cannot be written.
    """
    run = Xml.Element("testcase", classname="run", name=result.rig, time=f"{result.duration_s:.3f}")
    if not result.passed:
        Xml.SubElement(run, "failure", message=result.reason)
    cases = [run, *map(_judged, judged)]
    try:
        _write(path, f"hil run {result.rig}", [suite(result.rig, cases)])
    except OSError as error:
        why = f"cannot be written ({error.strerror or error})"
        raise BenchError(why, where=str(path), mend="Name another file with --junit") from None


def _write(path: Path, name: str, suites: Iterable[Xml.Element]) -> None:
    root = Xml.Element("testsuites", name=name)
    root.extend(suites)
    Xml.indent(root)
    path.parent.mkdir(parents=True, exist_ok=True)
    Xml.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)


def _judged(one: Judged) -> Xml.Element:
    case = Xml.Element("testcase", classname="requirements", name=one.name, time="0")
    if one.expected is not None:
        case.set("classname", "expectations")
    if not one.satisfied:
        Xml.SubElement(case, "failure", message=str(one))
    return case


def _cases(tests: LevelTests) -> list[Xml.Element]:
    found = [deepcopy(case) for case in tests.cases]
    for case in found:
        case.set("classname", f"{tests.level}.{case.get('classname', '')}")
    if tests.reason:
        case = Xml.Element("testcase", classname=tests.level, name="pytest", time="0")
        Xml.SubElement(case, "error", message=tests.reason)
        found.append(case)
    return found


def _comparisons(compared: BackToBack) -> list[Xml.Element]:
    found = []
    for level, comparison in compared.comparisons.items():
        case = Xml.Element("testcase", classname="back_to_back", name=f"{compared.levels[0]} and {level}", time="0")
        first = comparison.first_difference
        if first is not None:
            why = f"tick {first.tick}: {first.signal} ({first.what}): {compared.levels[0]} {first.a} {first.a_bits}"
            Xml.SubElement(case, "failure", message=f"{why}, {level} {first.b} {first.b_bits}")
        found.append(case)
    return found


def suite(name: str, cases: list[Xml.Element]) -> Xml.Element:
    """A test suite with its counts; `cases` become its children."""
    counts = {
        "tests": len(cases),
        "failures": sum(case.find("failure") is not None for case in cases),
        "errors": sum(case.find("error") is not None for case in cases),
        "skipped": sum(case.find("skipped") is not None for case in cases),
        "time": f"{sum(float(case.get('time', 0)) for case in cases):.3f}",
    }
    element = Xml.Element("testsuite", {"name": name, **{key: str(value) for key, value in counts.items()}})
    element.extend(cases)
    return element
