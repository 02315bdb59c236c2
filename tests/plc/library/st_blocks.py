"""Calls function blocks of the library one by one, with their inputs at a given time."""

from __future__ import annotations

import re
from collections.abc import Sequence
from ctypes import Array, c_uint64
from pathlib import Path
from typing import Any

from hil.plc import CompiledProgram, compile_program
from hil.plc.functions import LIBRARY

MS = 1_000_000
NAMES = tuple(
    name
    for path in sorted(LIBRARY.glob("*.st"))
    for name in re.findall(r"^FUNCTION_BLOCK (\w+)", path.read_text(), re.MULTILINE)
)


def compile_blocks(folder: Path) -> CompiledProgram:
    """An instance of every block, named by it, each called in every scan."""
    path = folder / "blocks.st"
    variables = "".join(f"    the_{name} : {name};\n" for name in NAMES)
    calls = "".join(f"the_{name}();\n" for name in NAMES)
    path.write_text(f"PROGRAM main\nVAR\n{variables}END_VAR\n{calls}END_PROGRAM\n")
    return compile_program([path])


class Block:
    """One block, called by hand."""

    def __init__(self, program: CompiledProgram, name: str) -> None:
        self.program, self.name = program, name
        self.words: Array[c_uint64] = program.cold()

    def call(self, now_ms: float, **inputs: Any) -> None:
        for key, value in inputs.items():
            self.program.write(self.words, f"main.the_{self.name}.{key}", value)
        _, stop = self.program.scan(self.words, [], round(now_ms * MS))
        assert stop is None, self.program.stop_text(*stop)

    def __getitem__(self, key: str) -> Any:
        return self.program.read(self.words, f"main.the_{self.name}.{key}")


def follow(block: Block, inputs: str, outputs: str, table: Sequence[tuple[Any, ...]]) -> None:
    """Each row: time in ms, inputs, expected outputs; durations in ms."""
    names, wanted = inputs.split(), outputs.split()
    for row in table:
        now, given, expected = row[0], row[1 : 1 + len(names)], row[1 + len(names) :]
        values = {k: v * MS if k == "PT" else bool(v) if k != "PV" else v for k, v in zip(names, given, strict=True)}
        block.call(now, **values)
        found = tuple(block[k] / MS if k == "ET" else block[k] for k in wanted)
        assert found == expected, f"{block.name} at {row}: {found}"
