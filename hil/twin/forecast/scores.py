"""How good forecasts were: CRPS, coverage of their bands, rank of what came."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from hil.twin.forecast.ensemble import Forecast

Floats = npt.NDArray[np.float64]

RESAMPLES = 2000
CONFIDENCE = 0.95


def crps(members: Floats, actual: npt.ArrayLike) -> Floats:
    """Continuous ranked probability score, in the unit of the values; smaller is better. Shape of `actual`.

    E|X - y| - E|X - X'| / 2, with the second mean over pairs of different members: of the distribution that they were
    drawn from, whatever their number (C. A. T. Ferro, Fair scores for ensemble forecasts, Q. J. R. Meteorol. Soc. 140,
    2014). Of one member it is the absolute error.

    Args:
        members: shape (n, ...).
        actual: shape (...).
    """
    n, y = len(members), np.asarray(actual, dtype=np.float64)
    error = np.abs(members - y).mean(axis=0)
    if n == 1:
        return np.asarray(error)
    weight = 2.0 * np.arange(n) - n + 1.0  # of the k-th smallest in the sum over pairs
    spread = np.tensordot(weight, np.sort(members, axis=0), axes=1) / (n * (n - 1) / 2.0)
    return np.asarray(error - spread / 2.0)


def rank(members: Floats, actual: npt.ArrayLike) -> Floats:
    """Share of the members below what came; uniform over many forecasts if they are true. Shape of `actual`."""
    y = np.asarray(actual, dtype=np.float64)
    return np.asarray(((members < y).sum(axis=0) + 0.5 * (members == y).sum(axis=0)) / len(members))


@dataclass(frozen=True)
class Coverage:
    """Share of what came that lay within the bands.

    Attributes:
        nominal: what the bands promise.
        share: found.
        low, high: 95 % interval of it, from resampled blocks.
        blocks, rows: how many; rows of one block depend on each other, blocks do not.
    """

    nominal: float
    share: float
    low: float
    high: float
    blocks: int
    rows: int

    def to_dict(self) -> dict[str, Any]:
        """For JSON; nothing to tell yet is None."""
        return {key: None if value != value else value for key, value in self.__dict__.items()}


def coverage(inside: list[npt.NDArray[np.bool_]], nominal: float = 0.9, *, seed: int = 1) -> Coverage:
    """Of blocks of rows, each True where the band held; the interval is a bootstrap over blocks.

    Rows of one forecast, or of neighbouring minutes, err together: whole blocks are drawn with replacement (H. R.
    Kuensch, Ann. Statist. 17, 1989).
    """
    held = [np.asarray(block, dtype=bool).ravel() for block in inside]
    hits, sizes = np.array([b.sum() for b in held], dtype=float), np.array([b.size for b in held], dtype=float)
    if not sizes.sum():
        return Coverage(nominal, math.nan, math.nan, math.nan, len(held), 0)
    random = np.random.Generator(np.random.PCG64(seed))
    chosen = random.integers(0, len(held), (RESAMPLES, len(held)))
    shares = hits[chosen].sum(axis=1) / np.maximum(sizes[chosen].sum(axis=1), 1.0)
    tail = (1.0 - CONFIDENCE) / 2.0
    low, high = np.quantile(shares, (tail, 1.0 - tail))
    return Coverage(nominal, float(hits.sum() / sizes.sum()), float(low), float(high), len(held), int(sizes.sum()))


@dataclass
class Scoreboard:
    """Scores forecasts as their times come; a forecast is a block.

    Attributes:
        share: of the bands that are judged.
    """

    share: float = 0.9
    _open: list[_Open] = field(default_factory=list)
    _inside: dict[str, list[list[bool]]] = field(default_factory=dict)
    _crps: dict[str, list[float]] = field(default_factory=dict)

    def add(self, forecast: Forecast) -> None:
        """A forecast that is to be judged when its rows are due."""
        self._open.append(_Open.of(forecast, self.share))
        for name in forecast.values:
            self._inside.setdefault(name, []).append([])
        self._open[-1].blocks = {name: self._inside[name][-1] for name in forecast.values}

    def see(self, time_s: float, values: Mapping[str, float]) -> int:
        """What came, at a bench time; rows that are due by then are judged by it. Returns how many were.

        A value that is missing or not finite leaves its row out.
        """
        judged = 0
        for one in self._open:
            while one.next < len(one.due_s) and one.due_s[one.next] <= time_s + 1e-9:
                late = time_s - one.due_s[one.next] > one.tolerance_s
                if not late:
                    judged += self._judge(one, values)
                one.next += 1
        self._open = [one for one in self._open if one.next < len(one.due_s)]
        return judged

    def _judge(self, one: _Open, values: Mapping[str, float]) -> int:
        judged = 0
        for name, members in one.members.items():
            actual = values.get(name, math.nan)
            if not math.isfinite(actual):
                continue
            low, high = one.bands[name][:, one.next]
            one.blocks[name].append(bool(low <= actual <= high))
            self._crps.setdefault(name, []).append(float(crps(members[:, one.next], actual)))
            judged += 1
        return judged

    def coverage(self, signal: str) -> Coverage:
        """Of one signal so far."""
        return coverage([np.array(block) for block in self._inside.get(signal, []) if block], self.share)

    def mean_crps(self, signal: str) -> float:
        """So far, in the signal's unit; NaN before the first row."""
        found = self._crps.get(signal, [])
        return float(np.mean(found)) if found else math.nan

    def to_dict(self) -> dict[str, Any]:
        """For JSON, by signal."""
        return {
            name: {"coverage": self.coverage(name).to_dict(), "crps": _number(self.mean_crps(name))}
            for name in self._inside
        }


@dataclass
class _Open:
    """A forecast on its way: only what its judgement needs."""

    due_s: Floats
    tolerance_s: float
    members: dict[str, Floats]
    bands: dict[str, Floats]
    blocks: dict[str, list[bool]] = field(default_factory=dict)
    next: int = 0

    @classmethod
    def of(cls, forecast: Forecast, share: float) -> _Open:
        """Its rows with their bench times."""
        step = float(np.diff(forecast.time_s).min()) if len(forecast.time_s) > 1 else forecast.horizon_s
        members = {name: np.asarray(values) for name, values in forecast.values.items()}
        bands = {name: forecast.band(name, share) for name in members}
        return cls(forecast.started_s + forecast.time_s, step / 2.0, members, bands)


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
