"""Checks calls of functions and function blocks: arguments by position or by name, outputs, in-outs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil.nearest import did_you_mean, nearest
from hil.plc import ir
from hil.plc import syntax as s
from hil.plc.functions import FUNCTIONS, CallError, parameters
from hil.plc.names import CALLEE, Unit
from hil.plc.source import Span
from hil.plc.types import SIMPLE, EnumType, StructType, SubrangeType, Type, default, scalar

if TYPE_CHECKING:
    from hil.plc.expressions import Expressions


def call_value(check: Expressions, text: s.Call, target: Type | None) -> ir.Expr:
    """A call that gives a value."""
    if not isinstance(text.callee, s.Name):
        raise check.refuse(text.span, "a function block's call has no value", "Call it before, then read its outputs")
    name = text.callee.text
    _no_en(check, text)
    if name == "__NOW":
        return ir.Now(SIMPLE["TIME"])
    variable = check.variable(name)
    if variable is not None and (check.unit is None or name.lower() != check.unit.name.lower()):
        raise check.refuse(text.span, f"{name} gives no value", "Call it before, then read its outputs")
    if name.lower() in check.declarations.unit_texts or _is_library_function(check, name):
        unit = check.declarations.unit(name, text.span)
        if unit.result is None:
            raise check.refuse(text.span, f"{unit.name} is a {unit.kind}", "Declare an instance of it and call that")
        return ir.UserCall(unit.result, invocation(check, unit, None, text))
    if name.upper() in FUNCTIONS:
        return _standard(check, name.upper(), text, target)
    raise _unknown(check, text.callee)


def _is_library_function(check: Expressions, name: str) -> bool:
    found = check.declarations.library.get(name.lower())
    return found is not None and found.kind == "FUNCTION"


def _unknown(check: Expressions, callee: s.Name) -> Exception:
    known = check.declarations
    names = [*FUNCTIONS, *(p.name.text for p in known.unit_texts.values() if p.kind == "FUNCTION")]
    if callee.text.lower() in known.library:
        return check.refuse(
            callee.span, f"{callee.text} is a function block", "Declare an instance of it and call that"
        )
    try:
        parameters(callee.text.upper(), 1)
    except CallError as error:
        near = nearest(callee.text, names)
        message = error.message.replace(callee.text.upper(), callee.text)
        return check.refuse(callee.span, message, f"Did you mean {near}?" if near else None)
    return check.refuse(callee.span, f"there is no function {callee.text}", did_you_mean(callee.text, names))


def _no_en(check: Expressions, text: s.Call) -> None:
    for argument in text.arguments:
        if (argument.name or "").upper() in ("EN", "ENO"):
            raise check.refuse(argument.span, "EN and ENO are not supported", "Write IF ... THEN around the call")


def _standard(check: Expressions, name: str, text: s.Call, target: Type | None) -> ir.Expr:
    """A standard function; names of its parameters bring the arguments into order."""
    given = list(text.arguments)
    named = [a for a in given if a.name is not None]
    if named and len(named) != len(given):
        raise check.refuse(text.span, "arguments are given either all by name or all by position")
    if named:
        order = [p.upper() for p in parameters(name, len(given))]
        keys = [(a.name or "").upper() for a in given]
        for key, argument in zip(keys, given, strict=True):
            if key not in order or keys.count(key) > 1 or argument.output:
                raise check.refuse(argument.span, f"{name} has no input {argument.name}", did_you_mean(key, order))
        given.sort(key=lambda a: order.index((a.name or "").upper()))
    values = [(check.expression(a.value, target), a.value.span) for a in given]
    if any(isinstance(v.type, EnumType) for v, _ in values):
        return _with_enumeration(check, name, values, text)
    return check.standard(name, values, text.span, target)


def _with_enumeration(check: Expressions, name: str, values: list[tuple[ir.Expr, Span]], text: s.Call) -> ir.Expr:
    """SEL, MUX, MOVE, MAX ... keep an enumeration when all choices are of it; other functions see its number."""
    kinds = {v.type for v, _ in values if isinstance(v.type, EnumType)}
    found = check.standard(name, values, text.span)
    choices = {"SEL": values[1:], "MUX": values[1:], "MOVE": values}.get(name)
    if choices is None or len(kinds) > 1 or any(v.type not in kinds for v, _ in choices):
        return found
    return ir.Convert(kinds.pop(), found)


def invocation(check: Expressions, unit: Unit, instance: ir.Place | None, text: s.Call) -> ir.Invocation:
    """A call of a unit of the program or of the library."""
    _no_en(check, text)
    if check.unit is not None and not check.only_constants:
        check.unit.calls.setdefault(unit.name.lower(), text.span)
    elif unit.result is not None:
        raise check.refuse(text.span, "a function's value is no constant")
    arguments = _by_name(check, unit, text)
    inputs = [_input(check, unit, key, argument) for key, argument in arguments.items() if key in unit.inputs]
    if instance is None:
        inputs += [_default_input(unit, key, text) for key in unit.inputs if key not in arguments]
    in_outs = [_in_out(check, unit, key, arguments.get(key), text) for key in unit.in_outs]
    outputs = [_output(check, unit, key, argument) for key, argument in arguments.items() if key in unit.outputs]
    return ir.Invocation(unit.name.lower(), instance, tuple(inputs), tuple(in_outs), tuple(outputs), text.span)


def _by_name(check: Expressions, unit: Unit, text: s.Call) -> dict[str, s.Argument]:
    """Arguments by lower-case name; those by position are the inputs and in-outs in the order of declaration."""
    order = [key for key in unit.variables if key in unit.inputs or key in unit.in_outs]
    found: dict[str, s.Argument] = {}
    for number, argument in enumerate(text.arguments):
        if argument.name is None:
            if any(a.name for a in text.arguments):
                raise check.refuse(argument.span, "arguments are given either all by name or all by position")
            if number >= len(order):
                raise check.refuse(argument.span, f"{unit.name} has only {len(order)} inputs")
            found[order[number]] = argument
            continue
        key = argument.name.lower()
        valid = unit.outputs if argument.output else order
        if key not in valid:
            what = "output" if argument.output else "input"
            names = [unit.variables[k].name for k in valid]
            raise check.refuse(argument.span, f"{unit.name} has no {what} {argument.name}", did_you_mean(key, names))
        if key in found:
            raise check.refuse(argument.span, f"{argument.name} is given twice")
        found[key] = argument
    return found


def _callee(unit: Unit, key: str) -> ir.Place:
    fields = unit.instance.fields if unit.instance else {}
    return ir.Place(fields[key].type, CALLEE, fields[key].offset)


def _input(check: Expressions, unit: Unit, key: str, argument: s.Argument) -> ir.Store:
    return assignment(check, _callee(unit, key), argument.value)


def _default_input(unit: Unit, key: str, text: s.Call) -> ir.Store:
    place = _callee(unit, key)
    initial = unit.variables[key].initial
    return ir.Store(place, ir.Const(place.type, default(place.type) if initial is None else initial), text.span)


def _in_out(check: Expressions, unit: Unit, key: str, argument: s.Argument | None, text: s.Call) -> ir.Place:
    variable = unit.variables[key]
    if argument is None:
        raise check.refuse(text.span, f"the VAR_IN_OUT {variable.name} of {unit.name} is not given")
    place = check.target(argument.value)
    if place.type != variable.type:
        text_ = f"the VAR_IN_OUT {variable.name} is a {variable.type.name}, this is a {place.type.name}"
        raise check.refuse(argument.span, text_)
    return place


def _output(check: Expressions, unit: Unit, key: str, argument: s.Argument) -> tuple[ir.Place, ir.Place, Type]:
    source, target = _callee(unit, key), check.target(argument.value)
    value = check.converted(ir.Load(source.type, source), target.type, argument.value.span)
    if isinstance(target.type, SubrangeType) and source.type != target.type:
        raise check.refuse(argument.span, f"an output cannot go into {target.type.name}", "Assign it afterwards")
    return source, target, value.type


def assignment(check: Expressions, place: ir.Place, text: s.Expr, bit: tuple[int, int] | None = None) -> ir.Store:
    """Place := text, with the check that a subrange needs."""
    value = check.value(text, place.type)
    limits = None
    if isinstance(place.type, SubrangeType) and not isinstance(value, ir.Const):
        source = value.operand.type if isinstance(value, ir.Convert) else value.type
        inside = isinstance(source, SubrangeType) and place.type.low <= source.low and source.high <= place.type.high
        limits = None if inside else (place.type.low, place.type.high)
    return ir.Store(place, value, text.span, bit, limits)


def block_of(check: Expressions, text: s.Call) -> tuple[Unit, ir.Place] | None:
    """The function block whose instance is called; None if the callee is no variable."""
    if isinstance(text.callee, s.Name) and check.variable(text.callee.text) is None:
        return None
    if isinstance(text.callee, s.Name) and check.unit and text.callee.text.lower() == check.unit.name.lower():
        return None
    found = check.reference(text.callee)
    kind = found.type if isinstance(found, ir.Const) else found.place.type
    if isinstance(found, ir.Const) or not isinstance(kind, StructType) or not kind.block:
        raise check.refuse(text.span, f"{text.callee.span.text} is a {kind.name}, it cannot be called")
    return check.declarations.units[kind.block], found.place


__all__ = ["assignment", "block_of", "call_value", "invocation", "scalar"]
