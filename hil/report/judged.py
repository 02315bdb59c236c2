"""Requirements and the expectations of timed scripts in a report: tables, and marks in the plots."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from hil.recording import Recording
from hil.report import numbers
from hil.requirements.in_rig import Judged, judge_recording
from hil.rig.expectation import Expectation

WORDS = {True: ("met", "good"), False: ("broken", "bad"), None: ("not judged", "warn")}
MAX_MARKS = 60


def judged_of(rec: Recording) -> list[Judged]:
    """The requirements of the run, judged by the recording, and what `bench.play` found while it ran.

    None of a capture, as they speak of a run from its begin.
    """
    if "capture" in rec.manifest:
        return []
    rig = _table(rec.rig.get("rig"))
    requirements = {str(name): str(text) for name, text in _table(rig.get("requirements")).items()}
    expected = [Expectation(**row) for row in rig.get("expectations") or []]
    played = [Judged.from_dict(row) for script in rec.manifest.get("played") or [] for row in script["expectations"]]
    return judge_recording(rec, requirements, expected) + played


def requirement_rows(judged: Iterable[Judged]) -> list[dict[str, str]]:
    """Those of the rig: name, formula, word, tone, text."""
    return [
        {"name": one.name, "formula": one.formula, "text": one.outcome, **_verdict(one)}
        for one in judged
        if one.expected is None
    ]


def expectation_rows(judged: Iterable[Judged]) -> list[dict[str, str]]:
    """Those of timed scripts: line, time, signal, what was expected, verdict, and the value that decided."""
    rows = []
    for one in judged:
        row = one.expected
        if row is not None:
            when = row.when if row.within_s or row.hold_s else numbers.seconds(row.time_s)
            seen = str(one.seen) if one.seen else one.why
            head = {"name": one.name, "when": when, "signal": row.signal, "expected": row.text, "seen": seen}
            rows.append(head | _verdict(one))
    return rows


def expectation_marks(rec: Recording, judged: Iterable[Judged]) -> list[dict[str, Any]]:
    """What the plots of an expectation's signal show: its window, and the value that decided. The broken ones first."""
    found = [one for one in judged if one.expected is not None]
    marks = []
    for one in sorted(found, key=lambda one: bool(one.satisfied))[:MAX_MARKS]:
        row = one.expected
        assert row is not None
        end_s = row.time_s + row.within_s + row.hold_s
        seen = None if one.seen is None else round(one.seen.at_s / rec.period_s)
        ends = {"from": round(row.time_s / rec.period_s), "to": round(end_s / rec.period_s), "seen": seen}
        marks.append({"signal": row.signal, "text": f"{row.line}: {row.text}", **ends, "tone": _verdict(one)["tone"]})
    return marks


def _verdict(one: Judged) -> dict[str, str]:
    word, tone = WORDS[one.satisfied]
    return {"word": word, "tone": tone}


def _table(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
