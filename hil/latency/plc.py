"""A scan of a compiled PLC program beside the same logic written in C by hand (plc_tank.st, plc_tank.c).

The hand-written side latches its inputs and outputs as a PLC must, and is called through a pointer as a program is.
"""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable

from hil.errors import BenchError
from hil.latency.place import measured_place
from hil.latency.programs import SOURCES, build
from hil.latency.quickest import quickest_chunk
from hil.latency.run import Run
from hil.plc import CompiledProgram, compile_program

SOURCE = SOURCES / "plc_tank.st"
COURSE = 20_000
"""Scans in which the inputs of plc_tank.c take the program once through all its phases."""
WORDS = 256  # more than the state by hand needs
Scans = Callable[[], float]


def measure(run: Run) -> None:
    """The tank's program, whatever the rig has: the compiler is measured, not the rig's own logic."""
    ours, theirs = compiled(compile_program([SOURCE])), by_hand()
    if ours() != theirs():
        raise BenchError("the compiled program and the one by hand do not do the same", where=SOURCE.name)
    side_s = run.seconds / 32
    what = "the same logic by hand in C (plc_tank.c), a scan"
    found = run.pair("plc", scan_ns(ours, side_s), scan_ns(theirs, side_s), yardstick=what, unit="ns")
    run.figures["plc"] = {"scan_ns": found.a, "by_hand_ns": found.b}


def yardstick() -> ctypes.CDLL:
    """plc_tank.c, which also drives the compiled program: both sides get the same inputs in the same way."""
    library = ctypes.CDLL(str(build("plc_tank")))
    library.run_hand.restype = library.run_plc.restype = ctypes.c_double
    library.run_hand.argtypes = [ctypes.c_void_p, ctypes.c_int64]
    library.run_plc.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64]
    return library


def compiled(program: CompiledProgram, scans: int = COURSE) -> Scans:
    """Runs so many scans of a program with the interface of plc_tank.st from a cold start; the sum of its outputs."""
    library, scan = yardstick(), program.scan_address

    def run() -> float:
        words = program.cold()
        return float(library.run_plc(scan, ctypes.addressof(words), scans))

    return run


def by_hand(scans: int = COURSE) -> Scans:
    """The same of plc_tank.c."""
    library = yardstick()

    def run() -> float:
        words = (ctypes.c_uint64 * WORDS)()
        return float(library.run_hand(ctypes.addressof(words), scans))

    return run


def scan_ns(run: Scans, seconds: float = 0.1) -> Callable[[], float]:
    """Gives the nanoseconds of a scan in the quickest course, measured for so long at most."""

    def measured() -> float:
        with measured_place():
            return quickest_chunk(lambda: _ns(run) / COURSE, round(seconds * 1e9))

    return measured


def _ns(run: Scans) -> int:
    began = time.perf_counter_ns()
    run()
    return time.perf_counter_ns() - began
