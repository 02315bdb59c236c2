"""Reads PLCopen XML (TC6 2.01): declarations and bodies in ST become one text, compiled as if written."""

from __future__ import annotations

import re
from xml.etree import ElementTree  # entities are refused before anything is parsed

from hil.errors import PlcError

_SECTIONS = {
    "inputVars": "VAR_INPUT",
    "outputVars": "VAR_OUTPUT",
    "inOutVars": "VAR_IN_OUT",
    "localVars": "VAR",
    "tempVars": "VAR_TEMP",
    "externalVars": "VAR_EXTERNAL",
    "globalVars": "VAR_GLOBAL",
}
_POUS = {"program": "PROGRAM", "function": "FUNCTION", "functionBlock": "FUNCTION_BLOCK"}
_OTHER_BODIES = {"LD": "ladder diagram (LD)", "FBD": "function block diagram (FBD)",
                 "SFC": "sequential function chart (SFC)", "IL": "instruction list (IL)"}  # fmt: skip
MAX_BYTES = 50_000_000
MAX_DEPTH = 20


def structured_text(data: bytes, name: str) -> str:
    """The whole project as one text.

    Raises:
        PlcError: it is no PLCopen XML, or holds what is not supported, which is named.
    """
    if len(data) > MAX_BYTES:
        raise PlcError(f"is larger than {MAX_BYTES // 1_000_000} MB", where=name)
    if re.search(rb"<!\s*(DOCTYPE|ENTITY)", data, re.IGNORECASE):
        raise PlcError("has a DOCTYPE or entities, which no PLCopen XML needs", where=name, mend="Remove them")
    try:
        root = ElementTree.fromstring(data)  # noqa: S314
    except ElementTree.ParseError as error:
        line, column = error.position
        raise PlcError(f"is no XML: {error}", where=f"{name}:{line}:{column + 1}") from None
    for node in root.iter():
        node.tag = node.tag.rpartition("}")[2] if isinstance(node.tag, str) else ""
    if root.tag != "project":
        raise PlcError(f"is no PLCopen XML: its root is {root.tag}, not project", where=name)
    return _Project(root, name).text()


