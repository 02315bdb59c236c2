"""The page of `hil bench`: one HTML file in the style of the reports."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import Any

import jinja2

from hil.errors import HilError
from hil.latency import pictures
from hil.latency.gate import BETTER, NEW, PASSED, SAME, UNJUDGED, WORSE, Outcome
from hil.latency.markdown import number
from hil.latency.schema import read
from hil.report import numbers
from hil.report.histogram import Histogram, histogram

TONES = {WORSE: "bad", SAME: "good", BETTER: "good", UNJUDGED: "warn", NEW: ""}
MOST_BLOCKS, MOST_RESULTS = 40, 200
WAKEUPS = {
    "plain": ("Wake-up", "how late a tick begins, without a final spin"),
    "spin": ("Wake-up with a final spin", "the loop wakes earlier and spins until the due time"),
    "loaded": ("Wake-up under load", "an ordinary process computes on each of the other cores"),
}


def page(result: Mapping[str, Any], outcome: Outcome | None = None, folder: Path | None = None) -> str:
    """The whole page.

    Args:
        result: as `hil bench --json` writes it.
        outcome: of the gate.
        folder: of earlier results of the same rig, for the history.
    """
    figures, step = result["figures"], result["figures"].get("step") or {}
    return _template().render(
        rig=result["rig"],
        css=(resources.files("hil.report") / "report.css").read_text(encoding="utf-8"),
        **_verdict(result, outcome),
        facts=list(_facts(result)),
        figures=list(_figures(figures)),
        rows=[_row(name, ratio, outcome) for name, ratio in result["ratios"].items()],
        judged=outcome is not None,
        skipped=result["skipped"],
        histograms=list(_histograms(figures, 1e9 / result["options"]["rate_hz"])),
        heat=pictures.heat(figures["wakeup"]["heat"]) if "wakeup" in figures else None,
        flight=pictures.flight(step["flight"]) if step.get("flight") else None,
        flight_text=_flight_text(step),
        blocks=_blocks(step),
        history=list(_history(result, folder)),
        version=result["hil"],
    )


def _verdict(result: Mapping[str, Any], outcome: Outcome | None) -> dict[str, str]:
    sentence = result["verdict"]["sentence"]
    if outcome is None:
        return {"word": "measured", "tone": "", "sentence": sentence}
    word = {PASSED: "not worse", 1: "worse"}.get(outcome.exit_code, "not judged")
    return {
        "word": word,
        "tone": {PASSED: "good", 1: "bad"}.get(outcome.exit_code, "warn"),
        "sentence": outcome.sentence,
    }


def _facts(result: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    machine, options = result["machine"], result["options"]
    yield "Machine", f"{machine['class']['cpu']}, {machine['class']['cores']} cores"
    yield "Kernel", f"{machine['kernel']}, preemption {machine['class']['preemption']}"
    yield "Yardsticks", machine["class"]["compiler"]
    yield "Measured", datetime.fromtimestamp(options["time"], UTC).strftime("%Y-%m-%d %H:%M UTC")
    yield "Took", f"{options['took_s']:.0f} s, {options['seconds']:g} s a group, {options['rate_hz']:g} Hz"
    yield "Machine says", result["verdict"]["sentence"]


def _figures(figures: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    wakeup, step, bus = (figures.get(name) or {} for name in ("wakeup", "step", "bus"))
    if wakeup:
        late = wakeup["plain"]["late_ns"]
        missed = (
            f"99 % {numbers.duration(late['p99'])}, {wakeup['plain']['missed']} of {wakeup['plain']['ticks']} missed"
        )
        yield "Wake-up, median", numbers.duration(late["p50"]), missed
    if step:
        yield "A tick", numbers.duration(step["tick_ns"]), "virtual time, all roles simulated"
        if step["headroom_us"] is not None:
            text = f"{step['headroom_percent']:.1f} % of the period, until the first overrun"
            yield "Headroom", numbers.duration(step["headroom_us"] * 1e3), text
    if bus:
        yield "Modbus TCP read", numbers.duration(bus["tcp_client_us"] * 1e3), "10 registers, both ends on one core"
        yield "A signal on the bus", numbers.duration(bus["per_signal_ns"]), "of a larger exchange"
    for name, trip in (figures.get("roundtrip") or {}).items():
        others = (("library", trip.get("sil")), ("chip in lock-step", trip.get("chip")), ("simulated", trip["mil"]))
        text = f"99 % {trip['pil']['p99_ticks']:g}; "
        text += ", ".join(f"{what} {level['p50_ticks']:g}" for what, level in others if level)
        yield f"Round trip {name}", f"{trip['pil']['p50_ticks']:g} ticks", text


def _row(name: str, ratio: Mapping[str, Any], outcome: Outcome | None) -> dict[str, Any]:
    judged = next((f for f in outcome.figures if f.name == name), None) if outcome else None
    change = f" {judged.change:+.1%}" if judged and judged.change is not None else ""
    return {
        "name": name,
        "ours": f"{number(ratio['ours'])} {ratio['unit']}",
        "theirs": f"{number(ratio['theirs'])} {ratio['unit']}",
        "median": f"{ratio['median']:.3f}",
        "interval": f"{ratio['low']:.3f} to {ratio['high']:.3f}",
        "pairs": ratio["pairs"],
        "yardstick": ratio["yardstick"],
        "note": judged.why if judged else ratio["why_not"],
        "word": f"{judged.verdict}{change}" if judged else "" if ratio["gated"] else "not gated",
        "tone": TONES[judged.verdict] if judged else "",
    }


def _histograms(figures: Mapping[str, Any], period_ns: float) -> Iterator[Histogram]:
    wakeup, step = figures.get("wakeup") or {}, figures.get("step") or {}
    wanted = [(wakeup[key]["late_ns"], *text) for key, text in WAKEUPS.items() if wakeup.get(key)]
    if step.get("exec_ns"):
        wanted.append((step["exec_ns"], "Execution", "of a tick in real time, the clock read between blocks"))
    for name, trip in (figures.get("roundtrip") or {}).items():
        wanted.append((trip["age_ns"], f"Age at latch, {name}", "how old the device's image is when the loop takes it"))
    for data, title, what in wanted:
        drawn = histogram(data, title, what, period_ns)
        if drawn:
            yield drawn


def _flight_text(step: Mapping[str, Any]) -> str:
    if not step.get("flight"):
        return ""
    told = step["flight"]
    guilty = f" Guilty block: {told['guilty']}{_beyond(told)}." if told["guilty"] else ""
    return f"Worst tick {told['worst']:,}: {told['text']}.{guilty} {step['overruns']} ticks overran in this run."


def _beyond(told: Mapping[str, Any]) -> str:
    """How much longer it took than it mostly does; earlier results do not know."""
    if not told.get("blocks"):
        return ""
    first = told["blocks"][0]
    return f", {numbers.duration(first['ns'])} in this tick, {numbers.duration(first['mean_ns'])} on average"


def _blocks(step: Mapping[str, Any]) -> list[dict[str, Any]]:
    blocks = list((step.get("blocks") or {}).items())
    worst = {each["name"]: each["ns"] for each in (step.get("flight") or {}).get("blocks", ())}
    total = sum(b["calls"] * b["mean_ns"] for _, b in blocks) or 1.0
    return [
        {
            "name": name,
            "worst_tick": numbers.duration(worst[name]) if name in worst else "",
            "calls": numbers.count(b["calls"]),
            "mean": numbers.duration(b["mean_ns"]),
            "maximum": numbers.duration(b["max_ns"]),
            "share": b["calls"] * b["mean_ns"] / total,
        }
        for name, b in blocks[:MOST_BLOCKS]
    ]


def _history(result: Mapping[str, Any], folder: Path | None) -> Iterator[tuple[str, Any]]:
    """A drawing for each gated ratio over the results of this rig in the folder, this one last."""
    results = [*_earlier(result, folder), result] if folder else []
    if len(results) < 2:
        return
    for name, ratio in result["ratios"].items():
        points = [
            (_when(each), r["median"], r["low"], r["high"])
            for each in results
            if (r := each["ratios"].get(name)) is not None
        ]
        if ratio["gated"] and len(points) > 1:
            yield name, pictures.history(points)


def _earlier(result: Mapping[str, Any], folder: Path | None) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = []
    for path in sorted(folder.glob("*.json")) if folder else []:
        with contextlib.suppress(HilError):  # other files may lie there
            found.append(read(path))
    now = result["options"]["time"]
    mine = [each for each in found if each["rig"] == result["rig"] and each["options"]["time"] < now]
    return sorted(mine, key=lambda each: each["options"]["time"])[-MOST_RESULTS:]


def _when(result: Mapping[str, Any]) -> str:
    return datetime.fromtimestamp(result["options"]["time"], UTC).strftime("%Y-%m-%d %H:%M")


def _template() -> jinja2.Template:
    loader = jinja2.FileSystemLoader(str(resources.files("hil.latency")))
    environment = jinja2.Environment(
        loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    return environment.get_template("bench.html.j2")
