"""From a change of the plant to the actuator's latch: sensor published, wire, device, wire, latched; in ticks and us.

A sensor is forced between two values at known ticks, and an output of the device that follows at once is watched. The
device is emulated and runs by its own clock, so its phase to the bench is chance. Firmware is measured as well as a
library in this process (SIL) and, in lock-step, on the emulated chip: in real time that is slower than most rigs.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hil.bench import Bench, open_bench
from hil.errors import HilError
from hil.latency.device import emulated
from hil.latency.paired import LEAST_PAIRS, settled
from hil.latency.place import PRIORITY
from hil.latency.response import Response, find_response, raw_of
from hil.latency.run import Measured, Run
from hil.latency.yardstick import may_use_fifo
from hil.recording import Recording
from hil.rig import Device, RecordGroup, Rig, Role
from hil.rig.description import Loop

SETTLE_S = 0.2
MOST_AHEAD = 32  # changes of a chunk: they are staged before it begins
GOLDEN = 0.6180339887498949  # changes come in all phases of the device's task
LONGEST_S = 30.0  # that a device may take
CHANCE = "the phase of the device's clock to the bench's is chance"
SAME_CLOCK = "both are whole ticks of one clock"
CHIP_CHANGES = 24
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Trips:
    """Round trips of a bench: ticks and us of each change, and its chunk."""

    ticks: Floats
    us: Floats
    chunk: Floats
    unanswered: int

    def facts(self) -> dict[str, Any]:
        """Median and 99 % of both."""
        sides = (("ticks", self.ticks), ("us", self.us))
        p = {f"p{q}_{name}": float(np.quantile(x, q / 100)) for name, x in sides for q in (50, 99)}
        return {**p, "changes": len(self.ticks), "unanswered": self.unanswered}


def measure(run: Run) -> None:
    """Every device of the rig, as the rig says, and with its task and its wire at the rate of the loop."""
    found: dict[str, Any] = {}
    for device in run.rig.devices.values():
        role = run.rig.roles[device.role]
        response = find_response(run.rig, role) if role.simulated else None
        if response is None:
            run.skipped[f"roundtrip.{device.name}"] = "no output of its simulated controller follows an input at once"
            continue
        fast = at_rate(run.rig, role, device, run.rate_hz)
        variants = [("", run.rig)] if fast != run.rig else []  # a rig that is as fast is measured once
        for variant, rig in (*variants, (".every_tick", fast)):
            told = _device(run, rig, f"roundtrip.{device.name}{variant}", device.name, response)
            found |= {device.name + variant: told} if told else {}
    if not run.rig.devices:
        run.skipped["roundtrip"] = "this rig has no device"
    run.figures["roundtrip"] = found


def at_rate(rig: Rig, role: Role, device: Device, rate_hz: float) -> Rig:
    """The rig with this period, its device's task in every tick and its wire polled as often."""
    period_ns = round(1e9 / rate_hz)
    own = {b.name: replace(b, every=max(1, b.every // role.every), phase=0) for b in rig.role_blocks(role.name)}
    return replace(
        rig,
        period_ns=period_ns,
        blocks={name: own.get(name, block) for name, block in rig.blocks.items()},
        roles={**rig.roles, role.name: replace(role, every=1, phase=0)},
        devices={**rig.devices, device.name: replace(device, period_s=period_ns / 1e9)},
    )


def _device(run: Run, rig: Rig, name: str, device: str, response: Response) -> dict[str, Any] | None:
    """The device emulated, its firmware as a library, its role simulated, in turn; the last is the yardstick.

    None: it was skipped.
    """
    role, firmware = rig.devices[device].role, rig.devices[device].firmware is not None
    least_s = 4 * LEAST_PAIRS * _wait_ticks(rig.roles[role]) * rig.period_s
    if least_s > LONGEST_S:
        run.skipped[name] = f"at the rig's own rate it would take {least_s:.0f} s"
        return None
    with ExitStack() as stack:
        url = stack.enter_context(emulated(_as_measured(rig, response), device))
        levels = ("pil", "sil", "mil") if firmware else ("pil", "mil")
        sides = {
            level: stack.enter_context(_watched(rig, role, response, level, {device: url} if level == "pil" else {}))
            for level in levels
        }
        chunk_s = run.seconds / len(run.rig.devices) / 2 / len(levels) / LEAST_PAIRS
        for number in range(LEAST_PAIRS):
            for level in levels if number % 2 else reversed(levels):
                sides[level].change_for(number, chunk_s)
        trips = {level: side.trips() for level, side in sides.items()}
    if not _compared(run, name, trips["pil"], trips["mil"], CHANCE):
        run.skipped[name] = f"no change of {response.signal} was answered in {response.output}"
        return None
    if firmware:
        _compared(run, f"{name}.sil", trips["sil"], trips["mil"], SAME_CLOCK)
    told: dict[str, Any] = {"signal": response.signal, "output": response.output, "chip": None}
    told |= {level: found.facts() for level, found in trips.items()}
    if firmware:
        told["chip"] = _on_the_chip(run, rig, name, device, response)
    return {**told, "age_ns": sides["pil"].buses[device].get("age_ns")}


def _compared(run: Run, name: str, trips: Trips, simulated: Trips, why_not: str) -> bool:
    """Keeps the ratio of the chunks; False where no change was answered."""
    pairs = [(_median(trips, i), _median(simulated, i)) for i in range(LEAST_PAIRS)]
    pairs = [pair for pair in pairs if np.isfinite(pair).all()]
    if pairs:
        what = "the same changes with the role simulated in the bench: the role's boundary alone"
        run.ratios[name] = Measured(settled(pairs), what, "us", why_not)
    return bool(pairs)


def _on_the_chip(run: Run, rig: Rig, name: str, device: str, response: Response) -> dict[str, Any] | None:
    """The firmware on the emulated chip in lock-step: ticks, and what an exchange with it takes; None: skipped."""
    role = rig.devices[device].role
    try:
        with _watched(rig, role, response, "pil", {}, time="lockstep") as side:
            side.change_for(0, CHIP_CHANGES * _wait_ticks(rig.roles[role]) * rig.period_s)
            trips = side.trips()
    except HilError as error:
        run.skipped[f"{name}.chip"] = f"the emulated chip: {error}"
        return None
    if not len(trips.ticks):
        run.skipped[f"{name}.chip"] = f"no change of {response.signal} was answered in {response.output}"
        return None
    exchange = side.buses[device]["round_trip_ns"]
    return {**trips.facts(), "p50_exchange_us": exchange["p50"] / 1e3, "p99_exchange_us": exchange["p99"] / 1e3}


def _median(trips: Trips, chunk: int) -> float:
    chosen = trips.us[trips.chunk == chunk]
    return float(np.median(chosen)) if len(chosen) else float("nan")


def _wait_ticks(role: Role) -> int:
    """From a change to the next: longer than any answer takes."""
    return max(20, 5 * role.every + 3 * role.delay_ticks)


class _Watched:
    """A bench in real time whose sensor is changed, and its recording; `buses` has their counters at the end."""

    def __init__(self, bench: Bench, folder: Path, response: Response) -> None:
        self._bench, self._folder, self._response = bench, folder, response
        role = next(r for r in bench.rig.roles.values() if any(t.signal == response.output for t in r.outputs))
        self._wait = _wait_ticks(role)
        self.buses = dict[str, Any]()
        self._every, self._high, self._changes = role.every, False, list[tuple[int, int]]()
        bench.force(response.signal, response.low)
        bench.run(max(SETTLE_S, 3 * self._wait * bench.period_s))

    def change_for(self, chunk: int, seconds: float) -> None:
        """Changes the sensor to and fro for so long."""
        bench, ticks = self._bench, 0
        for _ in range(min(MOST_AHEAD, max(2, round(seconds / self._wait / bench.period_s)))):
            self._high = not self._high
            value = self._response.high if self._high else self._response.low
            tick = bench.tick + 1 + ticks + round(self._every * ((len(self._changes) * GOLDEN) % 1.0))
            bench.force(self._response.signal, value, at=tick * bench.period_s)
            self._changes.append((chunk, tick))
            ticks += self._wait + self._every
        bench.run(ticks * bench.period_s)

    def trips(self) -> Trips:
        """Ends the bench and finds each change's answer."""
        output = raw_of(self._bench, self._response.output)
        self.buses = self._bench.finish().buses
        rec = Recording(self._folder)
        ticks, late, values = rec.tick(), rec.late_ns(), rec[output]
        return _answers(self._changes, ticks, late, values, self._response.threshold, round(rec.period_s * 1e9))


def _answers(
    changes: list[tuple[int, int]], ticks: Any, late: Any, values: Floats, threshold: float, period_ns: int
) -> Trips:
    found = []
    ends = [tick for _, tick in changes[1:]] + [int(ticks[-1]) + 1]
    for (chunk, tick), end in zip(changes, ends, strict=True):
        inside = np.flatnonzero((ticks >= tick) & (ticks < end))
        before = values[np.searchsorted(ticks, tick)]
        moved = inside[np.abs(values[inside] - before) > threshold]
        if len(moved):
            begin, answer = np.searchsorted(ticks, tick), moved[0]
            n = int(ticks[answer] - tick)
            found.append((n, (n * period_ns + int(late[answer]) - int(late[begin])) / 1e3, chunk))
    columns = np.array(found, dtype=np.float64).reshape(-1, 3).T
    return Trips(columns[0], columns[1], columns[2], len(changes) - len(found))


def _as_measured(rig: Rig, response: Response) -> Rig:
    """Recorded is what is watched; the loop has the measured priority."""
    group = RecordGroup("latency", tuple(dict.fromkeys((response.signal, response.output))))
    priority = PRIORITY if may_use_fifo() else 0
    return replace(rig, record={"latency": group}, loop=Loop("count", 100, priority=priority), events=())


@contextmanager
def _watched(
    rig: Rig, role: str, response: Response, level: str, urls: dict[str, str], time: str = "real"
) -> Iterator[_Watched]:
    """A bench with the role at this level, or at the device of these addresses; all others are simulated."""
    bind = {**dict.fromkeys(rig.roles, "mil"), role: "hil" if urls else level}
    with tempfile.TemporaryDirectory(prefix="hil-bench-") as folder:
        place = Path(folder) / "recording"
        with open_bench(
            _as_measured(rig, response), time=time, bind=bind, urls=urls, record=place, history=False,
            use_rig_faults=False,
        ) as bench:  # fmt: skip
            yield _Watched(bench, place, response)
