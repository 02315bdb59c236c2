"""Ports that are wired together: `x = { speed = "observer.speed" }`, `y = ["a", "b"]` as a port for each element."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hil.blocks import BlockType
from hil.rig.reading import Reading
from hil.rig.schema import BlockTable

COUNTED = ("kalman", "luenberger")  # what u and y have in a list counts from 1


def by_port(table: BlockTable) -> BlockTable:
    """The table with `x.speed` in place of `x = { speed = ... }`; of a linear estimator `u.1` for a list's first."""
    inputs: dict[str, Any] = dict(table.inputs)
    if table.type in COUNTED:
        lists = {key: value if isinstance(value, list) else [value] for key, value in inputs.items() if key in "uy"}
        tables = {k: dict(zip(map(str, range(1, len(v) + 1)), v, strict=True)) for k, v in lists.items()}
        inputs |= {key: value for key, value in tables.items() if not isinstance(inputs[key], Mapping)}
    return table.model_copy(update={"inputs": _flat(inputs), "outputs": _flat(table.outputs)})


def outputs_by_port(reading: Reading, name: str, table: BlockTable, kind: BlockType) -> BlockTable:
    """The table with `x.place` and `x.speed` in place of `x = ["...", "..."]`, in the order of the type's ports."""
    outputs: dict[str, Any] = {}
    for key, value in table.outputs.items():
        ports = [port.name for port in kind.outputs if port.name.startswith(f"{key}.")]
        items = value if isinstance(value, list) else [value]
        if not ports:
            outputs[key] = value
        elif len(items) == len(ports):
            outputs |= dict(zip(ports, items, strict=True))
        else:
            why = f"names {len(items)} of {len(ports)} signals: {', '.join(ports)}"
            reading.mistakes.add(
                ("blocks", name, "out", key),
                why,
                mend=f'Name all, or some in a table: {key} = {{ {ports[0].partition(".")[2]} = "..." }}',
            )
    return table.model_copy(update={"outputs": outputs})


def _flat(given: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in given.items():
        found |= {f"{key}.{name}": item for name, item in value.items()} if isinstance(value, Mapping) else {key: value}
    return found
