"""What a cell of a notebook shows of a bench and of a recording: short tables, made of what is at hand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from hil.commands import status_text
from hil.errors import HilError

if TYPE_CHECKING:
    from hil.bench import Bench
    from hil.recording import Recording

MAX_SIGNALS = 60


def bench_html(bench: Bench) -> str:
    """How the bench is now, and the newest value of its signals."""
    done = bench._result
    state = "runs" if bench.running else "at rest" if done is None else f"ended, {_verdict(done.passed, done.reason)}"
    facts = [
        ("state", state),
        ("time", f"{bench.time}, {bench.time_s:g} s, tick {bench.tick:,}"),
        ("bindings", _pairs(bench.bindings.items())),
        ("acting faults", ", ".join(sorted(set(bench.acting.values()))) or "none"),
    ]
    names = bench.names
    rows = [(n, f"{bench[n]:.6g}", bench.units.get(n) or "", status_text(bench.status(n))) for n in names[:MAX_SIGNALS]]
    return _page(f"Bench {bench.rig.name}", facts) + _table(("signal", "value", "unit", "status"), rows, len(names))


def recording_html(rec: Recording) -> str:
    """What ran, how it ended and what was recorded; what is damaged is told, not raised."""
    manifest = rec.manifest
    facts = [
        ("folder", str(rec.folder)),
        ("result", " ".join(str(manifest[key]) for key in ("result", "reason") if manifest.get(key)) or "open"),
        ("time", str(manifest.get("time", ""))),
        ("bindings", _pairs((manifest.get("bindings") or {}).items())),
    ]
    try:
        facts.append(("duration", f"{rec.duration_s:g} s, {rec.ticks:,} ticks of {rec.period_s:g} s"))
        facts += [("problem", text) for text in rec.problems]
    except HilError as error:
        facts.append(("problem", str(error)))
    kinds = Counter(str(event.get("kind")) for event in rec.events)
    facts.append(("events", ", ".join(f"{n} {kind}" for kind, n in sorted(kinds.items())) or "none"))
    groups = [(g.group, str(len(g.names)), f"every {g.every} ticks") for g in rec.groups.values()]
    title = f"Recording of {manifest.get('rig', '')}"
    return _page(title, facts) + _table(("group", "signals", "rows"), groups, len(groups))


def _verdict(passed: bool, reason: str) -> str:
    return "passed" if passed else f"failed: {reason}"


def _pairs(items: Iterable[tuple[Any, Any]]) -> str:
    return ", ".join(f"{key} = {value}" for key, value in items) or "none"


def _page(title: str, facts: Sequence[tuple[str, str]]) -> str:
    rows = "".join(f"<tr><th>{escape(key)}</th><td>{escape(value)}</td></tr>" for key, value in facts)
    return f"<h4>{escape(title)}</h4><table>{rows}</table>"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], n: int) -> str:
    cells = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    more = f"<p>and {n - len(rows)} more</p>" if n > len(rows) else ""
    heads = "".join(f"<th>{escape(name)}</th>" for name in head)
    return f"<table><thead><tr>{heads}</tr></thead><tbody>{cells}</tbody></table>{more}"
