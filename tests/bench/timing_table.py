"""Writes docs/timing.md (make timing-table): HIL beside bare C and other libraries on the same work, in pairs.

Run it on a machine that does nothing else. The pairs are those of the speed tests beside this file.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "fmi"))  # for gemseo_wheel

import cart_pole_bench
import gemseo_wheel
import test_estimator_speed as estimators
import test_fmu_speed as fmus
import test_modbus_speed as modbus
import test_rtu_speed as rtu
import test_wakeup_speed as wakeup
import timing_peers as peers
import yardstick
from place import CPU, PRIORITY, measured_place

import hil
from hil import realtime
from hil.doctor.wake_up import held_awake
from hil.latency import plc
from hil.latency.bus import our_server, raw_us
from hil.plc import compile_program

PAGE = Path(__file__).resolve().parents[2] / "docs/timing.md"
Measure = Callable[[], float]


@dataclass(frozen=True)
class Row:
    """A pair: what is done, by whom beside HIL, in which unit; `why_not` where it could not be measured."""

    work: str
    other: str
    unit: str
    ratio: yardstick.Ratio | None
    why_not: str = ""


def pair(work: str, other: str, unit: str, ours: Measure, theirs: Measure, pairs: int) -> Row:
    """Measures; the ratio is theirs / ours, so 2 is twice as long as HIL."""
    print(f"{work}: {other}", file=sys.stderr)
    return Row(work, other, unit, yardstick.paired(theirs, ours, pairs))


def c_version() -> str:
    """The compiler of yardsticks and core."""
    told = subprocess.run(["gcc", "-dumpfullversion"], capture_output=True, text=True, check=True).stdout.strip()
    return f"C (gcc {told})"


def libmodbus_version() -> str:
    told = subprocess.run(["pkg-config", "--modversion", "libmodbus"], capture_output=True, text=True, check=True)
    return f"libmodbus {told.stdout.strip()}"


def library(name: str) -> str:
    """A library in Python, with its version."""
    return f"{name} {version(name)}"


# ---- the rows ----


def loops(pairs: int) -> Iterator[Row]:
    """The tick and the wake-up."""
    c, ticks = c_version(), 50_000
    bare, gated = cart_pole_bench.CartPoleBench(), cart_pole_bench.CartPoleBench(gated=True)
    hand = cart_pole_bench.by_hand()
    with measured_place():
        for what, run in (
            ("closed loop of a cart-pole, a tick", bare.run_bare),
            ("the same with status, gate and recorder (C: without)", gated.run_recorded),
        ):
            yield pair(what, c, "ns", lambda run=run: run(ticks)[0], lambda: hand(ticks)[0], pairs)
    with held_awake(True):  # the yardstick does it for itself only
        yield pair(
            "wake-up at 1 kHz, lateness p50",
            f"{c}, clock_nanosleep",
            "us",
            lambda: wakeup.ours_us(300),
            lambda: wakeup.theirs_us(300),
            pairs,
        )


def buses(pairs: int) -> Iterator[Row]:
    """Modbus TCP and RTU."""
    c, lib, n = c_version(), libmodbus_version(), 3000
    read = "Modbus TCP, read of 10 registers, client p50"
    with yardstick.serve("mb_server", cpu=CPU, priority=PRIORITY) as port:
        yield pair(read, c, "us", lambda: modbus.ours(port, n)[0], lambda: raw_us(port, n), pairs)
        yield pair(
            f"{read} (mean)",
            lib,
            "us",
            lambda: modbus.ours(port, n)[1],
            lambda: modbus.libmodbus_client(port, n),
            pairs,
        )
        yield pair(
            read,
            library("pymodbus"),
            "us",
            lambda: modbus.ours(port, n)[0],
            lambda: peers.pymodbus_us(port, 500),
            pairs,
        )
        with our_server() as server:
            ours = server.port
            what = "Modbus TCP, the same read, server behind a raw client p50"
            yield pair(what, lib, "us", lambda: raw_us(ours, n), lambda: raw_us(port, n), pairs)
    with tempfile.TemporaryDirectory() as folder, rtu.cable(Path(folder) / "line") as (a, b):
        slave = rtu.start("mb_rtu_server", a)
        try:
            rtu.wait_for_answers(b)
            what, n = "Modbus RTU, read of 10 registers, master p50", 500
            yield pair(what, lib, "us", lambda: rtu.ours(b, n), lambda: rtu.libmodbus(b, n), pairs)
            bytes_only = f"{library('pyserial')}, bytes only"
            yield pair(what, bytes_only, "us", lambda: rtu.ours(b, n), lambda: peers.pyserial_us(b, 300), pairs)
        finally:
            rtu.end(slave)


def link(pairs: int) -> Iterator[Row]:
    """The microcontroller link: one program measures both sides in turn, by blocks."""
    ratios, ours, raw = [], [], []
    for _ in range(pairs):
        told = yardstick.run("link_pp", 100, 100, 16, cpu=CPU, priority=PRIORITY)
        ratios.append(1.0 / told["pair ratio"])
        ours.append(told["pair ours"])
        raw.append(told["pair raw"])
    middle = len(ours) // 2
    ratio = yardstick.Ratio(tuple(ratios), sorted(raw)[middle], sorted(ours)[middle])
    yield Row("MCU link, an exchange of 16 bytes, p50", f"{c_version()}, raw bytes", "us", ratio)


def filters(pairs: int) -> Iterator[Row]:
    """Kalman filters, linear and extended, and python-control's simulation of a linear system."""
    it, c = estimators.CASES["kf n4m2"](), c_version()
    extended = estimators.CASES["ekf cartpole"]()
    yield pair(
        "Kalman filter, 4 states, 2 measurements, a step",
        c,
        "ns",
        lambda: estimators.in_a_process("kf n4m2"),
        lambda: estimators.by_hand("kf n4m2"),
        pairs,
    )
    yield pair(
        "Kalman filter, 4 states, 2 measurements, a step",
        library("filterpy"),
        "ns",
        lambda: estimators.tick_ns(it),
        lambda: estimators.filterpy_ns(4),
        pairs,
    )
    yield pair(
        "extended Kalman filter of a cart-pole, a step",
        f"{c}, the core's sine and cosine",
        "ns",
        lambda: estimators.in_a_process("ekf cartpole"),
        lambda: estimators.by_hand("ekf cartpole", estimators.SAME_MATHS),
        pairs,
    )
    yield pair(
        "extended Kalman filter of a cart-pole, a step",
        library("filterpy"),
        "ns",
        lambda: estimators.tick_ns(extended),
        lambda: peers.filterpy_ekf_ns(500),
        pairs,
    )
    program = peers.state_space_program()
    assert peers.same_response() < 1e-9
    with measured_place():
        yield pair(
            "linear system of order 4, a step",
            f"python-{library('control')}",
            "ns",
            lambda: peers.state_space_ns(program, 50_000),
            lambda: peers.control_ns(5000),
            pairs,
        )


