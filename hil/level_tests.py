"""A rig's own tests at one level: pytest in a process of its own, with the roles bound through HIL's plugin."""

from __future__ import annotations

import importlib.util
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml  # reads what the pytest that we started has written

from hil.back_to_back import TIMES
from hil.errors import HilError

NO_TESTS = 5  # pytest's exit code: none was collected
END_S = 20.0  # for benches of an interrupted run to be taken to their safe state
BAD = ("failed", "error")
# pytest, that can be interrupted even where we were started with interrupts ignored, as by a script's `hil test ... &`.
PYTEST = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
import pytest
sys.exit(pytest.main(sys.argv[1:]))
"""


@dataclass(frozen=True)
class LevelTests:
    """How the tests did at one level.

    Attributes:
        tests: "passed", "failed", "error" or "skipped" by name, "file::test".
        messages: the first line of what went wrong, or why it was skipped, by name.
        seconds: how long they took.
        reason: why no test ran, or why pytest itself failed; else "".
        cases: the JUnit elements.
    """

    level: str
    bindings: dict[str, str]
    tests: dict[str, str]
    messages: dict[str, str]
    seconds: float
    reason: str
    cases: tuple[Xml.Element, ...]

    @property
    def passed(self) -> bool:
        """Nothing failed. A level without tests passes: its run is still compared."""
        return not self.reason and not any(outcome in BAD for outcome in self.tests.values())

    def count(self, outcome: str) -> int:
        """How many tests ended so."""
        return sum(found == outcome for found in self.tests.values())

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON data."""
        names = ("level", "bindings", "tests", "messages", "seconds", "reason")
        return {**{name: getattr(self, name) for name in names}, "passed": self.passed}


def find_tests(rig_folder: Path) -> Path | None:
    """The folder of a rig's tests, or None.

    Raises:
        HilError: there is one, and no pytest.
    """
    folder = rig_folder / "tests"
    if not any(folder.glob("**/test_*.py")):
        return None
    if importlib.util.find_spec("pytest") is None:
        raise HilError("pytest is not installed", where=str(folder), mend="pip install 'hil[test]'")
    return folder


def run_tests(
    folder: Path,
    level: str,
    bindings: Mapping[str, str],
    select: str,
    out: Path,
    controllers: Mapping[str, str] | None = None,
) -> LevelTests:
    """Run the tests of `folder` at one level.

    Args:
        bindings: level by role.
        select: pytest's -k, "" for all.
        out: folder for tests.xml and tests.txt, what pytest wrote.
        controllers: "blocks" or "program" by role, instead of the rig's choice.
    """
    out.mkdir(parents=True, exist_ok=True)
    report, text = out / "tests.xml", out / "tests.txt"
    command = [sys.executable, "-c", PYTEST, str(folder), "-q", "-p", "no:cacheprovider", "--import-mode=importlib"]
    command += [
        "--rig",
        str(folder.parent),
        "--time",
        TIMES[level],
        f"--junit-xml={report}",
        "-o",
        "junit_family=xunit2",
    ]
    command += [f"--bind={role}={chosen}" for role, chosen in bindings.items()]
    command += [f"--controller={role}={source}" for role, source in (controllers or {}).items()]
    command += ["-k", select] if select else []
    with text.open("wb") as output:
        code = _run(command, output)
    return _read(level, dict(bindings), report, text, code)


def _run(command: list[str], output: Any) -> int:
    """The exit code. Whatever ends us interrupts pytest first, so that its bench is taken to its safe state."""
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,  # a Ctrl-C in the terminal reaches it through us, once
    )
    try:
        return process.wait()
    except BaseException:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        raise


def _read(level: str, bindings: dict[str, str], report: Path, text: Path, code: int) -> LevelTests:
    cases = tuple(Xml.parse(report).iter("testcase")) if report.is_file() else ()  # noqa: S314
    tests: dict[str, str] = {}
    messages: dict[str, str] = {}
    for case in cases:
        name, (outcome, message) = _name(case), _outcome(case)
        tests[name] = outcome if tests.get(name) not in BAD else tests[name]  # a teardown that failed is a case more
        if message:
            messages.setdefault(name, message)
    reason = "" if code in (0, 1) and cases else f"pytest ended with code {code}: {_last_line(text)}"
    if code == NO_TESTS:
        reason = "no test was chosen"
    seconds = sum(float(case.get("time", 0)) for case in cases)
    return LevelTests(level, bindings, tests, messages, seconds, reason, cases)


def _name(case: Xml.Element) -> str:
    """file::test, or file.Class::test, without the folders above the tests; the file alone when it cannot be read."""
    parts = [case.get("classname", ""), case.get("name", "")]
    return "::".join(part.rpartition("tests.")[2] for part in parts if part)


def _outcome(case: Xml.Element) -> tuple[str, str]:
    for tag, outcome in (("failure", "failed"), ("error", "error"), ("skipped", "skipped")):
        found = case.find(tag)
        if found is not None:
            return outcome, _message(found.get("message") or "", found.text or "")
    return "passed", ""


def _message(message: str, text: str) -> str:
    """One line; of a file that cannot be read, the error's own."""
    errors = [line[1:].strip() for line in text.splitlines() if line.startswith("E ")]
    if errors and message == "collection failure":
        return errors[-1]
    return (message or text).strip().split("\n", 1)[0]


def _last_line(text: Path) -> str:
    lines = [line.strip() for line in text.read_text(errors="replace").splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR")]
    return (errors or lines or ["it wrote nothing"])[-1]
