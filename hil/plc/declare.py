"""Reads declarations: resolves types, places variables, folds constants.

Types and units are read when they are first named.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, TypeVar

from hil.nearest import nearest
from hil.plc import ir
from hil.plc import syntax as s
from hil.plc.address import canonical
from hil.plc.initial import initial_value
from hil.plc.names import CALLEE, State, Unit, Variable
from hil.plc.source import Diagnostics, Refused, Span
from hil.plc.standard.types import ABSENT
from hil.plc.types import (
    DEFAULT_STRING,
    MAX_STRING,
    MAX_WORDS,
    SIMPLE,
    UNKNOWN,
    ArrayType,
    EnumType,
    Field,
    StringType,
    StructType,
    SubrangeType,
    Type,
    bounds,
    elementary,
    is_integer,
    layout,
    scalar,
)

if TYPE_CHECKING:
    from hil.plc.expressions import Expressions

_KINDS = {
    "PROGRAM": ("VAR", "VAR_TEMP", "VAR_EXTERNAL", "VAR_INPUT", "VAR_OUTPUT", "VAR_GLOBAL"),
    "FUNCTION_BLOCK": ("VAR", "VAR_TEMP", "VAR_EXTERNAL", "VAR_INPUT", "VAR_OUTPUT", "VAR_IN_OUT"),
    "FUNCTION": ("VAR", "VAR_TEMP", "VAR_EXTERNAL", "VAR_INPUT", "VAR_OUTPUT", "VAR_IN_OUT"),
}


T = TypeVar("T")


class Declarations:
    """All that is declared in the files of a program."""

    def __init__(self, files: Iterable[s.File], library: dict[str, s.Pou], diagnostics: Diagnostics) -> None:
        self.diagnostics = diagnostics
        self.state = State(diagnostics)
        self.types: dict[str, Type] = {}
        self.initials: dict[str, object] = {}  # a named type's own initial value
        self.units: dict[str, Unit] = {}
        self.globals: dict[str, Variable] = {}
        self.located: dict[str, Variable] = {}
        self.enumerators: dict[str, list[EnumType]] = {}
        self.library = library
        self.type_texts: dict[str, s.TypeDefinition] = {}
        self.unit_texts: dict[str, s.Pou] = {}
        self.files = tuple(files)
        self._reading: set[str] = set()
        self._units: list[Unit | None] = []  # whose declarations are being read
        for file in self.files:
            self._collect(file)

    def _collect(self, file: s.File) -> None:
        for definition in file.types:
            self._register(self.type_texts, definition.name, definition)
        for pou in file.pous:
            self._register(self.unit_texts, pou.name, pou)

    def _register(self, table: dict[str, T], name: s.Name, what: T) -> None:
        key = name.text.lower()
        if elementary(key) or key in ("string", "wstring"):
            self.diagnostics.error(name.span, f"{name.text} is the name of an elementary type")
        elif key in self.type_texts or key in self.unit_texts:
            self.diagnostics.error(name.span, f"{name.text} is declared twice")
        else:
            table[key] = what

    def read(self) -> None:
        """All types and global variables, and the variables of all units that the files declare."""
        for definition in self.type_texts.values():
            self._try(self.named_type, definition.name.text, definition.name.span)
        for block in [b for f in self.files for b in (*f.globals, *(b for c in f.configurations for b in c.blocks))]:
            self._globals(block)
        for pou in self.unit_texts.values():
            self._try(self.unit, pou.name.text, pou.name.span)

    def _try(self, action: Callable[..., object], *arguments: object) -> None:
        try:
            action(*arguments)
        except Refused:
            return

    def expressions(self, unit: Unit | None = None) -> Expressions:
        """What checks expressions within a unit; without one, constant ones where declarations are being read."""
        from hil.plc.expressions import Expressions

        if unit is not None:
            return Expressions(self, unit)
        return Expressions(self, self._units[-1] if self._units else None, constant=True)

    # ---- types ----

    def type_of(self, text: s.TypeText, name: str = "") -> Type:
        """The type that is written there. `name` is what a structure or an enumeration is declared as."""
        match text:
            case s.NamedType():
                return self.named_type(text.name, text.span)
            case s.StringText():
                return self._string(text)
            case s.ArrayText():
                return self._array(text)
            case s.SubrangeText():
                return self._subrange(text)
            case s.EnumText():
                return self._enumeration(text, name or f"({', '.join(n.text for n, _ in text.values)})")
            case s.StructText():
                return layout(name or "STRUCT", self._fields(text))
        raise self.diagnostics.refuse(text.span, "this type is not supported")

    def named_type(self, name: str, span: Span) -> Type:
        """An elementary type, a declared one, or a function block."""
        key = name.lower()
        known = elementary(name) or self.types.get(key)
        if known is not None:
            return known
        if key == "string":
            return StringType(f"STRING[{DEFAULT_STRING}]")
        if name.upper() in ABSENT:
            raise self.diagnostics.refuse(span, f"{name.upper()} is not supported", "Use STRING")
        if key in self.type_texts:
            return self._defined(self.type_texts[key], key)
        if key in self.unit_texts or key in self.library:
            unit = self.unit(name, span)
            if unit.kind != "FUNCTION_BLOCK" or unit.instance is None:
                raise self.diagnostics.refuse(span, f"{unit.name} is a {unit.kind}, not a type")
            return unit.instance
        raise self.diagnostics.refuse(span, f"there is no type {name}", self._nearest_type(name))

    def _nearest_type(self, name: str) -> str | None:
        names = [*SIMPLE, "STRING", *(d.name.text for d in self.type_texts.values())]
        names += [p.name.text for p in (*self.unit_texts.values(), *self.library.values())]
        near = nearest(name, names)
        return f"Did you mean {near}?" if near else None

    def _defined(self, definition: s.TypeDefinition, key: str) -> Type:
        if key in self._reading:
            raise self.diagnostics.refuse(definition.name.span, f"the type {definition.name.text} contains itself")
        self._reading.add(key)
        self._units.append(None)
        try:
            kind = self.type_of(definition.type, definition.name.text)
            if definition.initial is not None:
                self.initials[key] = initial_value(self.expressions(), kind, definition.initial)
        finally:
            self._reading.discard(key)
            self._units.pop()
        self.types[key] = kind
        return kind

    def constant(self, text: s.Expr) -> int:
        """A constant integer."""
        value = self.expressions().constant(text)
        if not (isinstance(value, ir.Const) and is_integer(value.type)):
            raise self.diagnostics.refuse(text.span, "a constant integer is expected")
        return int(value.value)

    def _string(self, text: s.StringText) -> Type:
        if text.name == "WSTRING":
            raise self.diagnostics.refuse(text.span, "WSTRING is not supported", "Use STRING")
        length = DEFAULT_STRING if text.length is None else self.constant(text.length)
        if not 1 <= length <= MAX_STRING:
            raise self.diagnostics.refuse(text.span, f"a STRING holds 1 to {MAX_STRING} characters, not {length}")
        return StringType(f"STRING[{length}]", length)

    def _array(self, text: s.ArrayText) -> Type:
        ranges = []
        for low_text, high_text in text.ranges:
            low, high = self.constant(low_text), self.constant(high_text)
            if low > high:
                raise self.diagnostics.refuse(low_text.span, f"the range {low}..{high} is empty")
            ranges.append((low, high))
        element = self.type_of(text.element)
        shown = ", ".join(f"{low}..{high}" for low, high in ranges)
        kind = ArrayType(f"ARRAY[{shown}] OF {element.name}", tuple(ranges), element)
        if kind.words > MAX_WORDS or any(abs(bound) > 1 << 31 for pair in ranges for bound in pair):
            raise self.diagnostics.refuse(text.span, f"the array has {kind.count} elements, too many")
        return kind

    def _subrange(self, text: s.SubrangeText) -> Type:
        base = elementary(text.base)
        limits = bounds(base) if base else None
        if base is None or limits is None or not is_integer(base):
            raise self.diagnostics.refuse(text.span, "a subrange is of an integer type")
        low, high = self.constant(text.low), self.constant(text.high)
        if low > high or low < limits[0] or high > limits[1]:
            raise self.diagnostics.refuse(text.span, f"{low}..{high} is no range of {base.name}")
        return SubrangeType(f"{base.name}({low}..{high})", base, low, high)

    def _enumeration(self, text: s.EnumText, name: str) -> Type:
        values: list[tuple[str, int]] = []
        number = -1
        for word, value in text.values:
            number = self.constant(value) if value is not None else number + 1
            if any(word.text.lower() == known.lower() for known, _ in values):
                raise self.diagnostics.refuse(word.span, f"{word.text} is in the enumeration twice")
            if not -32768 <= number <= 32767:
                raise self.diagnostics.refuse(word.span, f"{number} is not an INT")
            values.append((word.text, number))
        kind = EnumType(name, tuple(values))
        for word_text, _ in values:
            self.enumerators.setdefault(word_text.lower(), []).append(kind)
        return kind

    def _fields(self, text: s.StructText) -> list[Field]:
        fields: list[Field] = []
        for part in text.fields:
            name = part.names[0]
            if any(f.name.lower() == name.text.lower() for f in fields):
                raise self.diagnostics.refuse(name.span, f"the structure has {name.text} twice")
            kind = self.type_of(part.type)
            fields.append(Field(name.text, kind, self._initial(kind, part)))
        return fields

    def _initial(self, kind: Type, text: s.VarText) -> object:
        """A variable's initial value; its named type's own; None for the default."""
        if text.initial is not None:
            return initial_value(self.expressions(), kind, text.initial)
        return self.initials.get(text.type.name.lower()) if isinstance(text.type, s.NamedType) else None

    # ---- variables ----

    def _globals(self, block: s.VarBlock) -> None:
        if block.kind != "VAR_GLOBAL":
            self.diagnostics.error(block.span, f"{block.kind} stands outside a program organisation unit")
            return
        for text in block.variables:
            self._try(self._global, block, text)

    def _global(self, block: s.VarBlock, text: s.VarText) -> None:
        for name, variable in self._variables(block, text):
            if name in self.globals:
                raise self.diagnostics.refuse(variable.span, f"the global variable {variable.name} is declared twice")
            self.globals[name] = variable
            if variable.constant is None and variable.place is None:
                variable.place = self.state.place(
                    variable.name, variable.type, variable.span, initial=variable.initial, retain=variable.retain
                )

    def _variables(self, block: s.VarBlock, text: s.VarText) -> Iterable[tuple[str, Variable]]:
        """The variables of one line; located ones have their place."""
        kind = self.type_of(text.type)
        initial = self._initial(kind, text)
        constant = "CONSTANT" in block.qualifiers
        if "RETAIN" in block.qualifiers and constant:
            self.diagnostics.error(block.span, "CONSTANT and RETAIN exclude each other")
        for name in text.names:
            variable = Variable(name.text, kind, block.kind, name.span, initial=initial, writable=not constant)
            variable.retain = "RETAIN" in block.qualifiers
            if constant and (scalar(kind) or isinstance(kind, StringType)):
                variable.constant = initial if initial is not None else _default(kind)
            if text.address is not None:
                self._locate(variable, text.address)
            yield name.text.lower(), variable

    def _locate(self, variable: Variable, address: s.Address) -> None:
        key = canonical(address.text)
        if key is None:
            raise self.diagnostics.refuse(address.span, f"{address.text} is no address", "Write %IX0.0, %QW3 or %MD12")
        problem = key.problem_with(variable.type)
        if problem:
            raise self.diagnostics.refuse(address.span, problem)
        variable.address = str(key)
        known = self.located.get(str(key))
        if known is None:
            variable.place = self.state.place(
                variable.name, variable.type, variable.span, initial=variable.initial, retain=variable.retain,
                address=str(key),
            )  # fmt: skip
            self.located[str(key)] = variable
        elif known.type != variable.type:
            raise self.diagnostics.refuse(address.span, f"{key} is a {known.type.name} already, as {known.name}")
        else:
            variable.place = known.place

    def direct(self, address: s.Address) -> Variable:
        """The variable behind %IX0.7 in an expression: the declared one, else one of the size's bit string type."""
        key = canonical(address.text)
        if key is None:
            raise self.diagnostics.refuse(address.span, f"{address.text} is no address", "Write %IX0.0, %QW3 or %MD12")
        if str(key) not in self.located:
            variable = Variable(str(key), key.type, "VAR_GLOBAL", address.span)
            self._locate(variable, address)
        return self.located[str(key)]

    # ---- units ----

    def unit(self, name: str, span: Span) -> Unit:
        """A unit with its variables."""
        key = name.lower()
        found = self.units.get(key)
        if found is not None:
            if found.instance is None:
                raise self.diagnostics.refuse(span, f"{found.name} contains itself")
            return found
        text = self.unit_texts.get(key) or self.library[key]
        unit = Unit(text, text.kind, text.name.text)
        self.units[key] = unit
        fields: list[Field] = []
        self._units.append(unit)
        try:
            if text.result is not None:
                self._result(unit, text, fields)
            for block in text.blocks:
                self._unit_block(unit, block, fields)
        finally:
            self._units.pop()
            unit.instance = layout(unit.name, fields, key)
        for field_name, field in unit.instance.fields.items():
            variable = unit.variables.get(field_name)
            if variable is not None:
                variable.place = ir.Place(field.type, "w", field.offset)
        return unit

    def _result(self, unit: Unit, text: s.Pou, fields: list[Field]) -> None:
        """A function's value is a variable with its name."""
        unit.result = self.type_of(text.result) if text.result is not None else None
        if unit.result is None or not (scalar(unit.result) or isinstance(unit.result, StringType)):
            raise self.diagnostics.refuse(
                text.name.span, "a function gives a scalar or a STRING", "Give others out as VAR_OUTPUT or VAR_IN_OUT"
            )
        variable = Variable(unit.name, unit.result, "RESULT", text.name.span)
        unit.variables[unit.name.lower()] = variable
        fields.append(Field(unit.name, unit.result))

    def _unit_block(self, unit: Unit, block: s.VarBlock, fields: list[Field]) -> None:
        if block.kind not in _KINDS[unit.kind]:
            self.diagnostics.error(block.span, f"{block.kind} is not allowed in a {unit.kind}")
            return
        if "RETAIN" in block.qualifiers and (unit.kind == "FUNCTION" or block.kind in ("VAR_TEMP", "VAR_IN_OUT")):
            self.diagnostics.error(block.span, f"{block.kind} of a {unit.kind} cannot be RETAIN")
        if block.kind == "VAR_GLOBAL":
            self._globals(block)
            return
        for text in block.variables:
            self._try(self._unit_variables, unit, block, text, fields)

    def _unit_variables(self, unit: Unit, block: s.VarBlock, text: s.VarText, fields: list[Field]) -> None:
        if text.address is not None and unit.kind != "PROGRAM":
            raise self.diagnostics.refuse(text.address.span, f"a {unit.kind} has no located variables")
        if block.kind == "VAR_EXTERNAL":
            self._external(unit, text)
            return
        if block.kind == "VAR_IN_OUT" and text.initial is not None:
            raise self.diagnostics.refuse(text.initial.span, "VAR_IN_OUT has no initial value")
        for name, variable in self._variables(block, text):
            self._enter(unit, name, variable)
            self._no_block(unit, block, variable)
            if variable.place is None and variable.constant is None:
                self._put(unit, name, variable, fields)

    def _no_block(self, unit: Unit, block: s.VarBlock, variable: Variable) -> None:
        """A function block needs a memory."""
        without = unit.kind == "FUNCTION" or block.kind == "VAR_TEMP"
        if without and block.kind != "VAR_IN_OUT" and holds_block(variable.type):
            text = f"{variable.name}: a function block cannot be kept in {block.kind} of a {unit.kind}"
            raise self.diagnostics.refuse(variable.span, text)

    def _enter(self, unit: Unit, name: str, variable: Variable) -> None:
        if name in unit.variables:
            raise self.diagnostics.refuse(variable.span, f"{variable.name} is declared twice in {unit.name}")
        unit.variables[name] = variable

    def _put(self, unit: Unit, name: str, variable: Variable, fields: list[Field]) -> None:
        if variable.kind == "VAR_IN_OUT":
            unit.in_outs.append(name)
            variable.place = ir.Place(variable.type, f"io_{name}", 0)
        elif variable.kind == "VAR_TEMP":
            variable.place = ir.Place(variable.type, "t", unit.temporaries)
            unit.temporaries += variable.type.words
        else:
            part = Field(variable.name, variable.type, variable.initial, retain=variable.retain)
            fields.append(part)
            table = {"VAR_INPUT": unit.inputs, "VAR_OUTPUT": unit.outputs}.get(variable.kind)
            if table is not None:
                table.append(name)

    def _external(self, unit: Unit, text: s.VarText) -> None:
        kind = self.type_of(text.type)
        for name in text.names:
            known = self.globals.get(name.text.lower())
            if known is None:
                near = nearest(name.text, [v.name for v in self.globals.values()])
                mend = f"Did you mean {near}?" if near else "Declare it in VAR_GLOBAL"
                raise self.diagnostics.refuse(name.span, f"there is no global variable {name.text}", mend)
            if known.type != kind:
                text_ = f"the global variable {known.name} is a {known.type.name}, not a {kind.name}"
                raise self.diagnostics.refuse(name.span, text_)
            self._enter(unit, name.text.lower(), known)


def _default(kind: Type) -> object:
    from hil.plc.types import default

    return default(kind)


def holds_block(kind: Type) -> bool:
    """Whether there is a function block in it."""
    if isinstance(kind, ArrayType):
        return holds_block(kind.element)
    if isinstance(kind, StructType):
        return bool(kind.block) or any(holds_block(f.type) for f in kind.fields.values())
    return False


__all__ = ["CALLEE", "UNKNOWN", "Declarations", "holds_block"]
