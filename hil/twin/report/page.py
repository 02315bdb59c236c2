"""The page: one HTML file that needs no network."""

from __future__ import annotations

import math
from collections.abc import Sequence
from importlib import resources
from pathlib import Path

import jinja2

from hil.errors import HilError
from hil.twin.report.plots import drawn
from hil.twin.report.story import Story, read_story
from hil.whole_file import written_whole

FILE = "story.html"
TOLD_APART = {"forecast": "forecasts", "quality": "quality"}  # many entries: behind a fold of their own


def write_story(folder: Path, out: Path | None = None, from_s: float = 0.0, to_s: float = math.inf) -> Path:
    """Writes the story of a twin's newest run.

    Args:
        folder: of `hil twin run --out`.
        out: the file; default is story.html in the folder.
        from_s, to_s: bench time that is told.

    Raises:
        HilError: there is no ledger or no run in it, matplotlib is missing, or the file cannot be written.
        RecordingError: the recording cannot be read.
    """
    story = read_story(folder, from_s, to_s)
    page = _page(story)
    path = out if out is not None else folder / FILE
    try:
        with written_whole(path) as part:
            part.write_text(page, encoding="utf-8")
    except OSError as error:
        raise HilError(
            f"cannot be written ({error.strerror or error})", where=str(path), mend="Give another --out"
        ) from None
    return path


def _page(story: Story) -> str:
    files = resources.files("hil.report"), resources.files("hil.twin.report")
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    template = environment.from_string((files[1] / "story.html.j2").read_text(encoding="utf-8"))
    rows = story.rows
    return template.render(
        css=(files[0] / "report.css").read_text(encoding="utf-8"),
        story=story,
        opening=story.entries[0].body,
        facts=_facts(story),
        plots=drawn(story),
        rows=[row for row in rows if row.kind not in TOLD_APART],
        apart={text: found for kind, text in TOLD_APART.items() if (found := [r for r in rows if r.kind == kind])},
    )


def _facts(story: Story) -> Sequence[tuple[str, str]]:
    opening, found = story.entries[0].body, story.audit
    until = f"{story.to_s:g} s" if math.isfinite(story.to_s) else "its end"
    recorded = str(story.recording.folder.name) if story.recording is not None else "not recorded: no plots"
    return [
        ("Rig", story.rig),
        ("Scenario", str(opening.get("scenario") or "none")),
        ("Time", str(opening.get("time", ""))),
        ("Program", str(opening.get("program", ""))),
        ("Period", f"{story.from_s:g} s to {until}"),
        ("Recording", recorded),
        ("Ledger", f"{found.entries} entries, {'verifies' if found.verified else 'does NOT verify'}"),
    ]
