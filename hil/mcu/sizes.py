"""How much of a board's memory a program takes."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from hil.errors import RigError
from hil.mcu.targets import find_target

# Sections that are memory of the program but not taken by it: the stack, whose use is measured, and its guard.
NOT_COUNTED = {".stack"}


@dataclass(frozen=True)
class Sizes:
    """Bytes that a program takes before it runs.

    Attributes:
        flash: code, constants and start values.
        ram: data with and without start values; neither stack nor arena.
    """

    flash: int
    ram: int


def sizes_of(program: Path, board: str = "stm32f405") -> Sizes:
    """What the sections of an ELF take.

    Raises:
        RigError: the tool is missing or cannot read it.
    """
    target = find_target(board)
    try:
        text = subprocess.run(
            [f"{target.prefix}objdump", "-h", "-w", str(program)], capture_output=True, text=True, check=True
        ).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        raise RigError(f"the sections of {program.name} cannot be read: {error}", mend=f"Try: {target.mend}") from None
    flash = ram = 0
    for line in text.splitlines():
        words = line.split()
        if len(words) < 8 or not words[0].isdigit() or "ALLOC" not in line or words[1] in NOT_COUNTED:
            continue
        size, writable = int(words[2], 16), "READONLY" not in line
        flash += size if "LOAD" in line else 0
        ram += size if writable else 0
    return Sizes(flash, ram)
