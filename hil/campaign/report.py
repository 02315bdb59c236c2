"""The page of a campaign."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from hil.campaign.healthy import Engine
from hil.campaign.heat import Counts
from hil.campaign.junit import write_junit
from hil.campaign.plan import Plan
from hil.campaign.space import Space
from hil.campaign.statistics import late_runs, worst_runs
from hil.campaign.verdicts import HAZARDS

WORST = 5  # runs that are drawn
LATEST = 10  # runs that are listed
SHOWN = 5  # moments that are named
TIMES = ("detected_s", "reaction_s", "handled_s", "hazard_s")
POINTS = 600  # of a curve
WIDTH, HEIGHT, MARGIN = 900.0, 170.0, 60.0


def write_report(
    folder: Path, engine: Engine, space: Space, table: pa.Table, summary: Mapping[str, Any], command: str
) -> Path:
    """Writes report.html and junit.xml into the campaign's folder; returns the page."""
    plan = space.plan
    counts = Counts(space, table.to_pylist())
    page = _template().render(
        title=plan.title,
        rig=engine.rig.title,
        requirement=plan.expect.name,
        css=(resources.files("hil.report") / "report.css").read_text(encoding="utf-8"),
        figures=list(_figures(summary)),
        expected=[*_expected(plan), *_activated(summary)],
        ftti=f"{plan.expect.ftti_s:g} s" if plan.expect.ftti_s is not None else "",
        late=[_late(row) for row in late_runs(table, LATEST)],
        heat=list(counts.heat()),
        panels=list(counts.panels()),
        worst=[_case(engine, space, row) for row in worst_runs(table, WORST)],
        folder=folder,
        tests=summary.get("tests", []),
        command=command,
        results_hash=summary["results_hash"],
        **_verdict(summary),
    )
    path = folder / "report.html"
    path.write_text(page, encoding="utf-8")
    write_junit(folder / "junit.xml", plan, counts)
    return path


def _verdict(summary: Mapping[str, Any]) -> dict[str, str]:
    bad = sum(summary["outcomes"][name] for name in HAZARDS)
    broken, handling = summary["broken_requirement"], summary["fault_handling"]
    late = handling["late"] if handling else 0
    if not bad and not broken and not late:
        return {"word": "passed", "tone": "good", "sentence": f"No hazard in {summary['runs']:,} runs"}
    sentence = f"{bad:,} of {summary['runs']:,} runs ended in a hazard"
    sentence += f", {broken:,} broke the requirement" if broken else ""
    return {"word": "failed", "tone": "bad", "sentence": sentence + (f", {late:,} handled it too late" if late else "")}


