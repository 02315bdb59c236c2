"""A model with fewer outputs: what an observer sees of a plant whose other outputs nobody measures."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from hil.models.declare import Model, ModelInfo


def observed(cls: type[Model], outputs: Collection[str]) -> type[Model]:
    """The class with only these of its outputs, in the order of its own.

    It is found in the cache like any other: what is left out stands in its qualified name.
    """
    info = cls.info()
    kept = tuple(v for v in info.y if v.name in outputs)
    if len(kept) == len(info.y):
        return cls

    def seen_info(_: type[Model]) -> ModelInfo:
        return replace(info, y=kept)

    def seen_outputs(self: Model) -> Mapping[str, Any]:
        return {name: value for name, value in cls.outputs(self).items() if name in outputs}

    names = ",".join(v.name for v in kept)
    body = {
        "__module__": cls.__module__,
        "__qualname__": f"{cls.__qualname__}[{names}]",
        "info": classmethod(seen_info),
        "outputs": seen_outputs,
    }
    return type(cls.__name__, (cls,), body)
