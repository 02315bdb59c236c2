"""What an application costs on a board: memory of its program, stack and instructions of a control step in QEMU."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from hil.mcu.sizes import sizes_of
from hil.rig import Device, Rig

STEPS = 500  # the first ones find state and filters at their start, later ones in motion
TRIES = 5  # on a busy machine an answer may come so late that the step is asked for again


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


def measure(rig: Rig, device: Device, program: Path) -> Costs:
    """Runs the rig for some steps against a device's program in QEMU, in lock-step: the loop is closed and in motion.

    Raises:
        RigError: the sizes cannot be read.
        HilError: QEMU is missing, the board does not answer, or a limit of the rig is exceeded.
    """
    from hil.bench import open_bench

    sizes, role = sizes_of(program), rig.roles[device.role]
    on_chip = replace(rig, devices={**rig.devices, device.name: replace(device, board="stm32f405")})
    for _ in range(TRIES):
        with open_bench(on_chip, bind={role.name: "pil"}, history=False) as bench:
            bench.run(STEPS * role.every * rig.period_s)
            assert bench.engine is not None
            counters = bench.engine.wires.counters()[device.name]
        found = counters["device"]
        if not counters["repeated_steps"]:  # of a step that was asked for twice the second asking's bytes count, too
            break
    return Costs(sizes.flash, sizes.ram, found["stack_used"], found["instructions_max"])
