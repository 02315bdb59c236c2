"""A rig whose measured signals come from a series: blocks `playback` take the place of whatever wrote them.

The plant and the controller stay where they are and go on beside the data. What they write in place of a measured
signal is called `<signal>.simulated`, and nobody reads it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from hil.rig import Block, Rig, RoleTag, Signal
from hil.rig.description import Wire
from hil.rig.twin import states_of
from hil.twin.sources.series import Floats, Series

SIMULATED = ".simulated"
PREFIX = "source_"


def with_series(rig: Rig, series: Series) -> Rig:
    """The rig, played by a series from bench time 0 on.

    A value of a signal that is missing (NaN) is played as such; what follows is a matter of the rig's `data_quality`.
    """
    names = [*series.values, *series.constants]
    own = {name: {tag.signal for tag in role.outputs} & set(names) for name, role in rig.roles.items()}
    blocks = {name: _rewired(block, names, own.get(block.role or "", set())) for name, block in rig.blocks.items()}
    roles = {
        name: replace(role, outputs=tuple(_renamed(tag, names) for tag in role.outputs))
        for name, role in rig.roles.items()
    }
    signals = dict(rig.signals)
    for name in names:
        old = signals[name]
        player = PREFIX + name.replace(".", "_")
        column = series.values.get(name, np.full(len(series.time_s), series.constants.get(name, np.nan)))
        blocks[player] = _player(player, name, series.time_s, column)
        if old.producer is not None:
            signals[name + SIMULATED] = Signal(
                name + SIMULATED, old.unit, producer=old.producer, role=None, range=None, start=old.start
            )
        signals[name] = replace(old, producer=player, start=_first(column, old.start))
    return replace(rig, blocks=blocks, roles=roles, signals=signals)


def with_start(rig: Rig, start: Mapping[str, Mapping[str, float]]) -> Rig:
    """The rig whose observers begin elsewhere: block -> state -> value."""
    blocks = dict(rig.blocks)
    for name, states in start.items():
        block, names = blocks[name], states_of(blocks[name])
        x0 = list(block.config["x0"]) if "x0" in block.config else [0.0] * len(names)
        for state, value in states.items():
            x0[names.index(state)] = value
        blocks[name] = replace(block, config={**block.config, "x0": tuple(x0)})
    return replace(rig, blocks=blocks)


def _rewired(block: Block, names: list[str], own: set[str]) -> Block:
    """What it writes is renamed, and what it reads of its role's own outputs."""
    inputs = tuple(Wire(w.port, w.signal + SIMULATED) if w.signal in own else w for w in block.inputs)
    outputs = tuple(Wire(w.port, w.signal + SIMULATED) if w.signal in names else w for w in block.outputs)
    return replace(block, inputs=inputs, outputs=outputs)


def _renamed(tag: RoleTag, names: list[str]) -> RoleTag:
    return replace(tag, signal=tag.signal + SIMULATED) if tag.signal in names else tag


def _player(block: str, signal: str, time_s: Floats, column: Floats) -> Block:
    config = {"t": tuple(time_s.tolist()), "u": tuple(column.tolist())}
    return Block(block, "playback", (), (Wire("y", signal),), {"start_s": 0.0}, config)


def _first(column: Floats, otherwise: float) -> float:
    good = column[np.isfinite(column)]
    return float(good[0]) if len(good) else otherwise
