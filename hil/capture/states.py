"""What a capture can be."""

from __future__ import annotations

from enum import IntEnum


class State(IntEnum):
    """enum hil_capture_state."""

    CONFIGURED = 0  # no tick has been looked at
    ARMED = 1
    TRIGGERED = 2
    FINISHED = 3
    TIMEOUT = 4
    ABORTED = 5
    ERROR = 6

    @property
    def word(self) -> str:
        """As it is shown: "armed", "finished" ..."""
        return self.name.lower()

    @property
    def over(self) -> bool:
        """Nothing follows."""
        return self >= State.FINISHED
