"""Formulas as people write them: `G[0s,60s](level < 0.9)`, `fault.h1 -> F[0s,2s] plc.alarm_h1`.

Loosest first: `-> <->`, `or |`, `and &`, `U S`, then `not ! G F H O rise fall`, comparisons, `+ -`, `* /`, signs.
One table of binding powers for terms and formulas alike (Pratt: Top down operator precedence, POPL 1973).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

from hil.errors import HilError
from hil.fault_times import TIME_UNITS_S
from hil.nearest import did_you_mean
from hil.requirements.errors import FormulaError, at_column
from hil.requirements.formula import Formula
from hil.requirements.logic import And, Compare, Not, Or, formula
from hil.requirements.quantities import alike
from hil.requirements.temporal import Edge, Timed, Until
from hil.requirements.terms import Abs, Binary, Number, Signal, Term
from hil.requirements.tokens import Token, tokenize
from hil.requirements.window import ALL_TIME, Window
from hil.units import check_unit

MAX_DEPTH = 60  # of brackets and prefixes, far more than anybody reads; evaluation recurses
MAX_LINKS = 150  # arithmetic operators and arrows, as they nest where they stand in a row; `and` and `or` do not
COMPARE = ("<", "<=", ">", ">=", "==", "!=")
TIMED = {"always": "G", "eventually": "F", "historically": "H", "once": "O", "G": "G", "F": "F", "H": "H", "O": "O"}
UNTIL = {"until": "U", "since": "S", "U": "U", "S": "S"}
WORDS = {"and": "&", "or": "|", "not": "!", "implies": "->", "iff": "<->"}
PREFIX = 50  # not, G, F, ...: tighter than U, looser than comparisons
SIGN = 90


class Infix(NamedTuple):
    """How tightly an operator binds to its left and right; equal powers would not group."""

    left: int
    right: int


INFIX = {
    **dict.fromkeys(("->", "<->"), Infix(11, 10)),
    "|": Infix(20, 21),
    "&": Infix(30, 31),
    **dict.fromkeys(("U", "S"), Infix(41, 40)),
    **dict.fromkeys(COMPARE, Infix(60, 61)),
    **dict.fromkeys("+-", Infix(70, 71)),
    **dict.fromkeys("*/", Infix(80, 81)),
}
CALLS = {"abs": "abs(x)", "min": "min(x, y)", "max": "max(x, y)"}
Node = Term | Formula
T = TypeVar("T")


def parse(text: str, units: Mapping[str, str | None] | None = None) -> Formula:
    """Read a formula.

    Args:
        text: for example "G(fault.h1 -> F[0s,2s] plc.alarm_h1)".
        units: unit of each signal by name; with it unknown signals are refused and numbers with units are converted.

    Raises:
        FormulaError: what is wrong, at which column, and how to mend it.
    """
    return _Parser(text, units).whole()


@dataclass
class _Parser:
    text: str
    units: Mapping[str, str | None] | None
    at: int = 0
    depth: int = 0
    links: int = 0

    def __post_init__(self) -> None:
        self.tokens = tokenize(self.text)

    def whole(self) -> Formula:
        if len(self.tokens) == 1:
            raise self.error("there is no formula", "Write one, as 'G(plant.h1 < 0.18)'")
        node = self.node(0)
        if self.next.kind != "end":
            raise self.error(f"'{self.next.text}' is one too many", "An operator is missing, or a bracket too many")
        return self.built(self.tokens[0], lambda: formula(node))

    @property
    def next(self) -> Token:
        return self.tokens[self.at]

    def take(self) -> Token:
        self.at += 1
        return self.tokens[self.at - 1]

    def accept(self, text: str) -> bool:
        found = self.next.kind == "op" and self.next.text == text
        self.at += found
        return found

    def expect(self, text: str, mend: str) -> None:
        if not self.accept(text):
            raise self.error(f"'{text}' is missing", mend)

    def error(self, message: str, mend: str, token: Token | None = None) -> FormulaError:
        return at_column(self.text, (token or self.next).position, message, mend)

    def built(self, token: Token, make: Callable[[], T]) -> T:
        """What `make` returns; its error gets the position of `token`."""
        try:
            return make()
        except HilError as error:
            raise self.error(error.message, error.mend or "Write it as in docs/requirements.md", token) from None

    def node(self, power: int) -> Node:
        """All that binds tighter than `power`."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self.error(f"more than {MAX_DEPTH} brackets deep", "Write several requirements")
        left = self.prefix()
        while (binds := INFIX.get(self.operator())) is not None and binds.left > power:
            left = self.infix(left, self.operator(), binds)
        self.depth -= 1
        return left

    def operator(self) -> str:
        """The next piece as an operator in its one spelling, "" where it is none."""
        text = self.next.text
        if self.next.kind == "name":
            return WORDS.get(text) or UNTIL.get(text, "")
        return text if self.next.kind == "op" else ""

    def prefix(self) -> Node:
        token = self.take()
        if token.kind == "number":
            return self.number(token)
        if token.kind == "name":
            return self.name(token)
        if token.text == "(":
            inside = self.node(0)
            self.expect(")", "Close the bracket")
            return inside
        if token.text == "-":
            part = self.node(SIGN)
            return self.built(token, lambda: _negative(_term(part)))
        if token.text == "!":
            return self.negation(token)
        self.at -= 1
        raise self.error("a signal, number or bracket is missing", "Write something like 'plant.h1 < 0.18'")

    def negation(self, token: Token) -> Formula:
        part = self.node(PREFIX)
        return self.built(token, lambda: Not(formula(part)))

    def number(self, token: Token) -> Node:
        if token.unit is not None and self.units is None:
            raise self.error("a number with a unit needs signals with units", "Give parse() their units", token)
        if token.unit is not None:
            self.built(token, lambda: check_unit(token.unit or ""))
        return Number(float(token.text), token.unit)

    def name(self, token: Token) -> Node:
        text = token.text
        if WORDS.get(text) == "!":
            return self.negation(token)
        if text in TIMED:
            window = self.window()
            part = self.node(PREFIX)
            return self.built(token, lambda: Timed(TIMED[text], formula(part), window))
        if text in ("rise", "fall"):
            edge = self.node(PREFIX)
            return self.built(token, lambda: Edge(text, formula(edge)))
        if text in CALLS and self.next.text == "(":
            return self.call(token)
        if text in WORDS or text in UNTIL:
            self.at -= 1
            raise self.error(f"something is missing before '{text}'", "Write a formula on both sides of it")
        if self.units is not None and text not in self.units:
            raise self.error(f"there is no signal '{text}'", did_you_mean(text, self.units), token)
        return Signal(text)

    def call(self, token: Token) -> Term:
        """abs(x), min(x, y, ...), max(x, y, ...)."""
        self.expect("(", f"Write {token.text}(...)")
        found = [self.node(0)]
        while self.accept(","):
            found.append(self.node(0))
        self.expect(")", "Close the bracket")
        if (len(found) == 1) != (token.text == "abs"):
            raise self.error(f"{token.text}() does not take {len(found)} values", f"Write {CALLS[token.text]}", token)
        terms = [self.built(token, lambda part=part: _term(part)) for part in found]  # type: ignore[misc]
        left = terms[0]
        for right in terms[1:]:
            left = self.binary(token, token.text, left, right)
        return Abs(left) if token.text == "abs" else left

    def infix(self, left: Node, operator: str, binds: Infix) -> Node:
        token = self.take()
        if operator in COMPARE:
            return self.comparison(token, operator, left)
        self.links += operator not in "&|"
        if self.links > MAX_LINKS:
            raise self.error(f"more than {MAX_LINKS} operators", "Write several requirements", token)
        window = self.window() if operator in UNTIL else ALL_TIME
        right = self.node(binds.right)
        if operator in "+-*/":
            return self.binary(token, operator, left, right)
        return self.built(token, lambda: _logic(operator, formula(left), formula(right), window))

    def binary(self, token: Token, operator: str, left: Node, right: Node) -> Term:
        def make() -> Term:
            pair = (_term(left), _term(right))
            if operator not in "*/":
                pair = alike(*pair, self.units or {}, summed=operator in "+-")
            return Binary(operator, *pair)

        return self.built(token, make)

    def comparison(self, token: Token, operator: str, left: Node) -> Formula:
        """`x < 1`, also in a chain, `0.1 < x < 0.9`."""
        found: list[Formula] = []
        while True:
            right = self.node(INFIX[operator].right)
            found.append(self.compared(token, operator, left, right))
            if self.operator() not in COMPARE:
                return found[0] if len(found) == 1 else And(tuple(found))
            operator, token, left = self.operator(), self.take(), right

    def compared(self, token: Token, operator: str, left: Node, right: Node) -> Compare:
        return self.built(token, lambda: Compare(operator, *alike(_term(left), _term(right), self.units or {})))

    def window(self) -> Window:
        """`[0s,2s]`, all of time where there is none."""
        token = self.next
        if not self.accept("["):
            return ALL_TIME
        start = self.time()
        self.expect(",", "Write a window as [0s,2s]")
        end = self.time()
        self.expect("]", "Write a window as [0s,2s]")
        return self.built(token, lambda: Window(start, end))

    def time(self) -> float:
        sign = -1.0 if self.accept("-") else 1.0
        token = self.take()
        if token.kind == "name" and token.text == "inf":
            return math.inf
        if token.kind != "number":
            raise self.error("a time is missing", "Write a window as [0s,2s]", token)
        scale = TIME_UNITS_S.get(token.unit or "s")
        if scale is None:
            raise self.error(f"'{token.unit}' is no unit of time", did_you_mean(token.unit or "", TIME_UNITS_S), token)
        return sign * float(token.text) * scale


def _logic(operator: str, left: Formula, right: Formula, window: Window) -> Formula:
    if operator in ("U", "S"):
        return Until(operator, left, right, window)
    if operator == "&":
        return And((*(left.parts if isinstance(left, And) else (left,)), right))
    if operator == "|":
        return Or((*(left.parts if isinstance(left, Or) else (left,)), right))
    there = left.implies(right)
    return there if operator == "->" else And((there, right.implies(left)))


def _negative(part: Term) -> Term:
    return Number(-part.number, part.unit) if isinstance(part, Number) else -part


def _term(node: Node) -> Term:
    if isinstance(node, Term):
        return node
    raise FormulaError(f"'{node}' is true or false, not a number", mend="Compare numbers, join formulas with and, or")
