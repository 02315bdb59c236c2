"""Campaigns of faults: a plan says what may go wrong and what must not come of it; many runs look whether it does.

    plan_file.py   a plan as it is written (TOML) -> plan.py: what it means
    space.py       a point of the unit cube -> the faults of one run
    search.py      which points: grid, random, Latin hypercube, Sobol, covering arrays; falsify.py: towards the worst
    engine.py      runs on the batch engine, forked from a healthy run just before the first fault
    verdicts.py    what each run came to; statistics.py: what all of them say
    store.py       results in Parquet, part by part, so that a campaign goes on where it stopped
    campaign.py    all of it in order; cluster.py: the same batches on a Dask cluster
    minimise.py    the smallest fault that still does it, and a test of the rig from it
"""

from hil.campaign.campaign import Campaign, CampaignResult, run_campaign
from hil.campaign.plan_file import load_plan

__all__ = ["Campaign", "CampaignResult", "load_plan", "run_campaign"]
