"""A bench: a rig that runs. Everything a person or a test does with it goes through here, as events for the core's queue."""

from __future__ import annotations

import tempfile
import threading
import time as clock
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from hil import _core, frames, result
from hil.buses import Wires
from hil.commands import Commands
from hil.engine import Engine
from hil.errors import BenchError, HilError
from hil.events import EventKind, encode
from hil.expressions import Condition
from hil.faults import FaultSpec
from hil.nearest import did_you_mean
from hil.program import SIMULATED, Progress, build_bench
from hil.realtime import MachineWatch, verdict
from hil.recorder import Recorder, columns_of, groups_for_writer, ring_size
from hil.recording import RecordingWriter
from hil.result import RunResult
from hil.rig import Rig, load_rig

TIMES = ("virtual", "lockstep", "real")
LEVELS = ("mil", "sil", "pil", "hil")
POLL_S = 0.001
Floats = npt.NDArray[np.float64]


def open_bench(
    rig: str | Path | Rig,
    *,
    time: str = "virtual",
    bind: Mapping[str, str] | None = None,
    record: str | Path | None = None,
    faults: Iterable[str | FaultSpec] = (),
    seed: int | None = None,
    overwrite: bool = False,
    history: bool = True,
    progress: Progress | None = None,
    use_rig_faults: bool = True,
    on_event: Callable[[dict[str, Any]], None] | None = None,
) -> Bench:
    """A bench, ready to run.

    Args:
        rig: folder, file, name of a shipped rig, or a loaded one.
        time: "virtual" (no wire, as fast as possible), "lockstep" (a wire, as fast as it carries) or "real".
        bind: level by role, "mil" | "sil" | "pil" | "hil"; default: the rig's, in virtual time "mil".
        record: folder of a recording to be written.
        faults: armed before the first tick, beside the rig's own.
        seed: instead of the rig's.
        overwrite: replaces a recording.
        history: keeps the first recorded group in memory, for `history` and `capture`.
        progress: is told what takes long.
        use_rig_faults: False leaves out the [[faults]] of the rig.
        on_event: is told each event as it is drained.

    Raises:
        HilError: the rig, a binding, a device, a fault or the folder cannot be used.
    """
    loaded = rig if isinstance(rig, Rig) else load_rig(rig)
    bench = Bench(loaded, time, dict(bind or {}), seed=seed, progress=progress, history=history, on_event=on_event)
    try:
        bench._open()
        bench._arm(faults, use_rig_faults=use_rig_faults)
        if record is not None:  # last, so that nothing wrong above leaves a folder behind or replaces one
            bench._record(Path(record), overwrite=overwrite)
    except BaseException:
        bench.close()
        raise
    return bench


def bindings_of(rig: Rig, time: str, bind: Mapping[str, str]) -> dict[str, str]:
    """Level of every role.

    Raises:
        BenchError: unknown kind of time, role or level, or a level that the time or the rig does not allow.
    """
    if time not in TIMES:
        raise BenchError(f"time '{time}' is not known", mend=did_you_mean(time, TIMES))
    for role in bind:
        if role not in rig.roles:
            raise BenchError(f"there is no role '{role}' to bind", where=rig.name, mend=did_you_mean(role, rig.roles))
    levels = {name: bind.get(name, "mil" if time == "virtual" else role.binding) for name, role in rig.roles.items()}
    for name, level in levels.items():
        _check_level(rig, time, name, level)
    return levels


