"""What an application costs on a board: memory of its program, stack and instructions of its control step in QEMU."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hil.mcu.link_host import LOCKSTEP, LinkHost, pack_starts
from hil.mcu.qemu import start_qemu
from hil.mcu.sizes import sizes_of

STEPS = 200  # the first ones find state and filters at their start, later ones in motion


@dataclass(frozen=True)
class Costs:
    """Of one application on the stm32f405.

    Attributes:
        flash, ram: bytes of the program. The controller's own program and state lie in the arena, all RAM that is left.
        stack: deepest use so far, in bytes.
        instructions: most of a control step, exact (see hil/mcu/qemu.py).
    """

    flash: int
    ram: int
    stack: int
    instructions: int


def measure(program: Path) -> Costs:
    """Runs a program's control task for some steps in lock-step, on the start values of its inputs.

    Raises:
        RigError: the sizes cannot be read.
        BusError: QEMU is missing, or the board does not answer.
    """
    sizes = sizes_of(program)
    board = start_qemu(program)
    try:
        host = LinkHost(board.link_fd)
        host.connect()
        values = pack_starts(host.told().inputs)
        host.begin(LOCKSTEP)
        for tick in range(STEPS):
            host.step(tick, values)
        found = host.statistics()
    finally:
        board.end()
    assert board.counts_per_instruction
    return Costs(sizes.flash, sizes.ram, found.stack_used, round(found.count_max / board.counts_per_instruction))
