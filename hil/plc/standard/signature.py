"""What a standard function takes and gives, and which of its forms a call means."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from hil.plc.standard.types import GROUPS, LITERALS, NUMBERS, TAGS, alone, becomes

FORMS_SHOWN = 3  # in a message


@dataclass(frozen=True)
class Call:
    """How a call of a standard function is written in C.

    Scalars are passed by value, a STRING as `const char *` ending in NUL. An argument becomes its parameter's type by a
    C cast. Order of the C arguments: `struct st_scan *` if it stops; `char *to, uint32_t capacity` if it gives a STRING
    (capacity is the declared length, the buffer has one byte more and overlaps no argument); the parameters.

    Attributes:
        c_name: the C function.
        params: the type each argument is converted to.
        result: the type of the value; a STRING is written to `to`.
        stops: it may set a fault; what it gives then means nothing.
        fold: a function of two arguments, to be applied from the left: f(f(a, b), c).
        array_from: arguments from this index on go as `uint32_t count, const T *values`; None: there is no array.
    """

    c_name: str
    params: tuple[str, ...]
    result: str
    stops: bool = False
    fold: bool = False
    array_from: int | None = None


@dataclass(frozen=True)
class Signature:
    """One form of a function.

    Attributes:
        params: name and type of each parameter; "T" stands for the one type that all these arguments convert to.
        result: a type, or "T".
        c_name: the C function; "{t}" is T's tag.
        over: the types that T may be, narrow ones first.
        stops: the C function takes the scan and may stop it.
        more: further arguments of the last parameter's type: "fold" or "array" as in Call; "" if none may follow.
        array_from: with "array", the index of the first argument that goes there.
    """

    params: tuple[tuple[str, str], ...]
    result: str
    c_name: str
    over: tuple[str, ...] = ()
    stops: bool = False
    more: Literal["", "fold", "array"] = ""
    array_from: int = 0

    def counts(self, n: int) -> bool:
        """Whether a call may have n arguments."""
        return n == len(self.params) or (bool(self.more) and n > len(self.params))

    def param(self, index: int) -> tuple[str, str]:
        """Name and type of the parameter for argument `index`; further ones are numbered on."""
        if index < len(self.params):
            return self.params[index]
        name, kind = self.params[-1]
        stem = name.rstrip("0123456789")
        return f"{stem}{int(name[len(stem) :] or 0) + index - len(self.params) + 1}", kind

    def describe(self) -> str:
        """The form as in the standard's tables: (IN1: ANY_NUM, IN2: ANY_NUM, ...): ANY_NUM."""
        group = group_name(self.over)
        inner = ", ".join(f"{name}: {group if kind == 'T' else kind}" for name, kind in self.params)
        return f"({inner}{', ...' if self.more else ''}): {group if self.result == 'T' else self.result}"

    def match(self, args: Sequence[str], values: Sequence[float | None]) -> Call | None:
        """The C call for arguments of these types, or None."""
        if not self.counts(len(args)):
            return None
        kinds = [self.param(i)[1] for i in range(len(args))]
        bound = common_type([(a, v) for a, v, k in zip(args, values, kinds, strict=True) if k == "T"], self.over)
        if bound is None and "T" in kinds:
            return None
        types = tuple(bound if k == "T" and bound else k for k in kinds)
        if not all(becomes(a, t, v) for a, t, v in zip(args, types, values, strict=True)):
            return None
        return self._call(types, bound or "")

    def _call(self, types: tuple[str, ...], bound: str) -> Call:
        array = self.more == "array"
        return Call(
            c_name=self.c_name.format(t=TAGS.get(bound, "")),
            params=types,
            result=bound if self.result == "T" else self.result,
            stops=self.stops,
            fold=self.more == "fold",
            array_from=self.array_from if array else None,
        )


@dataclass(frozen=True)
class Function:
    """A standard function: its forms, and what a user must know of it."""

    name: str
    group: str
    meaning: str
    forms: tuple[Signature, ...]

    def resolve(self, args: Sequence[str], values: Sequence[float | None]) -> Call | None:
        """The form whose types the arguments have, else the first that they convert to, or None."""
        found = [call for form in self.forms if (call := form.match(args, values))]
        return next((call for call in found if _exact(args, call)), found[0] if found else None)

    def describe(self) -> str:
        """All forms, one after the other."""
        forms = [form.describe() for form in self.forms]
        more = f" and {len(forms) - FORMS_SHOWN} more forms" if len(forms) > FORMS_SHOWN else ""
        return " or ".join(f"{self.name}{form}" for form in forms[:FORMS_SHOWN]) + more


def _exact(args: Sequence[str], call: Call) -> bool:
    return all(a in (t, *LITERALS) for a, t in zip(args, call.params, strict=True))


def group_name(types: tuple[str, ...]) -> str:
    """The standard's name of a group of types, or of the groups that it is made of."""
    left, names = list(types), []
    for name, members in GROUPS.items():
        if members and all(t in left for t in members):
            names.append(name)
            left = [t for t in left if t not in members]
    return " | ".join([*names, *left])


def common_type(args: Sequence[tuple[str, float | None]], over: Sequence[str]) -> str | None:
    """The first type of `over` that all arguments (type, value of a literal) convert to; None if there is none."""
    if not args:
        return None
    fits = [t for t in over if all(becomes(a, t, v) for a, v in args)]
    if all(a in LITERALS for a, _ in args):
        if not any(t in NUMBERS for t in over):
            return None
        wanted = "LREAL" if any(a == "#REAL" for a, _ in args) else _widest(args)
        return wanted if wanted in fits else next((t for t in ("LREAL", "INT") if t in fits), None)
    return fits[0] if fits else None


def _widest(args: Sequence[tuple[str, float | None]]) -> str:
    """Of untyped integers, the type that holds all of them."""
    types = [alone(a, v) for a, v in args]
    return next((t for t in ("LREAL", "ULINT", "LINT", "DINT") if t in types), "INT")
