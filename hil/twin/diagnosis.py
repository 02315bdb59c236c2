"""What is the likeliest cause? Bayes' rule over a table of causes and the detectors that each makes speak.

    p(cause | speaking) ~ prior(cause) * product over detectors of p(speaks | cause) or 1 - p(speaks | cause)

One cause at a time is assumed, and detectors that are independent given the cause. `none` has what the priors leave.
Source: D. Heckerman, J. S. Breese, K. Rommelse, Decision-theoretic troubleshooting, Comm. ACM 38, 1995 (single fault).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from hil.twin.spec import CauseTable, TwinTable

NONE = "none"
TOLD_STEP = 0.1  # a change of probability that is news


@dataclass(frozen=True)
class Finding:
    """The diagnosis at one time.

    Attributes:
        probability: by cause, `none` too; the sum is 1.
        cause: the most probable one.
        decided: its probability reaches the rig's bound, and it is not `none`.
        speaking: detectors that were counted as speaking.
    """

    time_s: float
    probability: dict[str, float]
    cause: str
    decided: bool
    speaking: tuple[str, ...]
    text: str = ""
    mend: str = ""

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "time_s": self.time_s,
            "cause": self.cause,
            "decided": self.decided,
            "probability": {name: round(p, 6) for name, p in self.probability.items()},
            "speaking": list(self.speaking),
            "text": self.text,
            "mend": self.mend,
        }


@dataclass
class Diagnosis:
    """Follows the detectors; tells when its answer has changed."""

    table: TwinTable
    _last_on: dict[str, float] = field(default_factory=dict)
    _told: Finding | None = None
    newest: Finding | None = None

    def see(self, time_s: float, on: Iterable[str]) -> Finding | None:
        """Takes the detectors whose condition holds; a Finding when it is news, else None."""
        for name in on:
            self._last_on[name] = time_s
        speaking = [name for name, at_s in self._last_on.items() if time_s - at_s <= self.table.memory_s]
        self._last_on = {name: self._last_on[name] for name in speaking}
        if self.newest is None or set(speaking) != set(self.newest.speaking):
            self.newest = self._finding(time_s, sorted(speaking))
        return self.newest if self._is_news(self.newest) else None

    def _finding(self, time_s: float, speaking: list[str]) -> Finding:
        evidence = {name: detector.aside for name, detector in self.table.detectors.items() if detector.evidence}
        probability = posterior(self.table.causes, evidence, speaking)
        cause = max(probability, key=probability.__getitem__)
        decided = cause != NONE and probability[cause] >= self.table.decided
        found = self.table.causes.get(cause)
        text, mend = (found.text, found.mend) if found else ("nothing is wrong that the table knows", "")
        counted = tuple(name for name in speaking if name in evidence)
        return Finding(time_s, probability, cause, decided, counted, text, mend)

    def _is_news(self, found: Finding) -> bool:
        """Tells it and remembers that it was told."""
        told = self._told
        if told is None:
            news = found.cause != NONE
        else:
            moved = max(abs(found.probability[name] - told.probability[name]) for name in found.probability)
            news = found.cause != told.cause or found.decided != told.decided or moved >= TOLD_STEP
        if news:
            self._told = found
        return news


def posterior(
    causes: Mapping[str, CauseTable], detectors: Mapping[str, float], speaking: Iterable[str]
) -> dict[str, float]:
    """Probability of each cause and of `none`, which sum up to 1.

    Args:
        causes: with priors and p(speaks | cause) for some detectors.
        detectors: all that could speak, with p(speaks) under causes that do not name them.
        speaking: those that do.
    """
    heard = set(speaking)
    log = {NONE: math.log(1.0 - sum(c.prior for c in causes.values())) + _likelihood({}, detectors, heard)}
    log |= {name: math.log(c.prior) + _likelihood(c.symptoms, detectors, heard) for name, c in causes.items()}
    top = max(log.values())
    weight = {name: math.exp(value - top) for name, value in log.items()}
    total = sum(weight.values())
    return {name: value / total for name, value in weight.items()}


def _likelihood(symptoms: Mapping[str, float], detectors: Mapping[str, float], heard: set[str]) -> float:
    """Logarithm of the probability of what is heard."""
    chances = ((name in heard, symptoms.get(name, aside)) for name, aside in detectors.items())
    return sum(math.log(chance if speaks else 1.0 - chance) for speaks, chance in chances)
