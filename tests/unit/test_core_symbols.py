"""The portable core calls a few functions on memory and text, and nothing else: no allocation, no system, no libm."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from core_objects import KEEP_BITS, SOURCES, compiled, core_objects

# What a compiler may call by itself even for a bare machine, and strcmp.
ALLOWED = {"memcpy", "memmove", "memset", "memcmp", "strcmp"}
# Put in by the linker or the position-independent code of the compiler, no functions of anybody.
OF_THE_LINKER = {"_GLOBAL_OFFSET_TABLE_"}


def symbols(objects: list[Path]) -> tuple[dict[str, str], set[str]]:
    """Undefined names with the object that wants them, and all defined ones."""
    command = ["nm", "-A", "-P", *(o.name for o in objects)]
    text = subprocess.run(command, cwd=objects[0].parent, check=True, capture_output=True, text=True).stdout
    undefined: dict[str, str] = {}
    defined: set[str] = set()
    for line in text.splitlines():
        place, name, kind = line.split()[:3]
        if kind in "Uw":
            undefined[name] = place.rstrip(":")
        else:
            defined.add(name)
    return undefined, defined


def foreign(objects: list[Path]) -> dict[str, str]:
    """What the objects need from outside of themselves and of the allow-list."""
    undefined, defined = symbols(objects)
    return {n: o for n, o in undefined.items() if n not in defined | ALLOWED | OF_THE_LINKER}


@pytest.mark.parametrize("level", ["-O0", "-O2"])
@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_the_core_calls_nothing_from_outside(
    compiler: str, level: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    if not shutil.which(compiler):
        pytest.skip(f"{compiler} is not installed")
    objects = core_objects(compiler, level, tmp_path_factory)
    assert len(set(objects)) == len(SOURCES)  # no two sources of one name
    assert foreign(objects) == {}


@pytest.mark.parametrize("call", ["malloc(8)", "printf(text)", "sin(3.0 + (long)text)", "clock()"])
def test_a_call_into_the_system_is_seen(call: str, tmp_path: Path) -> None:
    includes = "".join(f"#include <{h}.h>\n" for h in ("math", "stdio", "stdlib", "time"))
    (tmp_path / "bad.c").write_text(f"{includes}double bad(const char *text) {{ return (double)(long){call}; }}\n")
    objects = compiled("gcc", ["-O2", KEEP_BITS], [tmp_path / "bad.c"], tmp_path)
    assert set(foreign(objects)) == {call.partition("(")[0]}


def test_no_part_of_the_core_keeps_data_that_changes(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Everything that changes lies in the state or with the caller: two benches in one process cannot meet."""
    objects = core_objects("gcc", "-O2", tmp_path_factory)
    text = subprocess.run(["nm", "-A", "-P", *map(str, objects)], check=True, capture_output=True, text=True).stdout
    assert [line for line in text.splitlines() if line.split()[2] in "bBCsS"] == []
    # "d": constant tables of addresses; they are relocated once and read-only then
    written = subprocess.run(["size", "-A", *map(str, objects)], check=True, capture_output=True, text=True).stdout
    assert [
        line for line in written.splitlines() if line.startswith((".data ", ".bss ")) and line.split()[1] != "0"
    ] == []
