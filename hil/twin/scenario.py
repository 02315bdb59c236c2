"""[twin.scenarios]: what happens to a plant by itself, sent to the bench shortly before it is due."""

from __future__ import annotations

from collections import deque

from hil.bench import Bench
from hil.twin.spec import ScenarioTable


class Script:
    """The timed sets of a scenario: its events, and its ramps as steps."""

    def __init__(self, table: ScenarioTable) -> None:
        sets = [(event.at_s, event.set, event.value) for event in table.events]
        for ramp in table.ramps:
            steps = max(1, round((ramp.until_s - ramp.from_s) / ramp.every_s))
            for k in range(steps + 1):
                share = k / steps
                at_s = ramp.from_s + share * (ramp.until_s - ramp.from_s)
                sets.append((at_s, ramp.set, ramp.start + share * (ramp.end - ramp.start)))
        self._sets = deque(sorted(sets, key=lambda one: one[0]))

    def send(self, bench: Bench, until_s: float) -> None:
        """Tells the bench what is due before `until_s`; all at once would not fit into its list of staged events."""
        while self._sets and self._sets[0][0] < until_s:
            at_s, name, value = self._sets.popleft()
            bench.set(name, value, at=at_s)
