"""FMUs as block types: ports, parameters and start values by the names of the FMU's own variables."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hil.blocks import BlockType, Param, Port
from hil.errors import RigError
from hil.nearest import did_you_mean
from hil.rig.description import FmuRef
from hil.rig.messages import KeyPath
from hil.rig.reading import Reading
from hil.rig.schema import BlockTable

if TYPE_CHECKING:
    from hil.fmi.describe import FmuInfo, Variable

MOST_OUTPUTS = 64  # HIL_MODEL_MAX_Y; an FMU with more has those that the rig names


def fmu_type(reading: Reading, name: str, table: BlockTable) -> BlockType | None:
    """The block type of a block with the key `fmu`; None after noting why it cannot be used."""
    path: KeyPath = ("blocks", name, "fmu")
    assert table.fmu is not None
    for key in ("type", "model", "method", "substeps"):
        if getattr(table, key) is not None:
            reading.mistakes.add(("blocks", name, key), "belongs to other blocks; this one has an FMU")
    file = reading.locate(table.fmu, path)
    if file is None:
        return None
    try:
        info = _describe(reading, table.fmu, file)
    except RigError as error:
        reading.mistakes.add_error(path, error, value=table.fmu)
        return None
    reading.fmus[name] = info
    return _block_type(reading.types["fmu"], info, _outputs(reading, name, table, info))


def _describe(reading: Reading, name: str, file: Path) -> FmuInfo:
    from hil.fmi.describe import describe
    from hil.fmi.unpack import content_of, stand_in

    sha256 = content_of(file)
    reading.files[name] = stand_in(sha256)
    return describe(file, sha256)


def _block_type(fmu: BlockType, info: FmuInfo, outputs: list[Variable]) -> BlockType:
    """Inputs need not be wired: the FMU has start values of its own."""
    inputs = [v for v in info.variables.values() if v.causality == "input" and v.number]
    params = [v for v in info.variables.values() if v.tunable and v.number]
    return replace(
        fmu,
        name=info.name,
        doc=info.doc,
        inputs=tuple(Port(v.name, v.doc, v.value, v.unit) for v in inputs),
        outputs=tuple(Port(v.name, v.doc, 0.0, v.unit) for v in outputs),
        params=tuple(Param(v.name, v.doc, v.value, *v.range, v.unit) for v in params),
        variadic=False,
        variadic_out=False,
    )


def _outputs(reading: Reading, name: str, table: BlockTable, info: FmuInfo) -> list[Variable]:
    """Its outputs, and other variables that the rig wires."""
    declared = [v for v in info.variables.values() if v.causality == "output" and v.number]
    named = [info.variables[key] for key in table.outputs if key in info.variables]
    for variable in named:
        if not variable.number:
            why = "is an array, a text or of another type that cannot be wired"
            reading.mistakes.add(("blocks", name, "out", variable.name), why, mend="Wire a scalar number")
    for key in table.outputs:
        if key not in info.variables:
            mend = did_you_mean(key, [v.name for v in declared])
            reading.mistakes.add(("blocks", name, "out", key), f"{info.name} has no variable of this name", mend=mend)
    chosen = {v.name: v for v in (*declared, *named) if v.number}
    if len(chosen) > MOST_OUTPUTS:
        chosen = {v.name: v for v in named if v.number}
    return list(chosen.values())


def fmu_ref(reading: Reading, name: str, table: BlockTable, extra: dict[str, Any]) -> FmuRef | None:
    """What the rig says of a block's FMU; start values are taken out of `extra`."""
    info = reading.fmus.get(name)
    if info is None or table.fmu is None:
        return None
    start = {key: value for key in list(extra) if (value := _start(reading, name, info, key, extra)) is not None}
    sha256 = reading.files[table.fmu].rpartition(":")[2].strip()
    timeout = {} if table.fmu_timeout_s is None else {"timeout_s": table.fmu_timeout_s}
    return FmuRef(table.fmu, sha256, start, table.isolate, **timeout)


def _start(reading: Reading, name: str, info: FmuInfo, key: str, extra: dict[str, Any]) -> float | str | None:
    """The start value of a variable; None after noting what is wrong with it, or for a key that is no variable."""
    variable = info.variables.get(key)
    if variable is None:
        return None
    value, path = extra.pop(key), ("blocks", name, key)
    if not variable.settable or variable.type is None:
        reading.mistakes.add(path, "this variable of the FMU cannot be set", value=value)
        return None
    return _text(reading, path, value) if not variable.number else _number(reading, path, variable, value)


def _text(reading: Reading, path: KeyPath, value: object) -> str | None:
    if isinstance(value, str):
        return value
    reading.mistakes.add(path, "must be a text in quotes", value=value)
    return None


def _number(reading: Reading, path: KeyPath, variable: Variable, value: object) -> float | None:
    from hil.rig.place import read_number

    try:
        number = read_number(value, variable.unit)
    except RigError as error:
        reading.mistakes.add_error(path, error, value=value)
        return None
    low, high = variable.range
    if low <= number <= high:
        return number
    reading.mistakes.add(path, f"must lie within {low:g} and {high:g}: {variable.doc}", value=value)
    return None
