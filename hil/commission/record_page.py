"""The record as one HTML file that needs no network and no script: for the screen, for print, for a signature."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any

import jinja2

from hil.commission import compare, record_views
from hil.commission.compare import Comparison
from hil.commission.history import Rerun
from hil.commission.record_coverage import Coverage
from hil.commission.record_trend import drawings
from hil.commission.results import Results
from hil.report import numbers
from hil.signing.keys import PublicKey

TITLES = {"FAT": "Factory acceptance record", "SAT": "Site acceptance record"}


@dataclass(frozen=True)
class Content:
    """All that a page shows.

    Attributes:
        results: of the commissioning.
        identity: SHA-256 of results.json, by which sheets of paper are told to be of this record.
        kind: "FAT" or "SAT".
        signer: whose key signs it; None: unsigned.
        when: time of the signature.
        spec: (path, SHA-256, what is to be said about it) of the files that it was made from.
        attached: names of files and folders that belong to it.
        notes: what a reader must know, one line each, shown on the first page.
    """

    results: Results
    identity: str
    kind: str
    when: str
    signer: PublicKey | None = None
    spec: Sequence[tuple[str, str, str]] = ()
    attached: Sequence[str] = ()
    coverage: Coverage | None = None
    comparison: Comparison | None = None
    history: Sequence[Rerun] = ()
    notes: Sequence[str] = ()
    versions: Mapping[str, str] = field(default_factory=dict)


def render(content: Content) -> str:
    """The page."""
    results = content.results
    return _template().render(
        c=content,
        results=results,
        conditions=results.conditions,
        title=TITLES[content.kind],
        overall=record_views.verdict_of(results),
        sentence=record_views.sentence_of(results),
        left_out=record_views.left_out(results),
        time=record_views.TIME.get(results.conditions.time, results.conditions.time),
        sections=_numbered(content),
        groups=record_views.sections(results),
        summary=record_views.summary(results),
        loops=record_views.loop_table(results),
        tuning=record_views.tuning_table(results),
        matrices=list(record_views.matrices(results.cells)),
        css=(resources.files("hil.commission") / "record.css").read_text(encoding="utf-8"),
        edge=_edge(content),
    )


def _numbered(content: Content) -> dict[str, tuple[str, str]]:
    """Anchor -> (number, title) of every section that this record has, in its order."""
    r, beside = content.results, content.comparison
    body = [
        ("scope", "Scope and conditions", True),
        ("versions", "Versions and hashes", True),
        ("summary", "Summary", True),
        ("punch-list", "Deviations (punch list)", True),
        ("comparison", _titled(f"{' and '.join(beside.names)} side by side") if beside else "", beside),
        ("history", "Items run again", content.history),
        ("tags", "Tags", r.tags),
        ("matrix", "Cause and effect", r.cells),
        ("requirements", "Requirements", r.requirements),
        *((name, title, True) for name, title, _ in record_views.sections(r)),
        ("released", "Forced signals", r.forced and not any(item.kind == "force" for item in r.items)),
        ("coverage", "Coverage of the program", content.coverage),
        ("sign-off", "Acceptance", True),
    ]  # fmt: skip
    annexes = [
        ("values", "Values and trends of each item", r.items),
        ("source", "Program with coverage", content.coverage),
    ]
    numbered = [(name, title) for name, title, there in body if there]
    lettered = [(name, title) for name, title, there in annexes if there]
    found = {name: (str(i), title) for i, (name, title) in enumerate(numbered, 1)}
    return found | {name: (f"Annex {'AB'[i]}", title) for i, (name, title) in enumerate(lettered)}


def _titled(text: str) -> str:
    return text[:1].upper() + text[1:]


def _edge(content: Content) -> dict[str, str]:
    """Texts at the edges of each printed sheet, as strings of CSS."""
    c = content.results.conditions
    day = record_views.moment(content.when)
    return {
        "left": css_string(f"{TITLES[content.kind]} – {c.title or c.rig}"),
        "right": css_string(f"Rig {c.rig}, {day}"),
        "below": css_string(f"Results SHA-256 {content.identity[:32]}…"),
    }


def css_string(text: str) -> str:
    """A CSS string of any text; nothing in it can end the string or the style sheet."""
    plain = "".join(ch if (ch.isalnum() and ch.isascii()) or ch in " .,-" else f"\\{ord(ch):06x} " for ch in text)
    return f'"{plain}"'


@cache
def _template() -> jinja2.Template:
    loader = jinja2.FileSystemLoader(str(resources.files("hil.commission")))
    environment = jinja2.Environment(
        loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    environment.filters |= {
        "words": lambda verdict: str(verdict).replace("_", " "),
        "symbol": lambda verdict: record_views.SYMBOL.get(str(verdict).replace(" ", "_"), ""),
        "css": lambda verdict: str(verdict).replace("_", "-").replace(" ", "-"),
        "number": compare.text,
        "seconds": numbers.seconds,
        "limits": record_views.limits,
        "error": record_views.error,
        "moment": record_views.moment,
        "kind": lambda kind: record_views.KIND.get(kind, kind),
        "drawings": drawings,
        "anchor": anchor,
    }
    environment.globals |= {
        "conditions_of": record_views.conditions,
        "meaning_of": record_views.meaning,
        "items_of_tag": lambda results, tag: record_views.few(
            results, tag.items, lambda item: item.tags[:1] == (tag.name,)
        ),
        "items_of_requirement": lambda results, r: record_views.few(results, r.items, lambda i: r.id in i.requirements),
        "ids_of": lambda cells: [f"{cell.cause}:{cell.effect}" for cell in cells if cell],
    }
    return environment.get_template("record.html.j2")


def anchor(name: str) -> str:
    """An id of HTML for an item's id; two names never share one."""
    return "i-" + "".join(ch if (ch.isascii() and ch.isalnum()) or ch in "-." else f"_{ord(ch):x}_" for ch in name)


def content_facts(content: Content) -> dict[str, Any]:
    """What the manifest says besides files and signer."""
    results, c = content.results, content.results.conditions
    return {
        "kind": content.kind,
        "verdict": record_views.verdict_of(results),
        "totals": results.totals,
        "rig": {"name": c.rig, "title": c.title, "files": c.files},
        "program_hash": c.program_hash,
        "versions": c.versions,
        "conditions": {
            "time": c.time, "bindings": c.bindings, "controllers": c.controllers, "urls": c.urls, "seed": c.seed,
            "period_s": c.period_s, "bench_s": c.bench_s, "started": c.started, "ended": c.ended, "scope": c.scope,
        },
        "reruns": [{"when": rerun.when, "reason": rerun.reason, "items": rerun.items} for rerun in content.history],
    }  # fmt: skip
