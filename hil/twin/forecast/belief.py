"""What is known of a plant's states and parameters, and how far: a normal distribution, cut at the ends of ranges."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from hil.batches.runs import Wander
from hil.errors import HilError
from hil.estimation.covariance import why_no_covariance

Floats = npt.NDArray[np.float64]
MOST_TRIES = 200  # a range that holds less than a few percent of the belief contradicts it


@dataclass(frozen=True)
class Belief:
    """A joint normal distribution.

    Attributes:
        names: states and parameters of blocks, as "box.T_h", "box.P".
        mean: shape (n,), in their units.
        covariance: shape (n, n), positive semidefinite.
        noise: covariance of the process noise that goes on, (n, n), as `noise_s` of time bring it; None: none.

    Raises:
        HilError: names, mean and covariance do not fit each other, or it is no covariance.
    """

    names: tuple[str, ...] = ()
    mean: Floats = field(default_factory=lambda: np.zeros(0))
    covariance: Floats = field(default_factory=lambda: np.zeros((0, 0)))
    noise: Floats | None = None
    noise_s: float = 1.0

    def __post_init__(self) -> None:
        n = len(self.names)
        mean, covariance = np.asarray(self.mean, dtype=np.float64), np.asarray(self.covariance, dtype=np.float64)
        if mean.shape != (n,) or covariance.shape != (n, n) or len(set(self.names)) != n:
            raise HilError(f"a belief in {n} names has a mean of {mean.shape} and a covariance of {covariance.shape}")
        if not (np.isfinite(mean).all() and np.isfinite(covariance).all()):
            raise HilError(f"the belief in {', '.join(self.names)} is not finite", mend="Wait for a good estimate")
        why = why_no_covariance(covariance, self.names) if n else None
        if why:
            raise HilError(f"the covariance of a belief {why}")
        if self.noise is not None and (self.noise.shape != (n, n) or why_no_covariance(self.noise, self.names)):
            raise HilError(f"the process noise of {', '.join(self.names)} has no covariance of its size")
        object.__setattr__(self, "mean", mean)
        object.__setattr__(self, "covariance", covariance)

    @classmethod
    def of(cls, spread: Mapping[str, tuple[float, float]]) -> Belief:
        """Independent ones: mean and standard deviation by name."""
        values = np.array(list(spread.values()), dtype=np.float64).reshape(-1, 2)
        return cls(tuple(spread), values[:, 0], np.diag(values[:, 1] ** 2))

    def wandering(self, law: Belief) -> Belief:
        """With the process noise of another belief in the same names."""
        if self.names != law.names:
            raise HilError(f"process noise of {', '.join(law.names)} is not of {', '.join(self.names)}")
        return replace(self, noise=law.noise, noise_s=law.noise_s)

    def wander(self, period_s: float) -> Wander | None:
        """The process noise for a batch of a bench with that base period."""
        if self.noise is None or not self.noise.any():
            return None
        return Wander(self.names, self.noise, max(1, round(self.noise_s / period_s)))

    def draws(self, n: int, seed: int, ranges: Sequence[tuple[float, float]]) -> Floats:
        """Draws, shape (n, len(names)); one outside a range is drawn again, which cuts the distribution there.

        Raises:
            HilError: the ranges hold almost nothing of it.
        """
        root = _root(self.covariance)
        random = np.random.Generator(np.random.PCG64(seed))
        low, high = np.array(ranges, dtype=np.float64).reshape(-1, 2).T
        found = np.empty((n, len(self.names)))
        wanted = np.arange(n)
        for _ in range(MOST_TRIES):
            found[wanted] = self.mean + random.standard_normal((len(wanted), len(self.names))) @ root.T
            outside = (found[wanted] < low) | (found[wanted] > high)
            if not outside.any():
                return found
            worst = int(outside.sum(axis=0).argmax())
            wanted = wanted[outside.any(axis=1)]
        span = f"{low[worst]:g} to {high[worst]:g}"
        raise HilError(f"{self.names[worst]} = {self.mean[worst]:g} is believed to lie outside its range {span}")


def _root(covariance: Floats) -> Floats:
    """A matrix whose square is the covariance; it may be singular."""
    if not len(covariance):
        return covariance
    values, vectors = np.linalg.eigh(covariance)
    return np.asarray(vectors * np.sqrt(np.maximum(values, 0.0)))
