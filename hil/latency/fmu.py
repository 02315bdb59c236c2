"""A step of the rig's FMU in the loop beside bare dlopen, set, fmi2DoStep, get of the same FMU with the same inputs."""

from __future__ import annotations

import ctypes

from hil.bench import open_bench
from hil.fmi.load import LoadedFmu
from hil.latency.programs import build
from hil.latency.quickest import quickest
from hil.latency.run import Run


class Bare:
    """The yardstick, with an instance of its own of the same library.

    Args:
        loaded: the FMU of a block, FMI 2.
        period_s: of a step.
    """

    def __init__(self, loaded: LoadedFmu, period_s: float) -> None:
        self._library = ctypes.CDLL(str(build("fmu_bare")))
        self._library.bare_run.restype = ctypes.c_double
        o, self._period_s = loaded.opening, period_s
        error = self._library.bare_open(o.library.encode(), o.token.encode(), o.resources.encode())
        self.opened = error == 0
        inputs = len(o.inputs)
        self._inputs = (ctypes.c_uint32 * inputs)(*(reference for reference, _ in o.inputs))
        self._outputs = (ctypes.c_uint32 * len(o.outputs))(*(reference for reference, _ in o.outputs))
        self._u, self.y = (ctypes.c_double * inputs)(*[1.0] * inputs), (ctypes.c_double * len(o.outputs))()

    def ns_per_step(self, steps: int) -> float:
        """Mean nanoseconds of a step over so many."""
        dt, n_u, n_y = ctypes.c_double(self._period_s), len(self._u), len(self.y)
        return float(self._library.bare_run(steps, dt, self._inputs, n_u, self._u, self._outputs, n_y, self.y))


def measure(run: Run) -> None:
    """The first FMU of the rig; the tick of ours has the rig's other blocks in it as well."""
    if not any(block.type == "fmu" for block in run.rig.blocks.values()):
        run.skipped["fmu"] = "this rig has no FMU"
        return
    with open_bench(run.rig, history=False, use_rig_faults=False) as bench:
        loaded = bench.built.fmus[0]
        bare = Bare(loaded, run.rig.period_s)
        if not bare.opened:
            run.skipped["fmu"] = f"the bare program cannot open {loaded.ref.file} (it speaks FMI 2)"
            return
        side_s = run.seconds / 16
        ours, theirs = quickest([bench.state.run], side_s), quickest([bare.ns_per_step], side_s)
        what = "bare set, fmi2DoStep, get of the same FMU (fmu_bare.c), a step"
        found = run.pair("fmu", ours, theirs, yardstick=what, unit="ns")
        run.figures["fmu"] = {"tick_ns": found.a, "bare_step_ns": found.b, "file": loaded.ref.file}
