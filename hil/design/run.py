"""A rig's design.py: runs it, and keeps what it returns in the rig's files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hil.design.store import store, texts
from hil.errors import HilError, RigError
from hil.models.load import run_file
from hil.rig.load import load_rig
from hil.rig.shipped import find_rig

FILE = "design.py"


def design_rig(rig: str | Path, *, write: bool = True) -> list[Path]:
    """Run design(folder) of the rig's design.py; files that changed, or would change.

    Args:
        rig: folder, rig.toml, or the name of a shipped rig.
        write: False changes nothing.

    Raises:
        HilError: no design.py, it failed, or the rig does not load with what it returned.
    """
    folder = find_rig(rig).parent
    designed = _designed(folder)
    if not write:
        files = texts(folder, designed)
        return [path for path, text in files.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    changed = store(folder, designed)
    load_rig(folder)
    return changed


def _designed(folder: Path) -> dict[str, Any]:
    file = folder / FILE
    if not file.is_file():
        mend = "Write one with a function design(folder) that returns {block: {key: value}}"
        raise RigError("there is no such file", where=str(file), mend=mend)
    function = getattr(run_file(file), "design", None)
    if not callable(function):
        raise RigError("has no function design(folder)", where=str(file))
    try:
        designed = function(folder)
    except HilError:
        raise
    except Exception as error:
        raise RigError(f"{type(error).__name__}: {error}", where=str(file)) from error
    if not isinstance(designed, dict) or not all(isinstance(values, dict) for values in designed.values()):
        raise RigError("design(folder) must return {block: {key: value}}", where=str(file))
    return designed
