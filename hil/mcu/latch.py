"""Why a board is latched safe, in words: the same whether its link tells it or a register."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

HOST_LOST = 1
# enum hil_link_cause: what happened, and the usual mend.
CAUSES = (
    ("", ""),
    (
        "the host was lost",
        "Find out why the host stopped sending: a killed program, a pulled cable, an overloaded machine",
    ),
    ("the control task overran", "Give the board a longer period or a simpler controller"),
    ("brown-out", "Check the supply of the board and what it drives"),
    ("the stack overflowed", "Raise the stack of the board, or use fewer or smaller blocks"),
    ("the controller's tables do not fit this firmware", "Build the firmware from this rig and flash it"),
    ("the watchdog reset the board", "The main loop hung: look at the board's log"),
    ("the controller gave no number", "Look at the inputs that the bench sends, and at the controller's parameters"),
)


@dataclass(frozen=True)
class Latch:
    """The latch of a board's outputs.

    Attributes:
        cause: enum hil_link_cause; 0: it is open.
        output: name of the output whose age has closed it, where that is the cause.
        unrefreshed_s: how old that output was; None: not told.
        since_s: for how long the latch has been closed; None: not told.
    """

    cause: int
    output: str = ""
    unrefreshed_s: float | None = None
    since_s: float | None = None

    @staticmethod
    def from_register(word: int, outputs: Sequence[str]) -> Latch:
        """As a register tells it (HIL_LATCH_WORD): the cause, and in the high byte the number of the output."""
        return Latch(word & 0xFF, name_of(word >> 8, outputs))

    @property
    def mend(self) -> str:
        """What usually helps."""
        return CAUSES[self.cause][1] if self.cause < len(CAUSES) else "Look it up in the device's manual"

    def __str__(self) -> str:
        if not self.cause:
            return "not latched"
        text = CAUSES[self.cause][0] if self.cause < len(CAUSES) else f"cause {self.cause}"
        if self.cause == HOST_LOST and self.unrefreshed_s is not None:
            text += f", {self.output} was not refreshed for {self.unrefreshed_s * 1e3:.1f} ms"
        elif self.cause == HOST_LOST:
            text += f", {self.output} was not refreshed within its maximum age"
        return text if self.since_s is None else f"{text}, {self.since_s:.1f} s ago"


def name_of(output: int, outputs: Sequence[str]) -> str:
    """Name of an output by its number; "" when there is none."""
    return outputs[output] if output < len(outputs) else ""
