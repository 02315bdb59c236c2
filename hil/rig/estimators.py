"""Estimators in a rig: their ports by name, their matrices as people write them.

The block itself has one long list of signals, u and y in, x, diagonal of P, innovations, NIS and log-likelihood out.
Here each of them is a port: `u.<name>`, `y.<name>` (of a model: its inputs and outputs by their own names),
`x.<state>`, `variance.<state>`, `innovation.<measurement>`, `nis`, `log_likelihood`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from hil.blocks import BlockType, Port
from hil.nearest import did_you_mean
from hil.rig.matrices import read_covariance, read_matrix, read_variances, read_vector, shape_of
from hil.rig.messages import KeyPath
from hil.rig.reading import Reading
from hil.rig.schema import BlockTable

LINEAR = ("kalman", "luenberger")
OF_MODELS = ("ekf", "ukf")
ESTIMATORS = (*LINEAR, *OF_MODELS)
STATES, PARAMETERS = "states", "parameters"
WITHOUT_STATISTICS = ("luenberger",)
WITH_JACOBIAN = ("ekf",)
TEMPERATURES = ("degC", "°C", "degF", "°F")  # a difference of two is in another unit


@dataclass(frozen=True)
class Names:
    """What an estimator's vectors consist of; `start`: the model's own x0, empty without a model."""

    x: tuple[str, ...]
    u: tuple[str, ...]
    y: tuple[str, ...]
    start: tuple[float, ...] = ()


def estimator_keys(kind: BlockType) -> list[str]:
    """Keys that an estimator takes beside its parameters and configuration."""
    return [STATES] if kind.name in LINEAR else [PARAMETERS] if kind.name in OF_MODELS else []


def linear_type(reading: Reading, name: str, table: BlockTable) -> BlockType | None:
    """The block type of a filter with matrices; None after noting why its sizes cannot be told."""
    path: KeyPath = ("blocks", name)
    extra, kind = table.model_extra or {}, reading.types[str(table.type)]
    u, y = ([key[2:] for key in table.inputs if key.startswith(f"{side}.")] for side in "uy")
    if not y:
        mend = 'Write in = { u = ["..."], y = ["..."] }'
        reading.mistakes.add((*path, "in", "y"), f"{kind.name} needs measurements", mend=mend)
        return None
    states = _state_names(reading, path, extra)
    if not states:
        return None
    reading.estimators[name] = Names(states, tuple(u), tuple(y))
    inputs = [Port(f"{side}.{n}") for side, names in (("u", u), ("y", y)) for n in names]
    outputs = _outputs(kind.name, [Port(n) for n in states], [Port(n) for n in y])
    return replace(kind, inputs=tuple(inputs), outputs=outputs, variadic=False, variadic_out=False)


def model_estimator_type(reading: Reading, name: str, table: BlockTable, model: BlockType) -> BlockType | None:
    """The block type of a filter of a model; those of the model's outputs are measured that the rig wires."""
    path: KeyPath = ("blocks", name)
    kind = reading.types[str(table.type)]
    for port in model.inputs:
        if any(port.name == other.name for other in model.outputs):
            why = f"{model.name} has an input and an output called {port.name}, which cannot be told apart here"
            reading.mistakes.add((*path, "model"), why, mend="Rename one of them")
            return None
    measured = [port for port in model.outputs if port.name in table.inputs]
    if not measured:
        mend = f"Wire one of {', '.join(port.name for port in model.outputs)}"
        reading.mistakes.add((*path, "in"), f"no output of {model.name} is measured", mend=mend)
        return None
    if table.model and table.model.endswith(".c") and not _fits_c_source(reading, path, table, model, measured):
        return None
    u, y = (tuple(port.name for port in ports) for ports in (model.inputs, measured))
    reading.estimators[name] = Names(model.states, u, y, model.start)
    states = [Port(s, unit=unit) for s, unit in zip(model.states, model.state_units, strict=True)]
    return replace(
        kind,
        inputs=(*model.inputs, *(replace(port, preset=math.nan) for port in measured)),
        outputs=_outputs(kind.name, states, measured),
        params=model.params,
        method=model.method,
        variadic=False,
        variadic_out=False,
    )


def resolve_estimator(reading: Reading, name: str, kind: BlockType, extra: dict[str, Any]) -> None:
    """Replaces matrices in `extra`, as they are written, by their numbers row after row; other types pass."""
    names = reading.estimators.get(name)
    if names is None:
        return
    path: KeyPath = ("blocks", name)
    extra.pop(STATES, None)
    for state in set(names.x) - {config.name for config in kind.config}:
        if state in extra:
            mend = f"Write x0 = {{ {state} = {extra[state]} }}"
            reading.mistakes.add((*path, state), "is a state here, not a parameter", value=extra.pop(state), mend=mend)
    for key in ("Q", "P0"):
        if key in extra:
            extra[key] = read_covariance(reading, (*path, key), extra[key], names.x)
    if "R" in extra:
        extra["R"] = read_variances(reading, (*path, "R"), extra["R"], names.y)
    if kind.name in LINEAR:
        _resolve_linear(reading, path, names, extra)
    if "x0" in extra or kind.name in LINEAR:
        extra["x0"] = _start(reading, (*path, "x0"), names, extra.get("x0"))
    inflation = extra.get("stale_inflation", 0.0)
    if not isinstance(inflation, int | float) or (inflation != 0.0 and not inflation >= 1.0):
        why = "must be 0, which leaves stale measurements out, or at least 1"
        reading.mistakes.add((*path, "stale_inflation"), why, value=extra.pop("stale_inflation"))


