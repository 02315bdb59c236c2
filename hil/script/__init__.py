"""Timed scripts: one CSV file that stimulates, arms faults and states what is expected, the same in every kind of time.

    bench = hil.open_bench("quad_tank", script="start_up.csv")

Its rows become events, faults and requirements of the rig (docs/timed_script.md).
"""

from hil.script.applied import with_script
from hil.script.reading import Script, ScriptError, read_script

__all__ = ["Script", "ScriptError", "read_script", "with_script"]