def _check_level(rig: Rig, time: str, role: str, level: str) -> None:
    where = f"{role}={level}"
    if level not in LEVELS:
        raise BenchError(f"level '{level}' is not known", where=where, mend=f"Levels are {', '.join(LEVELS)}")
    if level == "sil":
        raise BenchError(
            "sil needs firmware for this role, and there is none", where=where, mend="Bind it to mil or pil"
        )
    if level == "mil" and not rig.roles[role].simulated:
        raise BenchError(f'no block has role = "{role}", so it cannot be simulated', where=where, mend="Bind it to hil")
    if level == "pil" and not rig.roles[role].simulated:
        raise BenchError(f'no block has role = "{role}", so it cannot be emulated', where=where, mend="Bind it to hil")
    if level != "mil" and rig.roles[role].device is None:
        raise BenchError(
            "the role has no device in the rig", where=where, mend="Bind it to mil, or add a [devices] table"
        )
    if level != "mil" and time == "virtual":
        mend = f"Use --time lockstep or real, or bind {role} to mil"
        raise BenchError("in virtual time there is no wire", where=where, mend=mend)
    if level == "hil" and time == "lockstep":
        mend = "Use --time real, or bind it to pil"
        raise BenchError("a real device takes no tick tokens, so it cannot run in lock-step", where=where, mend=mend)


