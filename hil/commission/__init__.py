"""Virtual commissioning: checks of a controller through its signals and tags, and what they found (commissioning.md).

The checks know nothing of how the controller is made: blocks, a PLC program, an emulated device or a real one.
"""

from hil.commission.results import Item, Results, Verdict

__all__ = ["Item", "Results", "Verdict"]
