"""Reads a source: masked, parsed by tree-sitter, turned into our own tree."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from hil.errors import PlcError
from hil.plc import syntax as s
from hil.plc.mask import TEXT, Masked, mask
from hil.plc.parse_body import REFUSED, BodyReader
from hil.plc.source import Diagnostics, Refused, Source, Span
from hil.plc.syntax_errors import report

if TYPE_CHECKING:
    from tree_sitter import Node, Parser

MEND = "Install it with: pip install 'hil[plc]'"
_POUS = ("program_declaration", "function_declaration", "function_block_declaration")


@cache
def _parser() -> Parser:
    try:
        import tree_sitter
        import tree_sitter_iec61131_3_st
    except ImportError as error:
        raise PlcError(f"reading Structured Text needs the package {error.name}", mend=MEND) from error
    return tree_sitter.Parser(tree_sitter.Language(tree_sitter_iec61131_3_st.language()))


def parse(source: Source, diagnostics: Diagnostics) -> s.File:
    """The tree of a file; empty after a syntax error, which is noted."""
    masked = mask(source, diagnostics)
    root = _parser().parse(masked.text.encode("ascii", errors="replace")).root_node
    if diagnostics.errors or root.has_error:
        report(masked, root, diagnostics)
        return s.File((), (), (), ())
    return FileReader(masked, diagnostics).file(root)


class FileReader(BodyReader):
    """Reads declarations of one file."""

    def __init__(self, masked: Masked, diagnostics: Diagnostics) -> None:
        super().__init__(masked, diagnostics)
        self.types: list[s.TypeDefinition] = []
        self.globals: list[s.VarBlock] = []
        self.pous: list[s.Pou] = []
        self.configurations: list[s.Configuration] = []

    def file(self, root: Node) -> s.File:
        """All of it."""
        for node in root.named_children:
            try:
                self._item(node)
            except Refused:
                continue
        return s.File(tuple(self.types), tuple(self.globals), tuple(self.pous), tuple(self.configurations))

    def _item(self, node: Node) -> None:
        if node.type in _POUS:
            self.pous.append(self._pou(node))
        elif node.type == "type_declaration":
            for definition in (c for c in node.children if c.type == "type_definition"):
                self.types.append(self._definition(definition))
        elif node.type == "global_var_declaration_block":
            self.globals.append(self.var_block(node.named_children[0]))
        elif node.type == "configuration_declaration":
            self.configurations.append(self._configuration(node))
        else:
            raise self.refuse(node)

    # ---- types ----

    def _definition(self, node: Node) -> s.TypeDefinition:
        name = self.name(self.child(node, "name"))
        initial = node.child_by_field_name("default")
        value = None if initial is None else self.expression(initial)
        return s.TypeDefinition(self.span(node), name, self.type(self.child(node, "definition")), value)

    def type(self, node: Node, depth: int = 0) -> s.TypeText:
        """A type where one is expected."""
        span = self.span(node)
        if depth > 20:
            raise self.diagnostics.refuse(span, "types are nested more than 20 deep")
        match node.type:
            case "identifier" if self.text(node).startswith(TEXT):
                return s.StringText(span, "STRING", self._length(int(self.text(node)[3:])))
            case "elementary_type" | "identifier":
                return s.NamedType(span, span.text)
            case "string_type":
                length = node.child_by_field_name("length")
                name = self.text(node.children[0]).upper()
                return s.StringText(span, name, None if length is None else self.expression(length))
            case "array_type":
                ranges = tuple(self._range(r) for r in node.children_by_field_name("range") if r.is_named)
                return s.ArrayText(span, ranges, self.type(self.child(node, "element_type"), depth + 1))
            case "subrange_type":
                low, high = self._range(node)
                return s.SubrangeText(span, self.text(node.children[0]).upper(), low, high)
            case "enumerated_type_inline":
                values = tuple(self._enumerator(c) for c in node.children if c.type == "enumerator")
                return s.EnumText(span, values)
            case "structure_type_inline":
                fields = tuple(self._field(c, depth + 1) for c in node.children if c.type == "structure_field")
                return s.StructText(span, fields)
        raise self.refuse(node)

    def _length(self, string: int) -> s.Expr:
        """The length that stands behind the token STRING of that number."""
        token = self.masked.tokens[string + 2]
        place = Span(self.masked.source, token.start, token.end)
        if token.kind == "word":
            return s.Name(place, token.text)
        return s.Literal(place, "number", "", token.text)

    def _range(self, node: Node) -> tuple[s.Expr, s.Expr]:
        return self.expression(self.child(node, "lower")), self.expression(self.child(node, "upper"))

    def _enumerator(self, node: Node) -> tuple[s.Name, s.Expr | None]:
        value = node.child_by_field_name("value")
        return self.name(self.child(node, "name")), None if value is None else self.expression(value)

    def _field(self, node: Node, depth: int) -> s.VarText:
        initial = node.child_by_field_name("default")
        value = None if initial is None else self.expression(initial)
        name = self.name(self.child(node, "name"))
        return s.VarText(self.span(node), (name,), None, self.type(self.child(node, "type"), depth), value)

    # ---- variables ----

    def var_block(self, node: Node) -> s.VarBlock:
        """VAR ... END_VAR of any kind."""
        if node.type in REFUSED:
            raise self.refuse(node)
        words = [self.text(q).upper() for q in node.children if q.type == "var_qualifier_list"]
        found = [self._variable(c) for c in node.children if c.type == "variable_declaration"]
        kind = self.text(node.children[0]).upper()
        return s.VarBlock(self.span(node), kind, frozenset(" ".join(words).split()), tuple(found))

    def _variable(self, node: Node) -> s.VarText:
        names = tuple(self.name(c) for c in node.children_by_field_name("names") if c.is_named)
        initial, address = node.child_by_field_name("initial_value"), node.child_by_field_name("address")
        return s.VarText(
            self.span(node),
            names,
            None if address is None else s.Address(self.span(address), self.text(address)),
            self.type(self.child(node, "type")),
            None if initial is None else self.expression(initial),
        )

    def _blocks(self, node: Node) -> tuple[s.VarBlock, ...]:
        return tuple(self.var_block(c) for c in node.children if c.type.startswith("var_"))

    # ---- program organisation units and configuration ----

    def _pou(self, node: Node) -> s.Pou:
        for child in node.children:
            if child.type in REFUSED:
                raise self.refuse(child)
            if child.type in ("EXTENDS", "IMPLEMENTS", "ABSTRACT", "FINAL"):
                raise self.diagnostics.refuse(self.span(child), f"{child.type} is not supported")
        result = node.child_by_field_name("return_type")
        return s.Pou(
            self.span(node),
            node.type.removesuffix("_declaration").upper(),
            self.name(self.child(node, "name")),
            None if result is None else self.type(result),
            self._blocks(node),
            self.statements(node.children_by_field_name("body")),
        )

    def _configuration(self, node: Node) -> s.Configuration:
        resources = [c for c in node.children if c.type == "resource_declaration"]
        if len(resources) > 1:
            raise self.diagnostics.refuse(self.span(resources[1]), "a second RESOURCE is not supported")
        tasks: list[s.TaskText] = []
        instances: list[s.InstanceText] = []
        blocks = self._blocks(node)
        for resource in resources:
            blocks += self._blocks(resource)
            tasks += [self._task(c) for c in resource.children if c.type == "task_declaration"]
            instances += [self._instance(c) for c in resource.children if c.type == "program_assignment"]
        name = self.name(self.child(node, "name"))
        return s.Configuration(self.span(node), name, blocks, tuple(tasks), tuple(instances))

    def _task(self, node: Node) -> s.TaskText:
        parameters = []
        for child in (c for c in node.children if c.type == "task_parameter"):
            name, value = self.name(self.child(child, "name")), self.expression(self.child(child, "value"))
            parameters.append(s.Argument(self.span(child), name.text, value))
        return s.TaskText(self.span(node), self.name(self.child(node, "name")), tuple(parameters))

    def _instance(self, node: Node) -> s.InstanceText:
        arguments = next((c for c in node.children if c.type == "argument_list"), None)
        if arguments is not None and arguments.named_children:
            raise self.diagnostics.refuse(self.span(arguments), "parameters of a program's instance are not supported")
        task = node.child_by_field_name("task")
        return s.InstanceText(
            self.span(node),
            self.name(self.child(node, "name")),
            None if task is None else self.name(task),
            self.name(self.child(node, "program_type")),
        )
