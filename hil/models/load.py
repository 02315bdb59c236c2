"""Reading `model = "model.py:Class"`."""

from __future__ import annotations

import hashlib
import sys
import traceback
from pathlib import Path
from types import ModuleType

from hil.errors import RigError
from hil.models.declare import Model
from hil.nearest import did_you_mean


def load_model(spec: str, folder: Path, *, where: str | None = None) -> type[Model]:
    """The class that `file.py:Class` names, the file relative to `folder` (the rig's).

    Args:
        spec: as in a rig file.
        folder: where the rig file lies.
        where: file and key that the spec stands in, for messages.

    Raises:
        RigError: no such file or class, or the file cannot be imported.
    """
    file, colon, name = spec.rpartition(":")
    if not colon or not file or not name:
        raise RigError(f"model {spec!r} does not name a class", where=where, mend='Write it like "model.py:QuadTank"')
    path = folder / file
    if not path.is_file():
        near = did_you_mean(path.name, [p.name for p in path.parent.glob("*.py")]) if path.parent.is_dir() else None
        raise RigError(f"model {spec!r}: there is no file {path}", where=where, mend=near)
    module = _module(path.resolve())
    found = getattr(module, name, None)
    if not (isinstance(found, type) and issubclass(found, Model)):
        raise RigError(
            f"model {spec!r}: {path} has no model class {name}", where=where, mend=did_you_mean(name, _models(module))
        )
    return found


def run_file(path: Path) -> ModuleType:
    """A Python file of a rig, run as a module of its own.

    Raises:
        RigError: it cannot be read or run.
    """
    return _module(path.resolve())


def _models(module: ModuleType) -> list[str]:
    """Names of the model classes that a module defines."""
    return [n for n, v in vars(module).items() if isinstance(v, type) and issubclass(v, Model) and v is not Model]


def _module(path: Path) -> ModuleType:
    """Run a model file as a module named after its content: an edited file is another module, never a stale one.

    Python's own loader is not used because its byte code cache takes an edit within one second for no edit.
    """
    text = _text(path)
    name = f"hil_model_{hashlib.sha256(f'{path}:{text}'.encode()).hexdigest()[:16]}"
    if name in sys.modules:
        return sys.modules[name]
    module = ModuleType(name)
    module.__file__ = str(path)
    vars(module)["source_text"] = text
    sys.modules[name] = module
    try:
        exec(compile(text, str(path), "exec"), vars(module))  # noqa: S102, a model is code of the rig's author
    except BaseException as error:
        del sys.modules[name]
        if isinstance(error, Exception):
            raise _import_error(path, error) from error
        raise
    return module


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RigError(f"cannot be read: {error}", where=str(path), mend="Save it as UTF-8 text") from error


def _import_error(path: Path, error: Exception) -> RigError:
    """One line with the line number for whatever running the file raised."""
    if isinstance(error, RigError):
        return error
    lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == str(path)]
    line = error.lineno if isinstance(error, SyntaxError) else (lines[-1] if lines else None)
    where = f"{path}:{line}" if line else str(path)
    mend = None
    if isinstance(error, ModuleNotFoundError) and (error.name or "").split(".")[0] == "casadi":
        mend = "Use hil.models.math, which needs casadi only to compile, or: pip install 'hil[models]'"
    elif isinstance(error, ModuleNotFoundError):
        mend = "A model file can import installed packages only"
    text = error.msg if isinstance(error, SyntaxError) else " ".join(str(error).split())
    return RigError(f"{type(error).__name__}: {text}", where=where, mend=mend)
