"""Arrows point one way: core knows nothing, drivers know core, rigs know hil's public names."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NOT_PACKAGES = {"core", "drivers", "firmware", "rigs"}
# What drivers may use of the package: the errors and their mends, the extension modules and themselves.
DRIVERS_MAY_USE = ("hil.errors", "hil.nearest", "hil._core", "hil._bus", "hil._port", "hil.drivers")


def modules(folder: str) -> list[Path]:
    # pathlib does not walk into the symlinks hil/core, hil/drivers, hil/rigs, so each file is seen once.
    return sorted(p for p in (ROOT / folder).rglob("*.py") if "build" not in p.parts)


def package_of(path: Path) -> list[str]:
    parts = path.relative_to(ROOT).parent.parts
    return list(parts if parts[:1] == ("hil",) else ("hil", *parts))


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Yield (line, dotted name) of everything a file imports; relative imports are resolved below hil."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            package = package_of(path)
            base = package[: len(package) - node.level + 1] if node.level else []
            source = ".".join([*base, *filter(None, [node.module])])
            yield from ((node.lineno, f"{source}.{alias.name}") for alias in node.names)


def is_below(name: str, allowed: tuple[str, ...]) -> bool:
    return any(name == a or name.startswith(f"{a}.") for a in allowed)


def place(path: Path, line: int, name: str) -> str:
    return f"{path.relative_to(ROOT)}:{line} imports {name}"


def test_drivers_use_only_errors_and_the_core_of_hil() -> None:
    wrong = [
        place(path, line, name)
        for path in modules("drivers")
        if "tests" not in path.parts
        for line, name in imports(path)
        if is_below(name, ("hil",)) and not is_below(name, DRIVERS_MAY_USE)
    ]
    assert wrong == []


def test_rigs_use_only_public_names_of_hil() -> None:
    wrong = [
        place(path, line, name)
        for path in modules("rigs")
        for line, name in imports(path)
        if name.startswith("hil.") and any(part.startswith("_") for part in name.split("."))
    ]
    assert wrong == []


@pytest.mark.parametrize("folder", ["hil", "drivers", "rigs", "tests", "examples"])
def test_nothing_imports_the_top_level_folders(folder: str) -> None:
    wrong = [
        place(path, line, name)
        for path in modules(folder)
        for line, name in imports(path)
        if name.split(".")[0] in NOT_PACKAGES
    ]
    assert wrong == []


def included(path: Path) -> list[str]:
    return re.findall(r'^\s*#\s*include\s+"([^"]+)"', path.read_text(encoding="utf-8"), flags=re.MULTILINE)


def test_core_includes_only_core() -> None:
    core = ROOT / "core"
    wrong = [
        f"{path.relative_to(ROOT)} includes {name}"
        for path in sorted(core.rglob("*.[ch]"))
        for name in included(path)
        if not any((base / name).exists() for base in (core / "include", core, path.parent))
    ]
    assert wrong == []


def test_portable_core_does_not_include_the_linux_leaf() -> None:
    wrong = [
        f"{path.relative_to(ROOT)} includes {name}"
        for path in sorted((ROOT / "core" / "src").rglob("*.[ch]"))
        for name in included(path)
        if "linux" in name
    ]
    assert wrong == []
