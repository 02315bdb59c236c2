"""Mistakes in a rig: collected while reading, shown together, one line each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError

from hil.errors import RigError
from hil.nearest import did_you_mean
from hil.rig import schema
from hil.rig.lines import KeyLines
from hil.rig.twin_schema import TwinTable, named_table

KeyPath = tuple[str | int, ...]
MISSING = object()
SHOWN = 50  # characters of a value

TABLES: Mapping[str, type[BaseModel]] = {
    "rig": schema.RigTable,
    "loop": schema.LoopTable,
    "signals": schema.SignalTable,
    "blocks": schema.BlockTable,
    "roles": schema.RoleTable,
    "devices": schema.DeviceTable,
    "instruments": schema.InstrumentTable,
    "record": schema.RecordTable,
    "faults": schema.FaultTable,
    "events": schema.EventTable,
    "conversions": schema.ConversionTable,
    "fit": schema.FitTable,
    "twin": TwinTable,
}
# What pydantic's kinds of error mean to somebody who writes a rig.
EXPECTED = {
    "float_type": "a number",
    "float_parsing": "a number",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "string_type": "a text in quotes",
    "bool_type": "true or false",
    "list_type": "a list [...]",
    "dict_type": "a table {...}",
    "model_type": "a table {...}",
    "model_attributes_type": "a table {...}",
}


@dataclass(frozen=True)
class Mistake:
    """One mistake: where it stands, what is wrong, and the mend."""

    file: str
    line: int | None
    key: str
    why: str
    mend: str | None = None

    def __str__(self) -> str:
        if not self.file:
            return self.why
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        text = f"{place}: {self.key}: {self.why}" if self.key else f"{place}: {self.why}"
        return f"{text}. {self.mend}" if self.mend else text


class RigMistakesError(RigError):
    """Everything that is wrong with a rig. `str()` has one line for each of `mistakes`."""

    def __init__(self, mistakes: Iterable[Mistake]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__("\n".join(str(mistake) for mistake in self.mistakes))


class Mistakes:
    """Collects mistakes of one rig file and what it names.

    Args:
        file: how messages call the rig file.
        lines: finds the line of a key in it.
    """

    def __init__(self, file: str, lines: KeyLines) -> None:
        self.file = file
        self.lines = lines
        self.found: list[Mistake] = []

    def add(self, path: KeyPath, why: str, *, value: object = MISSING, mend: str | None = None) -> None:
        """Note a mistake at a key of the rig file."""
        key = dotted(path) + ("" if value is MISSING else f" = {shown(value)}")
        self._note(Mistake(self.file, self.lines.line(path), key, why, mend))

    def add_text(self, text: str) -> None:
        """Note what another part of the package has found in files of its own, with the place in the text."""
        self._note(Mistake("", None, "", text))

    def add_in(self, file: str, line: int | None, key: str, why: str, mend: str | None = None) -> None:
        """Note a mistake in another file."""
        self._note(Mistake(file, line, key, why, mend))

    def add_error(self, path: KeyPath, error: RigError, *, value: object = MISSING) -> None:
        """Note what another part of the package said about a key."""
        where = f" ({error.where})" if error.where and error.where not in dotted(path) else ""
        self.add(path, error.message + where, value=value, mend=error.mend)

    def add_invalid(self, error: ValidationError, data: Mapping[str, Any]) -> None:
        """Note what pydantic found, in the words of the rig's author."""
        by_path: dict[KeyPath, list[dict[str, Any]]] = defaultdict(list)
        for detail in error.errors(include_url=False, include_context=True):
            by_path[_data_path(detail, data)].append(dict(detail))
        for path, details in by_path.items():
            self._add_detail(path, details, data)

    def stop_if_any(self) -> None:
        """Raise what was found so far.

        Raises:
            RigMistakesError: at least one mistake was noted.
        """
        if self.found:
            raise RigMistakesError(sorted(self.found, key=lambda m: (m.file != self.file, m.file, m.line or 0)))

    def _note(self, mistake: Mistake) -> None:
        if mistake not in self.found:
            self.found.append(mistake)

    def _add_detail(self, path: KeyPath, details: list[dict[str, Any]], data: Mapping[str, Any]) -> None:
        kind = details[0]["type"]
        if kind == "missing":
            self.add(path, "is missing")
        elif kind == "extra_forbidden":
            self.add(path, "unknown key", mend=did_you_mean(str(path[-1]), known_keys(path[:-1])))
        elif details[0]["loc"][-1] == "[key]":
            self.add(path, "is not a name", mend="Names have letters, digits, _ and dots, and begin with a letter")
        else:
            value = _value_at(path, data)
            self.add(path, _reason(details), value=value)


def dotted(path: KeyPath) -> str:
    """`("signals", "plant.h1", "unit")` as `signals."plant.h1".unit`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part + 1}]"
        else:
            name = f'"{part}"' if "." in part else part
            text += f".{name}" if text else name
    return text


def shown(value: object) -> str:
    """A value as TOML writes it, cut to a readable length."""
    if isinstance(value, tuple):
        value = list(value)
    text = {True: "true", False: "false"}[value] if isinstance(value, bool) else None
    text = text or (
        f'"{value}"' if isinstance(value, str) else f"{value:g}" if isinstance(value, float) else str(value)
    )
    return text if len(text) <= SHOWN else text[: SHOWN - 3] + "..."


def known_keys(path: KeyPath) -> list[str]:
    """Keys that the table at `path` may have."""
    if not path:
        return [*TABLES, "requirements"]
    table = TABLES.get(str(path[0]))
    if table is TwinTable and len(path) > 1:
        table = named_table(str(path[1])) or table
    return [field.alias or name for name, field in table.model_fields.items()] if table else []


def _data_path(detail: Mapping[str, Any], data: Any) -> KeyPath:
    """Pydantic's location without the names of union branches, which are no keys of the file."""
    loc: KeyPath = detail["loc"]
    path: list[str | int] = []
    for part in loc:
        known = part in data if isinstance(data, Mapping) else isinstance(data, list) and part in range(len(data))
        if not known:
            break
        data = data[part]
        path.append(part)
    return (*path, loc[-1]) if detail["type"] == "missing" else tuple(path)


def _value_at(path: KeyPath, data: Any) -> object:
    for part in path:
        data = data[part]
    return data


def _reason(details: list[dict[str, Any]]) -> str:
    expected = list(dict.fromkeys(EXPECTED[d["type"]] for d in details if d["type"] in EXPECTED))
    if expected and all(d["type"] in EXPECTED for d in details):
        return "must be " + " or ".join(expected)
    detail = next(d for d in details if d["type"] not in EXPECTED)
    context = detail.get("ctx", {})
    match detail["type"]:
        case "literal_error":
            return f"must be {context['expected']}"
        case "string_pattern_mismatch":
            return "is not a name: letters, digits, _ and dots, beginning with a letter"
        case "too_short" | "too_long":
            return (
                f"needs {context.get('min_length', context.get('max_length'))} elements, not {context['actual_length']}"
            )
        case "finite_number":
            return "must be a finite number"
        case _:
            message = str(detail["msg"])
            return message.replace("Input should be", "must be").replace("Value error, ", "")