class _Project:
    """Writes one project."""

    def __init__(self, root: ElementTree.Element, name: str) -> None:
        self.root = root
        self.name = name

    def refuse(self, message: str, mend: str | None = None) -> PlcError:
        return PlcError(message, where=self.name, mend=mend)

    def text(self) -> str:
        parts = [self._type(node) for node in self.root.findall("types/dataTypes/dataType")]
        parts += [self._pou(node) for node in self.root.findall("types/pous/pou")]
        configurations = self.root.findall("instances/configurations/configuration")
        parts += [self._configuration(node) for node in configurations]
        return "\n".join(parts) + "\n"

    def attribute(self, node: ElementTree.Element, name: str) -> str:
        """An attribute that is a word: what else stands in it would become part of the text."""
        value = node.get(name, "")
        if not re.fullmatch(r"[A-Za-z_%][\w.%]*", value):
            raise self.refuse(f"<{node.tag}> has the {name} {value!r}")
        return value

    # ---- types ----

    def _type(self, node: ElementTree.Element) -> str:
        kind = self._of(node.find("baseType"))
        initial = self._initial(node.find("initialValue"))
        return f"TYPE {self.attribute(node, 'name')} : {kind}{initial}; END_TYPE"

    def _of(self, holder: ElementTree.Element | None, depth: int = 0) -> str:
        """The type within <type> or <baseType>."""
        if depth > MAX_DEPTH:
            raise self.refuse(f"types are nested more than {MAX_DEPTH} deep")
        inner = next(iter(holder), None) if holder is not None else None
        if inner is None:
            raise self.refuse("a type is missing")
        match inner.tag:
            case "derived":
                return self.attribute(inner, "name")
            case "string":
                length = inner.get("length", "80")
                if not length.isdigit():
                    raise self.refuse(f"a string has the length {length!r}")
                return f"STRING[{length}]"
            case "array":
                ranges = ", ".join(self._range(r) for r in inner.findall("dimension"))
                return f"ARRAY[{ranges}] OF {self._of(inner.find('baseType'), depth + 1)}"
            case "struct":
                fields = "\n".join(f"    {self._variable(v, depth + 1)}" for v in inner.findall("variable"))
                return f"STRUCT\n{fields}\nEND_STRUCT"
            case "enum":
                return f"({', '.join(self._value(v) for v in inner.findall('values/value'))})"
            case "subrangeSigned" | "subrangeUnsigned":
                bounds = inner.find("range")
                kind = self._of(inner.find("baseType"))
                return f"{kind} ({self._range(bounds)})" if bounds is not None else kind
            case "pointer" | "wstring":
                raise self.refuse(f"the type {inner.tag} is not supported")
        if not re.fullmatch(r"[A-Z_]+", inner.tag):
            raise self.refuse(f"the type {inner.tag} is not known")
        return inner.tag

    def _range(self, node: ElementTree.Element) -> str:
        return f"{node.get('lower', '')}..{node.get('upper', '')}"

    def _value(self, node: ElementTree.Element) -> str:
        number = node.get("value")
        return self.attribute(node, "name") + (f" := {number}" if number else "")

    def _initial(self, node: ElementTree.Element | None) -> str:
        return "" if node is None or not len(node) else f" := {self._literal(node)}"

    def _literal(self, holder: ElementTree.Element, depth: int = 0) -> str:
        """The value within <initialValue> or <value>."""
        node = next(iter(holder), None)
        if node is None or depth > MAX_DEPTH:
            raise self.refuse("an initial value is missing, or nested too deep")
        if node.tag == "simpleValue":
            return node.get("value", "")
        if node.tag == "arrayValue":
            return f"[{', '.join(self._element(v, depth + 1) for v in node.findall('value'))}]"
        members = (f"{self.attribute(v, 'member')} := {self._literal(v, depth + 1)}" for v in node.findall("value"))
        return f"({', '.join(members)})"

    def _element(self, node: ElementTree.Element, depth: int) -> str:
        value, count = self._literal(node, depth), node.get("repetitionValue", "1")
        return value if count == "1" else f"{count}({value})"

    # ---- variables ----

    def _variable(self, node: ElementTree.Element, depth: int = 0) -> str:
        address = node.get("address")
        at = f" AT {self.attribute(node, 'address')}" if address else ""
        kind, initial = self._of(node.find("type"), depth), self._initial(node.find("initialValue"))
        return f"{self.attribute(node, 'name')}{at} : {kind}{initial};"

    def _sections(self, holder: ElementTree.Element | None) -> str:
        """All variables of an interface, in their order, for the order of inputs is that of arguments."""
        lines: list[str] = []
        for section in holder if holder is not None else ():
            if section.tag in _SECTIONS:
                words = [w for w in ("constant", "retain") if section.get(w) == "true"]
                head = " ".join([_SECTIONS[section.tag], *(w.upper() for w in words)])
                lines += [head, *(f"    {self._variable(v)}" for v in section.findall("variable")), "END_VAR"]
            elif section.tag not in ("returnType", "documentation", "addData"):
                raise self.refuse(f"<{section.tag}> is not supported")
        return "\n".join(lines)

    # ---- units and configurations ----

    def _pou(self, node: ElementTree.Element) -> str:
        name, kind = self.attribute(node, "name"), node.get("pouType", "")
        if kind not in _POUS:
            raise self.refuse(f"{name} has the type {kind!r}")
        for part in ("actions", "transitions"):
            if node.find(part) is not None and len(node.find(part) or ()):
                raise self.refuse(f"{name}: {part} are not supported")
        interface = node.find("interface")
        result = interface.find("returnType") if interface is not None else None
        head = f"{_POUS[kind]} {name}" + (f" : {self._of(result)}" if result is not None else "")
        return "\n".join([head, self._sections(interface), self._body(node, name), f"END_{_POUS[kind]}"])

    def _body(self, node: ElementTree.Element, name: str) -> str:
        bodies = node.findall("body")
        for body in bodies:
            for tag, meaning in _OTHER_BODIES.items():
                if body.find(tag) is not None:
                    raise self.refuse(f"{name} is written as {meaning}, which is not supported", "Export it as ST")
        texts = [text for body in bodies if (text := body.find("ST")) is not None]
        return "\n".join("".join(text.itertext()) for text in texts)

    def _configuration(self, node: ElementTree.Element) -> str:
        lines = [f"CONFIGURATION {self.attribute(node, 'name')}", self._globals(node)]
        for resource in node.findall("resource"):
            tasks = resource.findall("task")
            lines += [f"RESOURCE {self.attribute(resource, 'name')} ON PLC", self._globals(resource)]
            lines += [self._task(task) for task in tasks]
            lines += [
                self._instance(i, f" WITH {self.attribute(t, 'name')}") for t in tasks for i in t.findall("pouInstance")
            ]
            lines += [self._instance(i, "") for i in resource.findall("pouInstance")]
            lines.append("END_RESOURCE")
        return "\n".join([*lines, "END_CONFIGURATION"])

    def _globals(self, node: ElementTree.Element) -> str:
        holder = ElementTree.Element("interface")
        holder.extend(node.findall("globalVars"))
        return self._sections(holder)

    def _task(self, node: ElementTree.Element) -> str:
        if node.get("single"):
            raise self.refuse(f"the task {node.get('name')} starts on an event (single), which is not supported")
        interval, priority = node.get("interval", ""), node.get("priority", "0")
        given = [f"INTERVAL := {_duration(interval)}"] if interval else []
        return f"TASK {self.attribute(node, 'name')} ({', '.join([*given, f'PRIORITY := {priority}'])});"

    def _instance(self, node: ElementTree.Element, task: str) -> str:
        return f"PROGRAM {self.attribute(node, 'name')}{task} : {self.attribute(node, 'typeName')};"


def _duration(text: str) -> str:
    """T#10ms, or the PT0.01S of XML Schema that some tools write."""
    match = re.fullmatch(r"PT(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?", text)
    if match is None:
        return text
    parts = [f"{number}{unit}" for number, unit in zip(match.groups(), "hms", strict=True) if number]
    return f"T#{''.join(parts) or '0s'}"
