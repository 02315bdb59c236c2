"""A scan of a compiled program beside the same logic written in C by hand, and beside itself with planted waste."""

from __future__ import annotations

import ctypes
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yardstick

from hil.models.compile import FLAGS
from hil.plc import CompiledProgram, compile_program

HERE = Path(__file__).resolve().parent
SCANS = 200_000
GATE = 1.5  # the aim of the compiler
WASTE = "\nFOR i := 0 TO 15 DO mean := mean + SQRT(ABS(history[i])) * 0.0; END_FOR;\nlevel_loop("


@pytest.fixture(scope="module")
def by_hand(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    built = tmp_path_factory.mktemp("tank") / "tank.so"
    subprocess.run(["gcc", *FLAGS, "-fno-math-errno", "-o", built, HERE / "plc_tank.c", "-lm"], check=True)
    library = ctypes.CDLL(str(built))
    library.run_hand.restype = library.run_plc.restype = ctypes.c_double
    library.run_hand.argtypes = [ctypes.c_void_p, ctypes.c_int64]
    library.run_plc.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64]
    return library


def runner(library: ctypes.CDLL, program: CompiledProgram) -> Callable[[], float]:
    """Runs the program from a cold start and gives the sum of its outputs."""
    scan = program.scan_address

    def run() -> float:
        words = program.cold()
        return float(library.run_plc(scan, ctypes.addressof(words), SCANS))

    return run


def timed(run: Callable[[], float]) -> Callable[[], float]:
    """Seconds that a run takes."""

    def measure() -> float:
        start = time.perf_counter()
        run()
        return time.perf_counter() - start

    return measure


def hand(library: ctypes.CDLL) -> Callable[[], float]:
    def run() -> float:
        words = (ctypes.c_uint64 * 256)()
        return float(library.run_hand(ctypes.addressof(words), SCANS))

    return run


def test_a_scan_costs_at_most_one_and_a_half_times_c_by_hand(by_hand: ctypes.CDLL) -> None:
    program = compile_program([HERE / "plc_tank.st"])
    ours, theirs = runner(by_hand, program), hand(by_hand)
    assert ours() == theirs(), "the two do not do the same"
    ratio = yardstick.paired(timed(ours), timed(theirs)).median
    print(f"a scan of plc_tank.st: {ratio:.2f} times C by hand")
    assert ratio < GATE


def test_the_gate_can_fail(by_hand: ctypes.CDLL, tmp_path: Path) -> None:
    text = (HERE / "plc_tank.st").read_text()
    slow = tmp_path / "slow.st"
    slow.write_text(text.replace("\nlevel_loop(", WASTE.removesuffix("level_loop(") * 4 + "\nlevel_loop(", 1))
    ratio = yardstick.paired(timed(runner(by_hand, compile_program([slow]))), timed(hand(by_hand))).median
    assert ratio > GATE
