"""FOR loops whose course is known when they are compiled: C counts them in a register and may unroll them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass

from hil.plc import ir
from hil.plc.types import bounds

FAR = 1 << 62  # beyond, C's own counter might overflow


@dataclass(frozen=True)
class Counted:
    """The values of a counter.

    Attributes:
        first, last, step: as C counts; no round at all where `rounds` is 0.
        after: what the counter is behind the loop; a counter that cannot go on keeps its last value.
        straight: no round is left before its end.
    """

    first: int
    last: int
    step: int
    rounds: int
    after: int
    straight: bool


def counted(loop: ir.For) -> Counted | None:
    """What is known of a loop; None where its body, or something that is computed, may change its course."""
    known = [e.value for e in (loop.start.value, loop.end, loop.step) if isinstance(e, ir.Const)]
    numbers = [value for value in known if isinstance(value, int)]
    span = bounds(loop.control.type)
    if len(numbers) < 3 or numbers[2] == 0 or span is None or _may_change(loop):
        return None
    first, end, step = numbers
    values = range(first, end + (1 if step > 0 else -1), step)
    last = values[-1] if values else first
    following = last + step if values else first
    if max(abs(first), abs(following)) > FAR:
        return None
    after = following if span[0] <= following <= span[1] else last
    straight = not any(isinstance(part, ir.Jump) for part in parts(loop.body))
    return Counted(first, last, step, len(values), after, straight)


def _may_change(loop: ir.For) -> bool:
    """Whether the body may write the counter: directly, in something larger, or by a call that gives something back."""
    control = loop.control
    if control.subscripts or control.root not in ("w", "t"):
        return True
    for part in parts(loop.body):
        if isinstance(part, ir.Invocation) and (part.in_outs or part.outputs):
            return True
        if isinstance(part, ir.Store) and _meet(part.place, control):
            return True
        if isinstance(part, ir.For) and part.control == control:
            return True
    return False


def _meet(place: ir.Place, control: ir.Place) -> bool:
    """An element of an array is none of its neighbours: indices are checked."""
    if place.root != control.root or place.subscripts:
        return False
    return place.offset <= control.offset < place.offset + place.type.words


def parts(node: object) -> Iterator[object]:
    """A tree's nodes, the node itself first."""
    if isinstance(node, tuple):
        for item in node:
            yield from parts(item)
    elif is_dataclass(node) and type(node).__module__ == ir.__name__:
        yield node
        for field in fields(node):
            yield from parts(getattr(node, field.name))
