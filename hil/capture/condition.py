"""Conditions over signals, compiled to what the core looks at after each tick (core/include/hil/watch.h).

The language of `hil.expressions`, with edges, durations and status: `rise(plc.alarm_h1)`, `fall(x > 1)`,
`changed(plc.step)`, `held(sensor.h1 > 0.2, 0.5)`, `bad(sensor.h1)`; and as the last part `... for 0.5 s`.
"""

from __future__ import annotations

import ast
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum

from hil.built import Built
from hil.errors import BenchError
from hil.expressions import dotted
from hil.nearest import did_you_mean

EXAMPLE = "Write it as in 'sensor.h1 > 0.1 and not plc.alarm_h1'"
MOST_MEMORY = 16  # HIL_WATCH_MEMORY
MOST_OPS = 128  # HIL_WATCH_OPS
_OP = struct.Struct("<HHId")
_FOR = re.compile(r"\sfor\s+(?P<value>[-+.\deE]+)\s*(?P<unit>us|ms|s|min)\s*$")
_UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0}
STATUS = {"stale": 1, "forced": 2, "faulted": 4, "bad": 8, "safe": 16, "good": 255}


class Op(IntEnum):
    """enum hil_watch_code."""

    NUMBER = 1
    VALUE = 2
    STATUS = 3
    NEGATE = 4
    ABS = 5
    NOT = 6
    RISE = 7
    FALL = 8
    HELD = 9
    CHANGED = 10
    ADD = 11
    SUB = 12
    MUL = 13
    DIV = 14
    POW = 15
    MOD = 16
    MIN = 17
    MAX = 18
    LT = 19
    LE = 20
    GT = 21
    GE = 22
    EQ = 23
    NE = 24
    AND = 25
    OR = 26


_BINARY = {
    ast.Add: Op.ADD,
    ast.Sub: Op.SUB,
    ast.Mult: Op.MUL,
    ast.Div: Op.DIV,
    ast.Pow: Op.POW,
    ast.Mod: Op.MOD,
}
_COMPARE = {ast.Lt: Op.LT, ast.LtE: Op.LE, ast.Gt: Op.GT, ast.GtE: Op.GE, ast.Eq: Op.EQ, ast.NotEq: Op.NE}
_EDGES = {"rise": Op.RISE, "fall": Op.FALL}
_FOLDS = {"min": Op.MIN, "max": Op.MAX}


@dataclass(frozen=True)
class Condition:
    """A compiled condition: its text, the core's operations, the signals that it names."""

    text: str
    ops: bytes
    signals: tuple[str, ...]


def compile_condition(text: str, built: Built, period_s: float, what: str = "trigger") -> Condition:
    """The operations of a condition.

    Args:
        text: the condition.
        built: the program, whose signals, block states and parameters it may name.
        period_s: base period, which makes durations ticks.
        what: the name that errors have for it.

    Raises:
        BenchError: it is no condition or names no signal; with the column, counted from 1.
    """
    compiler = _Compiler(text, built, period_s, what)
    compiler.whole()
    if len(compiler.ops) > MOST_OPS or compiler.memory > MOST_MEMORY:
        most = f"{MOST_OPS} operations or {MOST_MEMORY} edges and durations"
        raise BenchError(f"has more than {most}", where=what, mend="Make it a signal of the rig")
    return Condition(text.strip(), b"".join(compiler.ops), tuple(sorted(compiler.signals)))