def programs(pairs: int) -> Iterator[Row]:
    """A scan of a compiled PLC program."""
    ours, theirs = plc.compiled(compile_program([plc.SOURCE])), plc.by_hand()
    assert ours() == theirs(), "they do the same work"
    what = "PLC program of a hundred lines (plc_tank.st), a scan"
    sides = [plc.scan_ns(side) for side in (ours, theirs)]
    yield pair(what, f"{c_version()}, by hand", "ns", sides[0], sides[1], pairs)


def fmu(pairs: int) -> Iterator[Row]:
    """A step of an FMU by OpenModelica."""
    name = "Mass_Damper"
    what = f"FMU {name} (OpenModelica), set, step of 1 ms, get"
    try:
        file = gemseo_wheel.linux_fmus()[name]
    except OSError as error:
        for other in (c_version(), library("FMPy")):
            yield Row(what, other, "ns", None, f"the wheel gemseo-fmu cannot be had: {error}")
        return
    inputs, outputs = fmus.FMUS[name]
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "plant.fmu").write_bytes(file.read_bytes())
        (Path(folder) / "rig.toml").write_text(
            f'[rig]\nname = "speed"\nperiod_s = {fmus.PERIOD_S}\n[blocks.plant]\nfmu = "plant.fmu"\n'
            f'in = {{ {inputs[0]} = 1.0 }}\nout = {{ {outputs[0]} = "{outputs[0]}" }}\n'
        )
        with hil.open_bench(folder) as bench, peers.fmpy_slave(file) as slave, measured_place():
            bare = fmus.Bare(bench.built.fmus[0], fmus.PERIOD_S)
            state = hil._core.State(bench.built.program)

            def ours() -> float:
                return fmus.ns_per_tick(state, 4000)

            yield pair(what, c_version(), "ns", ours, lambda: bare.ns_per_step(4000), pairs)
            yield pair(
                what,
                library("FMPy"),
                "ns",
                ours,
                lambda: peers.fmpy_ns(slave, list(inputs), list(outputs), fmus.PERIOD_S, 1000),
                pairs,
            )


# ---- the page ----


def page(rows: list[Row], pairs: int, load: tuple[float, float]) -> str:
    """The table with what it was measured on."""
    facts = realtime.machine_facts()
    fifo = "SCHED_FIFO" if yardstick.may_use_fifo() else "without real-time priority"
    place = f"{facts['cpu']}, {facts['cpus']} CPUs{', virtual machine' if facts['virtual_machine'] else ''}"
    lines = [
        "# Timing beside others",
        "",
        "Written by `make timing-table`; do not edit. Each row is the same work done by HIL and by another, measured",
        f"in {pairs} interleaved pairs (a b b a) in one run, pinned, {fifo} where both sides have it. The ratio is",
        "other / HIL: 2 is twice as long as HIL, 0.9 a tenth quicker. Times say something of this machine only;",
        "ratios travel.",
        "",
        f"Machine: {place}, Linux {facts['kernel']}. HIL {hil.__version__}, Python {sys.version.split()[0]}.",
        f"Its load average was {load[0]:.1f} when the first row began and {load[1]:.1f} at the end: the rows make",
        "about 1 of it, what is more was somebody else's.",
        "",
        "| work | other | HIL | other takes | other / HIL | pairs from ... to |",
        "|---|---|---|---|---|---|",
    ]
    return "\n".join([*lines, *(_line(row) for row in rows), ""])


def _line(row: Row) -> str:
    if row.ratio is None:
        return f"| {row.work} | {row.other} | | | not measured: {row.why_not} | |"
    r = row.ratio
    times = f"{r.b:.4g} {row.unit} | {r.a:.4g} {row.unit}"
    return f"| {row.work} | {row.other} | {times} | **{r.median:.3g}** | {r.low:.3g} ... {r.high:.3g} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=12)
    parser.add_argument("--out", type=Path, default=PAGE)
    args = parser.parse_args()
    before = os.getloadavg()[0]
    rows = [row for part in (loops, buses, link, filters, programs, fmu) for row in part(args.pairs)]
    args.out.write_text(page(rows, args.pairs, (before, os.getloadavg()[0])), encoding="utf-8")
    print(args.out)


if __name__ == "__main__":
    main()
