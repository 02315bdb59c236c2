"""Joint estimation of states and parameters: a model whose chosen parameters are states that stay as they are.

    Joint = augmented(Pendulum, ["stiffness"])
    model = compile_model(Joint, ekf=True)       # for the block "ekf"; the block "ukf" needs no ekf=True

Such a state walks at random with the deviation that the filter's Q gives it, per sample: variance w^2 in its place of
the diagonal lets it move by w sqrt(k) in k samples; 0 keeps it a constant. It starts at the parameter's value and is
held within the parameter's min..max, in the model's step and after every measurement.

Source: L. Ljung, Asymptotic behavior of the extended Kalman filter as a parameter estimator for linear systems, IEEE
Trans. Automatic Control 24, 1979; R. van der Merwe, E. A. Wan, 2001 (see core/src/blocks/ukf.c).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hil.errors import RigError
from hil.models.declare import Model, ModelInfo, Output, Param, State
from hil.nearest import did_you_mean


def augmented(model: type[Model], names: Sequence[str]) -> type[Model]:
    """The model with the parameters `names` as states behind its own, in this order, and no longer as parameters.

    A model that declares no output keeps its own states as outputs, and no parameter becomes one. Of method "exact" it
    becomes "rk4": with a parameter as a state the equations are not linear any more.

    Args:
        model: any model class. It is not changed.
        names: parameters of it, each once, at least one.

    Raises:
        RigError: a name that is no parameter of the model or stands twice; no name; the model cannot be described.
    """
    info = model.info()
    _check(info, names)
    place = {
        "__module__": model.__module__,
        "__qualname__": f"{model.__qualname__}[{' and '.join(names)}]",
        "__doc__": model.__doc__,
    }
    body: dict[str, Any] = {
        **place,
        **{name: _state(getattr(model, name)) for name in names},
        "method": "rk4" if info.method == "exact" else info.method,
        "equations": _equations(model, tuple(names)),
    }
    cleared = type(model.__name__, (model,), {**place, **_own_outputs(model, info), **dict.fromkeys(names)})
    return type(f"{model.__name__}Joint", (cleared,), body)


def _check(info: ModelInfo, names: Sequence[str]) -> None:
    known = [v.name for v in info.p]
    for i, name in enumerate(names):
        if name not in known:
            text = f"{name!r} is no parameter of {info.name}"
            raise RigError(text, where=info.place, mend=did_you_mean(name, known))
        if name in names[:i]:
            raise RigError(f"{name!r} stands twice", where=info.place, mend="Name it once")
    if not names:
        raise RigError("names no parameter", where=info.place, mend=f"Name some of: {', '.join(known)}")


def _state(param: Param) -> State:
    doc = param.doc or "estimated parameter"
    return State(param.value, unit=param.unit, min=param.min, max=param.max, doc=doc, clamp=True)


def _own_outputs(model: type[Model], info: ModelInfo) -> dict[str, State]:
    """The states of a model without outputs, declared as outputs: else the parameters would become some, too."""
    declared = [getattr(model, v.name) for v in info.x]
    if any(s.output for s in declared) or any(isinstance(getattr(model, v.name), Output) for v in info.y):
        return {}
    return {
        s.name: State(s.value, unit=s.unit, min=s.min, max=s.max, doc=s.doc, clamp=s.clamp, output=True)
        for s in declared
    }


def _equations(model: type[Model], names: tuple[str, ...]) -> Any:
    """Those of the model, and what keeps the parameters as they are."""

    def equations(self: Model) -> Mapping[str, Any]:
        still = {name: getattr(self, name) if model.method == "discrete" else 0.0 for name in names}
        return {**model.equations(self), **still}

    return equations
