"""What a model class is made of, as a hash of source text: so a cached model is found without casadi.

The text of the class's own file counts, of its base classes' files, and of the modules of the user's that these import.
What the equations read from elsewhere (a data file) is not seen.
"""

from __future__ import annotations

import ast
import hashlib
import sys
import sysconfig
from pathlib import Path
from types import ModuleType

from hil.models.declare import Model


def fingerprint(cls: type[Model]) -> str | None:
    """Hex digest, or None for a class without a source file or made inside a function, whose variables it may use."""
    if "<locals>" in cls.__qualname__:
        return None
    bases = [base for base in cls.__mro__ if issubclass(base, Model) and base is not Model]
    texts = [vars(base).get("source_text") for base in bases]
    if None in texts:
        return None
    digest = hashlib.sha256(cls.__qualname__.encode())
    for text in [*map(str, texts), *_imported([str(t) for t in texts])]:
        digest.update(text.encode() + b"\0")
    return digest.hexdigest()


def _imported(texts: list[str]) -> list[str]:
    """Texts of the user's modules that these texts import, directly or through each other."""
    seen: dict[str, str] = {}
    waiting = list(texts)
    while waiting:
        for name in _names(waiting.pop()):
            module = sys.modules.get(name)
            if name not in seen and module is not None and (path := _own_file(module)):
                seen[name] = path.read_text(encoding="utf-8")
                waiting.append(seen[name])
    return [f"{name}\0{text}" for name, text in sorted(seen.items())]


def _names(text: str) -> set[str]:
    """Dotted names that a text imports; of `from a import b` both a and a.b, as b may be a module."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.update({node.module, *(f"{node.module}.{alias.name}" for alias in node.names)})
    return names


def _own_file(module: ModuleType) -> Path | None:
    """The source file of a module, unless it is Python's, an installed package's, or this package's."""
    file = getattr(module, "__file__", None)
    if not file or not file.endswith(".py") or module.__name__.startswith(("hil.models", "hil.units", "hil.errors")):
        return None
    path = Path(file).resolve()
    installed = [Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "purelib", "platlib")]
    if any(path.is_relative_to(folder) for folder in installed) and not module.__name__.startswith("hil.rigs."):
        return None
    return path
