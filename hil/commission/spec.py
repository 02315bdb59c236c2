"""Everything that a rig's folder `commission` says, read and checked against the rig."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from hil.commission.acts import Act
from hil.commission.alarms import alarm_checks, read_alarms
from hil.commission.causes import matrix_checks
from hil.commission.check import Check
from hil.commission.fail_safe import fail_safe_checks
from hil.commission.loops import Tag, loop_checks, loop_tags
from hil.commission.matrix import Matrix, read_matrix
from hil.commission.reading import Reading, TableMistakes
from hil.commission.sequences import mode_checks, sequence_checks
from hil.commission.tables import CommissionFile, CommissionTable, RequirementTable
from hil.commission.tag_compare import Difference, compare
from hil.commission.tag_list import read_tag_list
from hil.commission.timing import requirement_checks, requirement_formulas, timing_checks, tuning_checks
from hil.errors import RigError
from hil.nearest import did_you_mean
from hil.requirements import Formula
from hil.rig import Rig, Role
from hil.rig.lines import KeyLines

FOLDER, FILE = "commission", "commission.toml"


@dataclass(frozen=True)
class Spec:
    """A commissioning, ready to be run.

    Attributes:
        start: acts before the initial state.
        reset: acts between items, with a device on a wire.
        checks: all items of the bench, in order.
        requirements: (table, text, formula) by id.
        differences: of the tag list; None: there is no list.
        files: SHA-256 by path in the rig's folder, the rig's own files among them.
    """

    rig: Rig
    table: CommissionTable
    role: Role
    start: tuple[Act, ...]
    reset: tuple[Act, ...]
    checks: tuple[Check, ...]
    tags: tuple[Tag, ...]
    matrix: Matrix
    requirements: dict[str, tuple[RequirementTable, str, Formula | None]]
    differences: tuple[Difference, ...] | None
    files: dict[str, str]


def load_spec(rig: Rig, levels: Mapping[str, str] | None = None) -> Spec:
    """The commissioning of a rig.

    Args:
        rig: the rig; what lies in its folder `commission` is read.
        levels: by role; what of a controller's inside can be seen depends on it.

    Raises:
        RigError: there is none, or what is wrong with it, one line for each mistake.
    """
    folder = (rig.folder or Path()) / FOLDER
    file = folder / FILE
    if not file.is_file():
        mend = f"Write {FOLDER}/{FILE}; docs/commissioning.md says what belongs there"
        raise RigError(f"the rig has no {FOLDER}/{FILE}", where=str(rig.folder or rig.name), mend=mend)
    try:
        text = file.read_text(encoding="utf-8")
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RigError(f"broken TOML: {error}", where=FILE) from error
    except (OSError, UnicodeDecodeError) as error:
        raise RigError(f"the file cannot be read: {error}", where=FILE) from error
    mistakes = TableMistakes(FILE, KeyLines(text), CommissionFile)
    try:
        table = CommissionFile.model_validate(data)
    except ValidationError as error:
        mistakes.add_invalid(error, data)
        mistakes.stop_if_any()
        raise
    reading = Reading(rig, folder, table, mistakes, _role(rig, table.commission))
    reading.files[f"{FOLDER}/{FILE}"] = text
    return _read(reading, (levels or {}).get(reading.role.name, "mil"))


def _role(rig: Rig, table: CommissionTable) -> Role:
    where = f"{FILE}: commission.role"
    if table.role is None:
        if len(rig.roles) != 1:
            raise RigError("is missing", where=where, mend=did_you_mean("", rig.roles))
        return next(iter(rig.roles.values()))
    if table.role not in rig.roles:
        raise RigError(f"there is no role '{table.role}'", where=where, mend=did_you_mean(table.role, rig.roles))
    return rig.roles[table.role]


def _read(reading: Reading, level: str) -> Spec:
    table = reading.table.commission
    start, reset = (reading.acts(("commission", key), getattr(table, key)) for key in ("start", "reset"))
    if table.ready:
        reading.condition(("commission", "ready"), table.ready)
    tags = loop_tags(reading)
    alarms = read_alarms(reading, table.alarms) if table.alarms else []
    matrix = read_matrix(reading, table.matrix) if table.matrix else Matrix()
    listed = read_tag_list(reading, table.tag_list) if table.tag_list else None
    formulas = requirement_formulas(reading)
    checks = [
        *loop_checks(reading, tags, level),
        *alarm_checks(reading, alarms),
        *matrix_checks(reading, matrix),
        *sequence_checks(reading),
        *mode_checks(reading),
        *fail_safe_checks(reading),
        *timing_checks(reading),
        *tuning_checks(reading),
        *requirement_checks(reading, formulas),
    ]
    reading.mistakes.stop_if_any()
    differences = None if listed is None else tuple(compare(reading, listed))
    return Spec(
        reading.rig, table, reading.role, start, reset, tuple(checks), tuple(tags), matrix, formulas, differences,
        _hashes(reading),
    )  # fmt: skip


def _hashes(reading: Reading) -> dict[str, str]:
    """SHA-256 of all files. The rig's are taken where they lie, so that a binary one counts as it is."""
    found = {}
    for name, text in sorted({**reading.rig.files, **reading.files}.items()):
        path = (reading.rig.folder or Path()) / name
        content = path.read_bytes() if path.is_file() else text.encode()
        found[name] = hashlib.sha256(content).hexdigest()
    return found
