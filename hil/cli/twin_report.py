"""`hil twin report`: the story of a run."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

import typer

from hil.cli import output
from hil.cli.options import JsonOption


def report(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Of hil twin run --out.")],
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Default: story.html in the folder.")] = None,
    begin: Annotated[float, typer.Option("--from", metavar="SECONDS", min=0.0, help="Bench time.")] = 0.0,
    end: Annotated[float | None, typer.Option("--to", metavar="SECONDS", help="Bench time; default: its end.")] = None,
    json: JsonOption = False,
) -> None:
    """Write the story of a twin's newest run: what it saw, foretold, proposed and did, with plots, as one HTML file."""
    from hil.twin.report import write_story

    with output.working("writing the story", quiet=json):
        written = write_story(folder, out, begin, end if end is not None else math.inf)
    if json:
        output.print_json({"twin": folder, "report": written, "bytes": written.stat().st_size})
    else:
        output.console().print(f"Story: {written} ({written.stat().st_size / 1e6:.1f} MB)", soft_wrap=True)
