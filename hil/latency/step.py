"""What a tick of the rig costs beside a closed loop written by hand, by block, and what room a period has left."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from hil.bench import Bench, open_bench
from hil.latency.headroom import headroom
from hil.latency.programs import build
from hil.latency.quickest import PLACES, Step, quickest
from hil.latency.run import Run
from hil.latency.trace import trace
from hil.rig import Rig

SEED = 1
START = (0.0, 0.0, 0.05, 0.0)
HAND = "closed loop of a cart-pole written by hand in C (cart_pole_loop.c), a tick"


def measure(run: Run) -> None:
    """Ticks in virtual time, all roles simulated."""
    with places(run.rig) as benches:
        side_s = run.seconds / 32
        ours, theirs = quickest(in_copies(benches), side_s), quickest([by_hand()], side_s)
        found = run.pair("step", ours, theirs, 0.5, yardstick=HAND, unit="ns")
        run.figures["step"] = {
            "tick_ns": found.a,
            "by_hand_ns": found.b,
            **trace(run.rig, run.seconds / 4),
            **headroom(run.rig, run.seconds / 4),
        }


def by_hand(name: str = "cart_pole_loop") -> Step:
    """Runs the hand-written loop for so many ticks more."""
    library = ctypes.CDLL(str(build(name)))
    library.cart_pole_run.argtypes = [ctypes.c_void_p, *[ctypes.c_uint64] * 3]
    library.cart_pole_run.restype = None
    x, done = (ctypes.c_double * 4)(*START), 0

    def run(ticks: int) -> None:
        nonlocal done
        library.cart_pole_run(x, SEED, done, ticks)
        done += ticks

    return run


@contextmanager
def places(rig: Rig) -> Iterator[list[Bench]]:
    """The same bench at several places in memory."""
    foreign = any(block.type == "fmu" for block in rig.blocks.values())  # may be a library that can be opened once only
    with ExitStack() as stack:
        count = 1 if foreign else PLACES
        yield [stack.enter_context(open_bench(rig, history=False, use_rig_faults=False)) for _ in range(count)]


def in_copies(benches: list[Bench]) -> list[Step]:
    """Each runs ticks in a copy of a bench's state."""
    return [(bench.state if bench.built.fmus else bench.state.copy()).run for bench in benches]
