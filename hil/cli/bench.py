"""`hil bench`: how fast and how even a bench is here, beside what the machine can do; and the gate for CI."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hil.cli import output
from hil.errors import BenchError
from hil.whole_file import written_whole

if TYPE_CHECKING:
    from hil.latency.gate import Outcome

STDOUT = Path("-")


def bench(
    rig: Annotated[
        str, typer.Argument(metavar="[RIG]", help="Folder of a rig, its rig.toml, or the name of a shipped rig.")
    ] = "quad_tank",
    only: Annotated[
        str, typer.Option(metavar="NAMES", help="wakeup,step,bus,link,record,roundtrip,estimator,batch,plc,fmu")
    ] = "",
    seconds: Annotated[float, typer.Option(min=0.1, max=3600, help="Of measuring, for each of these.")] = 3.0,
    rate: Annotated[float, typer.Option(metavar="HZ", min=10, max=10_000, help="Of loops not the rig's own.")] = 1000.0,
    json: Annotated[Path | None, typer.Option(metavar="FILE", help="The result; - for stdout.")] = None,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="A page with plots.")] = None,
    markdown: Annotated[Path | None, typer.Option(metavar="FILE", help="A summary for a pull request.")] = None,
    history: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder of earlier results, for the page's history.")
    ] = None,
    baseline: Annotated[Path | None, typer.Option(metavar="FILE", help="An earlier result to compare with.")] = None,
    base_commit: Annotated[
        str | None, typer.Option(metavar="REV", help="Build and measure this commit here, as the baseline.")
    ] = None,
    gate: Annotated[bool, typer.Option("--gate", help="Exit code 1 when worse, 3 when it cannot be judged.")] = False,
    margin: Annotated[float, typer.Option(min=0, max=10, help="That a ratio may grow by, as a fraction.")] = 0.08,
) -> None:
    """Measure a rig on this machine, each figure in turn with its yardstick in C.

    Devices are emulated; no real one is touched.
    """
    if gate and baseline is None and base_commit is None:
        raise typer.BadParameter("needs --baseline FILE or --base-commit REV", param_hint="--gate")
    job = _Job(rig, only.split(","), seconds, rate, margin)
    base = job.baseline(baseline, base_commit)
    result = job.measure()
    outcome = job.judge(result, base) if base else None
    _write(result, outcome, json=json, html=html, markdown=markdown, history=history)
    if json != STDOUT:
        _show(result, outcome)
    raise typer.Exit(outcome.exit_code if outcome and gate else 0)


class _Job:
    """One run, as asked for."""

    def __init__(self, rig: str, only: list[str], seconds: float, rate_hz: float, margin: float) -> None:
        self.rig, self.only, self.seconds, self.rate_hz, self.margin = rig, only, seconds, rate_hz, margin

    def measure(self, only: list[str] | None = None) -> dict[str, Any]:
        """The result as JSON data."""
        from hil.json_text import plain
        from hil.latency import measure

        with output.working("measuring", quiet=False) as say:
            found = measure(
                self.rig,
                only=only or self.only,
                seconds=self.seconds,
                rate_hz=self.rate_hz,
                progress=lambda group: say(f"measuring {group}"),
            )
        data: dict[str, Any] = plain(found.to_dict())
        return data

    def measure_elsewhere(self, groups: list[str]) -> dict[str, Any]:
        """The same in a process of its own: where code and data lie in memory is chance, and is drawn anew."""
        from hil.latency.schema import read

        with tempfile.TemporaryDirectory(prefix="hil-bench-") as folder:
            out = Path(folder) / "again.json"
            options = ["--only", ",".join(groups), "--seconds", f"{self.seconds}", "--rate", f"{self.rate_hz}"]
            command = [sys.executable, "-m", "hil", "bench", self.rig, *options, "--json", str(out)]
            done = subprocess.run(command, check=False, capture_output=True, text=True)
            if done.returncode:
                said = (done.stderr.strip().split("\n") or [""])[-1]
                raise BenchError(f"the repeat ended with {done.returncode}: {said}", where="--gate")
            return read(out)

    def baseline(self, path: Path | None, rev: str | None) -> dict[str, Any] | None:
        """The file's, unless it is of another CPU class and a commit is named to be measured here."""
        from hil.latency.base_commit import measure_base
        from hil.latency.cpu_class import cpu_class, difference
        from hil.latency.schema import read

        base = read(path) if path else None
        if rev and (base is None or difference(cpu_class(), base["machine"]["class"])):
            options = ["--only", ",".join(self.only), "--seconds", f"{self.seconds}", "--rate", f"{self.rate_hz}"]
            return measure_base(rev, self.rig, options)
        return base

    def judge(self, result: dict[str, Any], base: dict[str, Any]) -> Outcome:
        """With a second measurement of what looks worse."""
        from hil.latency.gate import group_of, judge

        def again(suspects: Any) -> dict[str, Any]:
            return self.measure_elsewhere(sorted({group_of(name) for name in suspects}))

        return judge(result, base, margin=self.margin, again=again)


