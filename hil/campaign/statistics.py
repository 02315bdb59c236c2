"""What all runs of a campaign say together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from hil.campaign.handling import WORDS
from hil.campaign.plan import Expectation
from hil.campaign.space import Space
from hil.campaign.verdicts import OUTCOMES
from hil.errors import BenchError

CONFIDENCE = 0.95
LATE = WORDS[1]


def summary(table: pa.Table, space: Space) -> dict[str, Any]:
    """Figures of a table of results (store.SCHEMA): outcomes, coverage, diagnostic coverage, times in s."""
    outcomes = Counter(table["outcome"].to_pylist())
    hazards, latencies = (_finite(table[name]) for name in ("hazard_s", "detected_s"))
    on = space.plan.on
    return {
        "runs": len(table),
        "outcomes": {name: outcomes.get(name, 0) for name in OUTCOMES},
        "broken_requirement": int((table["requirement"].to_numpy() < 0.0).sum()),
        "coverage": _coverage(table, space),
        "diagnostic_coverage": diagnostic_coverage(outcomes),
        "fault_tolerance_time_s": float(hazards.min()) if len(hazards) else None,
        "slowest_detection_s": float(latencies.max()) if len(latencies) else None,
        "fault_handling": fault_handling(table, space.plan.expect),
        "activation": None if on is None else {"on": str(on), "at_s": sorted(set(_finite(table["on_s"]).tolist()))},
    }


def fault_handling(table: pa.Table, expect: Expectation) -> dict[str, Any] | None:
    """Fault handling times against the fault tolerant time interval; None: the plan asks for none (handling.py).

    A hazard sooner than the limit says that the limit is longer than what the equipment tolerates: `limit_holds`.
    """
    if expect.ftti_s is None and expect.safe_state is None:
        return None
    words, shortest = Counter(table["handled"].to_pylist()), _finite(table["hazard_s"])
    figures: dict[str, Any] = {"ftti_s": expect.ftti_s, "in_time": words[WORDS[0]], "late": words[LATE]}
    for name, column in (("detection", "detected_s"), ("reaction", "reaction_s"), ("handling", "handled_s")):
        times = _finite(table[column])
        figures[f"slowest_{name}_s"] = float(times.max()) if len(times) else None
    figures["limit_holds"] = None if expect.ftti_s is None else not (shortest < expect.ftti_s).any()
    return figures


def late_runs(table: pa.Table, most: int) -> list[dict[str, Any]]:
    """Rows of runs that were handled too late: first those that never were, then the slowest."""
    rows = [row for row in table.to_pylist() if row["handled"] == LATE]
    times = {row["id"]: row["handled_s"] if np.isfinite(row["handled_s"]) else np.inf for row in rows}
    return sorted(rows, key=lambda row: (-times[row["id"]], row["id"]))[:most]


def margins(table: pa.Table) -> dict[int, float]:
    """Smaller of the robustness of `safe` and of `requirement`, by the run's number; below 0 it broke something."""
    found = np.fmin(table["robustness"].to_numpy(), table["requirement"].to_numpy())
    return dict(zip(table["id"].to_pylist(), map(float, found), strict=True))


def worst_runs(table: pa.Table, most: int) -> list[dict[str, Any]]:
    """Rows of the worst run of each combination of faults that broke something, with its `margin`, the worst first."""
    by_run = margins(table)
    found: dict[str, dict[str, Any]] = {}
    for row in table.to_pylist():
        row["margin"] = by_run[row["id"]]
        if row["margin"] < found.get(row["kind"], {"margin": 0.0})["margin"]:
            found[row["kind"]] = row
    return sorted(found.values(), key=lambda row: float(row["margin"]))[:most]


def diagnostic_coverage(outcomes: Mapping[str, int]) -> dict[str, Any]:
    """Share of faults that were detected among all that were detected or ended in a hazard, with an interval.

    A fault that neither is noticed nor does harm is none that a diagnosis could be blamed for (IEC 61508-4, 3.8.6:
    of dangerous failures those that are detected).
    """
    detected = outcomes.get("safe detected", 0) + outcomes.get("hazard detected", 0)
    all_ = detected + outcomes.get("hazard undetected", 0)
    low, high = clopper_pearson(detected, all_)
    return {
        "detected": detected,
        "of": all_,
        "share": detected / all_ if all_ else None,
        "low": low,
        "high": high,
        "confidence": CONFIDENCE,
    }


def clopper_pearson(k: int, n: int) -> tuple[float, float]:
    """Two-sided interval of a share after k of n, at CONFIDENCE (Clopper and Pearson 1934)."""
    if n == 0:
        return 0.0, 1.0
    try:
        from scipy.stats import beta
    except ImportError as error:
        raise BenchError("a campaign needs scipy", mend="Install it with: pip install 'hil[campaign]'") from error
    tail = (1.0 - CONFIDENCE) / 2.0
    low = 0.0 if k == 0 else float(beta.ppf(tail, k, n - k + 1))
    high = 1.0 if k == n else float(beta.ppf(1.0 - tail, k + 1, n - k))
    return low, high


def _coverage(table: pa.Table, space: Space) -> dict[str, Any]:
    """Cells of the fault space that a run lies in: each kind of each fault, in ten parts of each of its ranges."""
    points = table["point"].to_pylist()
    seen = {cell for number, point in enumerate(points) for cell in space.cells_of(space.run(number, point))}
    return {"cells": len(seen), "of": space.cells, "share": len(seen) / space.cells}


def _finite(column: pa.ChunkedArray) -> npt.NDArray[np.float64]:
    values = np.asarray(column.to_numpy(), dtype=np.float64)
    return values[np.isfinite(values)]
