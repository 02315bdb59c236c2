"""What will come: ensembles of a bench's future, what they are worth, and what may be done about it.

with hil.open_bench("incubator") as bench:
    bench.run(3600)
    ahead = forecast(bench, belief=estimated(bench, "observer", "box"), signals=["box.air"], horizon_s=3600)
    ahead.band("box.air", 0.9)       # low and high, shape (2, rows)

A forecast is many copies of one state, each with what is not known drawn anew (`Belief`) and with noise of its own. It
knows nothing of a service or a ledger; `hil twin` and the twin's service call it.
"""

from hil.twin.forecast.belief import Belief
from hil.twin.forecast.crossing import Crossing, Limit
from hil.twin.forecast.ensemble import MEMBERS, Course, Forecast, ensembles, forecast
from hil.twin.forecast.estimated import estimated
from hil.twin.forecast.start import Scenario
from hil.twin.forecast.whatif import Difference, WhatIf, whatif

__all__ = [
    "MEMBERS",
    "Belief",
    "Course",
    "Crossing",
    "Difference",
    "Forecast",
    "Limit",
    "Scenario",
    "WhatIf",
    "ensembles",
    "estimated",
    "forecast",
    "whatif",
]
