"""Checks what stands for a variable: names, members, elements, addresses."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hil.nearest import did_you_mean
from hil.plc import ir
from hil.plc import syntax as s
from hil.plc.source import Refused, Span
from hil.plc.types import LINT, ArrayType, StructType, Type, bounds, is_bits, is_integer, scalar

if TYPE_CHECKING:
    from hil.plc.declare import Declarations
    from hil.plc.names import Unit, Variable

_PART = re.compile(r"%?([XBWD]?)(\d{1,2})", re.IGNORECASE)
_WIDTH = {"": 1, "X": 1, "B": 8, "W": 16, "D": 32}


@dataclass(frozen=True)
class Reference:
    """A place, and why it must not be written; "" if it may."""

    place: ir.Place
    readonly: str = ""


class Places:
    """The part of Expressions that finds variables."""

    declarations: Declarations
    unit: Unit | None
    only_constants: bool

    if TYPE_CHECKING:

        def refuse(self, span: Span, message: str, mend: str | None = None) -> Refused:
            """See Expressions."""

        def expression(self, text: s.Expr, target: Type | None = None) -> ir.Expr:
            """See Expressions."""

        def variable(self, name: str) -> Variable | None:
            """See Expressions."""

        def unknown(self, text: s.Name) -> Refused:
            """See Expressions."""

    def reference(self, text: s.Expr) -> Reference | ir.Const:
        """The variable that an expression stands for, or the constant."""
        match text:
            case s.Name():
                return self._named(text)
            case s.Address():
                if self.only_constants:
                    raise self.refuse(text.span, "an address is no constant")
                return self._variable(self.declarations.direct(text), text.span)
            case s.Member():
                return self._member(text)
            case s.Index():
                return self._element(text)
        raise self.refuse(text.span, "this is no variable")

    def target(self, text: s.Expr) -> ir.Place:
        """A variable that is written."""
        found = self.reference(text)
        reason = "a constant" if isinstance(found, ir.Const) else found.readonly
        if reason or isinstance(found, ir.Const):
            raise self.refuse(text.span, f"{text.span.text} is {reason}, it cannot be written")
        return found.place

    def _named(self, text: s.Name) -> Reference | ir.Const:
        variable = self.variable(text.text)
        if variable is None:
            raise self.unknown(text)
        return self._variable(variable, text.span)

    def _variable(self, variable: Variable, span: Span) -> Reference | ir.Const:
        if variable.constant is not None:
            return ir.Const(variable.type, variable.constant)
        if variable.place is None or self.only_constants:
            raise self.refuse(span, f"{variable.name} is no constant")
        readonly = "" if variable.writable else "a constant"
        if variable.address.startswith("%I"):
            readonly = "an input"
        return Reference(variable.place, readonly)

    def _member(self, text: s.Member) -> Reference | ir.Const:
        base = self.reference(text.base)
        if isinstance(base, ir.Const) or not isinstance(base.place.type, StructType):
            raise self.refuse(text.span, f"{text.base.span.text} is a {_name(base)}, it has no parts")
        kind = base.place.type
        field = kind.fields.get(text.name.lower())
        visible = self._visible(kind)
        if field is None or (visible is not None and text.name.lower() not in visible):
            names = [f.name for key, f in kind.fields.items() if visible is None or key in visible]
            raise self.refuse(text.span, f"{kind.name} has no {text.name}", did_you_mean(text.name, names))
        readonly = base.readonly
        if kind.block and text.name.lower() in self.declarations.units[kind.block].outputs:
            readonly = f"an output of {kind.name}"
        place = replace(base.place, type=field.type, offset=base.place.offset + field.offset)
        return Reference(place, readonly)

    def _visible(self, kind: StructType) -> list[str] | None:
        """What is seen of a function block from outside; None: all."""
        if not kind.block:
            return None
        unit = self.declarations.units[kind.block]
        return [*unit.inputs, *unit.outputs]

    def _element(self, text: s.Index) -> Reference:
        base = self.reference(text.base)
        if isinstance(base, ir.Const) or not isinstance(base.place.type, ArrayType):
            raise self.refuse(text.span, f"{text.base.span.text} is a {_name(base)}, it has no elements")
        kind = base.place.type
        if len(text.indices) != len(kind.ranges):
            raise self.refuse(text.span, f"{kind.name} takes {len(kind.ranges)} indices, not {len(text.indices)}")
        offset, subscripts = base.place.offset, list(base.place.subscripts)
        stride = kind.words
        for index, (low, high) in zip(text.indices, kind.ranges, strict=True):
            stride //= high - low + 1
            value = self.index(index)
            if isinstance(value, ir.Const):
                offset += stride * self._known(index, value, low, high)
            else:
                subscripts.append(ir.Subscript(value, low, high - low + 1, stride, index.span))
        return Reference(ir.Place(kind.element, base.place.root, offset, tuple(subscripts)), base.readonly)

    def index(self, text: s.Expr) -> ir.Expr:
        """An index: any integer or enumeration."""
        value = self.expression(text)
        simple = scalar(value.type)
        if not (is_integer(value.type) or (simple is not None and simple.name == "INT")):
            raise self.refuse(text.span, f"an index is an integer, not a {value.type.name}")
        return value if isinstance(value, ir.Const) else ir.Convert(LINT, value)

    def _known(self, text: s.Expr, value: ir.Const, low: int, high: int) -> int:
        if not low <= value.value <= high:
            raise self.refuse(text.span, f"the index {value.value} is outside {low}..{high}")
        return int(value.value) - low

    def bit_part(self, text: s.Bit, kind: Type) -> tuple[int, int]:
        """First bit and number of bits of x.3, x.%X3, x.%B1."""
        match = _PART.fullmatch(text.part)
        limits = bounds(kind)
        if match is None or limits is None or not (is_bits(kind) or is_integer(kind)) or kind.base == "BOOL":
            raise self.refuse(text.span, f".{text.part} is no part of a {kind.name}")
        width = _WIDTH[match.group(1).upper()]
        simple = scalar(kind)
        size = int(simple.tag[1:]) if simple else 0
        shift = width * int(match.group(2))
        if shift + width > size:
            raise self.refuse(text.span, f".{text.part} is beyond the {size} bits of a {kind.name}")
        return shift, width


def _name(found: Reference | ir.Const) -> str:
    return found.type.name if isinstance(found, ir.Const) else found.place.type.name