@dataclass
class _Compiler:
    text: str
    built: Built
    period_s: float
    what: str
    ops: list[bytes] = field(default_factory=list)
    memory: int = 0
    signals: set[str] = field(default_factory=set)
    start: int = 0  # columns in front of the text that was parsed

    def whole(self) -> None:
        """The condition, and the duration behind it."""
        match = _FOR.search(self.text)
        body = self.text[: match.start()] if match else self.text
        self.start = len(body) - len(body.lstrip())
        try:
            tree = ast.parse(body.strip(), mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            # Python says 0 where the text ends too early.
            column = self.start + (getattr(error, "offset", 1) or len(body.strip()) + 1)
            raise self._error(f"'{self.text.strip()}' is not a condition", column, EXAMPLE) from None
        try:
            self._truth(tree)
        except RecursionError:
            raise self._error("is nested too deeply", 1, EXAMPLE) from None
        if match:
            self._duration(float_of(match["value"]), _UNITS[match["unit"]], match.start("value") + 1)

    def _emit(self, op: Op, *, aux: int = 0, arg: int = 0, value: float = 0.0) -> None:
        self.ops.append(_OP.pack(op, aux, arg, value))

    def _remember(self, op: Op, arg: int = 0) -> None:
        self._emit(op, aux=self.memory & 0xFFFF, arg=arg)
        self.memory += 1

    def _duration(self, value: float | None, unit: float, column: int) -> None:
        seconds = None if value is None else value * unit
        ticks = -1 if seconds is None or not 0 <= seconds < 1e9 else round(seconds / self.period_s)
        if not 1 <= ticks < 2**32:
            least = f"Give one of {self.period_s:g} s, a tick, or more"
            raise self._error("is not a duration", column, least)
        self._remember(Op.HELD, ticks)

    # ---- truths ----

    def _truth(self, node: ast.AST) -> None:
        if isinstance(node, ast.BoolOp):
            for n, part in enumerate(node.values):
                self._truth(part)
                if n:
                    self._emit(Op.AND if isinstance(node.op, ast.And) else Op.OR)
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            self._truth(node.operand)
            self._emit(Op.NOT)
        elif isinstance(node, ast.Compare):
            self._compare(node)
        elif isinstance(node, ast.Call) and (call := self._calls().get(_name_of(node))):
            call(node)
        else:
            self._number(node)

    def _calls(self) -> dict[str, Callable[[ast.Call], None]]:
        calls: dict[str, Callable[[ast.Call], None]] = {"held": self._held, "changed": self._changed}
        return calls | dict.fromkeys(_EDGES, self._edge) | dict.fromkeys(STATUS, self._status)

    def _compare(self, node: ast.Compare) -> None:
        sides = [node.left, *node.comparators]
        for n, (op, left, right) in enumerate(zip(node.ops, sides, sides[1:], strict=False)):
            if type(op) not in _COMPARE:
                raise self._refuse(node)
            self._number(left)
            self._number(right)
            self._emit(_COMPARE[type(op)])
            if n:
                self._emit(Op.AND)

    def _edge(self, node: ast.Call) -> None:
        self._truth(self._only(node, "a condition"))
        self._remember(_EDGES[_name_of(node)])

    def _changed(self, node: ast.Call) -> None:
        self._number(self._only(node, "a number"))
        self._remember(Op.CHANGED)

    def _held(self, node: ast.Call) -> None:
        if len(node.args) != 2 or node.keywords or not isinstance(node.args[1], ast.Constant):
            raise self._error("'held' takes a condition and seconds", self._column(node), "As in held(a > 1, 0.5)")
        self._truth(node.args[0])
        self._duration(float_of(node.args[1].value), 1.0, self._column(node.args[1]))

    def _status(self, node: ast.Call) -> None:
        name = dotted(self._only(node, "a signal"))
        number = self.built.numbers.get(name or "")
        if name is None or number is None:
            mend = did_you_mean(name or "", self.built.numbers)
            raise self._error(f"'{_name_of(node)}' is asked of a signal", self._column(node), mend)
        self.signals.add(name)
        self._emit(Op.STATUS, aux=STATUS[_name_of(node)], arg=self.built.program.offset_status(number))
        if _name_of(node) == "good":
            self._emit(Op.NOT)

    def _only(self, node: ast.Call, what: str) -> ast.expr:
        if len(node.args) != 1 or node.keywords:
            raise self._error(f"'{_name_of(node)}' takes {what} and nothing else", self._column(node), EXAMPLE)
        return node.args[0]

    # ---- numbers ----

    def _number(self, node: ast.AST) -> None:
        name = dotted(node)
        if name is not None:
            self._signal(name, node)
        elif isinstance(node, ast.Constant) and isinstance(node.value, int | float):
            self._emit(Op.NUMBER, value=float_of(node.value) or 0.0)
        elif isinstance(node, ast.BinOp) and type(node.op) in _BINARY:
            self._number(node.left)
            self._number(node.right)
            self._emit(_BINARY[type(node.op)])
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
            self._number(node.operand)
            if isinstance(node.op, ast.USub):
                self._emit(Op.NEGATE)
        elif isinstance(node, ast.Call) and not node.keywords and node.args:
            self._call(node)
        else:
            raise self._refuse(node)

    def _call(self, node: ast.Call) -> None:
        name = _name_of(node)
        if name not in _FOLDS and not (name == "abs" and len(node.args) == 1):
            raise self._refuse(node)
        for n, part in enumerate(node.args):
            self._number(part)
            if n:
                self._emit(_FOLDS[name])
        if name == "abs":
            self._emit(Op.ABS)

    def _signal(self, name: str, node: ast.AST) -> None:
        try:
            offset = self.built.offset(name)
        except BenchError as error:
            raise self._error(f"there is no signal '{name}'", self._column(node), error.mend or EXAMPLE) from None
        self.signals.add(name)
        self._emit(Op.VALUE, arg=offset)

    # ---- errors ----

    def _column(self, node: ast.AST) -> int:
        return self.start + int(getattr(node, "col_offset", 0)) + 1

    def _error(self, message: str, column: int, mend: str) -> BenchError:
        return BenchError(message, where=f"{self.what}, column {column}", mend=mend)

    def _refuse(self, node: ast.AST) -> BenchError:
        part = ast.get_source_segment(self.text.strip(), node) or type(node).__name__
        return self._error(f"'{part}' cannot be part of a condition", self._column(node), EXAMPLE)


def _name_of(node: ast.Call) -> str:
    return node.func.id if isinstance(node.func, ast.Name) else ""


def float_of(value: object) -> float | None:
    """A number as a float; None when it is none."""
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return None


def joined(trigger: str, lasting: str | None) -> str:
    """A trigger that also asks for a second condition of the form "CONDITION for 0.2 s".

    Raises:
        BenchError: the second one has no duration.
    """
    if lasting is None:
        return trigger
    match = _FOR.search(lasting)
    seconds = float_of(match["value"]) if match else None
    if match is None or seconds is None:
        raise BenchError(f"'{lasting}' has no duration", where="duration condition", mend="As in 'a > 1 for 0.2 s'")
    return f"({trigger}) and held({lasting[: match.start()].strip()}, {seconds * _UNITS[match['unit']]!r})"
