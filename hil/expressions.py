"""Conditions over signals as people write them: `sensor.h1 > 0.1 and not plc.alarm_h1`.

Arithmetic, comparisons, and / or / not, abs, min, max, numbers and signal names with dots; nothing else is evaluated.
"""

from __future__ import annotations

import ast
import contextlib
import operator
from collections.abc import Callable, Iterable

from hil.errors import BenchError
from hil.nearest import did_you_mean

Lookup = Callable[[str], float]
_BINARY = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
}
_COMPARE = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
_CALLS: dict[str, Callable[..., float]] = {"abs": abs, "min": min, "max": max}


class Condition:
    """A parsed condition.

    Args:
        text: the condition.
        names: all valid signal names.

    Raises:
        BenchError: it is not a condition, or names a signal that does not exist.
    """

    def __init__(self, text: str, names: Iterable[str]) -> None:
        self.text = text
        try:
            self._tree = ast.parse(text.strip(), mode="eval").body
        except (SyntaxError, ValueError):
            raise BenchError(
                f"'{text}' is not a condition", mend="Write it as 'sensor.h1 > 0.1 and not plc.alarm'"
            ) from None
        self.signals = sorted(self._names(self._tree))
        known = list(names)
        for name in self.signals:
            if name not in known:
                raise BenchError(f"there is no signal '{name}' in '{text}'", mend=did_you_mean(name, known))
        self._check(self._tree)

    def __call__(self, lookup: Lookup) -> bool:
        """Whether it holds, with `lookup` giving a signal's value. A signal alone holds at 0.5 and above."""
        return self._truth(self._tree, lookup)

    def _names(self, node: ast.AST) -> set[str]:
        name = dotted(node)
        if name is not None:
            return {name} - set(_CALLS)
        return set().union(*(self._names(child) for child in ast.iter_child_nodes(node)))

    def _check(self, node: ast.AST) -> None:
        """Evaluates once with ones: whatever is not allowed shows."""
        with contextlib.suppress(ZeroDivisionError):
            self._truth(node, lambda _: 1.0)

    def _truth(self, node: ast.AST, lookup: Lookup) -> bool:
        if isinstance(node, ast.BoolOp):
            parts = (self._truth(part, lookup) for part in node.values)
            return all(parts) if isinstance(node.op, ast.And) else any(parts)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            return not self._truth(node.operand, lookup)
        if isinstance(node, ast.Compare):
            return self._compare(node, lookup)
        return self._number(node, lookup) >= 0.5

    def _compare(self, node: ast.Compare, lookup: Lookup) -> bool:
        values = [self._number(part, lookup) for part in (node.left, *node.comparators)]
        for op, left, right in zip(node.ops, values, values[1:], strict=False):
            if type(op) not in _COMPARE:
                raise self._refuse(node)
            if not _COMPARE[type(op)](left, right):
                return False
        return True

    def _number(self, node: ast.AST, lookup: Lookup) -> float:
        name = dotted(node)
        if name is not None:
            return lookup(name)
        if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
            return float(node.value)
        if isinstance(node, ast.BinOp) and type(node.op) in _BINARY:
            left, right = self._number(node.left, lookup), self._number(node.right, lookup)
            return float(_BINARY[type(node.op)](left, right))
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
            value = self._number(node.operand, lookup)
            return -value if isinstance(node.op, ast.USub) else value
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in _CALLS
            and not node.keywords
        ):
            return float(_CALLS[node.func.id](*(self._number(part, lookup) for part in node.args)))
        raise self._refuse(node)

    def _refuse(self, node: ast.AST) -> BenchError:
        part = ast.get_source_segment(self.text.strip(), node) or type(node).__name__
        return BenchError(f"'{part}' cannot be part of a condition", where=self.text)


def dotted(node: ast.AST) -> str | None:
    """`plant.h1` of its syntax tree; None when the node is not a name."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        left = dotted(node.value)
        return None if left is None else f"{left}.{node.attr}"
    return None
