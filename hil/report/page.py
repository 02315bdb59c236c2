"""Puts the page together: gathers the content, thins the data until the file is small enough, writes it at once."""

from __future__ import annotations

import shlex
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import jinja2

from hil.errors import RecordingError
from hil.recording import Recording
from hil.report import content, numbers, plots
from hil.report.captures import capture_of, capture_rows, origin_tick, trigger_marks
from hil.report.faults import FaultStory, fault_stories
from hil.report.judged import expectation_marks, expectation_rows, judged_of, requirement_rows
from hil.whole_file import written_whole

MAX_BYTES = 5_000_000
DATA_BUDGETS = (3_000_000, 1_500_000, 600_000, 200_000)
MAX_EVENTS = 1000
MAX_TEXT = 300
STRIPS = {"faulted": "faulted", "forced": "forced", "stale": "stale", "bad": "bad", "safe": "safe value"}
EVENT_TONES = {
    "overrun": "warn",
    "loss": "bad",
    "refused": "bad",
    "fault_on": "fault",
    "fault_off": "fault",
    "forced": "forced",
    "released": "forced",
    "clip_on": "warn",
    "safe_on": "warn",
    "stale_on": "warn",
    "bad_on": "bad",
    "range_on": "warn",
}


def write_report(recording: str | Path | Recording, out: str | Path | None = None) -> Path:
    """Writes one self-contained HTML file about a recording.

    Args:
        recording: the folder, or the opened recording; an incomplete one is fine.
        out: the file; default is report.html in the folder.

    Returns:
        The file, below 5 MB, that needs no network.

    Raises:
        RecordingError: the recording cannot be read or the file cannot be written.
    """
    rec = recording if isinstance(recording, Recording) else Recording(recording)
    path = Path(out) if out is not None else rec.folder / "report.html"
    page = b""
    for budget in DATA_BUDGETS:
        page = _render(rec, budget)
        if len(page) < MAX_BYTES:
            break
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with written_whole(path) as part:
            part.write_bytes(page)
    except OSError as error:
        why = f"cannot be written ({error.strerror or error})"
        raise RecordingError(why, where=str(path), mend="Name another file with --out") from None
    return path


def _render(rec: Recording, budget: int) -> bytes:
    stories = fault_stories(rec)
    planned, left_out = plots.plan(rec)
    rows = plots.rows_per_plot(planned, budget)
    keep = [tick for story in stories[:100] for tick in (story.start_tick, story.end_tick) if tick is not None]
    data = [plots.plot_data(rec, plot, rows, keep) for plot in planned]
    marks = trigger_marks(rec)
    timing = plots.timing_plot(rec, min(rows, 6000))
    judged = judged_of(rec)
    expected = expectation_marks(rec, judged)
    word, tone, sentence = content.result_of(rec, [one.name for one in judged if not one.satisfied])
    verdict_text, checks = content.checks_of(rec)
    page = _template().render(
        title=content.title_of(rec),
        description=content.description_of(rec),
        picture=content.picture_of(rec),
        rec=rec,
        result={"word": word, "tone": tone, "sentence": sentence},
        facts=content.facts_of(rec),
        figures=content.figures_of(rec, len(stories)),
        requirements=requirement_rows(judged),
        expectations=expectation_rows(judged),
        verdict_text=verdict_text,
        checks=checks,
        machine=content.machine_of(rec),
        key=_key(data, stories, triggers=bool(marks), expected=bool(expected)),
        real=rec.manifest.get("time") == "real",
        is_capture=capture_of(rec) is not None,
        captures=capture_rows(rec),
        faults=[_fault_row(rec, story) for story in stories],
        histograms=content.timing_histograms(rec),
        blocks=content.blocks_of(rec),
        buses=content.buses_of(rec),
        events=_event_rows(rec),
        n_events=len(rec.events),
        kinds=sorted({str(event.get("kind", "")) for event in rec.events}),
        left_out=left_out,
        folder=shlex.quote(str(rec.folder)),
        sources=_sources(rec),
        versions={str(k): str(v) for k, v in (rec.manifest.get("versions") or {}).items()},
        plot_titles=[_plot_title(item) for item in data],
        timing_title=_plot_title(timing) if timing else None,
        page_data={
            "period_s": rec.period_s,
            "first": rec.first_tick,
            "origin": origin_tick(rec),
            "marks": marks,
            "expected": expected,
            "ticks": rec.ticks,
            "tail": plots.tail_tick(rec),
            "plots": data,
            "timing": timing,
            "faults": _bands(rec, stories),
        },
        css=_text("report.css"),
        js=_text("report.js"),
        uplot_js=_text("vendor/uPlot.iife.min.js"),
        uplot_css=_text("vendor/uPlot.min.css"),
        uplot_licence=_text("vendor/LICENSE"),
    )
    return page.encode()


