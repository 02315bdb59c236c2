"""A rig at another base period: what has a time of its own keeps it, what runs in every tick runs at the new period."""

from __future__ import annotations

from typing import TypeVar

from hil.rig.messages import KeyPath, Mistakes
from hil.rig.schema import BlockTable, RigFile, RoleTable

Rated = TypeVar("Rated", BlockTable, RoleTable)
CLOSE = 1e-9


def at_period(table: RigFile, period_s: float, mistakes: Mistakes) -> RigFile:
    """The tables with the base period `period_s`; notes what cannot keep its rate.

    A role or block that runs every n ticks, n > 1, runs as often per second as before. Delays in ticks stay so many
    ticks.
    """
    factor = table.rig.period_s / period_s
    roles = {n: _rated(role, factor, ("roles", n), mistakes) for n, role in table.roles.items()}
    blocks = {n: _rated(block, factor, ("blocks", n), mistakes) for n, block in table.blocks.items()}
    rig = table.rig.model_copy(update={"period_s": period_s})
    return table.model_copy(update={"rig": rig, "roles": roles, "blocks": blocks})


def _rated(table: Rated, factor: float, path: KeyPath, mistakes: Mistakes) -> Rated:
    every = table.every
    if every is None or every == 1:
        return table
    ticks = round(every * factor)
    if ticks < 1 or abs(every * factor - ticks) > CLOSE * every:
        why = f"runs every {every} ticks, which is no whole number of ticks at this base period"
        mistakes.add((*path, "every"), why, value=every, mend="Choose a period that divides its time")
        return table
    phase = None if table.phase is None else min(round(table.phase * factor), ticks - 1)
    return table.model_copy(update={"every": ticks, "phase": phase})
