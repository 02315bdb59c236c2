"""Linear models of a plant around an operating point, for the design of controllers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from hil.design.matrices import Matrix
from hil.errors import HilError
from hil.models.compile import compile_model
from hil.models.declare import Model
from hil.nearest import did_you_mean

STEPS = 100


@dataclass(frozen=True)
class LinearModel:
    """dx/dt = A (x - x0) + B (u - u0), y - y0 = C (x - x0) + D (u - u0); names in the order of the matrices.

    Attributes:
        A, B, C, D: (n, n), (n, m), (p, n), (p, m).
        x0, u0, y0: where it was linearised.
        states, inputs, outputs: names.
    """

    A: Matrix
    B: Matrix
    C: Matrix
    D: Matrix
    x0: Matrix
    u0: Matrix
    y0: Matrix
    states: tuple[str, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    def only(
        self,
        states: Sequence[str] | None = None,
        inputs: Sequence[str] | None = None,
        outputs: Sequence[str] | None = None,
    ) -> LinearModel:
        """The same with some of its states, inputs and outputs, in this order. States left out keep their x0.

        Raises:
            HilError: an unknown name.
        """
        x, u, y = (
            _places(names, known)
            for names, known in ((states, self.states), (inputs, self.inputs), (outputs, self.outputs))
        )
        return LinearModel(
            self.A[np.ix_(x, x)], self.B[np.ix_(x, u)], self.C[np.ix_(y, x)], self.D[np.ix_(y, u)],
            self.x0[x], self.u0[u], self.y0[y],
            *(tuple(known[i] for i in places) for places, known in
              ((x, self.states), (u, self.inputs), (y, self.outputs))),
        )  # fmt: skip

    def sampled(self, dt_s: float) -> tuple[Matrix, Matrix]:
        """A and B of one sample with inputs held, by the exponential of both (C. Van Loan 1978)."""
        from scipy.linalg import expm

        n, m = self.B.shape
        whole = expm(np.block([[self.A, self.B], [np.zeros((m, n + m))]]) * dt_s)
        return whole[:n, :n], whole[:n, n:]


def linearise(
    model: type[Model], *, x: Mapping[str, float] | None = None, u: Mapping[str, float] | None = None, rest: bool = True
) -> LinearModel:
    """The model's Jacobians, at rest under `u` unless `rest` is False.

    Args:
        model: a class with declarations and equations.
        x: states; those not named have their declared values. With `rest`, where the search starts.
        u: inputs; those not named have their declared values.
        rest: searches a state in which nothing changes; states that no equation depends on are left where they are.

    Raises:
        HilError: an unknown name, no state of rest.
        RigError: the model does not compile.
    """
    compiled = compile_model(model)
    states, inputs = tuple(v.name for v in compiled.x), tuple(v.name for v in compiled.u)
    x0 = _filled(compiled.x0, states, x or {})
    u0 = _filled(np.array([v.value for v in compiled.u]), inputs, u or {})
    p = compiled.p0
    if rest:
        for _ in range(STEPS):
            move = np.linalg.lstsq(compiled.jacobian(x0, u0, p)[0], -compiled.ode(x0, u0, p), rcond=1e-12)[0]
            x0 = x0 + move
            if np.abs(move).max() <= 1e-13 * max(1.0, np.abs(x0).max()):
                break
        speed = np.abs(compiled.ode(x0, u0, p)).max()
        if not speed < 1e-8:
            mend = "Start nearer to it (x), or choose other inputs"
            raise HilError(f"found no state of rest: a state still moves by {speed:.3g} a second", mend=mend)
    A, B, C, D = compiled.jacobian(x0, u0, p)
    return LinearModel(
        A, B, C, D, x0, u0, compiled.output(x0, u0, p), states, inputs, tuple(v.name for v in compiled.y)
    )


def _places(names: Sequence[str] | None, known: Sequence[str]) -> list[int]:
    names = known if names is None else names
    for name in names:
        _check_name(name, known)
    return [list(known).index(name) for name in names]


def _filled(values: Matrix, known: Sequence[str], given: Mapping[str, float]) -> Matrix:
    for name, value in given.items():
        _check_name(name, known)
        values[list(known).index(name)] = value
    return values


def _check_name(name: str, known: Sequence[str]) -> None:
    if name not in known:
        raise HilError(f"the model has no {name}", where="linearise", mend=did_you_mean(name, list(known)))
