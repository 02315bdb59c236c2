"""Figures of a control loop's step, and of a controller's scan, with their limits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from hil.commission.results import Observation
from hil.commission.seen import Floats, Seen

END = 0.1  # part of the step's time by which its final value is told
UNITS = {"rise_s": "s", "settle_s": "s", "overshoot_percent": "%", "final_error": "", "iae": "", "effort": ""}
WORDS = {
    "rise_s": "rise, 10 % to 90 %", "settle_s": "settle", "overshoot_percent": "overshoot",
    "final_error": "error at the end", "iae": "IAE", "effort": "effort",
}  # fmt: skip


def step_figures(
    t_s: Floats, y: Floats, u: Floats, before: float, after: float, band_percent: float
) -> dict[str, float]:
    """Rise time, settling time, overshoot, IAE and effort of a step of the set-point at t = 0.

    Astrom, Hagglund: Advanced PID Control (2006), section 4.2. Noise is averaged out over a hundredth of the time.

    Args:
        t_s, y, u: time, measurement and output from the step on, (n,).
        before, after: set-point.
        band_percent: of the step, for the settling time.
    """
    dt = float(np.median(np.diff(t_s)))
    smooth = _smooth(y, max(1, len(y) // 100))
    part = (smooth - before) / (after - before)
    reached = [float(t_s[np.argmax(part >= p)]) if (part >= p).any() else np.nan for p in (0.1, 0.9)]
    outside = np.flatnonzero(np.abs(part - 1) > band_percent / 100)
    settled = 0.0 if not len(outside) else np.nan if outside[-1] == len(part) - 1 else float(t_s[outside[-1] + 1])
    return {
        "rise_s": reached[1] - reached[0],
        "settle_s": settled,
        "overshoot_percent": max(0.0, 100 * float(part.max() - 1)),
        "final_error": float(np.mean(y[-max(1, int(END * len(y))) :]) - after),
        "iae": float(np.sum(np.abs(after - y)) * dt),
        "effort": float(np.sum(np.abs(np.diff(u)))),
    }


def step_response(
    seen: Seen,
    measurement: str,
    *,
    output: str,
    before: float,
    after: float,
    at_s: float,
    limits: Mapping[str, float],
    band_percent: float = 5.0,
    tag: str = "",
) -> list[Observation]:
    """Figures of a step of the set-point; one without a limit is only told, one that does not exist has failed."""
    rows = seen.rows(at_s, seen.seconds + 1.0)
    t_s = seen.t_s[rows] - at_s
    figures = step_figures(t_s, seen.series(measurement)[rows], seen.series(output)[rows], before, after, band_percent)
    return list(_judged(seen, figures, limits, tag or measurement, f"{before:g} to {after:g}", measurement, output))


def _judged(
    seen: Seen, figures: Mapping[str, float], limits: Mapping[str, float], tag: str, applied: str, y: str, u: str
) -> Iterator[Observation]:
    units = {**UNITS, "final_error": seen.unit(y), "iae": f"{seen.unit(y)} s".strip(), "effort": seen.unit(u)}
    for name, figure in figures.items():
        limit = limits.get(name)
        there = bool(np.isfinite(figure))
        ok = there and (limit is None or abs(figure) <= limit)
        wanted = (
            "to be reached"
            if limit is None and name.endswith("_s")
            else "told"
            if limit is None
            else f"at most {limit:g}"
        )
        yield Observation(tag, WORDS[name], applied, wanted, figure if there else "never", ok, None, units[name])


def scans(seen: Seen, signal: str, *, limit_s: float, mean_s: float | None = None, tag: str = "") -> list[Observation]:
    """Times between changes of a signal that changes in each scan."""
    values = seen.series(signal)
    at = seen.t_s[1:][np.diff(values) != 0]
    gaps = np.diff(at)
    if len(gaps) < 2:
        return [
            Observation(
                tag or signal, "scan time", None, f"at most {limit_s:g}", "it does not change", ok=False, unit="s"
            )
        ]
    worst = int(np.argmax(gaps))
    edge = 0.5 * seen.step_s
    found = [
        Observation(
            tag or signal, "longest scan", None, f"at most {limit_s:g}", float(gaps[worst]),
            bool(gaps[worst] <= limit_s + edge), None, "s", seen.tick(float(at[worst + 1])), float(at[worst + 1]),
        )
    ]  # fmt: skip
    mean = float(np.mean(gaps))
    wanted = "told" if mean_s is None else f"at most {mean_s:g}"
    found.append(
        Observation(tag or signal, "mean scan", None, wanted, mean, mean_s is None or mean <= mean_s + edge, None, "s")
    )
    return found


def _smooth(y: Floats, n: int) -> Floats:
    """Mean over n samples to both sides, at the ends over those that exist."""
    sums = np.concatenate(([0.0], np.cumsum(y)))
    low = np.maximum(np.arange(len(y)) - n, 0)
    high = np.minimum(np.arange(len(y)) + n + 1, len(y))
    return np.asarray((sums[high] - sums[low]) / (high - low), dtype=np.float64)
