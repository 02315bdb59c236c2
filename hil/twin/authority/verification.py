"""Did an action do what was foretold? Predicted and actual effect, over the same time, by the same formula."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from hil.twin.authority.proposal import Effect

Measure = Callable[[str, float, float], float]
"""(formula, from_s, to_s) -> the figure of what was measured; NaN where it cannot be known."""


@dataclass(frozen=True)
class Verdict:
    """What verification found.

    Attributes:
        actual: the figure measured.
        crossed: limits that were crossed behind the action.
        failed: why it did not do what it promised; "" when it did.
    """

    actual: float
    crossed: tuple[str, ...]
    failed: str

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self), "crossed": list(self.crossed)}


def verify(effect: Effect, applied_s: float, measure: Measure, crossed: Mapping[str, bool | None]) -> Verdict:
    """Judges an action at the end of its horizon.

    It has failed when the figure lies outside of what 99 % of the ensemble's members had, or a limit that was to hold
    was crossed: then model and plant are not the same any more, and what was foretold is worth nothing.

    Args:
        effect: that was foretold.
        applied_s: bench time.
        measure: gives the figure of a stretch of bench time.
        crossed: of the action's limits, whether they were crossed since; None: it cannot be known.
    """
    actual = measure(effect.figure, applied_s, applied_s + effect.horizon_s)
    broken = tuple(sorted(name for name, was in crossed.items() if was))
    unknown = sorted(name for name, was in crossed.items() if was is None)
    failed = ""
    if broken:
        failed = f"{', '.join(broken)} crossed"
    elif unknown:
        failed = f"whether {', '.join(unknown)} was crossed cannot be known"
    elif not math.isfinite(actual):
        failed = "the figure cannot be measured"
    elif not effect.low <= actual <= effect.high:
        failed = f"{actual:.4g} is not within {effect.low:.4g} to {effect.high:.4g}"
    return Verdict(actual, broken, failed)
