"""The PLC's own list of tags: generic CSV, OpenPLC's variable table as CSV, or variables of a PLCopen XML file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree import ElementTree as Xml

from hil.commission.reading import Place, Reading, Row

WHERE = ("commission", "tag_list")
GENERIC = ("tag", "type")
GENERIC_MORE = ("signal", "address", "scale", "offset", "unit", "description", "direction", "comment")
OPENPLC = ("Name", "Class", "Type", "Location")  # of the editor's table of variables
OPENPLC_MORE = ("#", "Initial Value", "Option", "Options", "Documentation")
# Registers that carry a type of IEC 61131-3. Words have no sign, and a program may still take them for signed numbers.
REGISTERS = {
    "BOOL": ("bool",), "BYTE": ("uint16",), "USINT": ("uint16",), "SINT": ("int16",), "INT": ("int16",),
    "UINT": ("uint16",), "WORD": ("uint16", "int16"), "DINT": ("int32",), "UDINT": ("uint32",),
    "DWORD": ("uint32", "int32", "float32"), "LINT": ("int64",), "ULINT": ("uint64",),
    "LWORD": ("uint64", "int64", "float64"), "REAL": ("float32",), "LREAL": ("float64",), "TIME": ("int32", "int64"),
}  # fmt: skip
_LOCATED = re.compile(r"%[IQM][XBWDL]?\d+(\.\d+)*", re.IGNORECASE)


@dataclass(frozen=True)
class ListedTag:
    """One tag of the list.

    Attributes:
        name: as the PLC calls it.
        signal: the rig's signal; by default of the same name.
        type: of IEC 61131-3 or of a register, as written.
        address: located variable or Modbus address, as written; empty where there is none.
        scale, offset: None where the list does not tell.
        at: where it stands.
    """

    name: str
    signal: str
    type: str
    address: str
    scale: float | None
    offset: float | None
    unit: str
    at: Place

    @property
    def registers(self) -> tuple[str, ...]:
        """Types of registers that carry it."""
        return REGISTERS.get(self.type.upper(), (self.type.lower(),))


def read_tag_list(reading: Reading, file: str) -> list[ListedTag]:
    """All tags of a list; what cannot be read is noted."""
    if file.lower().endswith(".xml"):
        text = reading.text(WHERE, file)
        return [] if text is None else list(_plcopen(reading, text, file))
    text = reading.text(WHERE, file)
    if text is None:
        return []
    if set(OPENPLC) & set(re.split(r"[,;\n]", text.split("\n", 1)[0].strip())):
        return [_openplc(row) for row in reading.rows(WHERE, file, OPENPLC, OPENPLC_MORE) if row["Name"]]
    return [_generic(reading, row) for row in reading.rows(WHERE, file, GENERIC, GENERIC_MORE)]


def _generic(reading: Reading, row: Row) -> ListedTag:
    name = row["tag"]
    if not name:
        reading.note(row.at("tag"), "is empty", "Give the tag its name")
    if row["type"].upper() not in REGISTERS and row["type"].lower() not in {r for rs in REGISTERS.values() for r in rs}:
        reading.note(row.at("type"), f"'{row['type']}' is no type", f"Types are {', '.join(REGISTERS)}, uint16 ...")
    return ListedTag(
        name, row["signal"] or name, row["type"], row["address"], _number(reading, row, "scale"),
        _number(reading, row, "offset"), row["unit"], row.at("tag"),
    )  # fmt: skip


def _number(reading: Reading, row: Row, column: str) -> float | None:
    try:
        return float(row[column]) if row[column] else None
    except ValueError:
        reading.note(row.at(column), f"'{row[column]}' is not a number")
        return None


def _openplc(row: Row) -> ListedTag:
    return ListedTag(row["Name"], row["Name"], row["Type"], row["Location"], None, None, "", row.at("Name"))


def _plcopen(reading: Reading, text: str, file: str) -> Iterator[ListedTag]:
    """Global variables, and variables of programs that have an address (PLCopen TC6 XML 2.01)."""
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        reading.note(Place(file, 1, ""), "declares a document type, which PLCopen XML does not", "Export it again")
        return
    try:
        root = Xml.fromstring(text)  # noqa: S314, entities are refused above
    except Xml.ParseError as error:
        reading.note(Place(file, error.position[0], ""), f"is no XML: {error}")
        return
    for group in root.iter():
        is_global = _local(group.tag) == "globalVars"
        for variable in group if is_global or _local(group.tag) in ("localVars", "inputVars", "outputVars") else ():
            address = variable.get("address", "")
            if _local(variable.tag) == "variable" and (is_global or address):
                name = variable.get("name", "")
                yield ListedTag(name, name, _type(variable), address, None, None, "", Place(file, 1, name))


def _type(variable: Xml.Element) -> str:
    for element in variable:
        if _local(element.tag) == "type" and len(element):
            inner = element[0]
            return inner.get("name", "") if _local(inner.tag) == "derived" else _local(inner.tag)
    return ""


def _local(tag: str) -> str:
    """A name without its namespace."""
    return tag.rpartition("}")[2]


def is_located(address: str) -> bool:
    """An address of IEC 61131-3, as %IW0."""
    return _LOCATED.fullmatch(address) is not None
