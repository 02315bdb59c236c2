"""The rig of the tests of this folder, as a text with braces doubled."""

from __future__ import annotations

RIG = """
[rig]
name = "fmu_rig"
period_s = {period}
[signals]
"x" = {{}}
"u" = {{}}
"drive" = {{ limits = [-5, 5], safe = 0.5 }}
[blocks.plant]
fmu = "plant.fmu"
in = {{ u = "u", mischief = 0 }}
out = {{ x = "x", "count[steps]" = "steps" }}
{keys}
[blocks.source]
type = "sine"
amplitude = 1.0
frequency_hz = 0.5
offset = 0.5
out = {{ y = "u" }}
[blocks.actuator]
type = "gain"
in = {{ u = "x" }}
out = {{ y = "drive" }}
gain = 2.0
"""

# The same with `mischief` behind a constant that a test can set.
HURT_RIG = (
    RIG.replace("mischief = 0", 'mischief = "mischief"')
    + """[blocks.trigger]
type = "constant"
value = 0
out = {{ y = "mischief" }}
"""
)