def own_parameters(reading: Reading, name: str, kind: BlockType, extra: dict[str, Any]) -> dict[str, Any]:
    """Those of an observer's model: in the table `parameters`, or beside it where no configuration has the name."""
    path: KeyPath = ("blocks", name, PARAMETERS)
    given = extra.pop(PARAMETERS, {})
    if not isinstance(given, Mapping):
        reading.mistakes.add(path, "must be a table {...}", value=given)
        return {}
    known = [param.name for param in kind.params]
    for key in given:
        if key not in known:
            reading.mistakes.add((*path, key), "the model has no parameter of this name", mend=did_you_mean(key, known))
    taken = {config.name for config in kind.config}
    return {**{key: extra.pop(key) for key in known if key in extra and key not in taken}, **given}


def _outputs(kind: str, states: Sequence[Port], measured: Sequence[Port]) -> tuple[Port, ...]:
    estimate = [Port(f"x.{p.name}", f"estimate of {p.name}", 0.0, p.unit) for p in states]
    variance = [Port(f"variance.{p.name}", f"variance of {p.name}", 0.0) for p in states]
    innovation = [
        Port(f"innovation.{p.name}", f"{p.name} beside its prediction", 0.0, None if p.unit in TEMPERATURES else p.unit)
        for p in measured
    ]
    if kind in WITHOUT_STATISTICS:
        return (*estimate, *innovation)
    numbers = [Port("nis", "normalised innovation squared", 0.0, "1")]
    return (*estimate, *variance, *innovation, *numbers, Port("log_likelihood", "of the measurements", 0.0, "1"))


def _state_names(reading: Reading, path: KeyPath, extra: Mapping[str, Any]) -> tuple[str, ...]:
    """Given, or numbers from 1 on, as many as A has rows; none after noting what is wrong."""
    given = extra.get(STATES)
    if given is not None:
        words = isinstance(given, list) and all(isinstance(s, str) and s.isidentifier() for s in given)
        if words and given and len(set(given)) == len(given):
            return tuple(given)
        reading.mistakes.add((*path, STATES), "must be different names", value=given, mend='Write ["place", "speed"]')
        return ()
    A = extra.get("A")
    if A is None:
        reading.mistakes.add((*path, "A"), "is missing: the state's transition in one sample, n x n")
        return ()
    if isinstance(A, str):
        reading.mistakes.add((*path, STATES), "is missing: with A in a file the states have to be named")
        return ()
    rows = len(A) if len(shape_of(A)) == 2 else math.isqrt(len(A)) if isinstance(A, list) else 1
    return tuple(str(i) for i in range(1, rows + 1))


def _resolve_linear(reading: Reading, path: KeyPath, names: Names, extra: dict[str, Any]) -> None:
    n, n_u, m = len(names.x), len(names.u), len(names.y)
    sizes = {
        "A": (n, n, "a row and a column for each state"),
        "B": (n, n_u, "a row for each state, a column for each signal of u"),
        "C": (m, n, "a row for each signal of y, a column for each state"),
        "D": (m, n_u, "a row for each signal of y, a column for each signal of u"),
        "L": (n, m, "a row for each state, a column for each signal of y"),
    }
    for key, (rows, columns, what) in sizes.items():
        if key in extra:
            extra[key] = read_matrix(reading, (*path, key), extra[key], rows, columns, what)
    if n_u and "B" not in extra:
        reading.mistakes.add((*path, "B"), f"is missing: {sizes['B'][2]}")
        extra["B"] = [0.0] * (n * n_u)


def _start(reading: Reading, path: KeyPath, names: Names, value: object) -> list[float]:
    """x0; a table may leave states out, which begin with the model's own value or 0."""
    start = names.start or (0.0,) * len(names.x)
    if value is None:
        return list(start)
    if isinstance(value, Mapping):
        value = {**dict(zip(names.x, start, strict=True)), **value}
    numbers = read_vector(reading, path, value, names.x, lambda why, **_: reading.mistakes.add(path, why))
    return numbers if numbers is not None else list(start)


def _fits_c_source(
    reading: Reading, path: KeyPath, table: BlockTable, model: BlockType, measured: Sequence[Port]
) -> bool:
    from hil.models.c_source import compile_source

    unwired = [port.name for port in model.outputs if port not in measured]
    if unwired:
        why = f"all outputs of a model in C have to be measured; {', '.join(unwired)} is not"
        reading.mistakes.add((*path, "in"), why, mend="Write a source without it, or a class in model.py")
    if table.type in WITH_JACOBIAN and not compile_source(reading.folder / str(table.model)).has_jacobian:
        mend = "Fill in the member jacobian (hil/model.h), or write the model as a class in model.py"
        why = f"hil_model_v1 has no jacobian function, which an {table.type} needs"
        reading.mistakes.add((*path, "model"), why, mend=mend)
        return False
    return not unwired
