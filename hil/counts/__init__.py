"""Figures that no noise can spoil: what a tick and a bus transaction call, and how many instructions a tick takes.

They are counted, not timed, so they are the same on a busy machine, and a limit on them is exact.

    from hil.counts import figures, outside
    found = figures("quad_tank")          # {"tick": {"allocations": 0.0, ...}, "bus": {...}, "skipped": {...}}
    outside(found)                        # [] or what is beyond its limit, in words

`instructions` (callgrind) is a module of its own: it needs valgrind.
"""

from __future__ import annotations

from hil.counts.limits import LIMITS, outside
from hil.counts.run import figures

__all__ = ["LIMITS", "figures", "outside"]
