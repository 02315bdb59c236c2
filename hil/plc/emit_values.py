"""C for expressions: an expression's text, and before it the statements that it needs (checks, temporaries, calls)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from hil.plc import ir
from hil.plc.source import Span
from hil.plc.standard.types import C_TYPES, TAGS
from hil.plc.types import MAX_STRING, Elementary, StringType, StructType, Type, scalar
from hil.plc.words import ENCODING, encode

Sizes = Mapping[str, int]  # words of an instance of each unit


def constant(kind: Elementary, value: float) -> str:
    """A scalar in C."""
    if kind.tag in ("f32", "f64"):
        suffix = "f" if kind.tag == "f32" else ""
        if math.isnan(value):
            return f'__builtin_nan{suffix}("")'
        if math.isinf(value):
            return f"({'-' if value < 0 else ''}__builtin_inf{suffix}())"
        return f"({float(value).hex()}{suffix})" if value < 0 else f"{float(value).hex()}{suffix}"
    value = int(value)
    if kind.tag == "u64":
        return f"{value}u"
    if value == -(1 << 63):
        return "(-9223372036854775807 - 1)"
    return f"({value})" if value < 0 else str(value)


def text_constant(value: str) -> str:
    """A string in C."""
    return '"' + "".join(f"\\{byte:03o}" if byte < 32 or byte > 126 or byte in b'"\\?' else chr(byte)
                         for byte in value.encode(ENCODING, errors="replace")) + '"'  # fmt: skip


class Lines:
    """The text of a C function while it grows."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.depth = 1
        self.count = 0

    def add(self, text: str) -> None:
        """One line."""
        self.lines.append("    " * min(self.depth, 12) + text)

    def open(self, text: str = "{") -> None:
        """A block begins."""
        self.add(text)
        self.depth += 1

    def close(self, text: str = "}") -> None:
        """And ends."""
        self.depth -= 1
        self.add(text)

    def new(self, stem: str) -> str:
        """A name that nothing else has."""
        self.count += 1
        return f"{stem}{self.count}"


def has_call(value: ir.Expr) -> bool:
    """Whether a unit is called, which may change what other operands read."""
    match value:
        case ir.UserCall():
            return True
        case ir.Convert() | ir.BitOf():
            return has_call(value.operand)
        case ir.Standard():
            return any(has_call(a) for a in value.arguments)
        case ir.Load():
            return any(has_call(sub.index) for sub in value.place.subscripts)
    return False


