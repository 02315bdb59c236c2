"""C for statements and for whole units."""

from __future__ import annotations

from collections.abc import Callable

from hil.plc import ir
from hil.plc.counted import Counted, counted
from hil.plc.emit_values import Lines, Sizes, Values, has_call
from hil.plc.source import Span
from hil.plc.types import Elementary, StringType, bounds, scalar

Mark = Callable[[Span, str], "tuple[int, int] | None"]  # a point of coverage: its word and bit
_COMPARE_TYPES = ("i64", "u64")


def signature(body: ir.Body) -> str:
    """The head of a unit's function."""
    pointers = "".join(f", uint64_t *{name}" for name in body.in_outs)
    return f"static inline void u_{body.name}(struct st_run *r, uint64_t *g, uint64_t *w{pointers})"


class BodyWriter(Values):
    """Writes one unit."""

    def __init__(self, body: ir.Body, sizes: Sizes, mark: Mark) -> None:
        super().__init__(Lines(), sizes)
        self.body = body
        self.mark = mark
        self.loops: list[str] = []

    def text(self) -> str:
        """The function's definition."""
        lines = self.lines
        if self.body.temporaries:
            lines.add(f"uint64_t t[{self.body.temporaries}];")
        for name in ("r", "g", "w", *self.body.in_outs):
            lines.add(f"(void){name};")
        for store in self.body.start:
            self._store(store)
        self.statements(self.body.statements)
        return "\n".join([signature(self.body), "{", *lines.lines, "}", ""])

    def statements(self, statements: tuple[ir.Statement, ...]) -> None:
        """In a row; each has a block of its own for what it needs."""
        for statement in statements:
            self.covered(self._span(statement), "statement")
            self.lines.open()
            self._statement(statement)
            self.lines.close()

    def _span(self, statement: ir.Statement) -> Span:
        return statement.invocation.span if isinstance(statement, ir.Invoke) else statement.span

    def covered(self, span: Span, what: str) -> None:
        """Set the bit of a point of coverage."""
        place = self.mark(span, what)
        if place is not None:
            self.lines.add(f"g[{place[0]}] |= UINT64_C({1 << place[1]});")

    def _statement(self, statement: ir.Statement) -> None:
        match statement:
            case ir.Store():
                self._store(statement)
            case ir.Invoke():
                self.call(statement.invocation)
            case ir.Evaluate():
                self.lines.add(f"(void){self.value(statement.value)};")
            case ir.If():
                self._if(statement)
            case ir.Case():
                self._case(statement)
            case ir.For():
                self._for(statement)
            case ir.Loop():
                self._loop(statement)
            case ir.Jump():
                self._jump(statement)

    # ---- stores ----

    def _store(self, store: ir.Store) -> None:
        self.write(store, self.value(store.value), self.frame)

    def write(self, store: ir.Store, text: str, frame: str) -> None:
        """Put a value that is written as `text` into its place."""
        if (
            store.place.subscripts
            and scalar(store.value.type)
            and any(has_call(sub.index) for sub in store.place.subscripts)
        ):
            text = self.spilled(store.value.type, text)
        before, self.frame = self.frame, frame
        address = self.address(store.place)
        self.frame = before
        kind = store.place.type
        if isinstance(kind, StringType):
            self.lines.add(f"st_store_text({address}, {kind.length}, {text});")
            return
        simple = scalar(kind)
        if simple is None:
            self.lines.add(f"st_copy({address}, {text}, {kind.words});")
        elif store.bit is not None:
            self._store_bits(store.bit, simple, address, text)
        else:
            self.lines.add(f"st_store_{simple.tag}({address}, {self._bounded(store, simple, text)});")

    def _bounded(self, store: ir.Store, simple: Elementary, text: str) -> str:
        if store.bounds is None:
            return text
        low, high = store.bounds
        name = self.spilled(simple, text)
        tests = [f"{name} < {low}"] if low > (bounds(simple) or (0, 0))[0] else []
        tests += (
            [f"{name} > {high}u" if simple.tag == "u64" else f"{name} > {high}"]
            if high < (bounds(simple) or (0, 0))[1]
            else []
        )
        if tests:
            self.stop_if(" || ".join(tests), "HIL_PLC_RANGE", store.span)
        return name

    def _store_bits(self, bit: tuple[int, int], simple: Elementary, address: str, text: str) -> None:
        shift, width = bit
        hole = ~(((1 << width) - 1) << shift) & ((1 << 64) - 1)
        place = self.lines.new("p")
        self.lines.add(f"uint64_t *const {place} = {address};")
        old = f"((uint64_t)st_load_{simple.tag}({place}) & UINT64_C({hole}))"
        new = f"((uint64_t)({text}) << {shift})"
        self.lines.add(f"st_store_{simple.tag}({place}, ({simple.c_type})({old} | {new}));")

    # ---- decisions ----

    def _if(self, statement: ir.If) -> None:
        depth = 0
        for condition, body, span in statement.branches:
            text = self.value(condition)
            self.lines.open(f"if ({text}) {{")
            self.covered(span, "true")
            self.statements(body)
            self.lines.close("} else {")
            self.lines.depth += 1
            self.covered(span, "false")
            depth += 1
        self.statements(statement.otherwise)
        for _ in range(depth):
            self.lines.close()

    def _case(self, statement: ir.Case) -> None:
        simple = scalar(statement.subject.type)
        wide = "uint64_t" if simple and simple.tag == "u64" else "int64_t"
        self.lines.open(f"switch (({wide})({self.value(statement.subject)})) {{")
        for ranges, body, span in statement.clauses:
            for low, high in ranges:
                self.lines.add(f"case {_label(low)}:" if low == high else f"case {_label(low)} ... {_label(high)}:")
            self.lines.open()
            self.covered(span, "clause")
            self.statements(body)
            self.lines.close("} break;")
        self.lines.open("default: {")
        self.covered(statement.span, "else")
        self.statements(statement.otherwise)
        self.lines.close("} break;")
        self.lines.close()

    # ---- loops ----

    def _for(self, statement: ir.For) -> None:
        """The end and the step are computed once; a counter that cannot go on keeps its last value."""
        course = counted(statement)
        if course is not None:
            self._counted(statement, course)
            return
        lines, tag = self.lines, statement.kind.tag
        self._store(statement.start)
        end, step, counter = lines.new("end"), lines.new("step"), lines.new("n")
        lines.add(f"const int64_t {end} = {self.value(statement.end)}, {step} = {self.value(statement.step)};")
        place = lines.new("p")
        lines.add(f"uint64_t *const {place} = {self.address(statement.control)};")
        label = self._enter()
        lines.open("for (;;) {")
        lines.add(f"int64_t {counter} = st_load_{tag}({place});")
        lines.add(f"if ({step} < 0 ? {counter} < {end} : {counter} > {end})")
        lines.add("    break;")
        self._round(statement.span)
        self.covered(statement.span, "round")
        self.statements(statement.body)
        lines.add(f"next_{label}: __attribute__((unused));")
        low, high = bounds(statement.control.type) or (0, 0)
        lines.add(f"if (__builtin_add_overflow((int64_t)st_load_{tag}({place}), {step}, &{counter}) ||")
        lines.add(f"    {counter} < {_label(low)} || {counter} > {_label(high)})")
        lines.add("    break;")
        lines.add(f"st_store_{tag}({place}, ({statement.kind.c_type}){counter});")
        self._leave(statement.span, label)

    def _counted(self, statement: ir.For, course: Counted) -> None:
        lines, tag, n = self.lines, statement.kind.tag, self.lines.new("n")
        place, compare = self.address(statement.control), "<=" if course.step > 0 else ">="
        self._store(statement.start)
        if course.straight and course.rounds:
            span = statement.span
            lines.add(f"ST_ROUNDS({course.rounds}, {span.source.number}, {span.line});")
        label = self._enter()
        end = _label(course.last) if course.rounds else f"{_label(course.first)} - {course.step}"
        lines.open(f"for (int64_t {n} = {_label(course.first)}; {n} {compare} {end}; {n} += {course.step}) {{")
        lines.add(f"st_store_{tag}({place}, ({statement.kind.c_type}){n});")
        if not course.straight:
            self._round(statement.span)
        self.covered(statement.span, "round")
        self.statements(statement.body)
        lines.add(f"next_{label}: __attribute__((unused));")
        lines.close()
        lines.add(f"st_store_{tag}({place}, ({statement.kind.c_type}){_label(course.after)});")
        self._left(statement.span, label)

    def _loop(self, statement: ir.Loop) -> None:
        lines = self.lines
        label = self._enter()
        lines.open("for (;;) {")
        if not statement.after:
            lines.add(f"if (!({self.value(statement.condition)}))")
            lines.add("    break;")
        self._round(statement.span)
        self.covered(statement.span, "round")
        self.statements(statement.body)
        lines.add(f"next_{label}: __attribute__((unused));")
        if statement.after:
            lines.open()
            lines.add(f"if ({self.value(statement.condition)})")
            lines.add("    break;")
            lines.close()
        self._leave(statement.span, label)

    def _enter(self) -> str:
        label = self.lines.new("")
        self.loops.append(label)
        return label

    def _round(self, span: Span) -> None:
        self.lines.add(f"ST_ROUND({span.source.number}, {span.line});")

    def _leave(self, span: Span, label: str) -> None:
        self.lines.close()
        self._left(span, label)

    def _left(self, span: Span, label: str) -> None:
        self.covered(span, "ended")
        self.lines.add(f"exit_{label}: __attribute__((unused));")
        self.loops.pop()

    def _jump(self, statement: ir.Jump) -> None:
        label = self.loops[-1] if self.loops else ""
        texts = {"EXIT": f"goto exit_{label};", "CONTINUE": f"goto next_{label};", "RETURN": "return;"}
        self.lines.add(texts[statement.word])


def _label(value: int) -> str:
    return "INT64_MIN" if value == -(1 << 63) else f"INT64_C({value})" if value < 1 << 63 else f"UINT64_C({value})"
