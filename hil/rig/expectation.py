"""What a timed script expects of a run, beside the requirement that it is judged by."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Expectation:
    """A row of a timed script that expects something.

    Attributes:
        name: FILE:LINE, which its requirement is called too.
        line: in the file, from 1.
        signal: what is looked at.
        text: what is expected of it, as written: "> 12.35cm", "12.8cm ± 5mm".
        unit: the one that it was written in, else the signal's; empty: none.
        condition: the same as a formula, in the signal's unit.
        time_s: from when on, in s of bench time.
        within_s: it may come true so much later.
        hold_s: it has to stay true for so long.
    """

    name: str
    line: int
    signal: str
    text: str
    unit: str
    condition: str
    time_s: float
    within_s: float = 0.0
    hold_s: float = 0.0

    @property
    def formula(self) -> str:
        """Its requirement."""
        if self.within_s:
            inner = f"G[0s,{self.hold_s!r}s]({self.condition})" if self.hold_s else f"({self.condition})"
            return f"F[{self.time_s!r}s,{self.time_s + self.within_s!r}s]{inner}"
        return f"G[{self.time_s!r}s,{self.time_s + self.hold_s!r}s]({self.condition})"

    @property
    def when(self) -> str:
        """In words."""
        if self.within_s:
            stays = f", and then for {self.hold_s:g} s" if self.hold_s else ""
            return f"between {self.time_s:g} s and {self.time_s + self.within_s:.9g} s{stays}"
        return (
            f"from {self.time_s:g} s to {self.time_s + self.hold_s:.9g} s" if self.hold_s else f"at {self.time_s:g} s"
        )

    def __str__(self) -> str:
        return f"{self.signal} {self.text} {self.when}"
