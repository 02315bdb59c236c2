"""[fit]: what `hil fit` finds from which columns of measured data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from hil.blocks import BlockType
from hil.nearest import did_you_mean
from hil.rig.description import Block, Fit
from hil.rig.messages import KeyPath
from hil.rig.reading import Reading


def read_fit(reading: Reading, blocks: Mapping[str, Block], types: Mapping[str, BlockType]) -> Fit:
    """The table as written, its names checked; without one, its defaults."""
    table = reading.table.fit
    models = {name: block for name, block in blocks.items() if block.type == "model"}
    name = table.block or (next(iter(models)) if len(models) == 1 else None)
    if table.block is not None and table.block not in models:
        mend = did_you_mean(table.block, models)
        reading.mistakes.add(("fit", "block"), "no block of this name has a model", value=table.block, mend=mend)
    elif name is not None:
        kind = types[name]
        ports = [port.name for port in (*kind.inputs, *kind.outputs)]
        _known(reading, ("fit", "parameters"), table.parameters or (), [p.name for p in kind.params], "parameter")
        _known(reading, ("fit", "columns"), table.columns, ports, "input or output")
        _known(reading, ("fit", "signals"), table.signals, ports, "input or output")
        _known(reading, ("fit", "start"), table.start, kind.states, "state")
    columns = {name: _column(value) for name, value in table.columns.items()}
    chosen = None if table.parameters is None else tuple(table.parameters)
    return Fit(name, chosen, columns, dict(table.start), table.time, table.time_unit, dict(table.signals))


def _column(value: str | float | list[str]) -> float | tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    return tuple(value) if isinstance(value, list) else float(value)


def _known(reading: Reading, path: KeyPath, names: Iterable[str], known: Iterable[str], what: str) -> None:
    known = list(known)
    for name in names:
        if name not in known:
            reading.mistakes.add(path, f"the model has no {what} '{name}'", mend=did_you_mean(name, known))