class Bench(Commands):
    """A rig that runs; made by `open_bench`. Use it in a `with` statement: its end is always a verified safe state.

    Attributes:
        rig: the description.
        time: kind of time.
        bindings: level by role.
        recorder: rows and events so far.
    """

    def __init__(
        self,
        rig: Rig,
        time: str,
        bind: Mapping[str, str],
        *,
        seed: int | None = None,
        progress: Progress | None = None,
        history: bool = True,
        on_event: Callable[[dict[str, Any]], None] | None = None,
    ) -> None:
        self.bindings = bindings_of(rig, time, bind)
        self.rig, self.time = rig, time
        self._files: tempfile.TemporaryDirectory[str] | None = None
        if rig.folder is None:
            self._files = tempfile.TemporaryDirectory(prefix="hil-rig-")
            self.rig = rig = rig.write_files(Path(self._files.name))
        self.seed = rig.seed if seed is None else seed
        built = build_bench(rig, self.bindings, self.seed, progress)
        super().__init__(rig, built)
        self.state = _core.State(built.program)
        self._columns = [columns_of(group, built) for group in rig.record.values()]
        self._history, self._on_event = history, on_event
        self._thread: threading.Thread | None = None
        self._failure: BaseException | None = None
        self._result: RunResult | None = None
        self.engine: Engine | None = None
        self.recorder = self._make_recorder(None)

    # ---- opening ----

    def _make_recorder(self, writer: RecordingWriter | None) -> Recorder:
        built = self.built
        names = frames.Names(self.period_s, built.signals, built.roles, built.entries, self.texts, self.describe)
        return Recorder(self._columns, names, writer, self._history, self._on_event)

    def _open(self) -> None:
        lockstep = self.time == "lockstep"
        wires = Wires(self.rig, lockstep)
        loop = _core.Loop(
            self.state,
            groups=[c.spec() for c in self._columns],
            sample_ring=ring_size(self._columns, self.period_s),
            hash_every=max(1, round(1.0 / self.period_s)),
            timed_entries=len(self.built.entries) if self.time == "real" else 0,
        )
        self.engine = Engine(self.rig, self.time, loop, self.state, wires, self._drain)
        wires.open(self.bindings)
        if self.time == "real":
            wires.connect()
        loop.connect(wires.ports(self.built.roles))

    def _record(self, folder: Path, *, overwrite: bool) -> None:
        rig_json = {"rig": self.rig.to_dict(), "files": self.rig.files, "options": {"seed": self.seed}}
        groups = groups_for_writer(self._columns, self.rig)
        writer = RecordingWriter(folder, rig_json, self._manifest(), groups, overwrite=overwrite)
        self.recorder = self._make_recorder(writer)

    def _arm(self, faults: Iterable[str | FaultSpec], *, use_rig_faults: bool) -> None:
        for fault in [*(self.rig.faults if use_rig_faults else ()), *faults]:
            self.fault(fault)
        for event in self.rig.events:
            due = event.tick(self.rig.period_ns)
            if event.mark is not None:
                self.mark(event.mark, due=due)
            else:
                name = next(n for n, target in self.rig.tunable().items() if target == (event.block, event.param))
                self.set(name, event.value, due=due)

    def _manifest(self) -> dict[str, Any]:
        return {
            "hil": result.versions()["hil"],
            "rig": self.rig.name,
            "title": self.rig.title,
            "time": self.time,
            "bindings": self.bindings,
            "period_s": self.period_s,
            "seed": self.seed,
            "program_hash": result.hash_text(self.built.program.hash),
            "limits": result.limits(self.rig),
            "versions": result.versions(),
        }

    # ---- running ----

    @property
    def running(self) -> bool:
        """True between `start` and its end."""
        return self._thread is not None and self._thread.is_alive()

    def _drain(self) -> None:
        assert self.engine is not None
        self.recorder.drain(self.engine.loop)

    def run(self, seconds: float) -> None:
        """Runs so many seconds of bench time and waits for their end.

        Raises:
            BenchError: the bench runs already, a lock-step device broke off, or the overrun policy ended the run.
        """
        self._run_ticks(round(seconds / self.period_s))

    def _run_ticks(self, ticks: int | None) -> None:
        if self.running:
            raise BenchError("the bench runs already", mend="Call stop() first")
        self._open_engine().advance(ticks)

    def _open_engine(self) -> Engine:
        if self.engine is None or self._result is not None:
            raise BenchError("the bench is closed", mend="Open a new one")
        if not hasattr(self, "_watch"):
            self._watch = MachineWatch()
        return self.engine

    def start(self, duration_s: float | None = None) -> None:
        """Runs in the background until `stop`, or for so many seconds of bench time."""
        if self.running:
            raise BenchError("the bench runs already", mend="Call stop() first")
        engine = self._open_engine()
        ticks = None if duration_s is None else round(duration_s / self.period_s)
        self._failure = None
        self._thread = threading.Thread(target=self._background, args=(engine, ticks), name=f"hil {self.rig.name}")
        self._thread.start()

    def _background(self, engine: Engine, ticks: int | None) -> None:
        try:
            engine.advance(ticks)
        except BaseException as error:  # noqa: BLE001 - raised again in join()
            self._failure = error

    def join(self, timeout_s: float | None = None) -> bool:
        """Waits for the end of a background run; False when it still runs. Raises what ended it."""
        if self._thread is not None:
            self._thread.join(timeout_s)
            if self._thread.is_alive():
                return False
            self._thread = None
        if self._failure is not None:
            failure, self._failure = self._failure, None
            raise failure
        return True

    def request_stop(self) -> None:
        """Ends the run after its tick, or the next run before its first; does not wait. Safe in a signal handler."""
        if self.engine is not None:
            self.engine.stop()

    def stop(self) -> None:
        """Ends a background run and waits for its end."""
        if self.running:
            self.request_stop()
        self.join()

    def wait_until(self, condition: str, timeout_s: float) -> float:
        """Runs, or in a background run waits, until the condition holds.

        Args:
            condition: such as "sensor.h1 > 0.1 and not plc.alarm_h1", looked at after each tick (in real time about
                once in a millisecond).
            timeout_s: bench time to wait at the most.

        Returns:
            the bench time at which it held.

        Raises:
            BenchError: it did not hold in time.
        """
        holds = Condition(condition, self.built.numbers)
        last = self.tick + round(timeout_s / self.period_s)
        background = self.running or self.time == "real"
        if background and not self.running:
            self.start()
        while not holds(self.__getitem__):
            if self.tick >= last or (background and not self.running):
                raise BenchError(f"'{condition}' did not hold within {timeout_s:g} s", where=self.rig.name)
            if background:
                clock.sleep(POLL_S)
            else:
                self._run_ticks(1)
        return self.time_s

    def capture(
        self, signals: Iterable[str], trigger: str, pre_s: float, post_s: float, timeout_s: float = 10.0
    ) -> dict[str, Floats]:
        """Signals around the first tick from now on at which the trigger holds; needs `history`.

        Returns:
            arrays by signal, and "time_s" with 0 at the trigger.

        Raises:
            BenchError: the trigger did not come within timeout_s.
        """
        names = list(signals)
        first = self.tick
        self.wait_until(trigger, timeout_s)
        end = self.tick + round(post_s / self.period_s)
        while self.tick < end and self.running:
            clock.sleep(POLL_S)
        if self.tick < end:
            self._run_ticks(end - self.tick)
        clock.sleep(0.1 if self.running else 0.0)  # one drain more
        return self._cut(names, trigger, first, pre_s, post_s)

    def _cut(self, names: list[str], trigger: str, first: int, pre_s: float, post_s: float) -> dict[str, Floats]:
        condition = Condition(trigger, self.built.numbers)
        ticks = self.recorder.ticks()
        columns = {name: self.history(name) for name in {*names, *condition.signals}}
        for row in np.flatnonzero(ticks >= first):
            if condition(lambda name, row=row: float(columns[name][row])):  # type: ignore[misc]
                break
        else:
            raise BenchError(f"'{trigger}' did not hold at any recorded tick", where=self.rig.name)
        at = ticks[row]
        lo, hi = at - round(pre_s / self.period_s), at + round(post_s / self.period_s)
        keep = (ticks >= lo) & (ticks <= hi)
        return {"time_s": (ticks[keep] - at) * self.period_s, **{name: columns[name][keep] for name in names}}

    # ---- looking ----

    @property
    def tick(self) -> int:
        """The tick to run next."""
        return int(self.state.tick)

    def history(self, name: str) -> Floats:
        """All recorded values of a signal so far, shape (rows,).

        Raises:
            BenchError: the signal is not recorded in the first group.
        """
        try:
            return self.recorder.column(name)
        except KeyError:
            names = self._columns[0].names if self._columns else []
            raise BenchError(f"'{name}' is not recorded", where=self.rig.name, mend=did_you_mean(name, names)) from None

    def history_time_s(self) -> Floats:
        """Bench times of `history`'s rows, shape (rows,)."""
        return self.recorder.ticks() * self.period_s

    @property
    def events(self) -> list[dict[str, Any]]:
        """What happened so far, in order."""
        return self.recorder.events

    def health(self) -> dict[str, Any]:
        """How the bench is: tick, timing, buses, faults, forces."""
        assert self.engine is not None
        loop = self.engine.loop
        late, execution = result.histogram(loop.late), result.histogram(loop.exec_time)
        picked = ("p50", "p99", "max")
        return {
            "tick": self.tick,
            "time_s": self.time_s,
            "running": self.running,
            **{key: loop.counters[key] for key in ("overruns", "missed", "lost_samples", "lost_inputs")},
            "late_ns": {key: late[key] for key in picked},
            "exec_ns": {key: execution[key] for key in picked},
            "buses": result.readable_buses(self.engine.wires.counters()),
            **self.interventions(),
        }

    # ---- copies ----

    @property
    def state_hash(self) -> str:
        """Hash of the state, 16 hex digits."""
        return result.hash_text(self.state.hash())

    def snapshot(self) -> bytes:
        """The state between two ticks."""
        self._not_running()
        return self.state.snapshot()

    def restore(self, data: bytes) -> None:
        """Goes back to a snapshot of the same program. Raises BenchError for another program's."""
        self._not_running()
        self.state.restore(data)

    def fork(self) -> Fork:
        """A copy of the live state that runs on its own, in virtual time, with all roles simulated."""
        self._not_running()
        return Fork(self)

    def _not_running(self) -> None:
        if self.running:
            raise BenchError("the bench runs", mend="Call stop() first")

    # ---- the end ----

    def finish(self) -> RunResult:
        """Ends the run, takes all gates to their safe values and verifies them, closes the recording.

        Returns:
            what the run was; the same at every further call.
        """
        if self._result is None:
            self._result = self._finish()
        return self._result

    def _finish(self) -> RunResult:
        engine = self._open_engine()
        failure = self._end_run()
        found = self._found(engine, failure)
        writer, self.recorder = self.recorder.writer, self.recorder.closed()
        unsafe = engine.make_safe(self.gated(), self.__getitem__)
        if unsafe:
            values = ", ".join(f"{name} = {value:g}" for name, value in unsafe.items())
            found |= {"passed": False, "reason": f"not safe at the end: {values}"}
        self.close()
        if writer is not None:
            self._close_recording(writer, found, unsafe)
        return RunResult(
            rig=self.rig.name, time=self.time, recording=writer.folder if writer else None, report=None, **found
        )

    def _end_run(self) -> BaseException | None:
        try:
            self.stop()
        except HilError as error:
            return error
        return None

    def _found(self, engine: Engine, failure: BaseException | None) -> dict[str, Any]:
        """What the run came to, before it is made safe."""
        counters = engine.loop.counters
        self._timing = result.timing(engine.loop, self.built.entries, real=self.time == "real")
        self._lost_inputs_from = counters["lost_inputs_from"]
        reasons = [
            str(failure) if failure else "",
            "the overrun policy ended the run" if engine.ended_by == "overrun" else "",
            f"{counters['lost_inputs']} inputs were lost" if counters["lost_inputs"] else "",
            str(self.recorder.error) if self.recorder.error else "",
        ]
        reason = "; ".join(filter(None, reasons))
        return {
            "ticks": self.tick,
            "duration_s": round(self.tick * self.period_s, 9),
            "state_hash": self.state_hash,
            "verdict": verdict(self.time, engine.grants, getattr(self, "_watch", None)),
            "overruns": counters["overruns"],
            "lost_samples": counters["lost_samples"],
            "buses": result.readable_buses(engine.wires.counters()),
            "passed": not reason,
            "reason": reason,
        }

    def _close_recording(self, writer: RecordingWriter, found: dict[str, Any], unsafe: dict[str, float]) -> None:
        told = {
            "kind": "teardown",
            "target": "",
            "id": 0,
            "text": "not safe" if unsafe else "all outputs verified safe",
        }
        manifest = {
            **{key: value for key, value in found.items() if key not in ("passed",)},
            "result": "passed" if found["passed"] else "failed",
            "timing": self._timing,
            "lost_inputs_from": self._lost_inputs_from,
            "faults": self.armed_faults(),
        }
        try:
            writer.write_events([{"tick": found["ticks"], "time_s": found["duration_s"], **told}])
            writer.close(manifest)
        except HilError as error:
            found |= {"passed": False, "reason": "; ".join(filter(None, [found["reason"], str(error)]))}

    def close(self) -> None:
        """Ends threads and processes; without `finish` nothing is made safe first."""
        if self.engine is not None:
            self.engine.close()
        if self._thread is not None:
            self._thread.join()
        if self.recorder.writer is not None:
            self.recorder.writer.close({"result": "aborted", "complete": False})
            self.recorder.writer = None
        if self._files is not None:
            self._files.cleanup()
            self._files = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.finish()
        finally:
            self.close()


class Fork:
    """A copy of a bench's state for a what-if: plain ticks, no wire, no recorder. `bench.fork()` makes one."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self.state = bench.state.copy()
        for number, role in enumerate(bench.built.roles):
            if number and bench.bindings[role] != "mil":
                self.state.push(encode(EventKind.BIND, target=number, values=[SIMULATED]))

    def run(self, seconds: float) -> None:
        """So many seconds of bench time."""
        self.state.run(round(seconds / self._bench.period_s))

    def __getitem__(self, name: str) -> float:
        return float(self.state.get(self._bench.built.offset(name)))

    @property
    def hash(self) -> str:
        """Hash of the state, 16 hex digits."""
        return result.hash_text(self.state.hash())
