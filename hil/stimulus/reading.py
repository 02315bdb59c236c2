"""Stimuli from TOML: [stimuli.NAME] with signal, at_s, loop and a list of segments."""

from __future__ import annotations

import inspect
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hil.nearest import did_you_mean
from hil.stimulus.compound import Add, Loop, Multiply, Sequence
from hil.stimulus.data_file import read_data
from hil.stimulus.segment import Segment, StimulusError
from hil.stimulus.segments import Constant, Exponential, Idle, Noise, Pulse, Ramp, Saw, Sine, Slope

LEAVES: Mapping[str, type[Segment]] = {
    kind.kind: kind for kind in (Idle, Constant, Ramp, Slope, Sine, Pulse, Saw, Exponential, Noise)
}
COMPOUND = ("data", "loop", "add", "multiply", "sequence")
RENAMED = {"value": "level"}


@dataclass(frozen=True)
class Read:
    """A stimulus of a file: the signal that it drives, its beginning and its description."""

    name: str
    signal: str
    at_s: float
    segment: Segment


def read_stimuli(file: str | Path) -> list[Read]:
    """The stimuli of a TOML file; data files lie relative to it.

    Raises:
        StimulusError: file:key of the first mistake.
    """
    path = Path(file)
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise StimulusError(f"the file cannot be read: {error.strerror}", where=str(path)) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise StimulusError(f"broken TOML: {error}", where=str(path)) from error
    tables = data.get("stimuli")
    if not isinstance(tables, dict) or not tables or len(data) > 1:
        raise StimulusError("needs tables [stimuli.NAME] and nothing else", where=str(path))
    return stimuli_of(tables, path.parent, str(path))


def stimuli_of(tables: Mapping[str, Any], folder: Path, where: str) -> list[Read]:
    """The stimuli of tables [stimuli.NAME]; `where` is the file for messages."""
    return [_one(name, table, folder, f"{where}: stimuli.{name}") for name, table in tables.items()]


def _one(name: str, table: Any, folder: Path, place: str) -> Read:
    if not isinstance(table, dict):
        raise StimulusError("must be a table", where=place)
    _known(table, ("signal", "at_s", "loop", "segments"), place)
    for key in ("signal", "segments"):
        if key not in table:
            raise StimulusError(f"{key} is missing", where=place)
    at_s = table.get("at_s", 0.0)
    if isinstance(at_s, bool) or not isinstance(at_s, int | float):
        raise StimulusError("must be a number of seconds", where=f"{place}.at_s")
    segment = _sequence(table["segments"], folder, f"{place}.segments")
    if "loop" in table:
        segment = _placed(f"{place}.loop", lambda: Loop(segment, _times(table["loop"])))
    return Read(name, str(table["signal"]), float(at_s), segment)


def _placed(place: str, make: Any) -> Any:
    try:
        return make()
    except StimulusError as error:
        raise StimulusError(error.message, where=error.where or place, mend=error.mend) from None


def _times(given: Any) -> Any:
    return None if given == "forever" else given


def _known(table: Mapping[str, Any], valid: Any, place: str) -> None:
    unknown = next((key for key in table if key not in valid), None)
    if unknown is not None:
        raise StimulusError("is not known", where=f"{place}.{unknown}", mend=did_you_mean(unknown, valid))


def _sequence(given: Any, folder: Path, place: str) -> Segment:
    if not isinstance(given, list) or not given:
        raise StimulusError("must be a list of segments", where=place)
    parts = [_segment(item, folder, f"{place}[{i}]") for i, item in enumerate(given, 1)]
    return parts[0] if len(parts) == 1 else Sequence(tuple(parts))


def _segment(given: Any, folder: Path, place: str) -> Segment:
    if not isinstance(given, dict) or "type" not in given:
        raise StimulusError("must be a table with a type", where=place)
    kind, rest = given["type"], {key: value for key, value in given.items() if key != "type"}
    if kind in LEAVES:
        return _leaf(LEAVES[kind], rest, place)
    if kind not in COMPOUND:
        raise StimulusError(
            f"there is no segment '{kind}'", where=place, mend=did_you_mean(str(kind), [*LEAVES, *COMPOUND])
        )
    if kind == "data":
        return _data(rest, folder, place)
    _known(rest, ("segments", "times"), place)
    parts = _parts(rest.get("segments"), folder, f"{place}.segments")
    if kind in ("add", "multiply"):
        return _operation(Add if kind == "add" else Multiply, parts, place)
    whole = parts[0] if len(parts) == 1 else Sequence(tuple(parts))
    return whole if kind == "sequence" else _placed(place, lambda: Loop(whole, _times(rest.get("times", "forever"))))


def _parts(given: Any, folder: Path, place: str) -> list[Segment]:
    whole = _sequence(given, folder, place)
    return list(whole.parts) if isinstance(whole, Sequence) and len(given) > 1 else [whole]


def _operation(kind: type[Add | Multiply], parts: list[Segment], place: str) -> Segment:
    if len(parts) < 2:
        raise StimulusError("needs two segments at least", where=place)
    whole = parts[0]
    for part in parts[1:]:
        whole = kind(whole, part)
    return whole


def _leaf(kind: type[Segment], given: Mapping[str, Any], place: str) -> Segment:
    names = list(inspect.signature(kind).parameters)
    shown = ["value" if name == "level" else name for name in names]
    _known(given, shown, place)
    for key, value in given.items():
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise StimulusError(f"{value!r} is not a number", where=f"{place}.{key}")
    arguments = {RENAMED.get(key, key): value for key, value in given.items()}
    required = [n for n, p in inspect.signature(kind).parameters.items() if p.default is inspect.Parameter.empty]
    missing = next((name for name in required if name not in arguments), None)
    if missing is not None:
        raise StimulusError(f"{'value' if missing == 'level' else missing} is missing", where=place)
    made: Segment = _placed(place, lambda: kind(**arguments))
    return made


def _data(given: Mapping[str, Any], folder: Path, place: str) -> Segment:
    _known(given, ("file", "column", "time", "interpolation"), place)
    for key in ("file", "column"):
        if not isinstance(given.get(key), str):
            raise StimulusError(f"{key} is missing", where=place)
    time, interpolation = given.get("time", "time_s"), given.get("interpolation", "linear")
    made: Segment = _placed(place, lambda: read_data(folder / given["file"], given["column"], time, interpolation))
    return made
