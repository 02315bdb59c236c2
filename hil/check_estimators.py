"""What `hil check` finds in estimators: states that nothing sees, modes that no noise drives, singular innovations."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hil.errors import RigError
from hil.estimation.covariance import singular_innovations
from hil.estimation.observability import Hidden, Matrix, names_of, sampled, undriven, unobservable
from hil.rig.description import Block, Rig, Wire
from hil.rig.estimators import LINEAR, OF_MODELS

if TYPE_CHECKING:
    from hil.models import CompiledModel

Found = tuple[str, str, str, str]  # severity, where, message, mend
SAME = 1e-9  # part of the largest element by which the Jacobians of a linear model may differ from place to place


@dataclass(frozen=True)
class Pair:
    """What an estimator's filter is made of: A, C (and of a filter with covariances Q, P0, R), with names."""

    states: list[str]
    measured: list[str]
    A: Matrix
    C: Matrix
    Q: Matrix | None
    P0: Matrix
    R: Matrix

    @property
    def scale(self) -> Matrix:
        """Usual size of each state, (n,): the deviation it starts with, or else that of a step's noise, or 1."""
        size = np.diag(self.P0).copy()
        if self.Q is not None:
            size = np.where(size > 0.0, size, np.diag(self.Q))
        return np.sqrt(np.where(size > 0.0, size, 1.0))


def check_estimators(rig: Rig) -> Iterator[Found]:
    """Everything found in the estimators of a rig."""
    for block in rig.blocks.values():
        if block.type in LINEAR:
            yield from _check_linear(block)
        elif block.type in OF_MODELS:
            try:
                yield from _check_of_model(rig, block)
            except RigError as error:
                yield "error", _where(block, "model"), error.message, error.mend or ""


def prompt_inputs(block: Block) -> tuple[Wire, ...]:
    """Inputs on which outputs of the same tick depend. An estimator's u acts from this sample to the next one, unless
    it has D; whether it enters a model's outputs is known only once it is compiled, and taken not to be so.
    """
    if block.type not in (*LINEAR, *OF_MODELS) or block.config.get("D"):
        return block.inputs
    m = sum(wire.port.startswith("innovation.") for wire in block.outputs)
    return block.inputs[len(block.inputs) - m :]


def _check_linear(block: Block) -> Iterator[Found]:
    pair = _of_matrices(block)
    if block.type == "luenberger":
        yield from _check_poles(block, pair)
    else:
        yield from _check_innovation(block, pair)
        yield from _check_noise(block, pair)
    for severity, text, mend in _hidden(pair, unobservable(pair.A, pair.C, pair.scale)):
        yield severity, _where(block, "C"), text, mend


def _check_of_model(rig: Rig, block: Block) -> Iterator[Found]:
    from hil.program import compiled_model

    model = compiled_model(block, rig.folder or Path())
    step_s = rig.period_s * block.every
    x0 = np.array(block.config.get("x0", model.x0))
    here = _of_model(block, model, x0, step_s)
    there = _of_model(block, model, x0 + here.scale, step_s)
    yield from _check_innovation(block, here)
    yield from _check_noise(block, here)
    hidden = unobservable(here.A, here.C, here.scale)
    if _same(here.A, there.A) and _same(here.C, there.C):
        found = _hidden(here, hidden)
    else:
        found = _hidden_here(here, hidden, unobservable(there.A, there.C, here.scale))
    for severity, text, mend in found:
        yield severity, _where(block, "in"), text, mend


def _of_matrices(block: Block) -> Pair:
    states, measured = (_named(block, f"{group}.") for group in ("x", "innovation"))
    n, m = len(states), len(measured)
    A, C = np.reshape(block.config["A"], (n, n)), np.reshape(block.config["C"], (m, n))
    if block.type == "luenberger":
        return Pair(states, measured, A, C, None, np.zeros((n, n)), np.zeros(m))
    Q, P0 = (np.reshape(block.config[key], (n, n)) for key in ("Q", "P0"))
    return Pair(states, measured, A, C, Q, P0, np.array(block.config["R"]))


