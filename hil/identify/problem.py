"""What is to be found from what: a model of a rig, its inputs and measured outputs as arrays, free parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hil.errors import RigError
from hil.identify.data import Data, Floats, read_csv, read_recording
from hil.models import Model, ModelInfo, load_model
from hil.nearest import did_you_mean
from hil.rig import Block, Fit, Rig

MIN_ROWS = 3  # a measured row for each unknown at least, and no fewer than these
Column = float | tuple[str, ...]  # a constant, or columns whose mean it is


@dataclass(frozen=True)
class Problem:
    """A fit to be made.

    Attributes:
        block: the rig's block.
        model: its class; info: what is known of it; method: how the loop integrates it.
        step_s: step of its integration in the loop.
        time_s: shape (rows,).
        inputs: shape (n_u, rows), held from each row to the next.
        outputs: measured, shape (n_measured, rows); NaN: not measured.
        measured: their numbers among the model's outputs.
        values: all parameters as the rig has them, shape (n_p,).
        free: numbers of those to be found.
        start: known initial values by number of the state; the others are found as well.
    """

    where: str
    block: str
    model: type[Model]
    info: ModelInfo
    method: str
    step_s: float
    time_s: Floats
    inputs: Floats
    outputs: Floats
    measured: tuple[int, ...]
    values: Floats
    free: tuple[int, ...]
    start: Mapping[int, float]

    @property
    def free_states(self) -> tuple[int, ...]:
        """Numbers of the states whose initial values are found."""
        return tuple(i for i in range(len(self.info.x)) if i not in self.start)


def make_problem(rig: Rig, data: Path, wanted: Fit) -> Problem:
    """The fit that `wanted` describes.

    Raises:
        RigError: no such block, parameter, state or port, or an input without a column.
        RecordingError: the data cannot be used.
    """
    block = model_block(rig, wanted.block)
    assert block.model is not None
    if block.model.file.endswith(".c"):
        mend = "Write its equations as a class in model.py"
        raise RigError("a model in C has no derivatives", where=f"{rig.name}:blocks.{block.name}", mend=mend)
    model = load_model(f"{block.model.file}:{block.model.class_name}", rig.folder or Path())
    info = model.info()
    where = f"{rig.name}:blocks.{block.name}"
    columns = _columns(rig, block, info, wanted, data.is_dir(), where)
    table = _read(data, columns, wanted)
    measured = tuple(i for i, v in enumerate(info.y) if v.name in columns)
    if not measured:
        raise RigError("no output of the model is measured", where=where, mend=_example(info.y[0].name))
    problem = Problem(
        where=where,
        block=block.name,
        model=model,
        info=info,
        method=block.model.method,
        step_s=rig.period_s * block.every / block.model.substeps,
        time_s=table.time_s,
        inputs=np.array([_input(table, v.name, columns[v.name]) for v in info.u]).reshape(-1, len(table.time_s)),
        outputs=np.array([_values(table, columns[info.y[i].name]) for i in measured]),
        measured=measured,
        values=np.array(list(block.params.values())),
        free=_numbers(wanted.parameters or [v.name for v in info.p], [v.name for v in info.p], "parameter", where),
        start=dict(
            zip(_numbers(wanted.start, [v.name for v in info.x], "state", where), wanted.start.values(), strict=True)
        ),
    )
    _check_rows(problem, table)
    return problem


def model_block(rig: Rig, name: str | None) -> Block:
    """The block to be fitted: the named one, or the rig's only model.

    Raises:
        RigError: there is none, or several and no name.
    """
    models = {block.name: block for block in rig.blocks.values() if block.type == "model"}
    if name is None and len(models) == 1:
        return next(iter(models.values()))
    if name is None or name not in models:
        why = f"no block '{name}' has a model" if name else "which model is to be fitted is not said"
        mend = did_you_mean(name, models) if name else f"Give --block, one of {', '.join(models) or 'none'}"
        raise RigError(why, where=rig.name, mend=mend)
    return models[name]


def _columns(rig: Rig, block: Block, info: ModelInfo, wanted: Fit, recorded: bool, where: str) -> dict[str, Column]:
    """The column of each input and of each measured output. A recording has the signals on the block's wires; outputs
    are taken from there when none is named, as what is named is what is measured.
    """
    ports = [v.name for v in (*info.u, *info.y)]
    _numbers(wanted.columns, ports, "input or output", where)
    wires = {wire.port: wire.signal for wire in (*block.inputs, *block.outputs)}
    found = _of_a_recording(rig, wanted) if recorded else dict(wanted.columns)
    some = any(v.name in found for v in info.y)
    for name in [v.name for v in info.u] + [v.name for v in info.y if not some] if recorded else ():
        signal = wires.get(name, "")
        if name not in found and signal in rig.signals:
            found[name] = (signal,)
    for variable in info.u:
        if variable.name not in found:
            why = f"which column is the input {variable.name} is not said"
            raise RigError(why, where=where, mend=_example(variable.name))
    return found


def _of_a_recording(rig: Rig, wanted: Fit) -> dict[str, Column]:
    """With [fit.signals] a rig's columns are those of files; numbers, and columns that are signals, still count."""
    if not wanted.signals:
        return dict(wanted.columns)
    signals: dict[str, Column] = {port: (signal,) for port, signal in wanted.signals.items()}
    own = {p: c for p, c in wanted.columns.items() if isinstance(c, float) or all(name in rig.signals for name in c)}
    return signals | own


def _example(name: str) -> str:
    return f'Give --column {name}=COLUMN (or a number), or [fit.columns] {name} = "COLUMN" in rig.toml'


def _read(path: Path, columns: Mapping[str, Column], wanted: Fit) -> Data:
    if not path.is_dir():
        return read_csv(path, wanted.time, wanted.time_unit)
    names = [name for column in columns.values() if not isinstance(column, float) for name in column]
    return read_recording(path, list(dict.fromkeys(names)))


def _values(table: Data, column: Column) -> Floats:
    if isinstance(column, float):
        return np.full(len(table.time_s), column)
    mean: Floats = np.mean([table[name] for name in column], axis=0)
    return mean


def _input(table: Data, name: str, column: Column) -> Floats:
    """An input holds its last value where it has none."""
    values = _values(table, column)
    usable = np.isfinite(values)
    if not usable[0]:
        raise RigError(f"the input {name} has no value in the first row", where=table.where, mend="Cut the first rows")
    held: Floats = values[np.maximum.accumulate(np.where(usable, np.arange(len(values)), 0))]
    return held


def _numbers(
    names: Sequence[str] | Mapping[str, object], known: Sequence[str], what: str, where: str
) -> tuple[int, ...]:
    for name in names:
        if name not in known:
            raise RigError(f"the model has no {what} '{name}'", where=where, mend=did_you_mean(name, known))
    return tuple(known.index(name) for name in names)


def _check_rows(problem: Problem, table: Data) -> None:
    rows = int(np.isfinite(problem.outputs).sum())
    unknown = len(problem.free) + len(problem.free_states)
    if rows < max(MIN_ROWS, unknown + 1):
        why = f"{rows} measured values are too few for {unknown} unknowns"
        raise RigError(why, where=table.where, mend="Give more data, or fewer parameters")