def _write(
    result: dict[str, Any],
    outcome: Outcome | None,
    *,
    json: Path | None,
    html: Path | None,
    markdown: Path | None,
    history: Path | None,
) -> None:
    from hil import json_text
    from hil.latency.markdown import summary
    from hil.latency.page import page

    whole = {**result, "gate": _gate(outcome)} if outcome else result
    if json == STDOUT:
        output.print_json(whole)
    elif json:
        _put(json, json_text.dumps(whole, indent=2) + "\n")
    if markdown:
        _put(markdown, summary(result, outcome))
    if html:
        _put(html, page(result, outcome, history))


def _gate(outcome: Outcome) -> dict[str, Any]:
    figures = {f.name: {"verdict": f.verdict, "change": f.change, "why": f.why} for f in outcome.figures}
    return {"exit_code": outcome.exit_code, "sentence": outcome.sentence, "margin": outcome.margin, "figures": figures}


def _put(path: Path, text: str) -> None:
    """Whole or not at all."""
    if path.is_dir():
        raise BenchError("is a folder", where=str(path), mend="Name a file")
    with written_whole(path) as part:
        part.write_text(text, encoding="utf-8")


def _show(result: dict[str, Any], outcome: Outcome | None) -> None:
    out = output.console()
    out.print(_table(result, outcome))
    for name, why in result["skipped"].items():
        out.print(f"{name} was not measured: {why}", style="dim", soft_wrap=True)
    out.print(result["verdict"]["sentence"], soft_wrap=True)
    for why in result["verdict"]["unfit_because"]:
        out.print(f"Not fit to be judged on: {why}", style="yellow", soft_wrap=True)
    if outcome:
        style = {0: "bold green", 1: "bold red"}.get(outcome.exit_code, "bold yellow")
        out.print(outcome.sentence, style=style, soft_wrap=True)
    sys.stdout.flush()


def _table(result: dict[str, Any], outcome: Outcome | None) -> Any:
    from rich.table import Table

    from hil.latency.markdown import number

    judged = {figure.name: figure for figure in outcome.figures} if outcome else {}
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column("Figure")
    for column in ("Ours", "Yardstick", "Ratio", "95 % interval", "Pairs"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("", overflow="fold")
    for name, ratio in result["ratios"].items():
        figure = judged.get(name)
        note = figure.verdict if figure else "" if ratio["gated"] else "not gated"
        if figure and figure.change is not None:
            note += f" {figure.change:+.1%}"
        sides = [f"{number(ratio[key])} {ratio['unit']}" for key in ("ours", "theirs")]
        interval = f"{ratio['low']:.3f} to {ratio['high']:.3f}"
        table.add_row(name, *sides, f"{ratio['median']:.3f}", interval, str(ratio["pairs"]), note)
    return table
