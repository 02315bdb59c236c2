"""Checks expressions: what names mean, of which type a value is, which C function computes it; folds constants."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil.nearest import nearest
from hil.plc import ir
from hil.plc import syntax as s
from hil.plc.convert import DoesNotFit, convert, settle
from hil.plc.fold import fold
from hil.plc.functions import FUNCTIONS, OPERATORS, CallError, resolve
from hil.plc.literals import value_of
from hil.plc.names import Unit, Variable
from hil.plc.places import Places
from hil.plc.source import Refused, Span
from hil.plc.standard.types import NUMBERS
from hil.plc.types import (
    BOOL,
    LITERAL_INT,
    LITERAL_REAL,
    MAX_STRING,
    SIMPLE,
    UNKNOWN,
    EnumType,
    StringType,
    StructType,
    Type,
    is_integer,
    scalar,
)

if TYPE_CHECKING:
    from hil.plc.declare import Declarations

_COMPARISONS = frozenset({"EQ", "NE", "LT", "LE", "GT", "GE"})
_LITERALS = (LITERAL_INT, LITERAL_REAL)


class Expressions(Places):
    """Within one unit, or outside of all (then only constants have a value)."""

    def __init__(self, declarations: Declarations, unit: Unit | None, *, constant: bool = False) -> None:
        self.declarations = declarations
        self.unit = unit
        self.only_constants = constant or unit is None

    # ---- mistakes ----

    def refuse(self, span: Span, message: str, mend: str | None = None) -> Refused:
        """A mistake, to be raised."""
        return self.declarations.diagnostics.refuse(span, message, mend)

    def converted(self, value: ir.Expr, target: Type, span: Span) -> ir.Expr:
        """`value` as `target`.

        Raises:
            Refused: it is not; noted.
        """
        try:
            return convert(value, target)
        except DoesNotFit as error:
            raise self.refuse(span, error.message, error.mend) from None

    def settled(self, value: ir.Expr, span: Span) -> ir.Expr:
        """A literal gets the type that it has by itself."""
        try:
            return settle(value)
        except DoesNotFit as error:
            raise self.refuse(span, error.message, error.mend) from None

    # ---- values ----

    def value(self, text: s.Expr, target: Type) -> ir.Expr:
        """The value of an expression that has to be a `target`."""
        return self.converted(self.expression(text, target), target, text.span)

    def constant(self, text: s.Expr, target: Type | None = None) -> ir.Const:
        """A value that is known when the program is compiled."""
        found = self.expression(text, target)
        if target is not None:
            found = self.converted(found, target, text.span)
        if not isinstance(found, ir.Const):
            raise self.refuse(text.span, "a constant is expected here")
        return found

    def expression(self, text: s.Expr, target: Type | None = None) -> ir.Expr:
        """Any expression. `target`: what is expected, which tells the values of enumerations apart."""
        match text:
            case s.Literal():
                return self._literal(text)
            case s.Name():
                return self._name(text, target)
            case s.Unary():
                return self._unary(text, target)
            case s.Binary():
                return self._binary(text, target)
            case s.Call():
                from hil.plc.calls import call_value

                return call_value(self, text, target)
            case s.Bit():
                return self._bit(text)
            case s.Member() if self._enumeration_of(text.base) is not None:
                return self._enumerator(self._enumeration_of(text.base), text.name, text.span)
            case s.Member() | s.Index() | s.Address():
                return self._load(text)
        raise self.refuse(text.span, "this has no value here", "(...) and [...] are initial values of declarations")

    def _load(self, text: s.Expr) -> ir.Expr:
        reference = self.reference(text)
        if isinstance(reference, ir.Const):
            return reference
        return ir.Load(reference.place.type, reference.place)

    def _literal(self, text: s.Literal) -> ir.Expr:
        if text.kind == "typed" and (kind := self._enumeration_named(text.prefix, text.span)) is not None:
            return self._enumerator(kind, text.text, text.span)
        try:
            return value_of(text)
        except (ValueError, OverflowError) as error:
            raise self.refuse(text.span, str(error)) from None

    # ---- names ----

    def _enumeration_named(self, name: str, span: Span) -> EnumType | None:
        known = self.declarations
        if name.lower() not in known.type_texts:
            return None
        kind = known.named_type(name, span)
        return kind if isinstance(kind, EnumType) else None

    def _enumeration_of(self, text: s.Expr) -> EnumType | None:
        """Mode, in Mode.Off; a variable of that name goes first."""
        if not isinstance(text, s.Name) or self.variable(text.text) is not None:
            return None
        return self._enumeration_named(text.text, text.span)

    def _enumerator(self, kind: EnumType | None, name: str, span: Span) -> ir.Expr:
        number = kind.value_of(name) if kind else None
        if kind is None or number is None:
            near = nearest(name, [n for n, _ in kind.values]) if kind else None
            mend = f"Did you mean {near}?" if near else None
            raise self.refuse(span, f"{kind.name if kind else ''} has no value {name}", mend)
        return ir.Const(kind, number)

    def _name(self, text: s.Name, target: Type | None) -> ir.Expr:
        if self.variable(text.text) is not None:
            return self._load(text)
        if isinstance(target, EnumType) and target.value_of(text.text) is not None:
            return ir.Const(target, target.value_of(text.text))
        kinds = self.declarations.enumerators.get(text.text.lower(), [])
        if len(kinds) == 1:
            return self._enumerator(kinds[0], text.text, text.span)
        if kinds:
            names = " or ".join(f"{k.name}#{text.text}" for k in kinds)
            raise self.refuse(text.span, f"{text.text} is a value of more than one type", f"Write {names}")
        raise self.unknown(text)

    def unknown(self, text: s.Name) -> Refused:
        """A name that nothing has."""
        names = [v.name for v in (*(self.unit.variables.values() if self.unit else ()),
                                  *self.declarations.globals.values())]  # fmt: skip
        names += list(self.declarations.enumerators)
        near = nearest(text.text, names)
        return self.refuse(text.span, f"there is no variable {text.text}", f"Did you mean {near}?" if near else None)

    def variable(self, name: str) -> Variable | None:
        """The unit's own variable of this name, else the global one."""
        key = name.lower()
        own = self.unit.variables.get(key) if self.unit else None
        return own or self.declarations.globals.get(key)

    # ---- operators ----

    def _unary(self, text: s.Unary, target: Type | None) -> ir.Expr:
        operand = self.expression(text.operand, target)
        if text.operator == "+":
            return operand
        name = "NEG" if text.operator == "-" else "NOT"
        return self.standard(name, [(operand, text.operand.span)], text.span, target)

    def _binary(self, text: s.Binary, target: Type | None) -> ir.Expr:
        name = OPERATORS[text.operator]
        target = None if name in _COMPARISONS else target
        left = self.expression(text.left, target)
        right = self.expression(text.right, left.type if isinstance(left.type, EnumType) else target)
        if isinstance(left.type, EnumType) or isinstance(right.type, EnumType):
            self._check_enumerations(name, left, right, text)
        return self.standard(name, [(left, text.left.span), (right, text.right.span)], text.span, target)

    def _check_enumerations(self, name: str, left: ir.Expr, right: ir.Expr, text: s.Binary) -> None:
        if name in _COMPARISONS and left.type != right.type:
            raise self.refuse(text.span, f"a {left.type.name} is not compared with a {right.type.name}")

    def standard(
        self, name: str, arguments: list[tuple[ir.Expr, Span]], span: Span, target: Type | None = None
    ) -> ir.Expr:
        """A standard function or operator on checked arguments; those that are all literals become `target`."""
        values = [value for value, _ in arguments]
        if any(v.type is UNKNOWN for v in values):
            raise Refused
        known = [v.value if isinstance(v, ir.Const) and v.type in _LITERALS else None for v in values]
        for value, place in arguments:
            if not value.type.base and value.type not in _LITERALS:
                raise self.refuse(place, f"{name} does not take a {value.type.name}")
        folded = self._fold(name, values, None, span) if all(v.type in _LITERALS for v in values) else None
        if folded is not None:
            return folded
        arguments = self._targeted(arguments, target)
        values = [value for value, _ in arguments]
        try:
            call = resolve(name, [v.type.base or v.type.name for v in values], known)
        except CallError as error:
            raise self.refuse(span, error.message, error.mend) from None
        result = StringType(f"STRING[{MAX_STRING}]", MAX_STRING) if call.result == "STRING" else SIMPLE[call.result]
        wanted = [StringType("STRING") if p == "STRING" else SIMPLE[p] for p in call.params]
        ready = [self.converted(v, w, p) for (v, p), w in zip(arguments, wanted, strict=True)]
        return self._fold(name, ready, result, span) or ir.Standard(result, call, tuple(ready), span)

    def _targeted(self, arguments: list[tuple[ir.Expr, Span]], target: Type | None) -> list[tuple[ir.Expr, Span]]:
        """R := SQRT(2.0) is computed as a REAL, as r is one."""
        if target is None or target.base not in NUMBERS or any(v.type not in _LITERALS for v, _ in arguments):
            return arguments
        kind = SIMPLE[target.base]
        try:
            return [(convert(value, kind), span) for value, span in arguments]
        except DoesNotFit:
            return arguments

    def _fold(self, name: str, values: list[ir.Expr], result: Type | None, span: Span) -> ir.Expr | None:
        """The result where all operands are known; `result` of None: of untyped literals."""
        known = [v.value for v in values if isinstance(v, ir.Const)]
        if len(known) != len(values) or (name not in FUNCTIONS and name not in ("NEG", "NOT")):
            return None
        literal = LITERAL_REAL if any(v.type is LITERAL_REAL for v in values) else LITERAL_INT
        if result is None and (name == "NOT" or (name in ("AND", "OR", "XOR") and literal is LITERAL_REAL)):
            return None
        if name in ("DIV", "MOD") and is_integer(values[-1].type) and known[-1] == 0 and literal is LITERAL_INT:
            raise self.refuse(span, "division by zero")
        try:
            found = fold(name, result or literal, known)
        except OverflowError:
            raise self.refuse(span, "the constant is too large") from None
        if found is None:
            return None
        if name in _COMPARISONS:
            return ir.Const(BOOL, int(found))
        return ir.Const(result or literal, found)

    def _bit(self, text: s.Bit) -> ir.Expr:
        base = self.expression(text.base)
        shift, width = self.bit_part(text, base.type)
        kind = {1: BOOL, 8: SIMPLE["BYTE"], 16: SIMPLE["WORD"], 32: SIMPLE["DWORD"]}[width]
        return ir.BitOf(kind, base, shift)


def is_block(kind: Type) -> bool:
    """Whether a type is a function block's."""
    return isinstance(kind, StructType) and bool(kind.block)


__all__ = ["Expressions", "is_block", "scalar"]
