"""One run of a campaign again, with a recording, and proof that it is the same."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow.compute as pc

from hil.bench import open_bench
from hil.campaign.request import asked, rig_of
from hil.campaign.store import read_head, read_table
from hil.errors import BenchError


def replay(folder: Path, number: int, out: Path, urls: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Runs it from the bench's start and records it into `out`.

    Returns:
        its row of the results.

    Raises:
        BenchError: no campaign, no such run, or a state that came out otherwise.
        RigError: the rig or the plan is not what it was.
    """
    head = read_head(folder)
    if head is None:
        raise BenchError("holds no campaign", where=str(folder), mend="Name the --out folder of one")
    table = read_table(folder)
    rows = table.filter(pc.equal(table["id"], number)).to_pylist()
    if not rows:
        raise BenchError(f"there is no run {number}", where=str(folder), mend=f"It has {len(table):,} runs")
    rig = rig_of(head)
    plan = asked(head, rig)
    options: dict[str, Any] = {"time": plan.time, "bind": plan.bind, "urls": urls}
    options["clear_latch"] = plan.time != "virtual"  # what the run before has left
    with open_bench(rig, seed=rows[0]["seed"], record=out, use_rig_faults=False, **options) as bench:
        for name, value in plan.golden.items():
            bench.set(name, value)
        for fault in rows[0]["faults"]:
            bench.fault(fault)
        bench.run(plan.duration_s)
        if plan.time != "real" and bench.state_hash != rows[0]["state_hash"]:  # a clock gives no run twice
            why = f"run {number} ended in the state {bench.state_hash}, in the campaign in {rows[0]['state_hash']}"
            raise BenchError(why, where=str(folder), mend="Was the rig changed since?")
    return dict(rows[0])
