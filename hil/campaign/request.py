"""What is asked of a campaign, and what of it decides the results."""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from hil.campaign.plan import Plan
from hil.campaign.plan_file import load_plan
from hil.errors import BenchError
from hil.rig import Rig, load_rig

FORMAT = 3


@dataclass(frozen=True)
class Request:
    """What is run.

    Attributes:
        rig: folder, file or name of a shipped rig.
        plan: file, or the name of one in the rig's folder `campaigns`.
        runs: instead of the plan's.
        seed: instead of the plan's.
        period_s: base period instead of the rig's, in s.
        jobs: threads; None: one a core.
        scheduler: of a Dask cluster, "tcp://host:8786".
        shard: (i, n): the i-th of n parts, counted from 1.
        minimise: also make the worst runs small, and tests of them.
        time: kind of time instead of the plan's.
        bind: level by role, beside and before the plan's.
        urls: address by device, instead of the rig's; it decides nothing, and may be another one when going on.
        controllers: "blocks" or "program" by role, instead of the rig's choice.
    """

    rig: str
    plan: str
    runs: int | None = None
    seed: int | None = None
    period_s: float | None = None
    jobs: int | None = None
    scheduler: str | None = None
    shard: tuple[int, int] | None = None
    minimise: bool = True
    time: str | None = None
    bind: Mapping[str, str] = field(default_factory=dict)
    urls: Mapping[str, str] = field(default_factory=dict)
    controllers: Mapping[str, str] = field(default_factory=dict)


def rig_of(head: dict[str, Any]) -> Rig:
    """The rig of a folder's campaign; raises RigError."""
    return load_rig(head["rig"], head["period_s"], head["controllers"])


def asked(head: dict[str, Any], rig: Rig) -> Plan:
    """The plan of a folder's campaign.

    Raises:
        RigError: the plan cannot be used.
        BenchError: rig or plan are not what they were.
    """
    what = Request(
        head["rig"],
        head["plan_file"],
        head["runs"],
        head["seed"],
        head["period_s"],
        time=head["time"],
        bind=head["bind"],
    )
    plan = as_asked(what, load_plan(what.plan, rig))
    now = head_of(what, rig, plan)
    for key in ("rig_hash", "plan_hash"):
        if now[key] != head[key]:
            name = key.removesuffix("_hash")
            raise BenchError(
                f"the {name} was changed since the campaign", where=head[name if name == "rig" else "plan_file"]
            )
    return plan


def as_asked(what: Request, plan: Plan) -> Plan:
    """The plan with what the caller says in its place."""
    search = plan.search if what.runs is None else replace(plan.search, runs=what.runs)
    seed = plan.seed if what.seed is None else what.seed
    return replace(plan, search=search, seed=seed, time=what.time or plan.time, bind={**plan.bind, **what.bind})


def head_of(what: Request, rig: Rig, plan: Plan) -> dict[str, Any]:
    """What decides the results; equal heads give equal results."""
    return {
        "format": FORMAT,
        "rig": what.rig,
        "rig_hash": rig_hash(rig),
        "plan_file": what.plan,
        "plan_hash": hashlib.sha256(plan.text.encode()).hexdigest()[:16],
        "runs": plan.search.runs,
        "seed": plan.seed,
        "period_s": rig.period_s,
        "time": plan.time,
        "bind": plan.bind,
        "controllers": rig.controllers,
        "shard": list(what.shard) if what.shard else None,
    }


def rig_hash(rig: Rig) -> str:
    """16 hex digits over all files that a rig is made of."""
    files = "\0".join(f"{name}\0{text}" for name, text in sorted(rig.files.items()))
    return hashlib.sha256(files.encode()).hexdigest()[:16]


def command_of(what: Request, out: Path) -> str:
    """The command that runs the same again."""
    period = None if what.period_s is None else f"{what.period_s:g}s"
    options = {"runs": what.runs, "seed": what.seed, "period": period, "time": what.time}
    given = [f"--{name} {value}" for name, value in options.items() if value is not None]
    for name, pairs in (("bind", what.bind), ("url", what.urls), ("controller", what.controllers)):
        given += [f"--{name} {shlex.quote(f'{key}={value}')}" for key, value in pairs.items()]
    return shlex.join(["hil", "campaign", what.rig, what.plan]) + " " + " ".join([*given, f"--out {out}-again"])
