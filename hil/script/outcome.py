"""What a timed script came to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hil.requirements.in_rig import Judged

AFTER_S = 0.1  # what the last row does is seen


@dataclass(frozen=True)
class Outcome:
    """Expectations of a script, and requirements, judged.

    Attributes:
        judged: each with its margin and the value that decided.
    """

    judged: tuple[Judged, ...]

    @property
    def passed(self) -> bool:
        """Whatever was expected came."""
        return all(one.satisfied for one in self.judged)

    @property
    def broken(self) -> list[str]:
        """What did not hold, or could not be judged, each in a line: FILE:LINE, expected, seen, when."""
        return [f"{one.name}: {one}" for one in self.judged if not one.satisfied]

    def to_list(self) -> list[dict[str, Any]]:
        """As plain JSON data."""
        return [one.to_dict() for one in self.judged]
