"""Figures of a run as people write them: `box.P * integral(heater.on) / 3.6e6`, `mean(abs(box.air - box.setpoint))`.

Aggregates over the time of a run: integral(e) in unit seconds, mean(e), min(e), max(e), last(e), share(condition) of
the time, changes(signal). A name outside of them is its last value. Within them: arithmetic, comparisons, and, or, not,
abs, and min and max of several. Of a signal alone an aggregate is taken at every tick; of anything else at the rows.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
import numpy.typing as npt

from hil.errors import BenchError
from hil.expressions import dotted

Floats = npt.NDArray[np.float64]

ROWS = 720  # in a run: 5 s of an hour
_BINARY: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: np.add,
    ast.Sub: np.subtract,
    ast.Mult: np.multiply,
    ast.Div: np.divide,
    ast.Pow: np.power,
}
_COMPARE: dict[type, Callable[[Any, Any], Any]] = {
    ast.Lt: np.less,
    ast.LtE: np.less_equal,
    ast.Gt: np.greater,
    ast.GtE: np.greater_equal,
}
_AT_TICKS = {"integral": "mean", "mean": "mean", "min": "min", "max": "max", "last": "last", "changes": "changes"}
_OF_ROWS: dict[str, Callable[[Floats], float]] = {
    "mean": lambda rows: float(rows.mean()),
    "min": lambda rows: float(rows.min()),
    "max": lambda rows: float(rows.max()),
    "last": lambda rows: float(rows[-1]),
    "changes": lambda rows: float(np.count_nonzero(np.diff(rows))),
}
_AT_ROWS: dict[str, Callable[[Floats], Any]] = {
    "integral": lambda rows: rows.mean(axis=1),
    "mean": lambda rows: rows.mean(axis=1),
    "share": lambda rows: (rows != 0.0).mean(axis=1),
    "min": lambda rows: rows.min(axis=1),
    "max": lambda rows: rows.max(axis=1),
    "last": lambda rows: rows[:, -1],
}
FORM = "Write it as 18.7 * integral(heater.on), mean(abs(box.air - 40)), share(box.air < 38), changes(heater.on)"


@dataclass(frozen=True)
class _Source:
    """Where values come from: of all ticks by the text of a reduction, of rows by name."""

    at_ticks: Callable[[str], Any]
    at_rows: Callable[[str], Any]
    duration_s: float


class Kpi:
    """A parsed figure.

    Attributes:
        reductions: what it needs of every tick, as `hil.batch` takes them.
        rows: signals of which it needs rows.

    Raises:
        BenchError: it is no such formula.
    """

    def __init__(self, name: str, text: str) -> None:
        self.name, self.text = name, text
        self.reductions: set[str] = set()
        self.rows: set[str] = set()
        try:
            self._tree = ast.parse(text.strip(), mode="eval").body
        except (SyntaxError, ValueError):
            raise self._refuse(text) from None
        self._outer(self._tree, _Source(self._note_reduction, self._note_rows, 1.0))

    def __call__(self, reduced: Mapping[str, Floats], rows: Mapping[str, Floats], duration_s: float) -> Floats:
        """One figure a run, shape (runs,)."""
        with np.errstate(divide="ignore", invalid="ignore"):
            found = self._outer(self._tree, _Source(reduced.__getitem__, rows.__getitem__, duration_s))
        return np.asarray(found, dtype=np.float64)

    @property
    def names(self) -> set[str]:
        """Signals and parameters that it speaks of."""
        return self.rows | {text.partition("(")[2].rstrip(")") for text in self.reductions}

    def of_rows(self, columns: Mapping[str, Floats], duration_s: float) -> float:
        """The figure of what was measured.

        Args:
            columns: by name, evenly spaced over the time, shape (rows,), one row or more; at least `names`.
            duration_s: of the time.
        """
        reduced = {}
        for text in self.reductions:
            called, _, name = text.rstrip(")").partition("(")
            reduced[text] = np.array([_OF_ROWS[called](columns[name])])
        found = self(reduced, {name: columns[name][None, :] for name in self.rows}, duration_s)
        return float(np.ravel(found)[0])

    def _note_reduction(self, text: str) -> Floats:
        self.reductions.add(text)
        return np.ones(1)

    def _note_rows(self, name: str) -> Floats:
        self.rows.add(name)
        return np.ones((1, 1))

    def _outer(self, node: ast.AST, source: _Source) -> Any:
        """Outside of aggregates: one number a run."""
        name = dotted(node)
        if name is not None:
            return source.at_ticks(f"last({name})")
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and len(node.args) == 1:
            called, inside = node.func.id, node.args[0]
            if called == "abs":
                return np.abs(self._outer(inside, source))
            return self._aggregate(called, inside, source)
        return self._arithmetic(node, lambda part: self._outer(part, source))

    def _aggregate(self, called: str, inside: ast.AST, source: _Source) -> Any:
        signal = dotted(inside)
        if signal is not None and called in _AT_TICKS:
            found = source.at_ticks(f"{_AT_TICKS[called]}({signal})")
        elif called in _AT_ROWS:
            inner = np.asarray(self._inner(inside, source.at_rows), dtype=np.float64)
            if inner.ndim < 2:
                raise self._refuse(ast.unparse(inside))
            found = _AT_ROWS[called](inner)
        else:
            raise self._refuse(called)
        return found * source.duration_s if called == "integral" else found

    def _inner(self, node: ast.AST, at_rows: Callable[[str], Any]) -> Any:
        """Inside of an aggregate: one number a row of a run."""
        name = dotted(node)
        if name is not None:
            return at_rows(name)

        def part(other: ast.AST) -> Any:
            return self._inner(other, at_rows)

        if isinstance(node, ast.BoolOp):
            combine = np.logical_and if isinstance(node.op, ast.And) else np.logical_or
            return reduce(combine, [part(value) for value in node.values])
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            return np.logical_not(part(node.operand))
        if isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in _COMPARE:
            return _COMPARE[type(node.ops[0])](part(node.left), part(node.comparators[0]))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.keywords:
            return self._call(node.func.id, [part(argument) for argument in node.args])
        return self._arithmetic(node, part)

    def _call(self, called: str, arguments: list[Any]) -> Any:
        if called == "abs" and len(arguments) == 1:
            return np.abs(arguments[0])
        if called in ("min", "max") and len(arguments) > 1:
            return reduce(np.minimum if called == "min" else np.maximum, arguments)
        raise self._refuse(called)

    def _arithmetic(self, node: ast.AST, part: Callable[[ast.AST], Any]) -> Any:
        if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
            return float(node.value)
        if isinstance(node, ast.BinOp) and type(node.op) in _BINARY:
            return _BINARY[type(node.op)](part(node.left), part(node.right))
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            return -part(node.operand)
        raise self._refuse(ast.unparse(node))

    def _refuse(self, part: str) -> BenchError:
        return BenchError(f"'{part}' cannot be part of a figure", where=f"{self.name}: {self.text}", mend=FORM)
