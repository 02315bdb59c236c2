"""A bench: a rig that runs. What a person or a test does with it becomes events for the core's queue."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from hil import _core, frames, result
from hil.bindings import HERE, check_chosen, check_urls_used, settle
from hil.capture import Captures
from hil.doctor.facts import read_facts
from hil.ending import Ending
from hil.engine import Engine
from hil.errors import BenchError, BusError, HilError, blamed
from hil.faults import FaultSpec
from hil.fmi.load import refuse_opaque
from hil.fmi.watching import FmuWatch
from hil.fork import Fork
from hil.nearest import did_you_mean
from hil.program import Progress, build_bench
from hil.recorder import Recorder, columns_of, groups_for_writer, ring_size
from hil.recording import RecordingWriter
from hil.result import RunResult
from hil.rig import Rig, load_rig, with_urls
from hil.running import Running
from hil.signals_hash import SignalsHash
from hil.uninterrupted import uninterrupted
from hil.wires import ControllerState, Wire, Wires

EVENTS_AT_ONCE = 100  # of a rig: the queue holds 256

if TYPE_CHECKING:
    from hil.batches.result import BatchResult
    from hil.batches.runs import Runs
    from hil.instruments import InstrumentHandle
    from hil.plc.online import Plc
    from hil.script.outcome import Outcome
    from hil.steps.run import StepFunction, Stepped, Steps
    from hil.stimulus import Segment


def open_bench(
    rig: str | Path | Rig,
    *,
    time: str = "virtual",
    bind: Mapping[str, str] | None = None,
    urls: Mapping[str, str] | None = None,
    record: str | Path | None = None,
    faults: Iterable[str | FaultSpec] = (),
    seed: int | None = None,
    overwrite: bool = False,
    history: bool = True,
    progress: Progress | None = None,
    use_rig_faults: bool = True,
    on_event: Callable[[dict[str, Any]], None] | None = None,
    clear_latch: bool = False,
    controllers: Mapping[str, str] | None = None,
    script: str | Path | None = None,
    stimuli: Mapping[str, Segment] | None = None,
) -> Bench:
    """A bench, ready to run.

    Args:
        rig: folder, file, name of a shipped rig, or a loaded one.
        time: "virtual" (no wire, as fast as possible), "lockstep" (a wire, as fast as it carries) or "real".
        bind: level by role, "mil" | "sil" | "pil" | "hil"; default: the rig's, in virtual time "mil".
        urls: address by device, instead of the rig's; for devices of roles bound to "hil".
        record: folder of a recording to be written.
        faults: armed before the first tick, beside the rig's own.
        seed: instead of the rig's.
        overwrite: replaces a recording.
        history: keeps the first recorded group in memory, for `history` and `capture`.
        progress: is told what takes long.
        use_rig_faults: False leaves out the [[faults]] of the rig.
        on_event: is told each event as it is drained.
        clear_latch: opens the latch of boards that are latched safe, instead of refusing them.
        controllers: "blocks" or "program" by role, instead of the rig's choice; a loaded rig has chosen already.
        script: a timed script (CSV) whose rows become events, faults and requirements of the run; see `hil.script`.
        stimuli: descriptions by the signal that they drive from the first tick on; see `hil.stimulus`.

    Raises:
        HilError: the rig, a binding, a device, a fault or the folder cannot be used.
    """
    loaded = rig if isinstance(rig, Rig) else load_rig(rig, controllers=controllers)
    if loaded is rig:
        check_chosen(loaded, controllers or {})
    loaded = with_urls(loaded, urls or {})
    if script is not None:
        from hil.script import read_script, with_script

        loaded = with_script(loaded, read_script(script))
    if stimuli:
        from hil.stimulus import with_stimuli

        loaded = with_stimuli(loaded, stimuli)
    bench = Bench(
        loaded,
        time,
        dict(bind or {}),
        urls=urls or {},
        seed=seed,
        progress=progress,
        history=history,
        on_event=on_event,
    )
    try:
        bench._open(clear_latch=clear_latch)
        bench._arm(faults, use_rig_faults=use_rig_faults)
        if record is not None:  # last, so that nothing wrong above leaves a folder behind or replaces one
            bench._record(Path(record), overwrite=overwrite)
    except BaseException:
        with uninterrupted():
            bench.close()
        raise
    return bench


class Bench(Running):
    """A rig that runs; made by `open_bench`. Use it in a `with` statement: its end is always a verified safe state.

    Attributes:
        rig: the description.
        time: kind of time.
        bindings: level by role.
        urls: addresses of devices that were given instead of the rig's.
        recorder: rows and events so far.
        waveforms: what oscilloscopes saw so far, by name, as it stands in the manifest.
        watch: what the machine did beside the run; None before the first tick.
    """

    def __init__(
        self,
        rig: Rig,
        time: str,
        bind: Mapping[str, str],
        *,
        urls: Mapping[str, str] | None = None,
        seed: int | None = None,
        progress: Progress | None = None,
        history: bool = True,
        on_event: Callable[[dict[str, Any]], None] | None = None,
    ) -> None:
        self.time, self.bindings = settle(rig, time, bind)
        self.urls = dict(urls or {})
        check_urls_used(rig, self.bindings, self.urls)
        self.rig = rig
        self._files: tempfile.TemporaryDirectory[str] | None = None
        if rig.folder is None:
            self._files = tempfile.TemporaryDirectory(prefix="hil-rig-")
            self.rig = rig = rig.write_files(Path(self._files.name))
        self.seed = rig.seed if seed is None else seed
        built = build_bench(rig, self.bindings, self.seed, progress)
        super().__init__(rig, built)
        self.state = _core.State(built.program)
        self._fmus = FmuWatch(self.state, built)
        self._fmus.begin(realtime=time == "real", progress=progress)
        self._columns = [columns_of(group, built) for group in rig.record.values()]
        self._history, self._on_event = history, on_event
        self.recorder = self._make_recorder(None)
        self.captures = Captures(self)
        self.waveforms: dict[str, dict[str, Any]] = {}

    # ---- opening ----

    def _make_recorder(self, writer: RecordingWriter | None) -> Recorder:
        built = self.built
        tables = (built.signals, built.roles, built.entries, self.texts)
        names = frames.Names(self.period_s, *tables, self.describe, built.stop_text)
        recorder = Recorder(self._columns, names, writer, self._history, self._told)
        recorder.hash = SignalsHash(self.rig) if writer else None
        return recorder

    def _told(self, event: dict[str, Any]) -> None:
        try:
            self._fired(event)
        except HilError as error:  # a device that has gone does not end the run
            refused = {
                "kind": "refused",
                "target": str(event.get("text", "")),
                "a": None,
                "b": None,
                "text": str(error),
            }
            self.recorder.tell({**{key: event[key] for key in ("tick", "time_s", "id")}, **refused})
        if self._on_event:
            self._on_event(event)

    def _open(self, *, clear_latch: bool = False) -> None:
        lockstep = self.time == "lockstep"
        wires = Wires(self.rig, lockstep, clear_latch)
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
        with uninterrupted():
            machine = read_facts(cpu=self.rig.loop.cpu)
            writer = RecordingWriter(folder, rig_json, self.manifest(), groups, overwrite=overwrite, machine=machine)
            self.recorder = self._make_recorder(writer)

    def _arm(self, faults: Iterable[str | FaultSpec], *, use_rig_faults: bool) -> None:
        assert self.engine is not None
        for fault in [*(self.rig.faults if use_rig_faults else ()), *faults]:
            with blamed(None if isinstance(fault, str) else fault.where):
                self.fault(fault)
        names = {target: name for name, target in self.rig.tunable().items()}
        for n, event in enumerate(self.rig.events, 1):
            with blamed(event.where):
                self.schedule(event, names)
            if n % EVENTS_AT_ONCE == 0:
                self.engine.loop.take_events()

    def manifest(self) -> dict[str, Any]:
        """What a recording says of the bench at its start."""
        return {
            "hil": result.versions()["hil"],
            "rig": self.rig.name,
            "title": self.rig.title,
            "time": self.time,
            "bindings": self.bindings,
            "urls": self.urls,
            "period_s": self.period_s,
            "seed": self.seed,
            "program_hash": result.hash_text(self.built.program.hash),
            "limits": result.limits(self.rig),
            "versions": result.versions(),
            **result.promises(self.built.fmus),
        }

    # ---- while it runs ----

    def _drain(self) -> None:
        assert self.engine is not None
        captured = self.captures.read()
        self.recorder.drain(self.engine.loop)
        self.captures.take(captured)
        if self._for_devices:
            self._tell_or_note(self._send_ahead)
        for role, text in self.engine.wires.events():
            self._device_event(role, text)
        self._fmus.look()

    def _device_event(self, role: str, text: str) -> None:
        place = {"tick": self.tick, "time_s": self.time_s, "kind": "device", "target": role, "id": 0}
        self.tell({**place, "a": None, "b": None, "text": text})

    def tell(self, event: dict[str, Any]) -> None:
        """An event that the loop does not know of, into the recording; in the thread that runs the bench."""
        self.recorder.tell(event)
        if self._on_event:
            self._on_event(event)

    def _tell_or_note(self, work: Callable[[], None]) -> None:
        """A device that has gone, or refuses, does not end the run."""
        try:
            work()
        except HilError as error:
            self._device_event("", str(error))

    def plc(self, role: str) -> Plc:
        """Online access to the PLC program of a role: values, forces, RUN and STOP; see `hil.plc.online`.

        Raises:
            BenchError: the role's controller is no program.
        """
        from hil.plc.online import Plc

        return Plc(self, role)

    def instrument(self, name: str) -> InstrumentHandle:
        """An instrument of the rig: its readings' age, its counters, waveforms; see docs/instruments.md.

        Raises:
            BenchError: there is none of that name, or it is simulated in this run.
        """
        from hil.instruments import InstrumentHandle

        return InstrumentHandle(self, name)

    def device(self, role: str) -> Wire:
        """What is at the other end of a role's wire; a board's state and faults are in hil.wires.mcu.McuWire.

        Raises:
            BenchError: the role has none at this level.
        """
        wires = self._open_engine().wires.wires
        if role not in wires:
            why = f"no device takes the role '{role}' at this level"
            mend = did_you_mean(role, wires) if wires else "Bind it to pil or hil"
            raise BenchError(why, where=self.rig.name, mend=mend)
        return wires[role]

    def run_steps(self, steps: StepFunction | Steps, *, every: int = 1, duration_s: float | None = None) -> Stepped:
        """Runs, and resumes a generator every `every` ticks, until it ends or for so many seconds of bench time.

        See `hil.steps.run_steps`.
        """
        from hil.steps import run_steps

        return run_steps(self, steps, every=every, duration_s=duration_s)

    def play(self, script: str | Path) -> Outcome:
        """Plays a timed script (CSV) from now on; an expectation that is broken fails the run. See `play_on`."""
        from hil.script.on_bench import play_on

        return play_on(self, script)

    # ---- copies ----

    @property
    def overruns(self) -> int:
        """Ticks that did not end in their period, since the run began."""
        return int(self.engine.loop.counters["overruns"]) if self.engine is not None else 0

    @property
    def state_hash(self) -> str:
        """Hash of the state, 16 hex digits."""
        return result.hash_text(self.state.hash())

    def snapshot(self) -> bytes:
        """The state between two ticks."""
        self._not_running()
        refuse_opaque(self.built.fmus, "snapshot", copies=False)
        return self.state.snapshot()

    def restore(self, data: bytes) -> None:
        """Goes back to a snapshot of the same program.

        Raises:
            BenchError: the snapshot is another program's, a device would not go back with it, or the run is recorded:
                its replay could not follow.
        """
        self._not_running()
        away = [role for role, level in self.bindings.items() if level not in HERE]
        if away:  # the bench would be back and the device not, and nothing would show it
            mend = f"Bind {', '.join(away)} to mil or sil, or use fork()"
            raise BenchError("a device on a wire cannot go back", where=self.rig.name, mend=mend)
        if self.recorder.writer is not None:
            raise BenchError(
                "a recorded run cannot go back", mend="Restore a bench that does not record, or use fork()"
            )
        self.state.restore(data)

    def fork(self) -> Fork:
        """A copy of the live state that runs on its own, in virtual time, with all roles simulated.

        At rest a board on its link tells its controller's state, which goes on in the fork as at SIL. A controller
        behind another wire, and all devices of a bench that runs, begin anew, on what the bench last published;
        `Fork.restarted` names their roles. While the bench runs its state is copied by the loop between two ticks.

        Raises:
            BenchError: a board runs another program than the rig says or cannot tell its state; the bench runs, and no
                tick began in two periods and a second, or it has FMUs, which cannot be copied beside the loop.
            BusError: a board does not answer.
        """
        refuse_opaque(self.built.fmus, "fork", copies=True)
        state = self._copy_running() if self.running else None
        return Fork(self, self.state.copy()) if state is None else Fork(self, state, asks=False)

    def _copy_running(self) -> _core.State | None:
        """None: it has ended meanwhile."""
        assert self.engine is not None
        if self.built.fmus:
            raise BenchError("the bench runs, and FMUs cannot be copied beside it", mend="Call stop() first")
        state = self.engine.loop.copy_running(2.0 * self.period_s + 1.0)
        if state is None and self.running:
            raise BenchError("the bench runs, and no tick began", where=self._rig.name, mend="Look at its period")
        return state

    def batch(self, runs: Runs, ticks: int | None = None, **options: Any) -> BatchResult:
        """Many runs from the bench's present state on all cores; see `hil.batch`. The bench itself does not change."""
        from hil.batches import batch

        return batch(self, runs, ticks, **options)

    def controller_state(self, role: str) -> ControllerState | None:
        """Of a role on a wire, at rest; see `hil.wires.Wire.controller_state`."""
        assert self.engine is not None
        return self.engine.wires.wires[role].controller_state()

    def _not_running(self) -> None:
        if self.running:
            raise BenchError("the bench runs", mend="Call stop() first")

    @property
    def lost(self) -> BusError | None:
        """The line that was lost in mid-run, if one was."""
        return self._broken if isinstance(self._broken, BusError) and self.time == "real" else None

    def _repr_html_(self) -> str:
        from hil.notebook.page import bench_html

        return bench_html(self)

    # ---- the end ----

    def finish(self) -> RunResult:
        """Ends the run, takes all gates to their safe values and verifies them, closes the recording.

        Returns:
            what the run was; the same at every further call.
        """
        if self._result is None:
            with uninterrupted():
                self._result = self._finish()
        return self._result

    def _finish(self) -> RunResult:
        engine = self._open_engine()
        failure = self._end_run() or self._broken or self._fmus.end()
        self.captures.end()
        ending = Ending.of(self, engine, failure)  # before the safe state, which is not part of the run
        writer, self.recorder = self.recorder.writer, self.recorder.closed()
        ending.note_unsafe(engine.make_safe(self.gated(), self.__getitem__))
        self.close()
        if writer is not None:
            ending.close_recording(writer)
        return ending.result(writer.folder if writer else None)

    def _end_run(self) -> BaseException | None:
        try:
            self.stop()
        except HilError as error:
            return error
        return None

    def close(self) -> None:
        """Ends threads and processes; without `finish` nothing is made safe first."""
        if self.engine is not None:
            self.engine.close()
        if self._thread is not None:
            self._thread.join()
        self.captures.end()
        self.state.end_fmus()
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
