"""The type of every block: of the core, of a model class or C source, of an FMU, of an estimator with ports by name."""

from __future__ import annotations

from collections.abc import Sequence

from hil.blocks import BlockType
from hil.errors import RigError
from hil.nearest import did_you_mean
from hil.rig.estimators import LINEAR, OF_MODELS, linear_type, model_estimator_type
from hil.rig.fmu_blocks import fmu_type
from hil.rig.messages import KeyPath
from hil.rig.reading import Reading
from hil.rig.schema import BlockTable

FOREIGN = {
    **dict.fromkeys(("model", *OF_MODELS), ("model", 'Write model = "model.py:Class"')),
    "fmu": ("fmu", 'Write fmu = "model.fmu"'),
    "plc": ("program", 'Write [roles.NAME] program = "plc/x.st"'),
}


def kind_of(reading: Reading, name: str, table: BlockTable) -> BlockType | None:
    """The type of a block; None after noting why it cannot be told."""
    path: KeyPath = ("blocks", name)
    if table.fmu is not None:
        return fmu_type(reading, name, table)
    for key in ("isolate", "fmu_timeout_s"):
        if getattr(table, key):
            reading.mistakes.add((*path, key), "belongs to blocks with an FMU")
    if table.model is not None:
        return _with_model(reading, name, table, table.model)
    if table.type is None:
        reading.mistakes.add(path, "has neither type nor model", mend='Write type = "lag" or model = "model.py:Class"')
        return None
    return _of_the_core(reading, name, table, table.type)


def _with_model(reading: Reading, name: str, table: BlockTable, model: str) -> BlockType | None:
    path: KeyPath = ("blocks", name)
    if table.type not in (None, "model", *OF_MODELS):
        mend = 'Write type = "ekf", which takes a model' if table.type in LINEAR else None
        why = "a block has a type or a model, not both"
        reading.mistakes.add((*path, "type"), why, value=table.type, mend=mend)
        return None
    if model.endswith(".c") and table.method is not None:
        reading.mistakes.add((*path, "method"), "a model in C has its own step", value=table.method)
    kind = _model_type(reading, path, model, ())
    if kind and table.estimate is not None:
        kind = _estimating(reading, path, table, model, table.estimate)
    return model_estimator_type(reading, name, table, kind) if kind and table.type in OF_MODELS else kind


def _estimating(
    reading: Reading, path: KeyPath, table: BlockTable, model: str, estimate: list[str]
) -> BlockType | None:
    """The type with parameters as states; None after noting why they cannot be."""
    if table.type not in OF_MODELS:
        mend = 'Write type = "ekf" or "ukf", or leave it out'
        reading.mistakes.add((*path, "estimate"), "belongs to estimators of a model", mend=mend)
    elif model.endswith(".c"):
        mend = "Write the model as a class in model.py, or with its parameters as states"
        reading.mistakes.add((*path, "estimate"), "takes a model class; a source in C is fixed", mend=mend)
    elif not estimate:
        reading.mistakes.add((*path, "estimate"), "names no parameter", mend="Leave it out")
    else:
        return _model_type(reading, path, model, estimate)
    return None


def _of_the_core(reading: Reading, name: str, table: BlockTable, kind: str) -> BlockType | None:
    path: KeyPath = ("blocks", name)
    if kind in FOREIGN:
        key, mend = FOREIGN[kind]
        why = f"needs the key {key}" + (" of its role" if kind == "plc" else "")
        reading.mistakes.add((*path, "type"), why, mend=mend)
        return None
    if kind not in reading.types:
        names = [n for n in reading.types if n not in ("model", "fmu", "plc")]
        reading.mistakes.add((*path, "type"), "unknown type", value=kind, mend=did_you_mean(kind, names))
        return None
    for key in ("method", "substeps", "estimate"):
        if getattr(table, key) is not None:
            reading.mistakes.add((*path, key), f"belongs to models; {kind} has none")
    return linear_type(reading, name, table) if kind in LINEAR else reading.types[kind]


def _model_type(reading: Reading, block: KeyPath, model: str, estimate: Sequence[str]) -> BlockType | None:
    path: KeyPath = (*block, "model")
    file, colon, class_name = model.partition(":")
    if not file.endswith(".c") and not (file and colon and class_name.isidentifier()):
        reading.mistakes.add(path, "is not a model", value=model, mend='Write "model.py:Class" or "model.c"')
        return None
    if reading.read(file, path) is None:
        return None
    try:
        return reading.model_type(reading.folder / file, class_name, estimate)
    except RigError as error:
        at, value = ((*block, "estimate"), estimate) if estimate else (path, model)
        reading.mistakes.add_error(at, error, value=value)
        return None
