"""Campaigns of faults: a plan says what may go wrong and what must not come of it; many runs look whether it does.

From the plan to the result: plan_file.py (TOML) and plan.py (what it means), space.py (a point of the unit cube is
the faults of one run), search.py and falsify.py (which points), healthy.py (the run without faults), engine.py (runs
that fork from it), live.py (runs on benches with a wire), cluster.py and cluster_benches.py (the same elsewhere),
verdicts.py and handling.py (what a run came to, and in what time), store.py (results, part by part), statistics.py
(what they say together), minimise.py and rig_test.py (the smallest that still does it, as a test), report.py.
campaign.py does them in order; writing.py writes a plan in Python.
"""

from hil.campaign.campaign import CampaignResult, run_campaign
from hil.campaign.plan_file import load_plan
from hil.campaign.request import Request
from hil.campaign.writing import (
    Campaign,
    bias,
    covering,
    drift,
    dropout,
    falsify,
    gain,
    grid,
    kind,
    latin_hypercube,
    noise,
    sensor,
    sobol,
    stuck,
    uniform,
)

__all__ = [
    "Campaign",
    "CampaignResult",
    "Request",
    "bias",
    "covering",
    "drift",
    "dropout",
    "falsify",
    "gain",
    "grid",
    "kind",
    "latin_hypercube",
    "load_plan",
    "noise",
    "run_campaign",
    "sensor",
    "sobol",
    "stuck",
    "uniform",
]
