"""A test of the rig from a run: pytest runs it, fails while the weakness is there, passes when it is mended."""

from __future__ import annotations

from pathlib import Path

from hil.campaign.plan import Plan
from hil.campaign.space import Run
from hil.rig import Rig

TEMPLATE = '''"""{title}: what a campaign found, made as small as it still happens.

{found}
"""

import numpy as np

import hil
from hil.requirements import at_each_sample, parse
from hil.rig import load_rig

RIG = {rig!r}
PERIOD_S = {period_s!r}
CONTROLLERS = {controllers!r}
GOLDEN = {golden!r}
FAULTS = {faults!r}
ACTING = {acting!r}
FORMULAS = {formulas!r}


def values_of(bench, names):
    """Signals, and of fault.<name> 1 while it acts."""
    found = {{name: bench.history(name) for name in names if name not in ACTING}}
    for name in ACTING.keys() & names:
        time_s = np.arange(bench.tick) * bench.period_s
        found[name] = np.zeros(bench.tick)
        for start_s, end_s in ACTING[name]:
            found[name][(time_s > start_s - 0.5 * bench.period_s) & (time_s < end_s - 0.5 * bench.period_s)] = 1.0
    return found


def test_{name}():
    rig = load_rig(RIG, PERIOD_S, CONTROLLERS)
    with hil.open_bench(rig, seed={seed}, use_rig_faults=False{options}) as bench:
        for signal, value in GOLDEN.items():
            bench.set(signal, value)
        for fault in FAULTS:
            bench.fault(fault)
        bench.run({duration_s!r})
        for text in FORMULAS:
            formula = at_each_sample(parse(text))
            verdict = formula.evaluate(values_of(bench, formula.signals), bench.period_s, partial=True)
            assert verdict.satisfied, f"{{text}}: {{verdict.robustness:g}}, from {{verdict.at_s:g}} s on"
'''


def write_test(folder: Path, rig: Rig, plan: Plan, run: Run) -> Path:
    """Writes `test_<plan>_<run>.py` into a folder, and returns its path."""
    faults = [str(fault) for fault in run.faults]
    expect = plan.expect
    formulas = [str(f) for f in (expect.safe, expect.requirement) if f is not None]
    acting: dict[str, list[tuple[float, float]]] = {f"fault.{slot.name}": [] for slot in plan.slots}
    for fault in run.faults:
        acting[f"fault.{fault.slot}"].append((fault.start_s, plan.duration_s if fault.end_s is None else fault.end_s))
    wire = "" if plan.time == "virtual" else f", time={plan.time!r}, clear_latch=True"
    options = wire + (f", bind={plan.bind!r}" if plan.bind else "")
    text = TEMPLATE.format(
        options=options,
        title=plan.title,
        found="\n".join(faults),
        rig=str(rig.folder),
        period_s=rig.period_s,
        controllers=rig.controllers,
        golden=plan.golden,
        faults=faults,
        acting=acting,
        formulas=formulas,
        name=f"{plan.name}_{run.id}",
        seed=run.seed,
        duration_s=plan.duration_s,
    )
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"test_{plan.name}_{run.id}.py"
    path.write_text(text, encoding="utf-8")
    return path
