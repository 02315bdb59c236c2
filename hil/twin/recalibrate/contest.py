"""Two sets of parameters over the same rows: which predicts better, and how sure that is.

The difference of the squared errors, row by row, is a series with memory, as a model is never the plant (F. X. Diebold,
R. S. Mariano, J. Bus. Econ. Stat. 13, 1995, 253-263). The long-run variance of its mean is that of its slowest cosines,
and the interval Student's with as many degrees of freedom (E. Lazarus, D. J. Lewis, J. H. Stock, M. W. Watson, J. Bus.
Econ. Stat. 36, 2018, 541-559): with memory it keeps its promise where a bootstrap of blocks gives too short ones.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from hil.errors import RigError
from hil.identify.data import Floats

CONFIDENCE = 0.95
COSINES = 0.4  # times the rows to the power of 2/3: the rule of Lazarus et al.
LARGEST = 50.0  # logarithm of a ratio: whatever lies beyond says the same
NEEDED = "Install it with: pip install 'hil[twin]'"


@dataclass(frozen=True)
class Contest:
    """A champion and a challenger over the same rows.

    Attributes:
        rows: measured ones.
        rmse: root mean square errors in the outputs' units: (champion, challenger) by output.
        gain: 1 - (challenger's mean square / champion's), each output divided by the champion's error: 0.2 is a fifth
            less.
        low, high: its interval at `CONFIDENCE`.
        freedom: degrees of freedom of the interval; few: the rows tell little.
    """

    rows: int
    rmse: dict[str, tuple[float, float]]
    gain: float
    low: float
    high: float
    freedom: int

    @property
    def better(self) -> bool:
        """The challenger predicts better beyond doubt."""
        return self.low > 0.0

    @property
    def worse(self) -> bool:
        """The challenger's error is larger, doubt or not."""
        return self.gain < 0.0

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON data."""
        rmse = {name: list(pair) for name, pair in self.rmse.items()}
        return {**asdict(self), "rmse": rmse, "better": self.better, "worse": self.worse}


def contest(champion: Floats, challenger: Floats, outputs: list[str]) -> Contest:
    """Compares errors, shape (n_outputs, rows) each; rows that are not finite in both are left out.

    Raises:
        ValueError: no row is measured.
        RigError: scipy is missing (extra `twin`).
    """
    known = np.isfinite(champion) & np.isfinite(challenger)
    if not known.any():
        raise ValueError("no row is measured")
    scale = np.array([_rms(e[k]) or 1.0 for e, k in zip(champion, known, strict=True)])[:, None]
    old, new = _squares(champion / scale, known), _squares(challenger / scale, known)
    # The logarithm of the ratio of the means is symmetric in both; to first order its error is the mean of the rows'
    # difference, each relative to its own mean (delta method).
    before, after = (max(float(x.mean()), np.finfo(float).tiny) for x in (old, new))
    log_ratio = math.log(after / before)
    freedom, deviation = _mean_deviation(new / after - old / before)
    half = _student(freedom) * deviation
    return Contest(
        rows=int(known.sum()),
        rmse={
            name: (_rms(a[k]), _rms(b[k]))
            for name, a, b, k in zip(outputs, champion, challenger, known, strict=True)
            if k.any()
        },
        gain=_gain(log_ratio),
        low=_gain(log_ratio + half),
        high=_gain(log_ratio - half),
        freedom=freedom,
    )


def _gain(log_ratio: float) -> float:
    return -math.expm1(min(log_ratio, LARGEST))


def _squares(errors: Floats, known: np.ndarray) -> Floats:
    """Mean square over the outputs that are measured in a row, shape (measured rows,)."""
    count = known.sum(axis=0)
    total = np.where(known, errors, 0.0) ** 2
    return np.asarray(total.sum(axis=0)[count > 0] / count[count > 0])


def _mean_deviation(series: Floats) -> tuple[int, float]:
    """Degrees of freedom, and the standard deviation of the mean of a series with memory."""
    n = len(series)
    count = max(1, min(n - 1, round(COSINES * n ** (2 / 3)))) if n > 1 else 1
    angles = np.pi / n * (np.arange(n) + 0.5)
    waves = np.cos(np.outer(np.arange(1, count + 1), angles)) @ series * math.sqrt(2.0 / n)
    return count, math.sqrt(float(np.mean(waves**2)) / n)


def _student(freedom: int) -> float:
    try:
        from scipy.stats import t
    except ImportError as error:
        raise RigError("a twin needs scipy", mend=NEEDED) from error
    return float(t.ppf((1 + CONFIDENCE) / 2, freedom))


def _rms(values: Floats) -> float:
    return float(np.sqrt(np.mean(values**2))) if len(values) else 0.0
