"""From a model class to checked CasADi SX expressions. The one place that imports casadi."""

from __future__ import annotations

import importlib
import math
import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from hil.errors import RigError
from hil.models.declare import Model, ModelInfo, Variable
from hil.nearest import did_you_mean


def casadi() -> Any:
    """The casadi module, imported when it is first needed.

    Raises:
        RigError: it is not installed, or does not load.
    """
    module = sys.modules.get("casadi")
    if module is not None:
        return module
    try:
        return importlib.import_module("casadi")
    except ImportError as error:
        text = f"a model that is not in the cache needs casadi to be compiled ({error})"
        raise RigError(text, mend="Install it with: pip install 'hil[models]'") from error


@dataclass(frozen=True)
class Equations:
    """f, g and their Jacobians as SX columns and dense matrices, over the symbols x, u, p."""

    x: Any
    u: Any
    p: Any
    f: Any
    g: Any
    A: Any
    B: Any
    C: Any
    D: Any


def trace(cls: type[Model], info: ModelInfo) -> Equations:
    """Ask the class for its equations and differentiate them.

    Raises:
        RigError: an equation is missing, unknown, or no SX expression of the model's own symbols.
    """
    ca = casadi()
    model = cls()
    x, u, p = (_symbols(model, group) for group in (info.x, info.u, info.p))
    known = ca.vertcat(x, u, p)
    f = _column(_ask(model.equations, info), info.x, info, "equations", known)
    passed = {v.name: getattr(model, v.name) for v in info.y if v in info.x}
    given = dict(_ask(model.outputs, info))
    g = _column({**passed, **given}, info.y, info, "outputs", known)
    A, B, C, D = (ca.densify(ca.jacobian(value, by)) for value in (f, g) for by in (x, u))
    return Equations(x, u, p, f, g, A, B, C, D)


def is_linear(eq: Equations) -> bool:
    """Whether df/dx does not depend on x: with inputs held over a step such a model has an exact step."""
    return not casadi().depends_on(eq.A, eq.x)


def _symbols(model: Model, group: tuple[Variable, ...]) -> Any:
    """Put one symbol for each name on the instance; return them as a column."""
    ca = casadi()
    for variable in group:
        vars(model)[variable.name] = ca.SX.sym(variable.name)
    return ca.vertcat(*(vars(model)[v.name] for v in group)) if group else ca.SX(0, 1)


def _ask(method: Callable[[], Mapping[str, Any]], info: ModelInfo) -> Mapping[str, Any]:
    """Call equations() or outputs(); whatever goes wrong in the user's code becomes one line with its line number."""
    name = method.__name__
    try:
        result = method()
    except RigError:
        raise
    except NotImplementedError:
        raise RigError(f"{name}() is missing", where=info.place, mend="Return dx/dt by state name") from None
    except Exception as error:
        raise RigError(
            f"{name}() failed: {_short(error)}", where=f"{info.place}{_line(error)}", mend=_hint(error)
        ) from error
    if not isinstance(result, Mapping):
        raise RigError(f"{name}() returned a {type(result).__name__}", where=info.place, mend="Return a dict by name")
    return result


def _column(given: Mapping[str, Any], wanted: tuple[Variable, ...], info: ModelInfo, what: str, known: Any) -> Any:
    """The expressions in order of declaration, as one SX column."""
    names = [v.name for v in wanted]
    for name in given:
        if name not in names:
            kind = "state" if what == "equations" else "declared output"
            raise RigError(
                f"{what}() gives {name!r}, which is no {kind}", where=info.place, mend=did_you_mean(str(name), names)
            )
    for name in names:
        if name not in given:
            raise RigError(f"{what}() gives no expression for {name!r}", where=info.place, mend=f"Add {name!r}")
    return casadi().vertcat(*(_scalar(given[n], f"{info.place}.{what}[{n!r}]", known) for n in names))


def _scalar(value: Any, where: str, known: Any) -> Any:
    """One scalar SX of known symbols."""
    ca = casadi()
    if isinstance(value, ca.MX):
        raise RigError("is an MX expression", where=where, mend="Build it from self.<name> and hil.models.math only")
    try:
        expression = ca.SX(value)
    except Exception:
        text = f"is a {type(value).__name__}, not an expression"
        raise RigError(text, where=where, mend="Build it from self.<name> and hil.models.math") from None
    if expression.shape != (1, 1):
        raise RigError(f"has the shape {expression.shape}, not one number", where=where)
    if expression.is_constant() and math.isnan(float(expression)):
        raise RigError(
            "is the constant nan", where=where, mend="Use the functions of hil.models.math, not Python's math"
        )
    own = {str(s) for s in ca.symvar(known)}
    foreign = [s for s in ca.symvar(expression) if not ca.depends_on(known, s)]
    if foreign:
        raise RigError(
            f"has the symbol {str(foreign[0])!r}, which is not declared",
            where=where,
            mend=did_you_mean(str(foreign[0]), sorted(own)),
        )
    return ca.densify(expression)


def _short(error: Exception) -> str:
    """The last line of an error's text, which is the one that tells (casadi puts C++ places before it)."""
    lines = [line for line in str(error).splitlines() if line.strip()]
    text = lines[-1].strip() if lines else ""
    return f"{type(error).__name__}: {text.split(': ', 1)[-1] if '.cpp:' in text else text}"[:300]


def _line(error: Exception) -> str:
    """` line 12`: where in the user's file it went wrong."""
    own = [f for f in traceback.extract_tb(error.__traceback__) if "casadi" not in f.filename and f.lineno]
    return f" line {own[-1].lineno}" if len(own) > 1 else ""


def _hint(error: Exception) -> str | None:
    """What helps with the mistakes that are made most."""
    if "truth value" in str(error):
        return "Symbols have no truth value: use if_else, logic_and, fmin, fmax of hil.models.math"
    if isinstance(error, TypeError) and "must be real number" in str(error):
        return "Use the functions of hil.models.math instead of Python's math"
    return None
