"""How fast and how even a bench is on this machine, beside what the machine can do: `hil bench`.

    from hil.latency import measure
    found = measure("rigs/quad_tank", only=("step", "bus"), seconds=2.0)
    found.ratios["step"]["median"]        # a tick of the rig / a tick of a loop written by hand, in the same run

Every ratio is of two medians measured in turn, on one core, under one policy; smaller is better. `docs/bench.md` has
the meaning of each figure, the JSON schema and the gate.
"""

from hil.latency.gate import Outcome, judge
from hil.latency.paired import Ratio, paired, paired_until
from hil.latency.run import GROUPS, Found, measure

__all__ = ["GROUPS", "Found", "Outcome", "Ratio", "judge", "measure", "paired", "paired_until"]
