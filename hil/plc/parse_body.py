"""From the grammar's tree to ours: expressions and statements."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from hil.plc import syntax as s
from hil.plc.mask import ADDRESS, ARRAY, BIT, LITERAL, STRUCT, Masked
from hil.plc.source import Diagnostics, Span

if TYPE_CHECKING:
    from tree_sitter import Node

MAX_DEPTH = 60  # levels of nesting of an expression or of statements; Python's stack carries some 900 calls
MAX_LEVELS = 120  # of operators, in a row too; the compiler's own calls nest some four times as deep

_STATEMENTS = frozenset(
    {"assignment_statement", "invocation_statement", "if_statement", "case_statement", "for_statement",
     "while_statement", "repeat_statement", "exit_statement", "continue_statement", "return_statement",
     "reference_assignment_statement"}
)  # fmt: skip
REFUSED = {
    "reference_assignment_statement": "REF= (references)",
    "address_of_expression": "ADR",
    "dereference_expression": "^ (pointers)",
    "this_expression": "THIS (methods)",
    "super_expression": "SUPER (methods)",
    "pointer_type": "POINTER TO",
    "reference_type": "REF_TO",
    "generic_type": "a generic type (ANY...)",
    "var_access": "VAR_ACCESS",
    "var_config": "VAR_CONFIG",
    "method_declaration": "METHOD",
    "property_declaration": "PROPERTY",
    "interface_declaration": "INTERFACE",
    "namespace_declaration": "NAMESPACE",
    "using_directive": "USING",
}  # fmt: skip


class BodyReader:
    """Reads expressions and statements of one file."""

    def __init__(self, masked: Masked, diagnostics: Diagnostics) -> None:
        self.masked = masked
        self.diagnostics = diagnostics

    # ---- helpers ----

    def span(self, node: Node) -> Span:
        """Where a node stands in the source."""
        return self.masked.span(node.start_byte, node.end_byte)

    def text(self, node: Node) -> str:
        """A node's text, as masked."""
        return self.masked.text[node.start_byte : node.end_byte]

    def child(self, node: Node, field: str) -> Node:
        """The child that the grammar promises under this name."""
        child = node.child_by_field_name(field)
        if child is None:
            raise self.diagnostics.refuse(self.span(node), f"syntax error: {field} is missing")
        return child

    def name(self, node: Node) -> s.Name:
        """An identifier where something gets or has a name."""
        text = self.text(node)
        if (text.startswith("__") and text != "__NOW") or node.type != "identifier":
            raise self.diagnostics.refuse(self.span(node), f"{self.span(node).text!r} stands where a name is expected")
        return s.Name(self.span(node), text)

    def refuse(self, node: Node) -> Exception:
        """What is known and not supported."""
        word = REFUSED.get(node.type, node.type.replace("_", " "))
        return self.diagnostics.refuse(self.span(node), f"{word} is not supported")

    # ---- expressions ----

    def expression(self, node: Node, depth: int = 0) -> s.Expr:
        """Any expression."""
        if depth > MAX_DEPTH:
            raise self.diagnostics.refuse(
                self.span(node), f"the expression is nested more than {MAX_DEPTH} deep", "Split it"
            )
        read = self._READERS.get(node.type)
        if read is None:
            raise self.refuse(node)
        found = read(self, node, depth + 1)
        if depth == 0 and levels(found) > MAX_LEVELS:
            raise self.diagnostics.refuse(
                found.span, f"the expression has more than {MAX_LEVELS} operators within each other", "Split it"
            )
        return found

    def _identifier(self, node: Node, _depth: int) -> s.Expr:
        span, text = self.span(node), self.text(node)
        if text.startswith((LITERAL, ADDRESS)) and text[3:].isdigit():
            token = self.masked.tokens[int(text[3:])]
            if text.startswith(ADDRESS):
                return s.Address(span, token.text)
            prefix, _, rest = token.text.rpartition("#") if token.kind != "based" else _based(token.text)
            if token.kind == "string":
                prefix, rest = _prefixed_string(token.text)
            return s.Literal(span, token.kind, prefix, rest)
        return self.name(node)

    def _number(self, node: Node, _: int) -> s.Expr:
        return s.Literal(self.span(node), "number", "", self.text(node))

    def _boolean(self, node: Node, _: int) -> s.Expr:
        return s.Literal(self.span(node), "bool", "", self.text(node).upper())

    def _parenthesised(self, node: Node, depth: int) -> s.Expr:
        return self.expression(node.named_children[0], depth)

    def _call(self, node: Node, depth: int) -> s.Expr:
        span, function = self.span(node), self.child(node, "function")
        arguments = self.arguments(self.child(node, "arguments"), depth)
        if self.text(function) == ARRAY:
            return s.ArrayValue(span, tuple(a.value for a in arguments))
        if self.text(function) == STRUCT:
            return s.StructValue(span, arguments)
        return s.Call(span, self.expression(function, depth), arguments)

    def arguments(self, node: Node, depth: int = 0) -> tuple[s.Argument, ...]:
        """What stands in the parentheses of a call."""
        return tuple(self._argument(child, depth) for child in node.named_children if child.type != "comment")

    def _argument(self, node: Node, depth: int) -> s.Argument:
        span = self.span(node)
        if node.type != "named_argument":
            return s.Argument(span, None, self.expression(node, depth))
        output = any(child.type == "=>" for child in node.children)
        name = self.name(self.child(node, "name"))
        return s.Argument(span, name.text, self.expression(self.child(node, "value"), depth), output)

    def _index(self, node: Node, depth: int) -> s.Expr:
        indices = [c for c in node.children_by_field_name("index") if c.is_named]
        base = self.expression(self.child(node, "object"), depth)
        return s.Index(self.span(node), base, tuple(self.expression(i, depth) for i in indices))

    def _member(self, node: Node, depth: int) -> s.Expr:
        member = self.child(node, "member")
        base, text = self.expression(self.child(node, "object"), depth), self.text(member)
        if text.startswith(BIT) and text[3:].isdigit():
            return s.Bit(self.span(node), base, self.masked.tokens[int(text[3:])].text)
        return s.Member(self.span(node), base, self.name(member).text)

    def _unary(self, node: Node, depth: int) -> s.Expr:
        operator = self.text(self.child(node, "operator")).upper()
        return s.Unary(self.span(node), operator, self.expression(self.child(node, "operand"), depth))

    def _binary(self, node: Node, depth: int) -> s.Expr:
        """Chains of operators lean to the left (6.6.1): unrolled, so that a long sum is no deep recursion."""
        rest: list[tuple[str, Node]] = []
        while node.type == "binary_expression" and len(rest) <= MAX_LEVELS:
            operator = self.text(self.child(node, "operator")).upper()
            rest.append((operator, self.child(node, "right")))
            node = self.child(node, "left")
        if len(rest) > MAX_LEVELS:
            raise self.diagnostics.refuse(
                self.span(node), f"the expression has more than {MAX_LEVELS} operators in a row", "Split it"
            )
        left = self.expression(node, depth)
        for operator, right in reversed(rest):
            left = self._leaning(operator, left, right, depth)
        return left

    def _leaning(self, operator: str, left: s.Expr, right: Node, depth: int) -> s.Expr:
        """A ** b ** c is read by the grammar as a ** (b ** c), by the standard as (a ** b) ** c."""
        operator = "AND" if operator == "&" else operator
        while operator == "**" and right.type == "binary_expression":
            left = self._pair(operator, left, self.expression(self.child(right, "left"), depth))
            right = self.child(right, "right")
        return self._pair(operator, left, self.expression(right, depth))

    def _pair(self, operator: str, left: s.Expr, right: s.Expr) -> s.Expr:
        return s.Binary(left.span.to(right.span), operator, left, right)

    _READERS: ClassVar[dict[str, Callable[[BodyReader, Node, int], s.Expr]]] = {
        "identifier": _identifier,
        "integer_literal": _number,
        "real_literal": _number,
        "boolean_literal": _boolean,
        "parenthesized_expression": _parenthesised,
        "call_expression": _call,
        "index_expression": _index,
        "member_access_expression": _member,
        "unary_expression": _unary,
        "binary_expression": _binary,
    }

    # ---- statements ----

    def statements(self, nodes: list[Node], depth: int = 0) -> tuple[s.Statement, ...]:
        """Those among `nodes`; empty ones do nothing."""
        from hil.plc.source import Refused

        found: list[s.Statement] = []
        for node in nodes:
            if node.type in _STATEMENTS:
                try:
                    found.append(self._statement(node, depth + 1))
                except Refused:
                    continue  # noted; the next statement may have a mistake of its own
        return tuple(found)

    def _statement(self, node: Node, depth: int) -> s.Statement:
        if depth > MAX_DEPTH:
            raise self.diagnostics.refuse(self.span(node), f"statements are nested more than {MAX_DEPTH} deep")
        span = self.span(node)
        match node.type:
            case "assignment_statement":
                target = self.expression(self.child(node, "left"))
                return s.Assign(span, target, self.expression(self.child(node, "right")))
            case "invocation_statement":
                call = self.expression(node.named_children[0])
                if not isinstance(call, s.Call):
                    raise self.diagnostics.refuse(span, "this is no call")
                return s.CallStatement(span, call)
            case "if_statement":
                return self._if(node, depth)
            case "case_statement":
                return self._case(node, depth)
            case "for_statement" | "while_statement" | "repeat_statement":
                return self._loop(node, depth)
            case "exit_statement" | "continue_statement" | "return_statement":
                return self._jump(node)
        raise self.refuse(node)

    def _jump(self, node: Node) -> s.Statement:
        if node.child_by_field_name("value") is not None:
            text = "RETURN with a value is not supported"
            raise self.diagnostics.refuse(self.span(node), text, "Assign it to the function's name before")
        return s.Jump(self.span(node), node.type.removesuffix("_statement").upper())

    def _if(self, node: Node, depth: int) -> s.Statement:
        first = self.expression(self.child(node, "condition"))
        branches = [(first, self.statements(node.children_by_field_name("consequence"), depth))]
        for clause in (c for c in node.children if c.type == "elsif_clause"):
            condition = self.expression(self.child(clause, "condition"))
            branches.append((condition, self.statements(clause.children_by_field_name("body"), depth)))
        return s.If(self.span(node), tuple(branches), self._otherwise(node, depth))

    def _otherwise(self, node: Node, depth: int) -> tuple[s.Statement, ...] | None:
        clause = next((c for c in node.children if c.type == "else_clause"), None)
        return None if clause is None else self.statements(clause.children_by_field_name("body"), depth)

    def _case(self, node: Node, depth: int) -> s.Statement:
        clauses = []
        for clause in (c for c in node.children if c.type == "case_clause"):
            labels = tuple(self._label(c) for c in clause.children if c.type == "case_value")
            clauses.append((labels, self.statements(clause.children_by_field_name("body"), depth)))
        subject = self.expression(self.child(node, "subject"))
        return s.Case(self.span(node), subject, tuple(clauses), self._otherwise(node, depth))

    def _label(self, node: Node) -> s.CaseLabel:
        inner = node.named_children[0]
        if inner.type == "subrange":
            low, high = (self.expression(self.child(inner, end)) for end in ("lower", "upper"))
            return s.CaseLabel(self.span(node), low, high)
        return s.CaseLabel(self.span(node), self.expression(inner), None)

    def _loop(self, node: Node, depth: int) -> s.Statement:
        span, body = self.span(node), self.statements(node.children_by_field_name("body"), depth)
        if node.type != "for_statement":
            condition = self.expression(self.child(node, "condition"))
            return s.While(span, condition, body, node.type == "repeat_statement")
        step = node.child_by_field_name("step")
        return s.For(
            span,
            self.name(self.child(node, "control")),
            self.expression(self.child(node, "start")),
            self.expression(self.child(node, "end")),
            None if step is None else self.expression(step),
            body,
        )


