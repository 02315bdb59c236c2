"""The summary for a pull request: the outcome, a table of ratios, what was left out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from hil.latency.gate import BETTER, NEW, SAME, UNJUDGED, WORSE, Outcome

MARKS = {WORSE: "❌ worse", SAME: "✅ same", BETTER: "🚀 better", UNJUDGED: "❔ not judged", NEW: "new"}


def summary(result: Mapping[str, Any], outcome: Outcome | None = None) -> str:
    """Markdown as GitHub and GitLab take it."""
    return "\n".join(_lines(result, outcome)) + "\n"


def _lines(result: Mapping[str, Any], outcome: Outcome | None) -> Iterator[str]:
    machine = result["machine"]
    yield f"### hil bench: {result['rig']}"
    yield ""
    if outcome:
        yield f"**{outcome.sentence}.**"
        yield ""
    judged = {figure.name: figure for figure in outcome.figures} if outcome else {}
    yield "| figure | ours | yardstick | ratio | 95 % interval | pairs |" + (" baseline | |" if judged else "")
    yield "|---|---:|---:|---:|---|---:|" + ("---:|---|" if judged else "")
    for name, ratio in result["ratios"].items():
        figure = judged.get(name)
        row = (
            f"| {name} | {number(ratio['ours'])} {ratio['unit']} | {number(ratio['theirs'])} {ratio['unit']} "
            f"| {ratio['median']:.3f} | {ratio['low']:.3f} to {ratio['high']:.3f} | {ratio['pairs']} |"
        )
        if figure:
            base = f"{figure.base['median']:.3f}" if figure.base else ""
            change = f" {figure.change:+.1%}" if figure.change is not None else ""
            row += f" {base} | {MARKS[figure.verdict]}{change} |"
        elif judged:
            row += " | not gated |"
        yield row
    yield ""
    yield from _tails(result)
    for name, why in result["skipped"].items():
        yield f"- {name} was not measured: {why}"
    kernel = f"{machine['class']['cpu']}, {machine['class']['cores']} cores, kernel {machine['kernel']}"
    yield f"- {kernel}; {result['verdict']['sentence']}"


def _tails(result: Mapping[str, Any]) -> Iterator[str]:
    """p99 and missed ticks: shown, never gated."""
    wakeup = result["figures"].get("wakeup") or {}
    for name in ("plain", "spin", "loaded"):
        facts = wakeup.get(name)
        if facts:
            late = facts["late_ns"]
            yield (
                f"- wake-up {name}: p50 {late['p50'] / 1e3:.1f} us, p99 {late['p99'] / 1e3:.1f} us, "
                f"{facts['missed']} of {facts['ticks']} ticks missed (not gated)"
            )


def number(value: float) -> str:
    """Three digits, without exponents."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
