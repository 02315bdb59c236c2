"""A checked program: names are places, calls are resolved, every conversion is written out. What the C is made from."""

from __future__ import annotations

from dataclasses import dataclass

from hil.plc.source import Span
from hil.plc.standard.signature import Call
from hil.plc.types import Elementary, Type, Value


@dataclass(frozen=True)
class Subscript:
    """A part of an address that is only known when it runs."""

    index: Expr
    low: int
    count: int
    stride: int  # words
    span: Span


@dataclass(frozen=True)
class Place:
    """Words that hold a variable.

    `root` is a C pointer: g the whole state, w the instance, t its temporaries, io_x an in-out, c the callee.
    """

    type: Type
    root: str
    offset: int
    subscripts: tuple[Subscript, ...] = ()


@dataclass(frozen=True)
class Expr:
    """Something with a value of `type`."""

    type: Type


@dataclass(frozen=True)
class Const(Expr):
    """A value that is known."""

    value: Value


@dataclass(frozen=True)
class Load(Expr):
    """A variable's value."""

    place: Place


@dataclass(frozen=True)
class Convert(Expr):
    """A scalar as another type, by a C cast: only widening ones, and those between a type and its subrange."""

    operand: Expr


@dataclass(frozen=True)
class BitOf(Expr):
    """`width` bits of a bit string from `shift` on."""

    operand: Expr
    shift: int


@dataclass(frozen=True)
class Standard(Expr):
    """A standard function."""

    call: Call
    arguments: tuple[Expr, ...]
    span: Span


@dataclass(frozen=True)
class Now(Expr):
    """Time since the program's start."""


@dataclass(frozen=True)
class UserCall(Expr):
    """A FUNCTION: a block whose instance lives for the call. The value is its word `result`."""

    invocation: Invocation


@dataclass(frozen=True)
class Store:
    """place := value. A structure, an array or a string is copied; `bit` of an integer place may be meant alone."""

    place: Place
    value: Expr
    span: Span
    bit: tuple[int, int] | None = None  # shift, width
    bounds: tuple[int, int] | None = None  # checked when it runs


@dataclass(frozen=True)
class Invocation:
    """A call of a function block or function: inputs, body, outputs.

    Places within the callee have the root "c".
    """

    pou: str
    instance: Place | None  # None: a function
    inputs: tuple[Store, ...]
    in_outs: tuple[Place, ...]
    outputs: tuple[tuple[Place, Place, Type], ...]  # from, to, and the type it is given as
    span: Span


@dataclass(frozen=True)
class Invoke:
    """A call as a statement."""

    invocation: Invocation


@dataclass(frozen=True)
class Evaluate:
    """A standard function as a statement."""

    value: Expr
    span: Span


@dataclass(frozen=True)
class If:
    """Conditions with bodies, then the rest."""

    branches: tuple[tuple[Expr, tuple[Statement, ...], Span], ...]
    otherwise: tuple[Statement, ...]
    span: Span


@dataclass(frozen=True)
class Case:
    """`clauses`: ranges of the subject, and what is done."""

    subject: Expr
    clauses: tuple[tuple[tuple[tuple[int, int], ...], tuple[Statement, ...], Span], ...]
    otherwise: tuple[Statement, ...]
    span: Span


@dataclass(frozen=True)
class For:
    """Counts `control` by `step` while it is not beyond `end`; a step of None is 1."""

    control: Place
    kind: Elementary
    start: Store
    end: Expr
    step: Expr
    body: tuple[Statement, ...]
    span: Span


@dataclass(frozen=True)
class Loop:
    """While the condition holds (`after`: until it does, tested at the end)."""

    condition: Expr
    body: tuple[Statement, ...]
    after: bool
    span: Span


@dataclass(frozen=True)
class Jump:
    """EXIT, CONTINUE or RETURN"""

    word: str
    span: Span


Statement = Store | Invoke | Evaluate | If | Case | For | Loop | Jump


@dataclass(frozen=True)
class Body:
    """A program organisation unit: `temporaries` are words of its frame, set by `start` at each call."""

    name: str
    kind: str
    in_outs: tuple[str, ...]
    scalars: frozenset[tuple[str, int]]  # root and offset of its own scalars
    temporaries: int
    start: tuple[Store, ...]
    statements: tuple[Statement, ...]
    span: Span
