"""`hil run`: runs a rig for a while, records it and writes the report."""

from __future__ import annotations

import dataclasses
import time as clock
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from enum import StrEnum
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hil.cli import BAD_INPUT, FAILED, output, summary
from hil.cli.options import BindOption, ControllerOption, JsonOption, RigArg, UrlOption, bindings, controllers_of, urls
from hil.cli.signals import StopFlag
from hil.errors import RecordingError

if TYPE_CHECKING:
    from hil.bench import Bench
    from hil.requirements import Formula
    from hil.requirements.in_rig import Judged
    from hil.result import RunResult
    from hil.rig import Rig
    from hil.script import Script
    from hil.steps.run import StepFunction

RECORDINGS = Path("recordings")  # in the folder where the command is given
LOOK_S = 0.1
DEFAULT_S = 10.0


class Time(StrEnum):
    """Kinds of time."""

    REAL = "real"
    LOCKSTEP = "lockstep"
    VIRTUAL = "virtual"


def run(
    rig: RigArg,
    duration: Annotated[
        float | None,
        typer.Option(metavar="SECONDS", help="Bench time to run; default: 10, with --steps or --script to their end."),
    ] = None,
    time: Annotated[Time | None, typer.Option(help="Kind of time; default: real.")] = None,
    virtual: Annotated[bool, typer.Option("--virtual", help="Short for --time virtual.")] = False,
    bind: BindOption = None,
    controller: ControllerOption = None,
    url: UrlOption = None,
    fault: Annotated[
        list[str] | None, typer.Option(metavar="FAULT", help="Arm a fault, as in 'sensor.h1=stuck@8s..14s'.")
    ] = None,
    no_faults: Annotated[bool, typer.Option("--no-faults", help="Leave out the faults of the rig file.")] = False,
    seed: Annotated[int | None, typer.Option(min=0, help="Instead of the rig's.")] = None,
    stimulus: Annotated[
        Path | None, typer.Option(metavar="FILE", help="TOML with [stimuli.NAME], beside the rig's own.")
    ] = None,
    script: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Timed CSV: what is set, which faults act, what is expected.")
    ] = None,
    steps: Annotated[
        str | None,
        typer.Option(metavar="FILE[:NAME]", help="A Python generator that is resumed between ticks; not in real time."),
    ] = None,
    every: Annotated[int, typer.Option(min=1, metavar="TICKS", help="From step to step.")] = 1,
    record: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder of the recording; default: recordings/RIG-TIME here.")
    ] = None,
    no_record: Annotated[bool, typer.Option("--no-record", help="Record nothing, write no report.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a recording in that folder.")] = False,
    report: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The report; default: report.html in the recording.")
    ] = None,
    no_report: Annotated[bool, typer.Option("--no-report", help="Write no report.")] = False,
    junit: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write requirements and expectations as JUnit XML.")
    ] = None,
    clear_latch: Annotated[
        bool, typer.Option("--clear-latch", help="Open the latch of a board that went safe, and run.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Run a rig, record it, and write a report.

    In real time unless --time says otherwise, with each role bound as the rig file says (the emulated device, mostly);
    in virtual time all roles are simulated. Ctrl-C ends the run in a safe state and keeps the recording.
    """
    chosen = bindings(bind or [])
    kind = _time(time, virtual=virtual, stepped=steps is not None, levels=chosen.values())
    if steps is not None and kind == Time.REAL:
        mend = "take --time virtual or lockstep"
        raise typer.BadParameter(f"a run in real time does not wait for steps: {mend}", param_hint="--steps")
    if duration is not None and not 0 < duration < 1e9:
        raise typer.BadParameter("must be larger than 0", param_hint="--duration")
    if no_record and (record or report):
        raise typer.BadParameter("--record and --report contradict --no-record")
    job = _Job(duration or (None if steps or script else DEFAULT_S), kind, chosen, json=json)
    job.script = script
    job.steps, job.every = steps, every
    job.urls = urls(url or [])
    job.controllers = controllers_of(controller)
    job.faults, job.use_rig_faults, job.seed = fault or [], not no_faults, seed
    job.stimulus = stimulus
    job.record, job.no_record, job.overwrite = record, no_record, overwrite
    job.report, job.no_report, job.clear_latch = report, no_report, clear_latch
    job.junit = junit
    raise typer.Exit(job.run(rig))


@dataclasses.dataclass
class _Job:
    """One run, as asked for."""

    duration_s: float | None
    time: str
    bindings: dict[str, str]
    json: bool
    script: Path | None = None
    steps: str | None = None
    every: int = 1
    urls: dict[str, str] = dataclasses.field(default_factory=dict)
    controllers: dict[str, str] = dataclasses.field(default_factory=dict)
    faults: list[str] = dataclasses.field(default_factory=list)
    use_rig_faults: bool = True
    seed: int | None = None
    stimulus: Path | None = None
    record: Path | None = None
    no_record: bool = False
    overwrite: bool = False
    report: Path | None = None
    no_report: bool = False
    clear_latch: bool = False
    junit: Path | None = None

    def run(self, name: str) -> int:
        """The exit code."""
        from hil.rig import load_rig
        from hil.script import with_script

        script = None if self.script is None else self._read_script(self.script)
        with summary.RunView(self.duration_s, quiet=self.json) as view:
            steps = self._load_steps()
            rig = self._stimulated(load_rig(name, controllers=self.controllers))
            rig = rig if script is None else with_script(rig, script)
            wanted = self._requirements(rig)
            with self._folder(rig) as folder, self._open(rig, folder, view) as bench:
                stopped = self._let_run(bench, view, steps)
                result = bench.finish()
                trouble = bench.recorder.error or bench.lost
            if result.recording and not self.no_report and not trouble:
                view.say("writing the report")
                result = dataclasses.replace(result, report=_write_report(result, self.report))
            judged = self._judge(result, rig, wanted) if not trouble else []
            alone, result = result, _with_requirements(result, judged)
        self._show(bench, result, stopped, judged)
        if self.junit is not None:
            from hil.junit import write_run

            write_run(self.junit, alone, judged)
        if trouble is not None:
            output.note(f"hil: {trouble}")
            return BAD_INPUT
        return stopped or (0 if result.passed else FAILED)

    @contextmanager
    def _folder(self, rig: Rig) -> Iterator[Path | None]:
        """Where it is recorded."""
        if self.no_record or self.record is not None:
            yield None if self.no_record else self.record
            return
        first = not RECORDINGS.exists()
        folder = _default_folder(rig)
        try:
            yield folder
        finally:
            with suppress(OSError):  # it is not empty
                folder.rmdir()
                if first:
                    RECORDINGS.rmdir()

    def _read_script(self, file: Path) -> Script:
        """The run lasts as long as the script, unless steps or --duration say otherwise."""
        from hil.script import ScriptError, read_script
        from hil.script.outcome import AFTER_S

        script = read_script(file)
        if self.duration_s is None and self.steps is None:
            self.duration_s = script.end_s + AFTER_S
        late = [row for row in script.rows if self.duration_s is not None and row.end_s >= self.duration_s]
        if late:
            what = f"is over at {late[0].end_s:g} s, and the run at {self.duration_s:g} s"
            raise ScriptError(what, where=script.place(late[0]), mend="Give a longer --duration, or none")
        if self.no_record and any(row.expect for row in script.rows):
            raise ScriptError("expects something, and a run without a recording is not judged", where=script.file,
                              mend="Leave out --no-record")  # fmt: skip
        return script

    def _stimulated(self, rig: Rig) -> Rig:
        if self.stimulus is None:
            return rig
        from hil.stimulus.applied import with_read
        from hil.stimulus.reading import read_stimuli

        return with_read(rig, read_stimuli(self.stimulus), str(self.stimulus))

    def _requirements(self, rig: Rig) -> dict[str, Formula]:
        """Read before anything runs."""
        if not rig.requirements or self.no_record:
            return {}
        from hil.requirements.in_rig import requirements_of

        return requirements_of(rig)

    def _judge(self, result: RunResult, rig: Rig, wanted: dict[str, Formula]) -> list[Judged]:
        if not wanted or result.recording is None:
            return []
        from hil.requirements.in_rig import judge_recording

        return judge_recording(result.recording, wanted, rig.expectations)

    def _open(self, rig: Rig, folder: Path | None, view: summary.RunView) -> Bench:
        from hil.bench import open_bench

        return open_bench(
            rig,
            time=self.time,
            bind=self.bindings,
            urls=self.urls,
            record=folder,
            faults=self.faults,
            seed=self.seed,
            overwrite=self.overwrite,
            history=False,
            progress=view.say,
            use_rig_faults=self.use_rig_faults,
            on_event=view.event,
            clear_latch=self.clear_latch,
        )

    def _load_steps(self) -> StepFunction | None:
        from hil.steps import load_steps

        return None if self.steps is None else load_steps(self.steps)

    def _let_run(self, bench: Bench, view: summary.RunView, steps: StepFunction | None) -> int:
        """Runs to the end, to `hil stop` or to a signal; returns the signal's exit code, 0 without one."""
        from hil.control import ControlServer

        server = ControlServer(bench)
        with StopFlag() as flag:
            server.start()
            try:
                if steps is not None:
                    self._step(bench, view, steps, flag)
                    return flag.exit_code
                bench.start(self.duration_s)
                while bench.running:
                    if flag.number:
                        bench.request_stop()
                    view.update(bench)
                    clock.sleep(LOOK_S)
            finally:
                server.close()
        return flag.exit_code

    def _step(self, bench: Bench, view: summary.RunView, steps: StepFunction, flag: StopFlag) -> None:
        """A failed assertion, and steps that did not come to their end, are in the result."""
        from hil.steps import run_steps

        shown = clock.monotonic()

        def look() -> bool:
            nonlocal shown
            if clock.monotonic() - shown > LOOK_S:
                shown = clock.monotonic()
                view.update(bench)
            return bool(flag.number)

        try:
            done = run_steps(bench, steps, every=self.every, duration_s=self.duration_s, stopped=look)
        except AssertionError:
            return
        if not done.finished and not flag.number:
            bench.fail(f"{self.steps}: the steps did not come to their end within {bench.time_s:g} s")

    def _show(self, bench: Bench, result: RunResult, stopped: int, judged: list[Judged]) -> None:
        if self.json:
            extra = {"bindings": bench.bindings, "period_s": bench.period_s, "stopped_by_signal": bool(stopped)}
            extra["requirements"] = {requirement.name: requirement.to_dict() for requirement in judged}
            output.print_json({**summary.slim(result.to_dict()), **extra})
        else:
            summary.show(bench, result, stopped=bool(stopped), judged=judged)


def _with_requirements(result: RunResult, judged: list[Judged]) -> RunResult:
    """A run whose requirements are not met has not passed."""
    unmet = [requirement.name for requirement in judged if not requirement.satisfied]
    if not unmet:
        return result
    reasons = [result.reason, f"requirements not met: {', '.join(unmet)}"]
    return dataclasses.replace(result, passed=False, reason="; ".join(reason for reason in reasons if reason))


def _time(time: Time | None, *, virtual: bool, stepped: bool = False, levels: Collection[str] = ()) -> str:
    if virtual and time not in (None, Time.VIRTUAL):
        raise typer.BadParameter(f"--virtual contradicts --time {time}")
    if virtual or time is not None:
        return (time or Time.VIRTUAL).value
    if not stepped:
        return Time.REAL.value
    return (Time.LOCKSTEP if {"pil", "hil"} & set(levels) else Time.VIRTUAL).value


def _default_folder(rig: Rig) -> Path:
    """Makes recordings/<rig>-<UTC time>, with a number behind it when runs begin in one second."""
    base = RECORDINGS / f"{rig.name}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    try:
        RECORDINGS.mkdir(exist_ok=True)
        for n in count(1):
            folder = base if n == 1 else base.with_name(f"{base.name}-{n}")
            with suppress(FileExistsError):
                folder.mkdir()
                break
    except OSError as error:
        why = f"cannot make this folder ({error.strerror})"
        raise RecordingError(why, where=str(base), mend="Name another one with --record DIR") from None
    return folder


def _write_report(result: RunResult, out: Path | None) -> Path:
    from hil.report import write_report

    assert result.recording is not None
    return write_report(result.recording, out)