def _key(
    data: list[dict[str, Any]], stories: list[FaultStory], *, triggers: bool, expected: bool
) -> list[tuple[str, str]]:
    """The kinds of line and strip that this page has: (css, text)."""
    series = [item for plot in data for item in plot["series"]]
    seen = {span[0] for item in series for span in item["status"]}
    lines = [
        ("line solid", "signal", True),
        ("line dashed", "setpoint", any(item["setpoint"] for item in series)),
        ("line raw", "raw: before faults, force and gate", any(item["raw"] is not None for item in series)),
        ("line range", "declared range", any(item["range"] for item in series)),
        ("line limits", "equipment limits", any(item["limits"] for item in series)),
        ("trigger", "trigger of a capture", triggers),
        ("expected good", "expectation of a script that is met, with the value that decided", expected),
        ("expected bad", "one that is broken", expected),
        ("band fault", "fault injected", bool(stories)),
        *((f"strip {name}", text, name in seen) for name, text in STRIPS.items()),
    ]
    return [(css, text) for css, text, shown in lines if shown]


def _plot_title(plot: dict[str, Any]) -> dict[str, Any]:
    return {"title": plot["title"], "unit": plot["unit"], "thinned": plot["thinned"], "digital": plot["digital"]}


def _bands(rec: Recording, stories: list[FaultStory]) -> list[dict[str, Any]]:
    """Fault intervals for the plots; one that never ended lasts to the end."""
    return [
        {
            "target": story.target,
            "text": story.text,
            "from": story.start_tick,
            "to": story.end_tick if story.end_tick is not None else rec.ticks,
        }
        for story in stories[:100]
        if story.start_tick is not None and story.state != "armed"
    ]


def _fault_row(rec: Recording, story: FaultStory) -> dict[str, Any]:
    unit = rec.units.get(story.target, "") if story.target in rec else ""
    start, end = story.start_tick, story.end_tick
    last = end if end is not None else rec.ticks
    return {
        "target": story.target,
        "text": story.text[:MAX_TEXT],
        "label": story.text if story.target in story.text else f"{story.target} {story.text}",
        "state": story.state,
        "start": numbers.seconds(start * rec.period_s if start is not None else None),
        "end": numbers.seconds(end * rec.period_s) if end is not None else "to the end",
        "ticks": numbers.count(last - start if start is not None else None),
        "before": numbers.value(story.before),
        "after": numbers.value(story.after),
        "recovered": numbers.value(story.recovered),
        "unit": unit,
        "from": start,
        "to": last,
    }


def _event_rows(rec: Recording) -> list[dict[str, Any]]:
    rows = []
    for event in rec.events[:MAX_EVENTS]:
        kind = str(event.get("kind", ""))
        tick = event.get("tick")
        time_s = event.get("time_s", tick * rec.period_s if isinstance(tick, int) else None)
        rows.append(
            {
                "tick": numbers.count(tick),
                "time": numbers.seconds(time_s)[:-2] if time_s is not None else "–",
                "kind": kind,
                "tone": EVENT_TONES.get(kind, ""),
                "target": str(event.get("target") or ""),
                **_event_values(kind, event),
            }
        )
    return rows


def _event_values(kind: str, event: dict[str, Any]) -> dict[str, str]:
    """Values before and after; those of an overrun and of staleness are times in s and belong to the note."""
    a, b, text = event.get("a"), event.get("b"), str(event.get("text") or "")[:MAX_TEXT]
    if kind.startswith("overrun"):
        return {"a": "–", "b": "–", "text": text or f"late {_time(a)}, ran {_time(b)}"}
    if kind == "stale_on":
        return {"a": "–", "b": "–", "text": f"{text} age {_time(a)}".strip()}
    return {"a": numbers.value(a), "b": numbers.value(b), "text": text}


def _time(time_s: Any) -> str:
    return numbers.duration(time_s * 1e9 if isinstance(time_s, int | float) else None)


def _sources(rec: Recording) -> list[tuple[str, str]]:
    room = content.MAX_SOURCE_CHARS
    found = []
    for name, text in content.sources_of(rec).items():
        if not name.endswith(".svg"):
            found.append((name, text[: max(0, room)] + ("\n…" if len(text) > room else "")))
            room -= len(text)
    return found[:20]


@cache
def _template() -> jinja2.Template:
    loader = jinja2.FileSystemLoader(str(resources.files("hil.report")))
    environment = jinja2.Environment(
        loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    return environment.get_template("report.html.j2")


def _text(name: str) -> str:
    return (resources.files("hil.report") / name).read_text(encoding="utf-8")
