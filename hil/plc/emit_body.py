"""C for statements and for whole units."""

from __future__ import annotations

from collections.abc import Callable

from hil.plc import ir
from hil.plc.emit_places import used_in
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
            case ir.For() | ir.Loop():
                self._kept(statement)
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
        kind, held = store.place.type, self.held(store.place)
        before, self.frame = self.frame, frame
        address = held or self.address(store.place)
        self.frame = before
        if isinstance(kind, StringType):
            self.lines.add(f"st_store_text({address}, {kind.length}, {text});")
            return
        simple = scalar(kind)
        if simple is None:
            self.lines.add(f"st_copy({address}, {text}, {kind.words});")
        elif store.bit is not None:
            self._store_bits(store, simple, address, text)
        else:
            text = self._bounded(store, simple, text)
            self._put(simple, address, held, text, raw=self._is_canonical(store))

    def _put(self, simple: Elementary, address: str, held: str | None, text: str, *, raw: bool = False) -> None:
        if held:
            self.lines.add(f"{held} = ({simple.c_type})({text});")
        else:
            how = "raw" if raw and simple.tag in ("f32", "f64") else "store"
            self.lines.add(f"st_{how}_{simple.tag}({address}, {text});")

    def _passes(self, place: ir.Place) -> bool:
        """Whether its words end with the call, so that a NaN in them may have any bits."""
        in_function = self.body.kind == "FUNCTION" and place.root == "w"
        return place.root == "t" or in_function or (place.root == "c" and self.called == "FUNCTION")

    def _is_canonical(self, store: ir.Store) -> bool:
        """Whether a REAL can be stored as it is."""
        value = store.value
        if self._passes(store.place) or isinstance(value, ir.Const):
            return True
        return isinstance(value, ir.Load) and not self._passes(value.place) and not self.held(value.place)

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

    def _store_bits(self, store: ir.Store, simple: Elementary, address: str, text: str) -> None:
        shift, width = store.bit or (0, 0)
        hole = ~(((1 << width) - 1) << shift) & ((1 << 64) - 1)
        held = self.held(store.place)
        if not held:
            place = self.lines.new("p")
            self.lines.add(f"uint64_t *const {place} = {address};")
            address = place
        old = f"((uint64_t){held or f'st_load_{simple.tag}({address})'} & UINT64_C({hole}))"
        self._put(simple, address, held, f"({simple.c_type})({old} | ((uint64_t)({text}) << {shift}))")

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

    def _kept(self, loop: ir.For | ir.Loop) -> None:
        """A loop that is in no other keeps the unit's own scalars in C variables.

        A C compiler cannot do so: it does not know that a checked index reaches no other variable.
        """
        if self.kept:
            self._for(loop) if isinstance(loop, ir.For) else self._loop(loop)
            return
        read, written = used_in(loop, self.body.scalars)
        for key in sorted(read):
            simple = read[key]
            self.kept[key] = (f"x{self.lines.new('')}", simple)
            self.lines.add(f"{simple.c_type} {self.kept[key][0]} = st_load_{simple.tag}({key[0]} + {key[1]});")
        self.leave = f"goto {self.lines.new('leave_')}" if read else "return"
        self._for(loop) if isinstance(loop, ir.For) else self._loop(loop)
        self._let_go(written)

    def _let_go(self, written: set[tuple[str, int]]) -> None:
        """Back into the state, also on the way out of the unit."""
        back = [f"st_store_{simple.tag}({key[0]} + {key[1]}, {name});" for key, (name, simple) in self.kept.items()
                if key in written]  # fmt: skip
        leave, self.leave, self.kept = self.leave.removeprefix("goto "), "return", {}
        for line in back:
            self.lines.add(line)
        if leave != "return":
            self.lines.open("if (0) {")
            self.lines.add(f"{leave}: __attribute__((unused));")
            for line in back:
                self.lines.add(line)
            self.lines.add("return;")
            self.lines.close()

    def _for(self, statement: ir.For) -> None:
        """The end and the step are computed once; a counter that cannot go on keeps its last value."""
        lines, control = self.lines, statement.control
        self._store(statement.start)
        end, step, counter = lines.new("end"), lines.new("step"), lines.new("n")
        lines.add(f"const int64_t {end} = {self.value(statement.end)}, {step} = {self.value(statement.step)};")
        label = self._enter()
        lines.open("for (;;) {")
        lines.add(f"int64_t {counter} = {self.get(control)};")
        lines.add(f"if ({step} < 0 ? {counter} < {end} : {counter} > {end})")
        lines.add("    break;")
        self._round(statement.span)
        self.covered(statement.span, "round")
        self.statements(statement.body)
        lines.add(f"next_{label}: __attribute__((unused));")
        low, high = bounds(control.type) or (0, 0)
        lines.add(f"if (__builtin_add_overflow((int64_t){self.get(control)}, {step}, &{counter}) ||")
        lines.add(f"    {counter} < {_label(low)} || {counter} > {_label(high)})")
        lines.add("    break;")
        self._put(statement.kind, self.address(control), self.held(control), f"({statement.kind.c_type}){counter}")
        self._leave(statement.span, label)

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
        self.lines.add(f"ST_ROUND({span.source.number}, {span.line}, {self.leave});")

    def _leave(self, span: Span, label: str) -> None:
        self.lines.close()
        self.covered(span, "ended")
        self.lines.add(f"exit_{label}: __attribute__((unused));")
        self.loops.pop()

    def _jump(self, statement: ir.Jump) -> None:
        label = self.loops[-1] if self.loops else ""
        texts = {"EXIT": f"goto exit_{label};", "CONTINUE": f"goto next_{label};", "RETURN": f"{self.leave};"}
        self.lines.add(texts[statement.word])


def _label(value: int) -> str:
    return "INT64_MIN" if value == -(1 << 63) else f"INT64_C({value})" if value < 1 << 63 else f"UINT64_C({value})"