def _of_model(block: Block, model: CompiledModel, x: Matrix, step_s: float) -> Pair:
    """Linearised at x, under the inputs' declared values and the observer's own parameters."""
    n = len(model.x)
    A, _, C, _ = model.jacobian(x, [v.value for v in model.u], list(block.params.values()))
    if model.method != "discrete":
        A = sampled(A, step_s)
    Q, P0 = (np.reshape(block.config[key], (n, n)) for key in ("Q", "P0"))
    names = [v.name for v in model.x], [v.name for v in model.y]
    return Pair(*names, A, C, Q, P0, np.array(block.config["R"]))


def _check_innovation(block: Block, pair: Pair) -> Iterator[Found]:
    singular = [pair.measured[i] for i in singular_innovations(pair.C, pair.P0, pair.R)]
    if singular:
        what = f"the innovation of {singular[0]} has" if len(singular) == 1 else f"{', '.join(singular)} together have"
        text = f"{what} a singular covariance C P0 C' + R at the first sample: the outputs would be bad from then on"
        yield "error", _where(block, "R"), text, "Give each measurement a variance above 0"


def _check_noise(block: Block, pair: Pair) -> Iterator[Found]:
    """Modes that last, of which the start is not known, and which nothing disturbs."""
    assert pair.Q is not None
    found, scale = undriven(pair.A, pair.Q, pair.scale), pair.scale
    for mode, row, dies in zip(found.modes, found.directions, found.stable, strict=True):
        if not dies and row @ (pair.P0 / np.outer(scale, scale)) @ row > 0.0:
            parts = [
                name for name, part in zip(pair.states, np.abs(row), strict=True) if part > 0.05 * np.abs(row).max()
            ]
            what = f"{', '.join(parts)} (eigenvalue {_number(mode)})"
            text = f"gives no noise to {what}: there the filter's gain goes to zero in time"
            yield "warning", _where(block, "Q"), text, "Give it a small variance, unless it is a constant for ever"


def _check_poles(block: Block, pair: Pair) -> Iterator[Found]:
    L = np.reshape(block.config["L"], (len(pair.states), len(pair.measured)))
    pole = max(np.linalg.eigvals(pair.A - L @ pair.C @ pair.A), key=abs)
    if abs(pole) >= 1.0:
        text = f"the observer's error does not die out: (1 - L C) A has the eigenvalue {_number(pole)}"
        yield "error", _where(block, "L"), text, "Design L anew for this A and C"


def _hidden(pair: Pair, hidden: Hidden) -> Iterator[tuple[str, str, str]]:
    """Of a linear pair: what lasts cannot be estimated at all, what dies out only by the model."""
    for direction, mode, dies in zip(hidden.directions, hidden.modes, hidden.stable, strict=True):
        what = f"{names_of(direction, pair.states, pair.scale)} cannot be seen in {', '.join(pair.measured)}"
        rank = f"rank {hidden.rank} of {hidden.n}, eigenvalue {_number(mode)}"
        if dies:
            yield "warning", f"{what} ({rank}): its estimate is the model's alone", "Measure it, if it is needed"
        else:
            text = f"{what} and does not die out ({rank}): its estimate can go anywhere"
            yield "error", text, "Measure it, or take it out of the model"


def _hidden_here(pair: Pair, hidden: Hidden, there: Hidden) -> Iterator[tuple[str, str, str]]:
    """Of a model that is not linear: another place may show what this one hides."""
    where = "at the initial point"
    mend = "Measure it, or take it out of the model"
    if there.rank > hidden.rank:
        where, mend = f"{where}, though one deviation of P0 beside it", "Give an x0 beside this point"
    for direction, mode in zip(hidden.directions, hidden.modes, strict=True):
        what = f"{names_of(direction, pair.states, pair.scale)} cannot be seen in {', '.join(pair.measured)}"
        yield "warning", f"{what} {where} (rank {hidden.rank} of {hidden.n}, eigenvalue {_number(mode)})", mend


def _named(block: Block, prefix: str) -> list[str]:
    return [wire.port.removeprefix(prefix) for wire in block.outputs if wire.port.startswith(prefix)]


def _same(a: Matrix, b: Matrix) -> bool:
    return bool(np.abs(a - b).max() <= SAME * np.abs(a).max())


def _number(value: complex) -> str:
    return f"{value.real:.4g}" if abs(value.imag) < 1e-12 else f"{value.real:.4g} {value.imag:+.4g}i"


def _where(block: Block, key: str) -> str:
    return f"rig.toml: blocks.{block.name}.{key}"
