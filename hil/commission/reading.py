"""What the readers of commission.toml and its tables share: texts become acts, conditions, numbers, or mistakes."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from hil.commission.acts import Act, number, read_act
from hil.commission.seen import with_raw
from hil.errors import HilError, RigError
from hil.nearest import did_you_mean
from hil.requirements import Formula, parse
from hil.requirements.errors import FormulaError
from hil.rig import Rig, Role
from hil.rig.lines import KeyLines
from hil.rig.messages import KeyPath, Mistakes

if TYPE_CHECKING:
    from hil.commission.tables import CommissionFile


@dataclass(frozen=True)
class Place:
    """A cell of a CSV file."""

    file: str
    line: int
    column: str


Where = KeyPath | Place


@dataclass(frozen=True)
class Row:
    """One row of a CSV file, cells by column."""

    file: str
    line: int
    cells: dict[str, str]

    def __getitem__(self, column: str) -> str:
        return self.cells.get(column, "")

    def at(self, column: str) -> Place:
        """For messages."""
        return Place(self.file, self.line, column)


class TableMistakes(Mistakes):
    """Mistakes of commission.toml; unknown keys are compared with the keys of their own table."""

    def __init__(self, file: str, lines: KeyLines, model: type[BaseModel]) -> None:
        super().__init__(file, lines)
        self.model = model

    def add_invalid(self, error: ValidationError, data: Mapping[str, Any]) -> None:
        """Note what pydantic found."""
        unknown = [d["loc"] for d in error.errors() if d["type"] == "extra_forbidden"]
        super().add_invalid(error, data)
        for loc in unknown:
            path = tuple(part for part in loc if not (isinstance(part, str) and part.startswith("function-")))
            key = next((m for m in self.found if m.why == "unknown key" and m.line == self.lines.line(path)), None)
            if key is not None:
                self.found.remove(key)
                self.add(path, "unknown key", mend=did_you_mean(str(path[-1]), keys_at(self.model, path[:-1])))


def keys_at(model: type[BaseModel], path: Sequence[str | int]) -> list[str]:
    """Keys of the table at a path."""
    for part in path:
        field_info = model.model_fields.get(str(part)) if isinstance(part, str) else None
        inner = _models_in(field_info.annotation) if field_info else []
        if inner:
            model = inner[0]
    return [info.alias or name for name, info in model.model_fields.items()]


def _models_in(annotation: object) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [found for part in getattr(annotation, "__args__", ()) for found in _models_in(part)]


@dataclass
class Reading:
    """One commissioning while it is read.

    Attributes:
        folder: of commission.toml.
        role: whose controller is commissioned.
        files: text of every file used beside the rig's, by path in the rig's folder.
        units: of all names that conditions may use.
    """

    rig: Rig
    folder: Path
    table: CommissionFile
    mistakes: TableMistakes
    role: Role
    files: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        own = {name: signal.unit for name, signal in self.rig.signals.items() if signal.role is None}
        self.units = with_raw(own)

    def note(self, where: Where, why: str, mend: str | None = None) -> None:
        """One mistake."""
        if isinstance(where, Place):
            self.mistakes.add_in(where.file, where.line, where.column, why, mend)
        else:
            self.mistakes.add(where, why, mend=mend)

    def note_error(self, where: Where, error: HilError) -> None:
        """One that another part of the package told."""
        place = f"{error.where}: " if error.where and isinstance(error, FormulaError) else ""
        self.note(where, place + error.message, error.mend)

    def acts(self, where: Where, texts: Sequence[str], **values: float | str) -> tuple[Act, ...]:
        """Acts of texts in which {value} and the like stand for `values`."""
        found = []
        for n, text in enumerate(texts):
            for name, value in values.items():
                text = text.replace(f"{{{name}}}", value if isinstance(value, str) else f"{value:.12g}")
            try:
                act = read_act(text, self.rig)
                if act.when:
                    parse(act.when, self.units)
                found.append(act)
            except (RigError, FormulaError) as error:
                self.note_error(where if isinstance(where, Place) else (*where, n), error)
        return tuple(found)

    def condition(self, where: Where, text: str) -> str:
        """The same text, once it is known to be a condition over signals of the bench."""
        self.formula(where, text)
        return text

    def formula(self, where: Where, text: str) -> Formula | None:
        """A formula; None after noting why it is none."""
        try:
            return parse(text, self.units)
        except FormulaError as error:
            self.note_error(where, error)
            return None

    def signals_in(self, where: Where, texts: Iterable[str]) -> tuple[str, ...]:
        """Signals of the rig in conditions, each once; empty texts have none."""
        formulas = [self.formula(where, text) for text in texts if text.strip()]
        names = [name for formula in formulas if formula is not None for name in sorted(formula.signals)]
        return tuple(dict.fromkeys(name for name in names if name in self.rig.signals))

    def expression(self, where: Where, text: str) -> str:
        """Arithmetic on signals."""
        if text not in self.units and "/" not in text:
            self.formula(where, f"({text}) > 0")
        return text

    def quantity(self, where: Where, value: float | str, unit: str | None) -> float:
        """In `unit`; 0 after noting why it is none."""
        if not isinstance(value, str):
            return float(value)
        try:
            return number(value, unit)
        except RigError as error:
            self.note_error(where, error)
            return 0.0

    def unit(self, name: str) -> str | None:
        """Of a signal or, for a parameter, of none."""
        return self.units.get(name)

    def signal(self, where: Where, name: str) -> str:
        """A name that is recorded."""
        if name not in self.units:
            self.note(where, f"there is no signal '{name}'", did_you_mean(name, self.rig.signals))
        return name

    def known_requirements(self, where: Where, names: Sequence[str]) -> tuple[str, ...]:
        """Ids of requirements."""
        known = [*self.rig.requirements, *self.table.requirements]
        for name in names:
            if name not in known:
                self.note(where, f"there is no requirement '{name}'", did_you_mean(name, known))
        return tuple(names)

    def text(self, where: Where, name: str) -> str | None:
        """Of a file beside commission.toml; None after noting why it cannot be read."""
        path = self.folder / name
        try:
            if not path.resolve().is_relative_to(self.folder.parent.resolve()):
                self.note(where, f"the file {name} lies outside the rig's folder", "Copy it into the folder")
                return None
            text = path.read_text(encoding="utf-8-sig")
        except FileNotFoundError:
            present = sorted(p.name for p in self.folder.glob("*") if p.is_file())
            self.note(where, f"there is no file {name}", did_you_mean(name, present))
            return None
        except (OSError, UnicodeDecodeError) as error:
            why = "it is not UTF-8 text" if isinstance(error, UnicodeDecodeError) else str(error.strerror)
            self.note(where, f"the file {name} cannot be read: {why}")
            return None
        self.files[f"{self.folder.name}/{name}"] = text
        return text

    def rows(self, where: Where, name: str, required: Sequence[str], optional: Sequence[str] | None) -> list[Row]:
        """Rows of a CSV table; `optional` None: any further column is taken."""
        text = self.text(where, name)
        return [] if text is None else list(self._rows(text, name, required, optional))

    def _rows(self, text: str, name: str, required: Sequence[str], optional: Sequence[str] | None) -> Iterator[Row]:
        lines = [(n, line) for n, line in enumerate(text.splitlines(), 1) if is_data(line)]
        if not lines:
            self.note(Place(name, 1, ""), "the table is empty", f"Begin with a header: {','.join(required)}")
            return
        delimiter = ";" if lines[0][1].count(";") > lines[0][1].count(",") else ","
        header = [cell.strip() for cell in next(csv.reader([lines[0][1]], delimiter=delimiter))]
        if not self._header(header, Place(name, lines[0][0], ""), required, optional):
            return
        for n, line in lines[1:]:
            cells = [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter))]
            if len(cells) > len(header):
                why = f"{len(cells)} cells, the header has {len(header)}"
                self.note(Place(name, n, cells[0]), why, "Put texts with commas in quotes")
                continue
            yield Row(name, n, dict(zip(header, cells, strict=False)))

    def _header(self, header: list[str], at: Place, required: Sequence[str], optional: Sequence[str] | None) -> bool:
        before = len(self.mistakes.found)
        for column in required:
            if column not in header:
                self.note(at, f"the column {column} is missing", f"The table needs {', '.join(required)}")
        if optional is not None:
            for column in header:
                if column not in (*required, *optional):
                    self.note(at, f"unknown column '{column}'", did_you_mean(column, (*required, *optional)))
        for column in sorted({c for c in header if header.count(c) > 1}):
            self.note(at, f"the column '{column}' stands here twice")
        return len(self.mistakes.found) == before


def is_data(line: str) -> bool:
    """Neither empty nor a comment; a first column that is called # is a header's."""
    text = line.strip()
    return bool(text.strip(",;")) and (not text.startswith("#") or text[1:2] in (",", ";"))
