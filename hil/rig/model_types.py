"""Model classes as block types, known from their declarations alone: nothing is compiled, casadi is not needed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from hil.blocks import BlockType, Param, Port

if TYPE_CHECKING:
    from hil.models import ModelInfo


def model_type(model: BlockType, info: ModelInfo) -> BlockType:
    """The block type of a model: the core's type `model` with the ports, parameters and states of one class."""
    return replace(
        model,
        name=info.name,
        doc=info.doc,
        inputs=tuple(Port(v.name, v.doc, unit=v.unit) for v in info.u),
        outputs=tuple(Port(v.name, v.doc, 0.0, v.unit) for v in info.y),
        params=tuple(Param(v.name, v.doc, v.value, v.min, v.max, v.unit) for v in info.p),
        states=tuple(v.name for v in info.x),
        start=tuple(v.value for v in info.x),
        state_units=tuple(v.unit for v in info.x),
        method=info.method,
        variadic=False,
        variadic_out=False,
    )


def describe_model(
    types: Mapping[str, BlockType], file: Path, class_name: str, estimate: Sequence[str] = ()
) -> BlockType:
    """The block type of a model class in a file, or of a C source, which is compiled for it.

    Args:
        types: those of the core.
        file: the class's or the source.
        class_name: empty for a source.
        estimate: parameters of the class that are states of an estimator.

    Raises:
        RigError: the file or the class cannot be used.
    """
    from hil.models import load_model
    from hil.models.augment import augmented

    if not class_name:
        from hil.models.c_source import compile_source

        return model_type(types["model"], compile_source(file).info)
    model = load_model(f"{file.name}:{class_name}", file.parent)
    return model_type(types["model"], (augmented(model, estimate) if estimate else model).info())
