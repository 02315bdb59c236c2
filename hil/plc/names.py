"""What the names of a program mean: types, program organisation units, variables, and where these lie."""

from __future__ import annotations

from dataclasses import dataclass, field

from hil.plc import ir
from hil.plc import syntax as s
from hil.plc.source import Diagnostics, Span
from hil.plc.types import MAX_WORDS, StructType, Type, Value

CALLEE = "c"  # root of places within the block that is called


@dataclass
class Variable:
    """A declared variable. `place` is None for a constant whose value is known, and for an in-out's own words."""

    name: str
    type: Type
    kind: str  # VAR, VAR_INPUT ...
    span: Span
    place: ir.Place | None = None
    constant: Value = None
    initial: Value = None
    writable: bool = True
    retain: bool = False
    address: str = ""


@dataclass
class Unit:
    """A PROGRAM, FUNCTION or FUNCTION_BLOCK with its variables."""

    syntax: s.Pou
    kind: str
    name: str
    variables: dict[str, Variable] = field(default_factory=dict)
    instance: StructType | None = None  # None while it is being read
    result: Type | None = None
    inputs: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    in_outs: list[str] = field(default_factory=list)
    temporaries: int = 0
    calls: dict[str, Span] = field(default_factory=dict)

    @property
    def in_out_names(self) -> tuple[str, ...]:
        """Names of the C parameters."""
        return tuple(f"io_{name}" for name in self.in_outs)


@dataclass(frozen=True)
class Stored:
    """Words of the program's state: a global variable, a located one, or the instance of a PROGRAM."""

    name: str
    type: Type
    offset: int
    initial: Value
    retain: bool
    span: Span
    address: str = ""


@dataclass
class State:
    """Gives out words, one after the other."""

    diagnostics: Diagnostics
    stored: list[Stored] = field(default_factory=list)
    words: int = 0

    def place(
        self, name: str, kind: Type, span: Span, *, initial: Value = None, retain: bool = False, address: str = ""
    ) -> ir.Place:
        """Words for a variable.

        Raises:
            Refused: the program has more state than any PLC.
        """
        if self.words + kind.words > MAX_WORDS:
            raise self.diagnostics.refuse(span, f"the variables need more than {MAX_WORDS} words of state")
        at = Stored(name, kind, self.words, initial, retain, span, address)
        self.stored.append(at)
        self.words += kind.words
        return ir.Place(kind, "g", at.offset)