class Values:
    """Writes expressions into the lines of one function."""

    def __init__(self, lines: Lines, sizes: Sizes) -> None:
        self.lines = lines
        self.sizes = sizes
        self.frame = ""  # what root "c" stands for: the block that is being called
        self.kept: dict[tuple[str, int], tuple[str, Elementary]] = {}  # scalars that a C variable holds for a while
        self.leave = "return"
        self.called = ""  # kind of the unit whose inputs or outputs are being written

    # ---- places ----

    def address(self, place: ir.Place) -> str:
        """A pointer to the first word; indices are checked on the way."""
        root = self.frame if place.root == "c" else place.root
        parts = [root, *([str(place.offset)] if place.offset else [])]
        for sub in place.subscripts:
            name = self.lines.new("i")
            low = f" - UINT64_C({sub.low})" if sub.low > 0 else f" + UINT64_C({-sub.low})" if sub.low else ""
            self.lines.add(f"const uint64_t {name} = (uint64_t)({self._index(sub.index)}){low};")
            self.stop_if(f"{name} >= {sub.count}u", "HIL_PLC_INDEX", sub.span)
            parts.append(f"{name} * {sub.stride}u" if sub.stride != 1 else name)
        return f"({' + '.join(parts)})" if len(parts) > 1 else parts[0]

    def _index(self, index: ir.Expr) -> str:
        """An index as int64_t; a ULINT beyond it stays outside of every range."""
        operand = index.operand if isinstance(index, ir.Convert) else index
        simple = scalar(operand.type)
        if simple is None or simple.tag != "u64":
            return self.value(index)
        name = self.spilled(simple, self.value(operand))
        return f"{name} > INT64_MAX ? INT64_MAX : (int64_t){name}"

    def stop_if(self, condition: str, reason: str, span: Span) -> None:
        """The program stops here when the condition holds."""
        self.lines.add(f"if (ST_UNLIKELY({condition}))")
        self.lines.add(f"    ST_STOP({reason}, {span.source.number}, {span.line}, {self.leave});")

    def load(self, kind: Type, address: str) -> str:
        """The value in the words at a C address."""
        if isinstance(kind, StringType):
            name = self.lines.new("text")
            self.lines.add(f"char {name}[{kind.length + 1}];")
            self.lines.add(f"st_load_text({address}, {kind.length}, {name});")
            return name
        simple = scalar(kind)
        return f"st_load_{simple.tag}({address})" if simple else address

    def held(self, place: ir.Place) -> str | None:
        """The C variable that holds a scalar for now."""
        found = None if place.subscripts else self.kept.get((place.root, place.offset))
        return found[0] if found else None

    def get(self, place: ir.Place) -> str:
        """A variable's value."""
        return self.held(place) or self.load(place.type, self.address(place))

    # ---- expressions ----

    def value(self, value: ir.Expr) -> str:
        """The C expression of a value; a pointer to its words where it has parts."""
        match value:
            case ir.Const():
                return self._constant(value)
            case ir.Load():
                return self.get(value.place)
            case ir.Convert():
                return self._convert(value)
            case ir.BitOf():
                return self._bits(value)
            case ir.Now():
                return "r->scan.now_ns"
            case ir.Standard():
                return self._standard(value)
            case ir.UserCall():
                return self._user_call(value)
        raise AssertionError(f"no C for {value!r}")

    def _constant(self, value: ir.Const) -> str:
        if isinstance(value.type, StringType):
            return text_constant(value.value)
        simple = scalar(value.type)
        if simple:
            return f"({simple.c_type}){constant(simple, value.value)}"
        name = self.lines.new("k")
        words = ", ".join(f"UINT64_C({w})" for w in encode(value.type, value.value))
        self.lines.add(f"static const uint64_t {name}[] = {{{words}}};")
        return name

    def _convert(self, value: ir.Convert) -> str:
        simple = scalar(value.type)
        text = self.value(value.operand)
        return f"({simple.c_type})({text})" if simple else text

    def _bits(self, value: ir.BitOf) -> str:
        simple = scalar(value.type)
        text = f"(uint64_t)({self.value(value.operand)}) >> {value.shift}"
        if simple is None or simple.name == "BOOL":
            return f"(uint8_t)(({text}) & 1u)"
        return f"({simple.c_type})({text})"

    def spilled(self, kind: Type, text: str) -> str:
        """Kept in a variable, before something that may change what it reads."""
        simple = scalar(kind)
        if simple is None:
            return text
        name = self.lines.new("v")
        self.lines.add(f"const {simple.c_type} {name} = {text};")
        return name

    def _arguments(self, arguments: tuple[ir.Expr, ...]) -> list[str]:
        found = []
        for number, argument in enumerate(arguments):
            text = self.value(argument)
            if not isinstance(argument, ir.Const) and any(has_call(a) for a in arguments[number + 1 :]):
                text = self.spilled(argument.type, text)
            found.append(text)
        return found

    def _standard(self, value: ir.Standard) -> str:
        call = value.call
        casts = [C_TYPES[TAGS[p]] for p in call.params]
        texts = [
            t if c == C_TYPES["string"] else f"({c})({t})"
            for c, t in zip(casts, self._arguments(value.arguments), strict=True)
        ]
        if call.array_from is not None:
            texts = self._array(texts, casts[call.array_from], call.array_from)
        if not call.fold or len(texts) == 2:
            return self._called(value, texts)
        whole = texts[0]
        for text in texts[1:]:
            whole = self._called(value, [whole, text])
        return whole

    def _array(self, texts: list[str], c_type: str, first: int) -> list[str]:
        """The last arguments as a counted array."""
        name = self.lines.new("a")
        self.lines.add(f"{c_type}{name}[] = {{{', '.join(texts[first:])}}};" if c_type.endswith("*")
                       else f"const {c_type} {name}[] = {{{', '.join(texts[first:])}}};")  # fmt: skip
        return [*texts[:first], str(len(texts) - first), name]

    def _called(self, value: ir.Standard, texts: list[str]) -> str:
        call = value.call
        first = ["&r->scan"] if call.stops else []
        if call.result == "STRING":
            name = self.lines.new("text")
            self.lines.add(f"char {name}[{MAX_STRING + 1}];")
            self.lines.add(f"{call.c_name}({', '.join([*first, name, str(MAX_STRING), *texts])});")
            if call.stops:
                self._check(value.span)
            return name
        text = f"{call.c_name}({', '.join([*first, *texts])})"
        if not call.stops:
            return text
        name = self.spilled(value.type, text)
        self._check(value.span)
        return name

    def _check(self, span: Span) -> None:
        self.lines.add(f"ST_CHECK({span.source.number}, {span.line}, {self.leave});")

    # ---- calls of units ----

    def _user_call(self, value: ir.UserCall) -> str:
        frame = self.call(value.invocation)
        simple = scalar(value.type)
        text = self.load(value.type, frame)
        return self.spilled(value.type, text) if simple else text

    def call(self, invocation: ir.Invocation) -> str:
        """Inputs, body, outputs; gives the pointer to the callee's words."""
        before, self.called = self.called, "FUNCTION" if invocation.instance is None else "FUNCTION_BLOCK"
        if invocation.instance is None:
            frame = self.lines.new("f")
            self.lines.add(f"uint64_t {frame}[{max(self.sizes[invocation.pou], 1)}];")
        else:
            frame = self.lines.new("b")
            self.lines.add(f"uint64_t *const {frame} = {self.address(invocation.instance)};")
        for store in invocation.inputs:
            self.store_into(frame, store)
        in_outs = [self.address(place) for place in invocation.in_outs]
        self.lines.add(f"u_{invocation.pou}({', '.join(['r', 'g', frame, *in_outs])});")
        self.lines.add(f"ST_RETURN({self.leave});")
        for source, target, kind in invocation.outputs:
            loaded: ir.Expr = ir.Load(source.type, source)
            value = loaded if kind == source.type else ir.Convert(kind, loaded)
            self.store_into(frame, ir.Store(target, value, invocation.span))
        self.called = before
        return frame

    def store_into(self, frame: str, store: ir.Store) -> None:
        """A store in which the root "c" is `frame` on the side of the callee; the caller's own calls have theirs."""
        text = self._framed(frame, store.value) if self._is_callee(store.value) else self.value(store.value)
        self.write(store, text, frame)

    def _is_callee(self, value: ir.Expr) -> bool:
        inner = value.operand if isinstance(value, ir.Convert) else value
        return isinstance(inner, ir.Load) and inner.place.root == "c"

    def _framed(self, frame: str, value: ir.Expr) -> str:
        before, self.frame = self.frame, frame
        text = self.value(value)
        self.frame = before
        return text

    write: Callable[[ir.Store, str, str], None]


__all__ = ["Lines", "StructType", "Values", "constant", "has_call"]
