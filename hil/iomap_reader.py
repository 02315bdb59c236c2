"""Reads I/O maps (see `hil.iomap`): every mistake with its line and column, all of them at once."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Callable

from hil import units
from hil.errors import RigError
from hil.iomap import (
    CLOCK_TABLES,
    COLUMNS,
    DIRECTIONS,
    LARGEST_ADDRESS,
    LINK_REQUIRED,
    LINK_TABLES,
    OF_SIGNALS,
    ORDERS,
    REQUIRED,
    TABLES,
    TYPES,
    IoTag,
    parse_address,
)
from hil.nearest import did_you_mean

_TAG = re.compile(r"@?[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z0-9_]+)*")


Note = Callable[[int | None, str, str, str | None], None]
"""Called for each mistake with (line, key, why, mend)."""


def read_map(text: str, note: Note, *, link: bool = False) -> list[IoTag]:
    """Tags of a map, in the order of the file. Mistakes go to `note`, and rows with mistakes are left out.

    Args:
        text: the CSV file.
        note: called with (line, key, why, mend) for each mistake.
        link: it is a microcontroller's map, without tables and addresses.
    """
    rows = [(n, line) for n, line in enumerate(text.lstrip("\ufeff").splitlines(), 1) if _is_data(line)]
    if not rows:
        note(None, "", "the map is empty", f"Begin with a header: {','.join(COLUMNS)}")
        return []
    delimiter = ";" if rows[0][1].count(";") > rows[0][1].count(",") else ","
    header = [name.strip() for name in next(csv.reader([rows[0][1]], delimiter=delimiter))]
    if not _check_header(header, rows[0][0], note, LINK_REQUIRED if link else REQUIRED):
        return []
    tags = [_read_row(header, n, line, delimiter, note, link=link) for n, line in rows[1:]]
    found = [tag for tag in tags if tag is not None]
    _check_names(found, note)
    if link:
        _check_clock(found, note)
    return found


def load_map(text: str, file: str) -> list[IoTag]:
    """Tags of a map.

    Raises:
        RigError: all mistakes, one line each.
    """
    wrong: list[str] = []

    def note(line: int | None, key: str, why: str, mend: str | None) -> None:
        place = file if line is None else f"{file}:{line}"
        wrong.append(": ".join(filter(None, (place, key, why))) + (f". {mend}" if mend else ""))

    tags = read_map(text, note)
    if wrong:
        raise RigError("\n".join(wrong))
    return tags


def _is_data(line: str) -> bool:
    return bool(line.strip().strip(",;")) and not line.lstrip().startswith("#")


def _check_header(header: list[str], line: int, note: Note, required: tuple[str, ...]) -> bool:
    before = len(header)
    unknown = [name for name in header if name not in COLUMNS]
    for name in unknown:
        note(line, name or "(empty)", "unknown column", did_you_mean(name, COLUMNS))
    missing = [name for name in required if name not in header]
    for name in missing:
        note(line, name, "this column is missing", f"A map needs {', '.join(required)}")
    doubled = sorted({name for name in header if header.count(name) > 1})
    for name in doubled:
        note(line, name, "this column stands here twice", None)
    return before > 0 and not unknown and not missing and not doubled


def _read_row(header: list[str], line: int, text: str, delimiter: str, note: Note, *, link: bool) -> IoTag | None:
    cells = [cell.strip() for cell in next(csv.reader([text], delimiter=delimiter))]
    if len(cells) > len(header):
        note(line, cells[0], f"{len(cells)} cells, the header has {len(header)}", "Put texts with commas in quotes")
        return None
    row = _Row(dict(zip(header, cells, strict=False)), line, note, link=link)
    tag = row.tag()
    return None if row.wrong else tag


class _Row:
    """Reads the cells of one row and counts its mistakes."""

    def __init__(self, cells: dict[str, str], line: int, note: Note, *, link: bool) -> None:
        self.cells = cells
        self.link = link
        self.line = line
        self.wrong = 0
        self._note = note

    def note(self, column: str, why: str, mend: str | None = None) -> None:
        self.wrong += 1
        value = self.cells.get(column, "")
        name = self.cells.get("tag", "")
        key = f"{name}.{column}" if column != "tag" else column
        self._note(self.line, f"{key} = {value}" if value else key, why, mend)

    def tag(self) -> IoTag | None:
        table = self._choice("table", LINK_TABLES, "image") if self.link else self._choice("table", tuple(TABLES))
        kind = self._choice("type", TYPES)
        values = {
            "tag": self._name(),
            "direction": self._choice("direction", DIRECTIONS),
            "table": table,
            "address": self.line if self.link else self._address(table),
            "type": kind,
            "bit": self._bit(),
            "word_order": self._choice("word_order", ORDERS, "big"),
            "byte_order": self._choice("byte_order", ORDERS, "big"),
            "scale": self._number("scale", 1.0),
            "offset": self._number("offset", 0.0),
            "unit": self._unit(),
            "description": self.cells.get("description", ""),
            "line": self.line,
            "variable": self.cells.get("variable") or None,
        }
        values |= {column: self._number(column) for column in OF_SIGNALS}
        if self.wrong:
            return None
        tag = IoTag(**values)  # type: ignore[arg-type]
        self._check(tag)
        return tag

    def _name(self) -> str:
        name = self.cells.get("tag", "")
        if not _TAG.fullmatch(name):
            self.note("tag", "is not a name", "Names have letters, digits, _ and dots; @ in front for wire-only tags")
        return name

    def _choice(self, column: str, choices: tuple[str, ...], preset: str | None = None) -> str:
        text = self.cells.get(column, "").lower()
        if not text and preset is not None:
            return preset
        if text not in choices:
            self.note(column, "is missing" if not text else "is not known", did_you_mean(text, choices))
            return choices[0]
        return text

    def _address(self, table: str) -> int:
        text = self.cells.get("address", "")
        if not text:
            self.note("address", "is missing")
            return 0
        try:
            return parse_address(text, table)
        except RigError as error:
            self.note("address", error.message, error.mend)
            return 0

    def _bit(self) -> int | None:
        text = self.cells.get("bit", "")
        if not text:
            return None
        if not text.isdigit() or int(text) > 15:
            self.note("bit", "must be a whole number from 0 (lowest) to 15")
            return None
        return int(text)

    def _number(self, column: str, preset: float | None = None) -> float | None:
        text = self.cells.get(column, "")
        if not text:
            return preset
        try:
            value = float(text)
        except ValueError:
            self.note(column, "is not a number", "Write 0.5 with a point" if "," in text else None)
            return preset
        if not math.isfinite(value):
            self.note(column, "must be a finite number")
        return value

    def _unit(self) -> str | None:
        text = self.cells.get("unit", "")
        try:
            return units.check_unit(text) if text else None
        except RigError as error:
            self.note("unit", error.message, error.mend)
            return None

    def _check(self, tag: IoTag) -> None:
        """What does not fit together within one row."""
        if tag.is_bits and tag.type != "bool":
            self.note("type", f"table {tag.table} carries bool only")
        if tag.is_bits and tag.bit is not None:
            self.note("bit", f"table {tag.table} has single bits; leave it empty")
        if not self.link and not tag.is_bits and (tag.type == "bool") != (tag.bit is not None):
            self.note("bit", "bool in a register needs a bit, 0 (lowest) to 15; other types take none")
        if not self.link and tag.address + tag.words > LARGEST_ADDRESS + 1:
            self.note("address", f"{tag.type} needs {tag.words} registers, the last address is {LARGEST_ADDRESS}")
        if tag.scale == 0.0:
            self.note("scale", "must not be 0")
        if tag.type == "bool" and (tag.scale, tag.offset) != (1.0, 0.0):
            self.note("scale", "bool takes neither scale nor offset")
        for low, high in (("min", "max"), ("limit_min", "limit_max")):
            self._check_pair(tag, low, high)
        for column in ("rate_limit", "max_age_s"):
            if (value := getattr(tag, column)) is not None and value <= 0:
                self.note(column, "must be larger than 0")
        if tag.variable and self.link:
            self.note("variable", "belongs to PLCs on Modbus")
        if tag.wire_only and any(getattr(tag, column) is not None for column in OF_SIGNALS):
            self.note("tag", "a wire-only tag has no range, limits, start, safe value or age")

    def _check_pair(self, tag: IoTag, low: str, high: str) -> None:
        lower, upper = getattr(tag, low), getattr(tag, high)
        if (lower is None) != (upper is None):
            self.note(low if lower is None else high, f"{low} and {high} need each other")
        elif lower is not None and lower >= upper:
            self.note(low, f"must be smaller than {high} = {upper:g}")


def _check_clock(tags: list[IoTag], note: Note) -> None:
    """The host appends its three figures of the clock behind the device's values."""
    clock = [tag.table for tag in tags if tag.of_clock]
    if not clock:
        return
    last = tags[-len(CLOCK_TABLES) :]
    if [tag.table for tag in last] != list(CLOCK_TABLES) or len(clock) != len(CLOCK_TABLES):
        why = f"the clock takes the last {len(CLOCK_TABLES)} rows, {', '.join(CLOCK_TABLES)} in this order"
        note(next(tag.line for tag in tags if tag.of_clock), "table", why, None)
    for tag in last:
        if tag.of_clock and (tag.direction, tag.type) != ("read", "float64"):
            note(tag.line, f"{tag.tag}.type", "a figure of the clock is read, as a float64", None)


def _check_names(tags: list[IoTag], note: Note) -> None:
    lines: dict[str, int | None] = {}
    for tag in tags:
        if tag.tag in lines:
            note(
                tag.line,
                tag.tag,
                f"this tag stands already in line {lines[tag.tag]}",
                "Give each tag a name of its own",
            )
        lines.setdefault(tag.tag, tag.line)
