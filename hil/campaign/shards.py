"""The shards of a campaign as one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hil.campaign.campaign import CampaignResult
from hil.campaign.request import asked, rig_of
from hil.campaign.search import points
from hil.campaign.space import Space
from hil.campaign.statistics import summary
from hil.campaign.store import Store, merged, read_head, read_table, results_hash
from hil.errors import BenchError


def merge(folders: Sequence[Path], out: Path) -> CampaignResult:
    """The shards of one campaign as one.

    Raises:
        BenchError: a folder without a campaign, or of another one; a shard is missing, stands twice or is not whole.
    """
    heads = [read_head(folder) for folder in folders]
    for folder, head in zip(folders, heads, strict=True):
        if head is None:
            raise BenchError("holds no campaign", where=str(folder), mend="Name the --out folders of the shards")
        if {**head, "shard": None} != {**(heads[0] or {}), "shard": None}:
            raise BenchError(f"holds another campaign than {folders[0]}", where=str(folder))
    first = heads[0] or {}
    _check_shards([head["shard"] for head in heads if head])
    rig = rig_of(first)
    plan = asked(first, rig)
    table = merged(read_table(folder) for folder in folders)
    space = Space(plan)
    _check_whole(table["id"].to_pylist(), len(points(plan.search, space.dimensions, plan.seed)))
    store = Store(out, {**first, "shard": None}, resume=False)
    store.add(table)
    store.close()
    figures = {**summary(table, space), "results_hash": results_hash(table)}
    return CampaignResult(store.finish(figures), figures)


def _check_whole(there: list[int], wanted: int) -> None:
    """Raises BenchError when a shard stopped before its end."""
    missing = sorted(set(range(wanted)) - set(there))
    if missing:
        why = f"{len(missing):,} of {wanted:,} runs are missing, from run {missing[0]} on"
        raise BenchError(why, mend="Let each shard end: run it again with --resume")


def _check_shards(shards: list[Any]) -> None:
    n = shards[0][1] if shards[0] else 1
    there = sorted(shard[0] for shard in shards if shard)
    if there != list(range(1, n + 1)):
        have = ", ".join(map(str, there)) or "none"
        raise BenchError(f"of {n} shards there are {have}", mend="Name each shard's folder once")
