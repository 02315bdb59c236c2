"""The rig in real time with its roles simulated: execution time a tick and by block, the ticks around the worst."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from hil.bench import open_bench
from hil.latency.headroom import SHORT_NS
from hil.latency.place import CPU, PRIORITY
from hil.latency.yardstick import may_use_fifo
from hil.recording import Recording
from hil.rig import Rig
from hil.rig.description import Loop

AROUND = 40  # ticks before and behind the worst one
GRACE_TICKS = 20


def trace(rig: Rig, seconds: float) -> dict[str, Any]:
    """Runs and records the rig for so long, on the measured core.

    Returns:
        "exec_ns", "late_ns": histograms; "blocks": calls, mean_ns, max_ns by name, dearest first; "overruns"; "flight":
        "ticks", "late_ns", "exec_ns" around the worst tick, "worst", "guilty" (the slowest block of that tick, where
        an overrun told it) and "text".
    """
    loop = Loop("count", GRACE_TICKS, priority=PRIORITY if may_use_fifo() else 0, cpu=CPU)
    alone = replace(rig, loop=loop, events=(), period_ns=min(rig.period_ns, SHORT_NS))
    bind = dict.fromkeys(rig.roles, "mil")
    with tempfile.TemporaryDirectory(prefix="hil-bench-") as folder:
        place = Path(folder) / "recording"
        with open_bench(alone, time="real", bind=bind, record=place, history=False, use_rig_faults=False) as bench:
            bench.run(max(seconds, 3 * GRACE_TICKS * alone.period_s))
            result = bench.finish()
        rec = Recording(place)
        timing = rec.manifest["timing"]
        flight = _flight(rec)
    blocks = timing["blocks"]
    dearest = dict(sorted(blocks.items(), key=lambda item: -item[1]["calls"] * item[1]["mean_ns"]))
    head = {"exec_ns": timing["exec_ns"], "late_ns": timing["late_ns"], "overruns": result.overruns}
    return {**head, "blocks": dearest, "flight": flight}


def _flight(rec: Recording) -> dict[str, Any]:
    """The worst tick is that of the overrun which ended latest; without one, the tick that ended latest."""
    group = next(iter(rec.groups))
    ticks, late, spent = rec.tick(group), rec.late_ns(group), rec.exec_ns(group)
    inside = ticks >= GRACE_TICKS
    ticks, late, spent = ticks[inside], late[inside], spent[inside]
    worst = int(np.argmax(late + spent))
    told = [e for e in rec.events if e["kind"] == "overrun"]
    blamed = max(told, key=lambda e: (e["a"] or 0) + (e["b"] or 0), default=None)
    if blamed is not None:
        worst = int(np.argmin(np.abs(ticks - blamed["tick"])))
    shown = slice(max(0, worst - AROUND), worst + AROUND + 1)
    return {
        "ticks": ticks[shown].tolist(),
        "late_ns": late[shown].tolist(),
        "exec_ns": spent[shown].tolist(),
        "worst": int(ticks[worst]),
        "period_ns": round(rec.period_s * 1e9),
        "guilty": blamed["target"] if blamed else "",
        "text": blamed["text"] if blamed else "no tick overran",
    }
