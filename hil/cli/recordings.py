"""`hil replay`, `hil report`, `hil export`: what can be done with a recording."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from hil.cli import FAILED, output
from hil.cli.options import JsonOption

RecordingArg = Annotated[Path, typer.Argument(metavar="DIR", help="Folder of a recording.")]


class Format(StrEnum):
    """Formats of `hil export`."""

    CSV = "csv"
    PARQUET = "parquet"
    MF4 = "mf4"


def replay(recording: RecordingArg, json: JsonOption = False) -> None:
    """Run the recorded inputs through the core again and compare all hashes and values. Exit code 1 if they differ."""
    from hil.replay import replay as play

    with output.working("replaying", quiet=json):
        found = play(recording)
    if json:
        output.print_json(found)
    else:
        _show_replay(recording, found)
    if not found["identical"]:
        raise typer.Exit(FAILED)


def _show_replay(recording: Path, found: dict[str, Any]) -> None:
    out = output.console()
    ticks = f"{found['ticks']:,} ticks"
    if found["identical"]:
        out.print(f"Identical: {ticks} of {recording}, state hash {found['state_hash']}", soft_wrap=True)
    elif found.get("not_replayable_from") is not None:
        text = f"Not replayable from tick {found['not_replayable_from']:,} on: {found.get('reason')}"
        out.print(f"{text}. The {ticks} before it were played", soft_wrap=True)
    else:
        out.print(f"Different: {found.get('reason')} ({ticks} played)", soft_wrap=True)
        if found.get("first_difference"):
            out.print(f"First difference: {output.fields_text(found['first_difference'])}", soft_wrap=True)


def report(
    recording: RecordingArg,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Default: report.html in the recording's folder.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Write a self-contained HTML report: what ran, the verdict, plots, timing, events."""
    from hil.report import write_report

    with output.working("writing the report", quiet=json):
        written = write_report(recording) if out is None else write_report(recording, out)
    if json:
        output.print_json({"recording": recording, "report": written, "bytes": written.stat().st_size})
    else:
        output.console().print(f"Report: {written} ({written.stat().st_size / 1e6:.1f} MB)", soft_wrap=True)


def export(
    recording: RecordingArg,
    to: Annotated[Format, typer.Option("--to", help="Format.")] = Format.CSV,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Default: signals.<format> in the folder.")] = None,
    unit_row: Annotated[bool, typer.Option("--unit-row", help="CSV: units in a second row.")] = False,
    json: JsonOption = False,
) -> None:
    """Write the signals of a recording for other programs. MF4 needs the extra `mf4`."""
    from hil.export import export as write

    with output.working("exporting", quiet=json):
        written = write(recording, to.value, out, unit_row=unit_row)
    if json:
        output.print_json({"recording": recording, "format": to.value, "files": written})
        return
    for path in written:
        output.console().print(f"Wrote {path} ({path.stat().st_size / 1e6:.1f} MB)", soft_wrap=True)