def _figures(summary: Mapping[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    for name, count in summary["outcomes"].items():
        yield name, f"{count:,}", "runs", "bad" if count and name in HAZARDS else ""
    cells, found = summary["coverage"], summary["diagnostic_coverage"]
    yield "Coverage of the space", f"{cells['share']:.0%}", f"{cells['cells']} of {cells['of']} cells", ""
    if found["of"]:
        interval = f"{found['low']:.1%} to {found['high']:.1%} at {found['confidence']:.0%} (Clopper-Pearson)"
        yield "Diagnostic coverage", f"{found['share']:.1%}", interval, ""
    if summary["fault_tolerance_time_s"] is not None:
        yield "Shortest to a hazard", f"{summary['fault_tolerance_time_s']:.3g} s", "from fault to hazard", ""
    if summary["slowest_detection_s"] is not None:
        yield "Slowest detection", f"{summary['slowest_detection_s']:.3g} s", "from fault to detection", ""
    yield from _handling_figures(summary["fault_handling"])


def _handling_figures(handling: Mapping[str, Any] | None) -> Iterator[tuple[str, str, str, str]]:
    if not handling:
        return
    if handling["slowest_handling_s"] is not None:
        slowest = f"{handling['slowest_handling_s']:.3g} s"
        yield "Slowest handling", slowest, "from fault to the safe state", ""
    if handling["ftti_s"] is not None:
        limit = f"of {handling['in_time'] + handling['late']:,} beyond {handling['ftti_s']:g} s"
        yield "Handled too late", f"{handling['late']:,}", limit, "bad" if handling["late"] else ""
    if handling["limit_holds"] is False:
        yield "Limit", "too long", "a hazard came sooner than it", "bad"


def _activated(summary: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if summary["activation"]:
        at = [f"{time_s:g} s" for time_s in summary["activation"]["at_s"][:SHOWN]]
        yield "Times count from", f"{summary['activation']['on']}, first at {', '.join(at)}"


def _late(row: Mapping[str, Any]) -> dict[str, Any]:
    times = {key: f"{row[key]:.3g} s" if np.isfinite(row[key]) else "never" for key in TIMES}
    return {"id": row["id"], "faults": row["faults"], "times": list(times.values())}


def _expected(plan: Plan) -> Iterator[tuple[str, str]]:
    expect = plan.expect
    if expect.detect is not None:
        within = f", within {expect.within_s:g} s" if expect.within_s is not None else ""
        yield "Detected", f"{expect.detect}{within}"
    yield "Safe", str(expect.safe)
    if expect.safe_state is not None:
        yield "Safe state", str(expect.safe_state)
    elif expect.reaction_s:
        yield "Safe state", f"{expect.reaction_s:g} s after the detection"
    if expect.ftti_s is not None:
        yield "Fault tolerant time interval", f"{expect.ftti_s:g} s"
    if expect.requirement is not None:
        yield "Requirement", str(expect.requirement)


def _case(engine: Engine, space: Space, row: Mapping[str, Any]) -> dict[str, Any]:
    values = engine.trace(space.run(row["id"], row["point"]))
    return {
        "id": row["id"],
        "robustness": f"{row['margin']:.3g}",
        "faults": row["faults"],
        "svg": _svg(values, engine.plan.duration_s, row["start_s"]),
    }


def _svg(values: Mapping[str, npt.NDArray[np.float64]], duration_s: float, start_s: float) -> str:
    """Curves over one axis of values; a line where the first fault begins."""
    low = min(float(np.nanmin(v)) for v in values.values())
    high = max(float(np.nanmax(v)) for v in values.values())
    span = (high - low) or 1.0

    def place(time_s: float, value: float) -> str:
        x = MARGIN + (WIDTH - MARGIN) * time_s / duration_s
        return f"{x:.1f},{HEIGHT - 20 - (HEIGHT - 40) * (value - low) / span:.1f}"

    at = MARGIN + (WIDTH - MARGIN) * start_s / duration_s
    parts = [
        f'<svg viewBox="0 0 {WIDTH:g} {HEIGHT:g}" role="img" fill="none" font-size="12">',
        f'<path d="M{at:.1f},10V{HEIGHT - 20:g}" stroke="var(--fault)" stroke-dasharray="3 3"/>',
    ]
    for i, (name, curve) in enumerate(values.items()):
        step = max(1, len(curve) // POINTS)
        times = np.linspace(0.0, duration_s, len(curve))
        path = " ".join(place(t, v) for t, v in zip(times[::step], curve[::step], strict=True))
        parts.append(f'<polyline points="{path}" stroke="var(--s{i % 8})" stroke-width="1.6"/>')
        parts.append(f'<text x="{MARGIN + 6 + 130 * i:g}" y="10" fill="var(--s{i % 8})">{name}</text>')
    for label, y in ((f"{high:.3g}", 24.0), (f"{low:.3g}", HEIGHT - 20)):
        parts.append(f'<text x="{MARGIN - 6:g}" y="{y:g}" text-anchor="end" fill="currentColor">{label}</text>')
    parts.append(
        f'<text x="{WIDTH:g}" y="{HEIGHT - 4:g}" text-anchor="end" fill="currentColor">{duration_s:g} s</text>'
    )
    return "".join([*parts, "</svg>"])


def _template() -> jinja2.Template:
    loader = jinja2.FileSystemLoader(str(resources.files("hil.campaign")))
    environment = jinja2.Environment(
        loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    return environment.get_template("report.html.j2")
