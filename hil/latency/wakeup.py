"""How late a real-time loop wakes up, beside a thread that only sleeps: same policy, same core, at the same time."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from hil import _core
from hil.errors import BenchError
from hil.latency.paired import Side, at_once
from hil.latency.place import CPU, PRIORITY, load_elsewhere
from hil.latency.run import Run
from hil.latency.yardstick import may_use_fifo
from hil.latency.yardstick import run as run_yardstick
from hil.spec import BlockSpec, Spec

SPIN_NS = 150_000  # longer than nearly every wake-up of a virtual machine takes
FIRST_TICKS = 20  # pages and caches
SWEEP = (1.003, 1.011)
"""Their periods are so much longer than asked for: each meets the other, and the kernel's own ticks, at all phases. At
one phase a sleeper is a quarter later than at another."""
SLICES = 24  # of a side's time: 8 pairs in turns, three variants
HEAT_ROWS, HEAT_COLUMNS = 24, 60
SHARE = {"wakeup": 2.0}  # of the group's seconds for what is gated
WHY_NOT = {
    "wakeup.spin": "a p50 of some clock reads: its ratio is noise",
    "wakeup.loaded": "what else runs on the other cores decides it",
}
Ints = npt.NDArray[np.int64]


def measure(run: Run) -> None:
    """Spin off and on, and with load on the other cores."""
    bare = _variant(run, "wakeup", 0)
    spin = _variant(run, "wakeup.spin", SPIN_NS)
    with load_elsewhere() as cores:
        if cores:
            loaded = _variant(run, "wakeup.loaded", 0)
        else:
            run.skipped["wakeup.loaded"] = "there is no other core to load"
    period_ns = round(1e9 / run.rate_hz)
    run.figures["wakeup"] = {
        "rate_hz": run.rate_hz,
        "policy": f"SCHED_FIFO {PRIORITY}" if may_use_fifo() else "SCHED_OTHER",
        "plain": facts(bare, period_ns),
        "spin": {"spin_us": SPIN_NS / 1e3, **facts(spin, period_ns)},
        "loaded": {"cores": cores, **facts(loaded, period_ns)} if cores else None,
        "heat": heat(bare),
    }


def _variant(run: Run, name: str, spin_ns: int) -> Ints:
    """Lateness of all our ticks in ns."""
    period_ns = round(1e9 / run.rate_hz)
    ticks = max(FIRST_TICKS + 60, round(run.seconds / SLICES / 2 * run.rate_hz))
    collected: list[Ints] = []
    sides: tuple[Side, Side]
    if spin_ns:  # two that spin on one core would wait for each other: in turns
        sides = partial(loop_us, ticks, period_ns, spin_ns, collected), partial(bare_us, ticks, period_ns, spin_ns)
    else:
        sides = sleepers(2 * ticks, period_ns, collected)
    why_not = WHY_NOT.get(name, "")
    what = f"bare {'clock_nanosleep and spin' if spin_ns else 'clock_nanosleep'} loop, p50 of the lateness"
    run.pair(name, *sides, SHARE.get(name, 1 / 3), yardstick=what, unit="us", why_not=why_not)
    return np.concatenate(collected)


def sleepers(ticks: int, period_ns: int, collected: list[Ints] | None = None) -> tuple[Side, Side]:
    """p50 of the lateness in us, of the loop and of a thread that only sleeps, side by side.

    Args:
        ticks: of each.
        period_ns: of both, nearly (see SWEEP).
        collected: gets the lateness of all ticks of the loop, in ns.
    """
    ours_ns, theirs_ns = (round(period_ns * longer) for longer in SWEEP)
    return at_once(partial(loop_us, ticks, ours_ns, 0, collected), partial(bare_us, ticks, theirs_ns))


def loop_us(ticks: int, period_ns: int, spin_ns: int = 0, collected: list[Ints] | None = None) -> float:
    """p50 of the lateness in us of the loop; `collected` gets that of all ticks in ns."""
    late = lateness_ns(ticks, period_ns, spin_ns)
    if collected is not None:
        collected.append(late)
    return float(np.median(late)) / 1e3


def bare_us(ticks: int, period_ns: int, spin_ns: int = 0) -> float:
    """p50 of the lateness in us of a thread that does nothing else (wakeup.c)."""
    mode, given = ("hybrid", [spin_ns // 1000]) if spin_ns else ("nanosleep", [])
    seconds = ticks * period_ns / 1e9
    return run_yardstick("wakeup", mode, period_ns / 1e3, seconds, PRIORITY, CPU, *given)[f"{mode} p50"]


def lateness_ns(ticks: int, period_ns: int, spin_ns: int = 0) -> Ints:
    """Recorded lateness of each tick of a program with one block, without the first ones.

    Raises:
        BenchError: ticks were lost, so that nothing can be said of them.
    """
    spec = Spec(period_ns=period_ns)
    signal = spec.signal("one")
    spec.blocks.append(BlockSpec("one", "constant", [], [signal], [1.0]))
    program = _core.Program(spec)
    loop = _core.Loop(_core.State(program), groups=[(1, [(program.offset_value(signal), 1)], [])])
    loop.start(priority=PRIORITY if may_use_fifo() else 0, cpu=CPU, spin_ns=spin_ns, n_ticks=ticks)
    loop.join()
    late = _core.unpack_samples(loop.read_samples(), 0, 1, 0)[1]
    if len(late) != ticks or loop.granted != (0, 0):
        raise BenchError(f"{len(late)} of {ticks} ticks were recorded, granted {loop.granted}", where="wakeup")
    return late[FIRST_TICKS:]


def facts(late: Ints, period_ns: int) -> dict[str, Any]:
    """Percentiles, histogram and ticks that were missed: later than a period."""
    edges = np.unique(np.geomspace(max(1, late.min()), max(2, late.max() + 1), 60).astype(np.int64))
    counts, _ = np.histogram(late, edges)
    p50, p99, p999 = (float(v) for v in np.quantile(late, [0.5, 0.99, 0.999]))
    known = {"p50": p50, "p99": p99, "p999": p999, "max": float(late.max())}
    return {
        "ticks": len(late),
        "missed": int((late > period_ns).sum()),
        "late_ns": {"edges": edges.tolist(), "counts": counts.tolist(), **known},
    }


def heat(late: Ints) -> dict[str, Any]:
    """Lateness over time: counts[row][column] of ticks, rows by lateness (logarithmic, ns), columns by order."""
    low, high = max(1.0, float(late.min())), max(2.0, float(late.max()) + 1)
    edges = np.geomspace(low, high, HEAT_ROWS + 1)
    columns = np.array_split(np.clip(late, low, high), min(HEAT_COLUMNS, len(late)))
    counts = [np.histogram(column, edges)[0] for column in columns]
    return {"edges_ns": np.round(edges).tolist(), "counts": np.transpose(counts).tolist()}
