"""Which scalars a piece of a program reads and writes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

from hil.plc import ir
from hil.plc.types import Elementary, scalar

Key = tuple[str, int]  # root and offset of a place
_NODES = (ir.Expr, ir.Place, ir.Subscript, ir.Store, ir.Invocation, ir.Invoke, ir.Evaluate, ir.If, ir.Case, ir.For,
          ir.Loop)  # fmt: skip


def nodes(root: object) -> Iterator[object]:
    """A part of a program and all parts of it."""
    pending = [root]
    while pending:
        found = pending.pop()
        if isinstance(found, tuple):
            pending += found
        elif isinstance(found, _NODES):
            yield found
            pending += [getattr(found, part.name) for part in fields(found)]


def used_in(root: object, scalars: frozenset[Key]) -> tuple[dict[Key, Elementary], set[Key]]:
    """Those of `scalars` that are used as scalars only, with their types; and those of them that are written."""
    used: dict[Key, Elementary] = {}
    written: set[Key] = set()
    given: set[Key] = set()  # as in-outs, which need an address
    for node in nodes(root):
        match node:
            case ir.Place():
                simple = scalar(node.type)
                if simple is not None and not node.subscripts and (node.root, node.offset) in scalars:
                    used[node.root, node.offset] = simple
            case ir.Store() | ir.For():
                place = node.place if isinstance(node, ir.Store) else node.control
                written.add((place.root, place.offset))
            case ir.Invocation():
                written |= {(target.root, target.offset) for _, target, _ in node.outputs}
                given |= {(place.root, place.offset) for place in node.in_outs}
    return {key: simple for key, simple in used.items() if key not in given}, written
