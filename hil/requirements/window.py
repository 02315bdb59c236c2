"""The window of time of an operator, `[0s,2s]`, and the samples in it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from hil.requirements.errors import FormulaError

FAR = 2.0**62  # samples, more than any trace has; a quotient of doubles may be inf
TOLERANCE = 1e-6  # of a period, for windows that binary fractions of seconds miss by a hair


@dataclass(frozen=True)
class Window:
    """From `start_s` to `end_s` from now, both included; end_s may be inf.

    Raises:
        FormulaError: it is negative, or ends before it starts.
    """

    start_s: float = 0.0
    end_s: float = math.inf

    def __post_init__(self) -> None:
        if not 0 <= self.start_s < math.inf:
            raise FormulaError(f"the window {self} does not start at 0 s or later", mend="Use H, O or S for the past")
        if not self.start_s <= self.end_s:
            raise FormulaError(f"the window {self} ends before it starts", mend="Write [start,end]")

    def __str__(self) -> str:
        return f"[{self.start_s:.12g}s,{self.end_s:.12g}{'s' * math.isfinite(self.end_s)}]"

    def samples(self, period_s: float) -> tuple[int, int | None]:
        """First and last sample in it, counted from now; the last is None where it has no end.

        Raises:
            FormulaError: no sample lies in it.
        """
        first = math.ceil(min(self.start_s / period_s, FAR) - TOLERANCE)
        if math.isinf(self.end_s):
            return first, None
        last = math.floor(min(self.end_s / period_s, FAR) + TOLERANCE)
        if last < first:
            raise FormulaError(f"no sample lies in the window {self}, one is taken every {period_s:g} s")
        return first, last

    @property
    def least_s(self) -> float:
        """How long a trace must be for it: to its end, or to its start where it has no end."""
        return self.end_s if math.isfinite(self.end_s) else self.start_s


ALL_TIME = Window()
