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
Worst = tuple[int, int, int, list[int]]
"""Tick, late_ns, exec_ns, ns by block."""


def trace(rig: Rig, seconds: float) -> dict[str, Any]:
    """Runs and records the rig for so long, on the measured core.

    Returns:
        "exec_ns", "late_ns": histograms; "blocks": calls, mean_ns, max_ns by name, dearest first; "overruns"; "flight":
        "ticks", "late_ns", "exec_ns" around the worst tick (the one that ended latest), "worst", "blocks" of that tick
        with "ns" and "mean_ns", "guilty" (of these the one that took longest beyond its mean), "overran", "text".
    """
    loop = Loop("count", GRACE_TICKS, priority=PRIORITY if may_use_fifo() else 0, cpu=CPU)
    alone = replace(rig, loop=loop, events=(), period_ns=min(rig.period_ns, SHORT_NS))
    bind = dict.fromkeys(rig.roles, "mil")
    with tempfile.TemporaryDirectory(prefix="hil-bench-") as folder:
        place = Path(folder) / "recording"
        with open_bench(alone, time="real", bind=bind, record=place, history=False, use_rig_faults=False) as bench:
            bench.run(max(seconds, 3 * GRACE_TICKS * alone.period_s))
            result = bench.finish()
            assert bench.engine is not None
            worst = bench.engine.loop.worst_tick()
            entries = bench.built.entries
        rec = Recording(place)
        timing = rec.manifest["timing"]
        blocks = timing["blocks"]
        flight = _flight(rec, worst, entries, blocks) if worst else {}
    dearest = dict(sorted(blocks.items(), key=lambda item: -item[1]["calls"] * item[1]["mean_ns"]))
    head = {"exec_ns": timing["exec_ns"], "late_ns": timing["late_ns"], "overruns": result.overruns}
    return {**head, "blocks": dearest, "flight": flight}


def _flight(rec: Recording, worst: Worst, entries: list[str], blocks: dict[str, Any]) -> dict[str, Any]:
    """The ticks around the one that ended latest, and where its time went."""
    group = next(iter(rec.groups))
    ticks, late, spent = rec.tick(group), rec.late_ns(group), rec.exec_ns(group)
    tick, late_ns, exec_ns, times = worst
    at = int(np.argmin(np.abs(ticks - tick)))
    shown = slice(max(0, at - AROUND), at + AROUND + 1)
    told = next((e["text"] for e in rec.events if e["kind"] == "overrun" and e["tick"] == tick), "")
    of_worst = where_it_went(entries, times, blocks)
    return {
        "ticks": ticks[shown].tolist(),
        "late_ns": late[shown].tolist(),
        "exec_ns": spent[shown].tolist(),
        "worst": int(ticks[at]),
        "worst_late_ns": late_ns,
        "worst_exec_ns": exec_ns,
        "period_ns": round(rec.period_s * 1e9),
        "guilty": of_worst[0]["name"] if of_worst else "",
        "blocks": of_worst,
        "overran": bool(told),
        "text": told or f"no overrun; it began {late_ns / 1e3:.1f} us late and took {exec_ns / 1e3:.1f} us",
    }


def where_it_went(entries: list[str], times: list[int], blocks: dict[str, Any]) -> list[dict[str, Any]]:
    """Each block that ran in the tick with its time there and its mean; what took longest beyond its mean first."""
    ran = [
        {"name": name, "ns": ns, "mean_ns": blocks[name]["mean_ns"]}
        for name, ns in zip(entries, times, strict=True)
        if ns and name in blocks
    ]
    return sorted(ran, key=lambda each: each["mean_ns"] - each["ns"])
