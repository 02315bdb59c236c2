"""Checks the statements of a unit."""

from __future__ import annotations

from hil.plc import ir
from hil.plc import syntax as s
from hil.plc.calls import assignment, block_of, call_value, invocation
from hil.plc.declare import Declarations
from hil.plc.expressions import Expressions
from hil.plc.names import Unit
from hil.plc.source import Refused
from hil.plc.types import BOOL, SIMPLE, EnumType, StructType, Type, bounds, default, is_bits, is_integer, scalar

MAX_LABELS = 10_000


class Statements:
    """Within one unit."""

    def __init__(self, declarations: Declarations, unit: Unit) -> None:
        self.check = Expressions(declarations, unit)
        self.unit = unit
        self.loops = 0

    def body(self) -> ir.Body:
        """The whole unit."""
        own = [v.place for v in self.unit.variables.values() if v.place is not None]
        return ir.Body(
            self.unit.name.lower(),
            self.unit.kind,
            self.unit.in_out_names,
            frozenset((p.root, p.offset) for p in own if scalar(p.type) and p.root in ("w", "t")),
            self.unit.temporaries,
            tuple(self._start()),
            self.block(self.unit.syntax.body),
            self.unit.syntax.name.span,
        )

    def _start(self) -> list[ir.Store]:
        """What is set at each call: temporaries, and in a function all but its inputs."""
        stores = []
        for variable in self.unit.variables.values():
            fresh = variable.kind == "VAR_TEMP" or (self.unit.kind == "FUNCTION" and variable.kind != "VAR_INPUT")
            if variable.place is not None and fresh and variable.place.root in "tw":
                initial = variable.initial if variable.initial is not None else default(variable.type)
                stores.append(ir.Store(variable.place, ir.Const(variable.type, initial), variable.span))
        return stores

    def block(self, texts: tuple[s.Statement, ...]) -> tuple[ir.Statement, ...]:
        """Statements in a row; a wrong one is noted and left out."""
        found: list[ir.Statement] = []
        for text in texts:
            try:
                found.append(self.statement(text))
            except Refused:
                continue
        return tuple(found)

    def statement(self, text: s.Statement) -> ir.Statement:
        """Any statement."""
        match text:
            case s.Assign():
                return self._assign(text)
            case s.CallStatement():
                return self._call(text)
            case s.If():
                return self._if(text)
            case s.Case():
                return self._case(text)
            case s.For():
                return self._for(text)
            case s.While():
                return self._while(text)
            case s.Jump():
                if text.word != "RETURN" and not self.loops:
                    raise self.check.refuse(text.span, f"{text.word} stands outside a loop")
                return ir.Jump(text.word, text.span)
        raise self.check.refuse(text.span, "this statement is not supported")

    def _assign(self, text: s.Assign) -> ir.Statement:
        if isinstance(text.target, s.Bit):
            place = self.check.target(text.target.base)
            shift, width = self.check.bit_part(text.target, place.type)
            kind = {1: BOOL, 8: SIMPLE["BYTE"], 16: SIMPLE["WORD"], 32: SIMPLE["DWORD"]}[width]
            return ir.Store(place, self.check.value(text.value, kind), text.span, (shift, width))
        place = self.check.target(text.target)
        if isinstance(place.type, StructType) and place.type.block:
            raise self.check.refuse(text.span, "function blocks are not assigned", "Assign their inputs")
        store = assignment(self.check, place, text.value)
        return ir.Store(store.place, store.value, text.span, None, store.bounds)

    def _call(self, text: s.CallStatement) -> ir.Statement:
        found = block_of(self.check, text.call)
        if found is None:
            value = call_value(self.check, text.call, None)
            if isinstance(value, ir.UserCall):
                return ir.Invoke(value.invocation)
            return ir.Evaluate(value, text.span)
        unit, place = found
        return ir.Invoke(invocation(self.check, unit, place, text.call))

    def _condition(self, text: s.Expr) -> ir.Expr:
        value = self.check.expression(text)
        if value.type != BOOL:
            mend = "Compare it, as in x <> 0" if is_integer(value.type) or is_bits(value.type) else None
            raise self.check.refuse(text.span, f"a condition is a BOOL, not a {value.type.name}", mend)
        return value

    def _if(self, text: s.If) -> ir.Statement:
        branches, failed = [], False
        for condition, body in text.branches:
            try:
                value = self._condition(condition)
            except Refused:
                failed = True
                value = ir.Const(BOOL, 0)
            branches.append((value, self.block(body), condition.span))
        otherwise = self.block(text.otherwise or ())
        if failed:
            raise Refused
        return ir.If(tuple(branches), otherwise, text.span)

    def _case(self, text: s.Case) -> ir.Statement:
        subject = self.check.settled(self.check.expression(text.subject), text.subject.span)
        kind = subject.type
        if scalar(kind) is None or not (is_integer(kind) or is_bits(kind) or isinstance(kind, EnumType)):
            raise self.check.refuse(text.subject.span, f"CASE needs an integer or an enumeration, not a {kind.name}")
        seen: list[tuple[int, int]] = []
        clauses = []
        for labels, body in text.clauses:
            ranges = tuple(self._label(label, kind, seen) for label in labels)
            clauses.append((ranges, self.block(body), labels[0].span if labels else text.span))
        return ir.Case(subject, tuple(clauses), self.block(text.otherwise or ()), text.span)

    def _label(self, text: s.CaseLabel, kind: Type, seen: list[tuple[int, int]]) -> tuple[int, int]:
        low = int(self.check.constant(text.low, kind).value)
        high = low if text.high is None else int(self.check.constant(text.high, kind).value)
        if high < low:
            raise self.check.refuse(text.span, f"the range {low}..{high} is empty")
        if any(low <= other[1] and other[0] <= high for other in seen):
            raise self.check.refuse(text.span, f"{text.span.text} stands in this CASE twice")
        seen.append((low, high))
        if len(seen) > MAX_LABELS:
            raise self.check.refuse(text.span, "the CASE has too many labels")
        return low, high

    def _for(self, text: s.For) -> ir.Statement:
        place = self.check.target(text.control)
        kind = scalar(place.type)
        if kind is None or not is_integer(place.type) or kind.name == "ULINT":
            raise self.check.refuse(
                text.control.span, f"FOR counts with an integer up to LINT, not with a {place.type.name}"
            )
        start = assignment(self.check, place, text.start)
        end = self.check.value(text.end, kind)
        step: ir.Expr = ir.Const(kind, 1) if text.step is None else self.check.value(text.step, kind)
        if isinstance(step, ir.Const) and step.value == 0 and text.step is not None:
            raise self.check.refuse(text.step.span, "a step of 0 never ends")
        return ir.For(place, kind, start, end, step, self._looped(text.body), text.span)

    def _looped(self, body: tuple[s.Statement, ...]) -> tuple[ir.Statement, ...]:
        self.loops += 1
        try:
            return self.block(body)
        finally:
            self.loops -= 1

    def _while(self, text: s.While) -> ir.Statement:
        body = self._looped(text.body)
        return ir.Loop(self._condition(text.condition), body, text.after, text.span)


__all__ = ["Statements", "bounds"]
