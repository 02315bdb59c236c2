"""C structures in memory as C text, for a compiler that makes the same of them elsewhere."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from hil._firmware import ffi

NOTHING = ("0", "0.0", "NULL")  # what C fills in where nothing is said


class CText:
    """Definitions of structures and of all that their pointers lead to.

    Attributes:
        lines: the text, each name defined before it is used.
    """

    def __init__(self, kept: Iterable[Any], foreign: dict[int, str], variable: tuple[str, ...] = ()) -> None:
        """Nothing yet.

        Args:
            kept: arrays and structures that own what a pointer may lead to; they have to live as long as this object.
            foreign: C expressions for addresses of what is defined elsewhere.
            variable: types whose arrays are not constant.
        """
        self.lines: list[str] = []
        self._kept = {_address(item): item for item in kept}
        self._names = dict(foreign)
        self._variable = variable

    def define(self, structure: Any, name: str) -> None:
        """Defines a constant that other files see, and before it, as `static`, what it needs."""
        kind = ffi.typeof(structure).item
        self.lines.append(f"const {kind.cname} {name} = {self._value(kind, structure[0], '')};")

    def _pointer(self, pointer: Any, name: str) -> str:
        """The C expression of a pointer; what it leads to is defined on first sight, under `name`."""
        if pointer == ffi.NULL:
            return "NULL"
        address = _address(pointer)
        if address not in self._names:
            item = self._kept[address]
            if ffi.typeof(item).item.cname == "char":
                return _quoted(ffi.string(item))
            self._names[address] = self._defined(item, name)
        return self._names[address]

    def _defined(self, item: Any, name: str) -> str:
        kind = ffi.typeof(item)
        storage = "static" if kind.item.cname in self._variable else "static const"
        if kind.kind == "pointer":
            self.lines.append(f"{storage} {kind.item.cname} {name} = {self._value(kind.item, item[0], name)};")
            return f"&{name}"
        rows = [self._value(kind.item, item[i], f"{name}{i}") for i in range(len(item))]
        of = "char *const" if kind.item.cname == "char *" else kind.item.cname
        self.lines.append(f"{storage} {of} {name}[] = {_braced(rows, apart=kind.item.kind == 'struct')};")
        return name

    def _value(self, kind: Any, value: Any, name: str) -> str:
        """An initialiser; `name` is the beginning of names for what it points to."""
        if kind.kind == "pointer":
            return self._pointer(value, name)
        if kind.kind != "struct":
            return _number(value)
        begin = f"{name}_" if name else ""
        fields = [(field, self._value(of.type, getattr(value, field), f"{begin}{field}")) for field, of in kind.fields]
        return _braced([f".{field} = {text}" for field, text in fields if text not in NOTHING] or ["0"], apart=not name)


def _braced(items: Iterable[str], *, apart: bool = False) -> str:
    begin, between = ("\n    ", ",\n    ") if apart else ("", ", ")
    return "{" + begin + between.join(items) + "}"


def _address(item: Any) -> int:
    return int(ffi.cast("uintptr_t", item))


def _number(value: float) -> str:
    """A number as C that has the same bits."""
    if isinstance(value, int):
        return f"{value}u" if value >> 63 == 1 else f"{value}"
    if math.isnan(value):
        return '__builtin_nan("")'
    if math.isinf(value):
        return "__builtin_huge_val()" if value > 0 else "-__builtin_huge_val()"
    return repr(value)


def _quoted(text: bytes) -> str:
    """C string literals, one a line; what is not plain ASCII becomes octal bytes."""
    lines = text.splitlines(keepends=True) or [b""]
    gap = "\n    " if len(lines) > 1 else ""
    return gap + gap.join(f'"{"".join(map(_character, line))}"' for line in lines)


def _character(byte: int) -> str:
    return chr(byte) if 32 <= byte < 127 and chr(byte) not in '"\\?' else f"\\{byte:03o}"
