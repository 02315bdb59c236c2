"""What `hil run` shows: progress while it runs (stderr, only on a terminal), a summary at the end (stdout)."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hil.cli import output

if TYPE_CHECKING:
    from hil.bench import Bench
    from hil.fmi.load import LoadedFmu
    from hil.requirements.in_rig import Judged
    from hil.result import RunResult

TOLD = ("fault_on", "fault_off", "safe_on", "safe_off", "stale_on", "stale_off", "refused", "mark", "overrun",
        "device")  # fmt: skip
MOST_TOLD = 8  # lines of one kind of event on the screen; the recording has all
# Counters of a bus that are shown when they are not 0, in words.
TROUBLES = {
    "timeouts": "time-outs",
    "exceptions": "exceptions",
    "failed_cycles": "failed cycles",
    "missed_cycles": "missed cycles",
    "reconnects": "reconnects",
    "refused_writes": "writes refused by the device",
    "failed_connects": "failed connects",
    "malformed": "malformed frames",
    "wrong_transaction": "wrong transactions",
    "wrong_unit": "wrong units",
    "late_answers": "late answers",
    "errors_os": "errors of the system",
    "closed_junk": "clients closed for junk",
    "refused": "clients refused",
}


class RunView:
    """Progress of one run."""

    def __init__(self, duration_s: float | None, *, quiet: bool) -> None:
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        console = output.console(stderr=True)
        self._on = console.is_terminal and not quiet
        columns = (
            TextColumn("{task.description}"),
            BarColumn(30),
            TextColumn("{task.fields[status]}"),
            TimeElapsedColumn(),
        )
        self._progress = Progress(*columns, console=console, transient=True, disable=not self._on)
        self._duration_s = math.inf if duration_s is None else duration_s
        self._task = self._progress.add_task("opening", total=duration_s, status="")
        self._told: Counter[str] = Counter()

    def __enter__(self) -> RunView:
        self._progress.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._progress.stop()

    def say(self, text: str) -> None:
        """What takes long before or after the run."""
        self._progress.update(self._task, status=text)

    def event(self, event: Mapping[str, Any]) -> None:
        """An event worth a line; called from the bench's thread."""
        kind = event["kind"]
        # Behind the end lies the teardown, which takes all outputs to their safe values in every run.
        if not self._on or kind not in TOLD or event["time_s"] >= self._duration_s:
            return
        self._told[kind] += 1
        if self._told[kind] <= MOST_TOLD:
            more = " (further ones are not shown)" if self._told[kind] == MOST_TOLD else ""
            self._progress.console.print(_event_text(event) + more, soft_wrap=True)

    def update(self, bench: Bench) -> None:
        """The bench's time, faults and overruns."""
        if not self._on:
            return
        health = bench.health()
        self._progress.update(
            self._task,
            description=f"{bench.rig.name} ({bench.time})",
            completed=min(health["time_s"], self._duration_s),
            status=status_text(health, self._duration_s if math.isfinite(self._duration_s) else None),
        )


def status_text(health: Mapping[str, Any], duration_s: float | None = None) -> str:
    """One line on a running bench: time, active faults, forces, overruns."""
    parts = [f"{health['time_s']:.1f}" + (f" / {duration_s:g} s" if duration_s else " s")]
    parts += [fault["text"] for fault in health["faults"] if fault["phase"] == "active"]
    parts += [f"forced: {', '.join(health['forced'])}"] if health["forced"] else []
    parts += ["SAFE STATE"] if health["safe"] else []
    parts += [output.counted(health["overruns"], "overruns")] if health["overruns"] else []
    parts += [f"{name} not connected" for name, bus in health["buses"].items() if not bus.get("connected", True)]
    return ", ".join(parts)


def _event_text(event: Mapping[str, Any]) -> str:
    what = event.get("text") or ""
    target = "" if event.get("target", "") in what else event["target"]
    return f"{event['time_s']:10.3f} s  {event['kind'].replace('_', ' '):10} {target} {what}".rstrip()


