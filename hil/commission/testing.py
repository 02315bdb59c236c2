"""What generated tests use, and tests that people write in the same words.

from hil.commission.testing import becomes, holds, perform, settle

def test_high_level_trips(bench):
    settle(bench, 30.0)
    seen = perform(bench, 2.0, "sensor.h1 = 20cm at 500ms for 1s")
    assert becomes(seen, "plc.alarm_h1", after_s=0.5, within_s=0.05)
"""

from __future__ import annotations

from hil.commission.chart import follows
from hil.commission.check import Relay
from hil.commission.judges import above, becomes, below, holds, moves, steps, value
from hil.commission.kpi import scans, step_response
from hil.commission.perform import perform, settle
from hil.commission.results import Observation
from hil.commission.seen import Seen
from hil.commission.station import relay_test
from hil.requirements import at_each_sample, parse

__all__ = [
    "Relay", "above", "becomes", "below", "follows", "holds", "keeps", "moves", "perform", "relay_test", "scans",
    "settle", "step_response", "steps", "value",
]  # fmt: skip


def keeps(seen: Seen, requirement: str) -> Observation:
    """A requirement over the whole of what was seen, as hil.requirements has it."""
    formula = at_each_sample(parse(requirement, seen.known_units()))
    columns = {name: seen.column(name) for name in formula.signals} or {"t": seen.t_s}
    verdict = formula.evaluate(columns, seen.step_s)
    margin = f"by {float(verdict.robustness):.4g}"
    ok = bool(verdict.satisfied)
    observed = f"holds, {margin}" if ok else f"broken at {float(verdict.at_s):g} s, {margin}"
    return Observation("requirement", requirement, None, requirement, observed, ok)
