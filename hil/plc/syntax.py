"""A program as it is written: the tree of its text, before names and types mean anything."""

from __future__ import annotations

from dataclasses import dataclass

from hil.plc.source import Span


@dataclass(frozen=True)
class Node:
    """Anything with a place in the text."""

    span: Span


# ---- expressions ----


class Expr(Node):
    """Something with a value."""


@dataclass(frozen=True)
class Name(Expr):
    """A variable, constant, function or enumeration value."""

    text: str


@dataclass(frozen=True)
class Literal(Expr):
    """`prefix#text`, or text alone; `kind` as in mask.py."""

    kind: str
    prefix: str
    text: str


@dataclass(frozen=True)
class Address(Expr):
    """%IX0.7 within an expression."""

    text: str


@dataclass(frozen=True)
class Index(Expr):
    """base[i, j]"""

    base: Expr
    indices: tuple[Expr, ...]


@dataclass(frozen=True)
class Member(Expr):
    """base.name"""

    base: Expr
    name: str


@dataclass(frozen=True)
class Bit(Expr):
    """base.3, base.%X3, base.%B1"""

    base: Expr
    part: str


@dataclass(frozen=True)
class Argument(Node):
    """value, name := value, name => variable"""

    name: str | None
    value: Expr
    output: bool = False


@dataclass(frozen=True)
class Call(Expr):
    """function(arguments)"""

    callee: Expr
    arguments: tuple[Argument, ...]


@dataclass(frozen=True)
class Unary(Expr):
    """-, + or NOT"""

    operator: str
    operand: Expr


@dataclass(frozen=True)
class Binary(Expr):
    """left operator right"""

    operator: str
    left: Expr
    right: Expr


@dataclass(frozen=True)
class ArrayValue(Expr):
    """[a, 3(b, c)]"""

    items: tuple[Expr, ...]


@dataclass(frozen=True)
class StructValue(Expr):
    """(x := a, y := b)"""

    fields: tuple[Argument, ...]


# ---- statements ----


class Statement(Node):
    """Something that is done."""


@dataclass(frozen=True)
class Assign(Statement):
    """target := value"""

    target: Expr
    value: Expr


@dataclass(frozen=True)
class CallStatement(Statement):
    """A function block's or a function's call, its value unused."""

    call: Call


@dataclass(frozen=True)
class If(Statement):
    """Conditions with their bodies, in order; then the rest."""

    branches: tuple[tuple[Expr, tuple[Statement, ...]], ...]
    otherwise: tuple[Statement, ...] | None


@dataclass(frozen=True)
class CaseLabel(Node):
    """One value, or a range."""

    low: Expr
    high: Expr | None


@dataclass(frozen=True)
class Case(Statement):
    """The first clause with a fitting label."""

    subject: Expr
    clauses: tuple[tuple[tuple[CaseLabel, ...], tuple[Statement, ...]], ...]
    otherwise: tuple[Statement, ...] | None


@dataclass(frozen=True)
class For(Statement):
    """FOR control := start TO end BY step"""

    control: Name
    start: Expr
    end: Expr
    step: Expr | None
    body: tuple[Statement, ...]


@dataclass(frozen=True)
class While(Statement):
    """WHILE, or REPEAT when `after`: then the condition ends it."""

    condition: Expr
    body: tuple[Statement, ...]
    after: bool


@dataclass(frozen=True)
class Jump(Statement):
    """EXIT, CONTINUE or RETURN"""

    word: str


# ---- types and declarations ----


class TypeText(Node):
    """A type as it is written."""


@dataclass(frozen=True)
class NamedType(TypeText):
    """An elementary or a declared one."""

    name: str


@dataclass(frozen=True)
class StringText(TypeText):
    """STRING[length]"""

    name: str
    length: Expr | None


@dataclass(frozen=True)
class ArrayText(TypeText):
    """ARRAY[low..high, ...] OF element"""

    ranges: tuple[tuple[Expr, Expr], ...]
    element: TypeText


@dataclass(frozen=True)
class SubrangeText(TypeText):
    """INT (low..high)"""

    base: str
    low: Expr
    high: Expr


@dataclass(frozen=True)
class EnumText(TypeText):
    """(a, b := 5)"""

    values: tuple[tuple[Name, Expr | None], ...]


@dataclass(frozen=True)
class StructText(TypeText):
    """STRUCT ... END_STRUCT"""

    fields: tuple[VarText, ...]


@dataclass(frozen=True)
class VarText(Node):
    """a, b AT address : type := initial;"""

    names: tuple[Name, ...]
    address: Address | None
    type: TypeText
    initial: Expr | None


@dataclass(frozen=True)
class VarBlock(Node):
    """VAR_... qualifiers; `kind` is "VAR", "VAR_INPUT" and so on."""

    kind: str
    qualifiers: frozenset[str]
    variables: tuple[VarText, ...]


@dataclass(frozen=True)
class TypeDefinition(Node):
    """name : type := initial;"""

    name: Name
    type: TypeText
    initial: Expr | None


@dataclass(frozen=True)
class Pou(Node):
    """PROGRAM, FUNCTION or FUNCTION_BLOCK"""

    kind: str
    name: Name
    result: TypeText | None
    blocks: tuple[VarBlock, ...]
    body: tuple[Statement, ...]


@dataclass(frozen=True)
class TaskText(Node):
    """TASK name (INTERVAL := ..., PRIORITY := ...)"""

    name: Name
    parameters: tuple[Argument, ...]


@dataclass(frozen=True)
class InstanceText(Node):
    """PROGRAM name WITH task : type"""

    name: Name
    task: Name | None
    type: Name


@dataclass(frozen=True)
class Configuration(Node):
    """Its resources are one here: this PLC has one processor."""

    name: Name
    blocks: tuple[VarBlock, ...]
    tasks: tuple[TaskText, ...]
    instances: tuple[InstanceText, ...]


@dataclass(frozen=True)
class File:
    """All of one source."""

    types: tuple[TypeDefinition, ...]
    globals: tuple[VarBlock, ...]
    pous: tuple[Pou, ...]
    configurations: tuple[Configuration, ...]
