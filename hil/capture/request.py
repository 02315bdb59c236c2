"""What is asked for: checked, in ticks, and small enough, before anything is armed."""

from __future__ import annotations

import math
import shutil
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from hil.capture.condition import Condition, compile_condition
from hil.errors import BenchError
from hil.recorder import Columns, ring_size

if TYPE_CHECKING:
    from hil.bench import Bench

ROW_BYTES = 24  # tick, lateness, execution time
MEMORY_SHARE = 0.5  # of what the machine has left: the bench and others need some as well
MOST_WINDOWS = 10_000
SMALLEST_RING = 1 << 18  # bytes; some seconds at 1 kHz, as opening and closing windows takes the drain some 20 ms each
LONGEST_S = 1e7


@dataclass(frozen=True)
class CaptureRequest:
    """What a person or a test wants captured; times in s of bench time.

    Attributes:
        signals: names of signals, block states or parameters.
        trigger: the condition; the first tick at which it holds is the trigger.
        pre_s, post_s: the window around it.
        timeout_s: longest wait for the trigger, and for the one that ends the window.
        name: of the capture; default "capture-1" and so on.
        out: folder of its recording; default: in the bench's recording, else a temporary one.
        count: windows to be taken, one behind the other; with more than one, `out` has a folder for each.
        stop_trigger: a condition after which the window lasts `post_s`; default: `post_s` counts from the trigger.
    """

    signals: tuple[str, ...]
    trigger: str
    pre_s: float
    post_s: float
    timeout_s: float = 10.0
    name: str | None = None
    out: Path | None = None
    count: int = 1
    stop_trigger: str | None = None
    limits: dict[str, float] = field(default_factory=dict)  # bytes of "memory" and "disk" instead of the machine's


@dataclass(frozen=True)
class Plan:
    """A request that can be carried out.

    Attributes:
        columns: the captured group.
        pre, post, timeout: ticks.
        ring_bytes: of the ring between loop and drain, a power of two.
    """

    request: CaptureRequest
    columns: Columns
    start: Condition
    stop: Condition | None
    pre: int
    post: int
    timeout: int
    ring_bytes: int

    @property
    def row_bytes(self) -> int:
        """Of one tick."""
        return ROW_BYTES + 8 * len(self.columns.names) + len(self.columns.status_names)

    @property
    def memory_bytes(self) -> int:
        """What it keeps: the ticks before a trigger, and the ring twice, as it is copied out."""
        return self.pre * self.row_bytes + 2 * self.ring_bytes

    @property
    def disk_bytes(self) -> int:
        """The most that its recordings take; compressed they are smaller."""
        longest = self.pre + self.post + 1 + (self.timeout if self.stop else 0)
        return self.request.count * longest * self.row_bytes


def plan(bench: Bench, request: CaptureRequest) -> Plan:
    """Checks a request against the bench and the machine; nothing is made yet.

    Raises:
        BenchError: an unknown signal, a condition that is none, a time out of range, or more than there is room for.
    """
    ticks = {key: _ticks(bench, key, getattr(request, f"{key}_s")) for key in ("pre", "post", "timeout")}
    if isinstance(request.count, bool) or not isinstance(request.count, int) or not 1 <= request.count <= MOST_WINDOWS:
        raise BenchError(f"{request.count} windows cannot be taken", where="count", mend=f"1 to {MOST_WINDOWS}")
    columns = columns_for(bench, request.signals)
    start = compile_condition(request.trigger, bench.built, bench.period_s)
    stop = request.stop_trigger
    end = None if stop is None else compile_condition(stop, bench.built, bench.period_s, "stop trigger")
    for condition in (start, end) if end else (start,):
        _are_here(bench, condition.signals)
    ring = ring_size([columns], bench.period_s, smallest=SMALLEST_RING)
    made = Plan(request, columns, start, end, **ticks, ring_bytes=ring)
    _fits(made, bench)
    return made


def columns_for(bench: Bench, signals: Iterable[str]) -> Columns:
    """Offsets of the captured signals, each once, in the order given."""
    names = list(dict.fromkeys(signals))
    if not names:
        raise BenchError("no signal is named", where="signals", mend="As in --signals sensor.h1,pump.v1")
    built = bench.built
    offsets = [_offset(bench, name) for name in names]
    _are_here(bench, names)
    signals = [name for name in names if name in built.numbers and not name.endswith(".raw")]
    status = [built.program.offset_status(built.numbers[name]) for name in signals]
    return Columns("signals", 1, names, offsets, signals, status)


def _offset(bench: Bench, name: str) -> int:
    try:
        return bench.built.offset(name)
    except BenchError as error:
        raise BenchError(error.message, where="signals", mend=error.mend) from None


def _are_here(bench: Bench, names: Iterable[str]) -> None:
    for name in names:
        if not bench.is_here(name):
            mend = "Capture what it publishes, or bind its role to mil"
            raise BenchError(f"{name} is internal to a controller that does not run here", where="signals", mend=mend)


def _ticks(bench: Bench, key: str, seconds: float) -> int:
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not math.isfinite(seconds):
        raise BenchError("is not a number of seconds", where=key, mend="As in 0.5")
    if not 0 <= seconds <= LONGEST_S:
        raise BenchError(f"{seconds:g} s cannot be captured", where=key, mend=f"Give 0 to {LONGEST_S:g} s")
    return round(seconds / bench.period_s)


def _fits(made: Plan, bench: Bench) -> None:
    name = made.request.name or "the capture"
    limits = made.request.limits
    promised = sum(capture.plan.memory_bytes for capture in bench.captures if not capture.state.over)
    room = max(0.0, limits.get("memory", MEMORY_SHARE * available_memory()) - promised)
    if made.memory_bytes > room:
        what = f"{name} needs {_size(made.memory_bytes)} of memory for {made.pre:,} ticks before its trigger"
        raise BenchError(f"{what}, {_size(room)} may be used", where="pre", mend="Shorten it, or capture fewer signals")
    place = made.request.out or (bench.recorder.writer.folder if bench.recorder.writer else Path())
    room = limits.get("disk", float(shutil.disk_usage(_existing(place)).free))
    if made.disk_bytes > room:
        what = f"{name} may need {_size(made.disk_bytes)} on the disk, {_size(room)} are free"
        raise BenchError(what, where="post", mend="Shorten the window, or capture fewer signals")


def available_memory() -> float:
    """Bytes that can be had without swapping, as the kernel says."""
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return 1024.0 * int(line.split()[1])
    return math.inf


def _existing(place: Path) -> Path:
    place = place.absolute()
    return next(folder for folder in (place, *place.parents) if folder.exists())


def _size(size: float) -> str:
    for factor, unit in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if size >= factor:
            return f"{size / factor:,.1f} {unit}"
    return f"{size:.0f} bytes"
