"""Random formulas in two spellings, ours and rtamt's, and rtamt's robustness of them."""

from __future__ import annotations

import contextlib
import io
import random
import warnings
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import rtamt

Floats = npt.NDArray[np.float64]
NAMES = ("x", "y", "z")
TIMED = {"G": "always", "F": "eventually", "H": "historically", "O": "once"}
UNTIL = {"U": "until", "S": "since"}
LOGIC = {"and": "and", "or": "or", "->": "implies"}
PERIOD_S = 0.25  # ours; rtamt counts its windows in samples of 1 s


def random_formula(rng: random.Random, depth: int) -> tuple[str, str]:
    """(our text, rtamt's text) of the same formula."""
    if depth == 0 or rng.random() < 0.1:
        return _predicate(rng)
    kind = rng.choice(("not", "logic", "iff", "timed", "timed", "until", "edge"))
    ours, theirs = random_formula(rng, depth - 1)
    if kind == "not":
        return f"not ({ours})", f"not ({theirs})"
    if kind == "edge":
        name = rng.choice(("rise", "fall"))
        return f"{name}({ours})", f"{name}({theirs})"
    if kind == "timed":
        name, (window, counted) = rng.choice(list(TIMED)), _window(rng)
        return f"{name}{window}({ours})", f"{TIMED[name]}{counted}({theirs})"
    other, others = random_formula(rng, depth - 1)
    if kind == "until":
        name, (window, counted) = rng.choice(list(UNTIL)), _window(rng)
        return f"({ours}) {name}{window} ({other})", f"({theirs}) {UNTIL[name]}{counted} ({others})"
    if kind == "iff":  # both implications: rtamt's own iff says -|a - b|, which is never above 0
        return f"({ours}) <-> ({other})", f"(({theirs}) implies ({others})) and (({others}) implies ({theirs}))"
    name = rng.choice(list(LOGIC))
    return f"({ours}) {name} ({other})", f"({theirs}) {LOGIC[name]} ({others})"


def rtamt_robustness(text: str, values: Mapping[str, Floats]) -> Floats:
    """Robustness at each sample by rtamt's discrete-time offline monitor."""
    spec = monitor(text)
    count = len(next(iter(values.values())))
    with contextlib.redirect_stdout(io.StringIO()):
        result = spec.evaluate({"time": list(range(count)), **{name: v.tolist() for name, v in values.items()}})
    return np.array([value for _, value in result])


def monitor(text: str) -> rtamt.StlDiscreteTimeSpecification:
    """rtamt's monitor of a formula over x, y and z."""
    spec = rtamt.StlDiscreteTimeOfflineSpecification()
    for name in NAMES:
        spec.declare_var(name, "float")
    spec.spec = text
    spec.parse()
    return spec


def _predicate(rng: random.Random) -> tuple[str, str]:
    a, b = rng.sample(NAMES, 2)
    number = f"{rng.uniform(-1, 1):.3f}" if rng.random() < 0.5 else f"{rng.uniform(0, 1):.3f}"
    left = rng.choice((a, f"({a} - {b})", f"abs({a} - {b})", f"({a} + {b} * 2.0)", f"({a} / 4.0)"))
    op = rng.choice(("<", "<=", ">", ">=", "=="))
    text = f"{left} {op} {number.lstrip('-') if rng.random() < 0.3 else number}"
    return text, text


def _window(rng: random.Random) -> tuple[str, str]:
    if rng.random() < 0.2:
        return "", ""
    first = rng.choice((0, 0, 1, 2, 5))
    last = first + rng.choice((0, 1, 2, 3, 6, 40 if rng.random() < 0.1 else 4))
    return f"[{first * PERIOD_S}s,{last * PERIOD_S}s]", f"[{first},{last}]"