def levels(root: s.Expr) -> int:
    """Depth of an expression's tree."""
    deepest = 0
    pending = [(root, 1)]
    while pending:
        found, depth = pending.pop()
        deepest = max(deepest, depth)
        inner: tuple[s.Expr, ...] = ()
        match found:
            case s.Binary():
                inner = (found.left, found.right)
            case s.Unary():
                inner = (found.operand,)
            case s.Index():
                inner = (found.base, *found.indices)
            case s.Member() | s.Bit():
                inner = (found.base,)
            case s.Call():
                inner = (found.callee, *(a.value for a in found.arguments))
            case s.ArrayValue():
                inner = found.items
            case s.StructValue():
                inner = tuple(a.value for a in found.fields)
        pending += [(one, depth + 1) for one in inner]
    return deepest


def _based(text: str) -> tuple[str, str, str]:
    """WORD#16#FF -> WORD, 16#FF"""
    parts = text.split("#")
    return ("", "", text) if len(parts) == 2 else (parts[0], "#", "#".join(parts[1:]))


def _prefixed_string(text: str) -> tuple[str, str]:
    """STRING#'a#b' -> STRING, 'a#b'"""
    if text[0] in "'\"":
        return "", text
    prefix, _, rest = text.partition("#")
    return prefix, rest
