"""Immutable configuration of blocks: numbers, names of choices, tables in line or in a CSV file of the rig."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from typing import Any

from hil.blocks import BlockType, Config
from hil.nearest import did_you_mean
from hil.rig.messages import KeyPath
from hil.rig.reading import Reading


def read_config(
    reading: Reading, name: str, kind: BlockType, extra: dict[str, Any], substeps: int | None
) -> dict[str, tuple[float, ...]]:
    """Given configuration by name; those keys are taken out of `extra`. Missing required ones are noted."""
    found: dict[str, tuple[float, ...]] = {}
    for config in kind.config:
        path: KeyPath = ("blocks", name, config.name)
        if config.name == "substeps" and substeps is not None:
            found[config.name] = (float(substeps),)
        elif config.name in extra:
            values = _values(reading, path, config, extra.pop(config.name), kind)
            if values is not None and _fits(reading, path, config, values):
                found[config.name] = values
        elif config.min_n > 0 and not (config.scalar and not math.isnan(config.preset)):
            reading.mistakes.add(path, f"{kind.name} needs it: {config.doc}")
    return found


def _values(
    reading: Reading, path: KeyPath, config: Config, value: object, kind: BlockType
) -> tuple[float, ...] | None:
    if config.choices is not None:
        return _choice(reading, path, config.choices, value)
    if isinstance(value, str) and config.max_n > 1:
        return read_column(reading, path, value)
    if isinstance(value, Mapping) and config.name == "x0":
        return _states(reading, path, value, kind)
    flat = flatten(value)
    if flat is None:
        what = "a number" if config.scalar else 'numbers [...] or "file.csv:column"'
        reading.mistakes.add(path, f"must be {what}", value=value)
    return flat


def _choice(reading: Reading, path: KeyPath, choices: tuple[str, ...], value: object) -> tuple[float, ...] | None:
    if isinstance(value, str) and value in choices:
        return (float(choices.index(value)),)
    reading.mistakes.add(path, "is none of its choices", value=value, mend=did_you_mean(str(value), choices))
    return None


def _states(reading: Reading, path: KeyPath, value: Mapping[str, Any], kind: BlockType) -> tuple[float, ...] | None:
    """Start values of a model's states, given by name; the others keep the model's own."""
    unknown = [key for key in value if key not in kind.states]
    for key in unknown:
        mend = did_you_mean(key, kind.states)
        reading.mistakes.add((*path, key), f"{kind.name} has no state of this name", mend=mend)
    start = [value.get(state, preset) for state, preset in zip(kind.states, kind.start, strict=True)]
    flat = flatten(start)
    if flat is None:
        reading.mistakes.add(path, "must be numbers", value=value)
    return None if unknown else flat


def read_column(reading: Reading, path: KeyPath, text: str) -> tuple[float, ...] | None:
    """A column of a CSV file with a header row, "profile.csv:height". It may end above others: blank cells follow."""
    file, colon, name = text.partition(":")
    if not colon:
        reading.mistakes.add(path, "must be numbers or a column of a file", value=text, mend='Write "file.csv:column"')
        return None
    content = reading.read(file, path)
    if content is None:
        return None
    rows = [line for line in content.lstrip("\ufeff").splitlines() if line.strip() and not line.startswith("#")]
    table = list(csv.DictReader(rows, skipinitialspace=True))
    if not table or name not in table[0]:
        mend = did_you_mean(name, [str(key) for key in table[0]] if table else [])
        reading.mistakes.add(path, f"{file} has no column {name}", mend=mend)
        return None
    cells = [row[name] for row in table]
    while cells and not (cells[-1] or "").strip():
        cells.pop()
    return _numbers(reading, path, file, cells)


def _numbers(reading: Reading, path: KeyPath, file: str, cells: list[str]) -> tuple[float, ...] | None:
    values: list[float] = []
    for n, cell in enumerate(cells, 1):
        try:
            values.append(float(cell))
        except (TypeError, ValueError):
            reading.mistakes.add(path, f"{file}: row {n} has {cell!r}, which is not a number")
            return None
    return tuple(values)


def _fits(reading: Reading, path: KeyPath, config: Config, values: tuple[float, ...]) -> bool:
    if any(math.isnan(value) for value in values):
        reading.mistakes.add(path, "must be numbers, not nan")
        return False
    if config.min_n <= len(values) <= config.max_n:
        return True
    count = str(config.min_n) if config.min_n == config.max_n else f"{config.min_n} to {config.max_n}"
    reading.mistakes.add(path, f"needs {count} number{'' if count == '1' else 's'}, not {len(values)}: {config.doc}")
    return False


def flatten(value: object) -> tuple[float, ...] | None:
    """Numbers of a scalar, a list, or a list of rows; None when there is anything else."""
    if isinstance(value, bool | int | float):
        return (float(value),)
    if not isinstance(value, list | tuple):
        return None
    parts = [flatten(item) for item in value]
    return None if None in parts else tuple(number for part in parts if part is not None for number in part)
