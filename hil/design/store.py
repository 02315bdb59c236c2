"""Designed numbers into a rig's files: keys of a block's table in rig.toml, long arrays as columns of a CSV beside it.

What else stands in rig.toml, comments too, stays as it is.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from itertools import zip_longest
from pathlib import Path

from hil.errors import RigError
from hil.whole_file import written_whole

Value = float | str | Sequence[float]
INLINE = 12  # longer arrays go to a file


def store(folder: str | Path, designed: Mapping[str, Mapping[str, Value]]) -> list[Path]:
    """Write `designed` (block -> key -> value) into the rig in `folder`; files that changed.

    An empty array takes its key out. Arrays of more than 12 numbers become columns of `<block>.csv`.

    Raises:
        RigError: rig.toml has no table for a block.
    """
    files = texts(folder, designed)
    changed = [path for path, text in files.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    for path in changed:
        with written_whole(path) as part:
            part.write_text(files[path], encoding="utf-8")
    return changed


def texts(folder: str | Path, designed: Mapping[str, Mapping[str, Value]]) -> dict[Path, str]:
    """The files as `store` would write them."""
    toml = Path(folder) / "rig.toml"
    text, files = toml.read_text(encoding="utf-8"), {}
    for block, values in designed.items():
        long = {key: value for key, value in values.items() if _is_long(value)}
        for key, value in values.items():
            text = _with_key(text, toml, block, key, f'"{block}.csv:{key}"' if key in long else _written(value))
        if long:
            files[toml.with_name(f"{block}.csv")] = _csv(long)
    tomllib.loads(text)
    return {**files, toml: text}


def _is_long(value: Value) -> bool:
    return not isinstance(value, str | float | int) and len(value) > INLINE


def _written(value: Value) -> str | None:
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, float | int):
        return repr(value)
    return f"[{', '.join(repr(float(v)) for v in value)}]" if len(value) else None


def _csv(columns: Mapping[str, Value]) -> str:
    arrays = [[repr(float(v)) for v in column] for column in columns.values()]  # type: ignore[union-attr]
    rows = [",".join(row) for row in zip_longest(*arrays, fillvalue="")]
    return "\n".join([",".join(columns), *rows]) + "\n"


def _with_key(text: str, toml: Path, block: str, key: str, written: str | None) -> str:
    lines = text.splitlines()
    start = next((i for i, line in enumerate(lines) if _is_table(line, block)), None)
    if start is None:
        raise RigError(f"has no table [blocks.{block}]", where=str(toml), mend="Write it, with its type, in and out")
    end = next((i for i in range(start + 1, len(lines)) if lines[i].startswith("[")), len(lines))
    while end > start + 1 and (not lines[end - 1].strip() or lines[end - 1].startswith("#")):
        end -= 1
    old = next((i for i in range(start + 1, end) if re.match(rf"{re.escape(key)}\s*=", lines[i])), None)
    given = [] if written is None else [f"{key} = {written}"]
    if old is None:
        lines[end:end] = given
    else:
        lines[old : _value_end(lines, old)] = given
    return "\n".join(lines) + "\n"


def _is_table(line: str, block: str) -> bool:
    return re.fullmatch(rf"\[blocks\.{re.escape(block)}\]\s*(#.*)?", line) is not None


def _value_end(lines: Sequence[str], first: int) -> int:
    """Index behind a value whose brackets may close on a later line."""
    depth = 0
    for i in range(first, len(lines)):
        bare = re.sub(r'"[^"]*"|#.*', "", lines[i])
        depth += bare.count("[") + bare.count("{") - bare.count("]") - bare.count("}")
        if depth <= 0:
            return i + 1
    return len(lines)
