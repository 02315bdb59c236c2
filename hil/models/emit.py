"""One CasADi SX function as one C function.

Own emitter instead of CasADi's: the C has plain `double` locals that gcc keeps in registers, no null checks, constants
with all their digits, calls of the core's libm by name, and it stores its results after its last read, so that an
argument may share memory with a result. What has no line in the table below is refused.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from hil.errors import RigError
from hil.models.symbols import casadi

MAX_INSTRUCTIONS = 100_000
"""gcc needs about a minute and 2 GB for a function of this length."""
INLINE_BELOW = 400
"""Instructions up to which gcc is made to inline a function at every call."""

# {0}, {1}: the operands. Operations as CasADi numbers and names them (calculus.hpp).
OPERATIONS = {
    "ASSIGN": "{0}",
    "ADD": "{0} + {1}",
    "SUB": "{0} - {1}",
    "MUL": "{0} * {1}",
    "DIV": "{0} / {1}",
    "NEG": "-{0}",
    "INV": "1.0 / {0}",
    "SQ": "{0} * {0}",
    "TWICE": "2.0 * {0}",
    "LT": "{0} < {1}",
    "LE": "{0} <= {1}",
    "EQ": "{0} == {1}",
    "NE": "{0} != {1}",
    "NOT": "{0} == 0.0",
    "AND": "{0} != 0.0 && {1} != 0.0",
    "OR": "{0} != 0.0 || {1} != 0.0",
    "IF_ELSE_ZERO": "{0} != 0.0 ? {1} : 0.0",
    "SIGN": "{0} < 0.0 ? -1.0 : {0} > 0.0 ? 1.0 : {0}",
    "POW": "hil_pow({0}, {1})",
    "CONSTPOW": "hil_pow({0}, {1})",
    "FABS": "hil_fabs({0})",
}
CALLS = (
    "sqrt sin cos tan asin acos atan atan2 sinh cosh tanh asinh acosh atanh exp expm1 log log1p "
    "floor ceil fmod fmin fmax copysign hypot"
)


@cache
def _table() -> dict[int, tuple[str, str]]:
    """Operation number -> (name, C expression)."""
    ca = casadi()
    table = {getattr(ca, f"OP_{name}"): (name, text) for name, text in OPERATIONS.items()}
    for name in CALLS.split():
        arguments = "{0}, {1}" if name in ("atan2", "fmod", "fmin", "fmax", "copysign", "hypot") else "{0}"
        table[getattr(ca, f"OP_{name.upper()}")] = (name.upper(), f"hil_{name}({arguments})")
    return table


@dataclass(frozen=True)
class Style:
    """What a function may do to be fast.

    `apart`: its results share no memory with its arguments, so each is stored as soon as it is known and leaves its
    register. `reciprocals`: what divides more than once is inverted once, which is as exact to a bit or two.
    """

    apart: bool = False
    reciprocals: bool = False


def function(
    name: str,
    inputs: dict[str, Any],
    outputs: dict[str, Any],
    where: str,
    elements: dict[str, list[str]] | None = None,
    style: Style = Style(),
) -> str:
    """C text of `static void name(const double *..., double *...)` for SX inputs and outputs by argument name.

    Outputs are written dense and column-major; arguments of length 0 may be NULL. `elements` names what an argument's
    elements stand for, for comments.

    Raises:
        RigError: an operation without C here (an external function, integrator, solver), a constant NaN, too long.
    """
    ca = casadi()
    results = ca.cse([ca.densify(value) for value in outputs.values()])
    compiled = ca.Function(name, list(inputs.values()), results, {"live_variables": False})
    count = compiled.n_instructions()
    if count > MAX_INSTRUCTIONS:
        raise RigError(f"the model has {count:,} operations, {MAX_INSTRUCTIONS:,} are allowed", where=where)
    body = _body(compiled, list(inputs), list(outputs), where, elements or {}, style)
    used = "\n".join(body)
    unused = [f"    (void){a};" for a in inputs if f"= {a}[" not in used]
    unused += [f"    (void){a};" for a in outputs if f"    {a}[" not in used]
    result = "double *restrict " if style.apart else "double *"
    arguments = [f"const double *{a}" for a in inputs] + [f"{result}{a}" for a in outputs]
    inline = "HIL_ALWAYS_INLINE" if count < INLINE_BELOW else "static"
    return "\n".join([f"{inline} void {name}({', '.join(arguments)})", "{", *unused, *body, "}", ""])


@dataclass(frozen=True)
class Instruction:
    """One step of a CasADi function: its operation, what it reads and writes, and its number when it is a constant."""

    operation: int
    reads: list[int]
    writes: list[int]
    constant: float | None


def _instructions(compiled: Any) -> list[Instruction]:
    constant = casadi().OP_CONST
    found = []
    for k in range(compiled.n_instructions()):
        operation = compiled.instruction_id(k)
        value = compiled.instruction_constant(k) if operation == constant else None
        found.append(Instruction(operation, compiled.instruction_input(k), compiled.instruction_output(k), value))
    return found


def _often_divisors(todo: Sequence[Instruction]) -> set[int]:
    """What divides more than once."""
    ca = casadi()
    count = Counter(i.reads[-1] for i in todo if i.operation in (ca.OP_DIV, ca.OP_INV))
    return {divisor for divisor, times in count.items() if times > 1}


def _body(
    compiled: Any, inputs: list[str], outputs: list[str], where: str, elements: dict[str, list[str]], style: Style
) -> list[str]:
    """One statement an instruction; constants stand where they are used; results are stored at the end unless apart."""
    ca = casadi()
    todo = _instructions(compiled)
    inverted = _often_divisors(todo) if style.reciprocals else set()
    sines, cosines = ({i.reads[0] for i in todo if i.operation == op} for op in (ca.OP_SIN, ca.OP_COS))
    named: dict[int, str] = {}
    lines: list[str] = []
    stores: list[str] = []
    for i in todo:
        if i.constant is not None:
            named[i.writes[0]] = literal(i.constant, where)
        elif i.operation == ca.OP_OUTPUT:
            (lines if style.apart else stores).append(_store(outputs, i, named))
        elif i.operation in (ca.OP_SIN, ca.OP_COS) and i.reads[0] in sines & cosines:
            named[i.writes[0]] = f"{'sin' if i.operation == ca.OP_SIN else 'cos'}_{i.reads[0]}"
            lines += _sincos(i.reads[0], named[i.reads[0]], lines)
        else:
            named[i.writes[0]] = f"t{i.writes[0]}"
            if i.operation == ca.OP_INPUT:
                text = _element(inputs[i.reads[0]], i.reads[1], elements)
            elif i.operation in (ca.OP_DIV, ca.OP_INV) and i.reads[-1] in inverted:
                text = " * ".join([*(named[r] for r in i.reads[:-1]), f"over_{i.reads[-1]}"]) + ";"
            else:
                text = f"{_expression(i.operation, i.reads, named, where)};"
            lines.append(f"    double t{i.writes[0]} = {text}")
        if i.operation != ca.OP_OUTPUT and i.writes[0] in inverted:
            lines.append(f"    double over_{i.writes[0]} = 1.0 / {named[i.writes[0]]};")
    return lines + stores


def _element(argument: str, index: int, elements: dict[str, list[str]]) -> str:
    """`x[2]; /* h3 */`"""
    names = elements.get(argument)
    return f"{argument}[{index}];" + (f" /* {names[index]} */" if names else "")


def _store(outputs: list[str], i: Instruction, named: dict[int, str]) -> str:
    return f"    {outputs[i.writes[0]]}[{i.writes[1]}] = {named[i.reads[0]]};"


def _sincos(number: int, operand: str, before: list[str]) -> list[str]:
    """Sine and cosine of one angle in one call, which costs about as much as one of them and gives the same bits."""
    line = f"    double sin_{number}, cos_{number};"
    return [] if line in before else [line, f"    hil_sincos({operand}, &sin_{number}, &cos_{number});"]


def _expression(operation: int, reads: Sequence[int], named: dict[int, str], where: str) -> str:
    """The right-hand side of one operation."""
    if operation not in _table():
        ca = casadi()
        names = [n[3:].lower() for n in dir(ca) if n.startswith("OP_") and getattr(ca, n) == operation]
        what = "an external function, integrator or solver" if "call" in names else f"the operation {names[0]!r}"
        raise RigError(
            f"the equations use {what}, which cannot be compiled",
            where=where,
            mend="Write the equations with the functions of hil.models.math only",
        )
    return _table()[operation][1].format(*(named[r] for r in reads))


def literal(value: float, where: str) -> str:
    """A double as C: the shortest text that reads back as the same bits."""
    if math.isnan(value):
        raise RigError("the equations contain the constant nan", where=where)
    if math.isinf(value):
        return "__builtin_inf()" if value > 0 else "(-__builtin_inf())"
    return f"({value!r})" if math.copysign(1.0, value) < 0 else repr(float(value))


def quoted(text: str) -> str:
    """A C string literal in UTF-8."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ")
    return '"' + re.sub(r"[\x00-\x1f\x7f]", " ", escaped).replace("??", '?""?') + '"'