def slim(result: Mapping[str, Any]) -> dict[str, Any]:
    """A result whose histograms are reduced to their percentiles; the manifest has them whole."""
    found = {}
    for key, value in result.items():
        if isinstance(value, Mapping):
            kept = {k: v for k, v in value.items() if k not in ("edges", "counts")} if "p50" in value else value
            found[key] = slim(kept)
        else:
            found[key] = value
    return found


def fmu_text(fmu: LoadedFmu) -> str:
    """Its time, and what cannot be promised of it."""
    step = f"a step takes {fmu.found.median_ns / 1e3:.1f} us, at worst {fmu.found.worst_ns / 1e3:.1f} us"
    return step + (f"; opaque: {fmu.opaque}" if fmu.opaque else "")


def show(bench: Bench, result: RunResult, *, stopped: bool, judged: Sequence[Judged] = ()) -> None:
    """The summary for people."""
    from rich.text import Text

    out = output.console()
    verdict = "PASSED" if result.passed else "FAILED"
    style = "bold green" if result.passed else "bold red"
    how = f"{verdict}  {result.rig}, {_run_text(result)}" + (", stopped early" if stopped else "")
    out.print(how + (f": {result.reason}" if result.reason else ""), style=style, soft_wrap=True)
    for name, text in [*((requirement.name, str(requirement)) for requirement in judged), *_lines(bench, result)]:
        out.print(Text.assemble((f"{name:<12}", "bold"), text), soft_wrap=True)


def _run_text(result: RunResult) -> str:
    kind = {"real": "real time", "lockstep": "lock-step", "virtual": "virtual time"}[result.time]
    return f"{result.duration_s:g} s in {kind}"


def _lines(bench: Bench, result: RunResult) -> Iterable[tuple[str, str]]:
    from hil.result import promises

    bindings = ", ".join(f"{role}: {level}" for role, level in bench.bindings.items())
    yield "Verdict", result.verdict["sentence"]
    yield "Ticks", f"{result.ticks:,} of {output.time_text(bench.period_s)}" + (f"; {bindings}" if bindings else "")
    if result.time == "real":
        yield "Loop", loop_text(bench, result)
    for device, counters in result.buses.items():
        yield f"Bus {device}", bus_text(counters)
    for fault in bench.armed_faults():
        yield "Fault", fault["text"]
    if bench.built.fmus:
        yield "But", str(promises(bench.built.fmus)["outside_promises"])
    for fmu in bench.built.fmus:
        yield "FMU", f"{fmu.block} ({fmu.ref.file}): {fmu_text(fmu)}"
    if result.lost_samples:
        yield "Lost", f"{result.lost_samples:,} recorded rows, because the ring was full"
    yield "State hash", result.state_hash
    if result.recording:
        yield "Recording", str(result.recording)
    if result.report:
        yield "Report", str(result.report)


def loop_text(bench: Bench, result: RunResult) -> str:
    """Overruns, lateness and execution time."""
    from hil.analysis import core_histogram

    assert bench.engine is not None
    late, work = (
        core_histogram(h["counts"], h["max_ns"]) for h in (bench.engine.loop.late, bench.engine.loop.exec_time)
    )
    text = output.counted(result.overruns, "overruns")
    for name, times in (("late", late), ("work", work)):
        text += f"; {name} {output.nanoseconds_text(times['p50'])}, 99 % {output.nanoseconds_text(times['p99'])}"
        text += f", worst {output.nanoseconds_text(times['max'])}"
    return text


def bus_text(counters: Mapping[str, Any]) -> str:
    """How a bus did, in one line."""
    trip = counters.get("round_trip_ns") or {}
    text = f"{counters.get('url', '')} {counters.get('level', '')}"
    if trip.get("p50") is not None:
        text += f"; round trip {output.nanoseconds_text(trip['p50'])}, 99 % {output.nanoseconds_text(trip['p99'])}"
        text += f", worst {output.nanoseconds_text(trip['max'])}"
    return text + "; " + trouble_text(counters)


def trouble_text(counters: Mapping[str, Any]) -> str:
    """The counters that tell of trouble, or "no errors"."""
    found = [output.counted(counters[key], words) for key, words in TROUBLES.items() if counters.get(key)]
    return ", ".join(found) or "no errors"
