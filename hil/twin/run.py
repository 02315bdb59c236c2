"""`hil twin run`: a bench, its twin and its ledger for one run."""

from __future__ import annotations

import contextlib
import os
import threading
import time as clock
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from hil import json_text
from hil.bench import Bench, open_bench
from hil.errors import HilError
from hil.nearest import did_you_mean
from hil.result import RunResult, hash_text
from hil.rig import Rig, load_rig
from hil.signing.keys import known_keys
from hil.twin.foresee import Foreseer
from hil.twin.ledger import audit
from hil.twin.propose import Proposer
from hil.twin.recalibrate import Versions
from hil.twin.renew import Renewer
from hil.twin.scenario import People, Script
from hil.twin.service import ToldLedger, Twin, with_group
from hil.twin.sources import Series, open_source, with_series, with_start
from hil.twin.spec import ApprovalTable, ScenarioTable, SourceTable, twin_of
from hil.twin.wearing import Wearer
from hil.whole_file import written_whole

STATUS_FILE = "twin.json"
RUN_FOLDER = "run-{:03d}"  # a recording each
MOST_RUNS = 999
LOOK_S = 0.2  # of the clock, in real time
NICENESS = 10  # of the services beside a loop in real time
LIVE = "live"


@dataclass(frozen=True)
class TwinRequest:
    """What is asked for.

    Attributes:
        rig: folder, file, name of a shipped rig, or a loaded one.
        out: folder of ledger, status and recordings.
        scenario: of [twin.scenarios]; None: none.
        source: a CSV file or a recording; None: the bench itself.
        source_table: of [twin.sources]; None: found by the file's name.
        time: kind of time; None: the scenario's, of a source virtual, else real.
        duration_s: bench time; None: the scenario's or the source's, live without end.
        by_hand: the scenario's scripted persons are left out: people decide.
        pace: bench seconds in a second of the clock, of virtual and lock-step time; None: as fast as it can.
    """

    rig: str | Path | Rig
    out: Path
    scenario: str | None = None
    source: Path | None = None
    source_table: str | None = None
    time: str | None = None
    duration_s: float | None = None
    bind: Mapping[str, str] = field(default_factory=dict)
    urls: Mapping[str, str] = field(default_factory=dict)
    seed: int | None = None
    record: bool = True
    by_hand: bool = False
    pace: float | None = None


@dataclass(frozen=True)
class TwinResult:
    """What came of it."""

    run: RunResult
    status: dict[str, Any]
    ledger: Path
    verified: bool
    entries: int
    marks: dict[str, int]
    alarms: list[dict[str, Any]]

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "run": self.run.to_dict(),
            "status": self.status,
            "ledger": str(self.ledger),
            "verified": self.verified,
            "entries": self.entries,
            "bad_input": self.marks,
            "alarms": self.alarms,
        }


class TwinRun:
    """An open twin: `with TwinRun(request) as run: run.go()`; then `run.result()`.

    Attributes:
        bench: the bench that runs.
        twin: what follows it.
        series: measured data that take the plant's place, or None.

    Raises:
        HilError: the rig, its twin, the scenario, the source or the folder cannot be used; nothing is written then.
    """

    def __init__(
        self,
        request: TwinRequest,
        *,
        progress: Callable[[str], None] | None = None,
        on_entry: Callable[[str, Mapping[str, Any]], None] | None = None,
    ) -> None:
        self.request = request
        rig = request.rig if isinstance(request.rig, Rig) else load_rig(request.rig)
        table = twin_of(rig)
        self.scenario = _scenario(rig, request.scenario)
        self.series, self._source = _series(rig, request)
        self.time = _time(request, self.scenario)
        self.duration_s = _duration(request, self.scenario, self.series)
        rig = with_group(self._played(rig))
        bind = {**(self.scenario.bind if self.scenario else {}), **request.bind}
        self.service_s = table.service_s
        self._script = Script(self.scenario) if self.scenario else None
        self._result: TwinResult | None = None
        with contextlib.ExitStack() as stack:
            folder = _folder(request)
            self.bench = stack.enter_context(
                open_bench(
                    rig,
                    time=self.time,
                    bind=bind if self.time != "virtual" else {},
                    urls=request.urls,
                    record=folder,
                    seed=request.seed,
                    history=False,
                    progress=progress,
                )
            )
            ledger = stack.enter_context(ToldLedger(request.out, on_entry))
            approvals = self.scenario.approvals if self.scenario and not request.by_hand else ()
            _refuse_scripts(self.bench, approvals)
            self._people = People(approvals, self.duration_s or 0.0)
            self._began = datetime.now(UTC).replace(microsecond=0)
            self.versions = Versions(request.out, ledger, lambda: self.twin.time_s)
            self.twin = Twin(
                self.bench,
                ledger,
                trusted=[*known_keys(), *self._people.trusted],
                calendar=self._calendar,
                model=lambda: self.versions.champion,
            )
            self.wearer = Wearer()
            self.foreseer = Foreseer(self.wearer)
            self._serve()
            self._stack = stack.pop_all()

    def _played(self, rig: Rig) -> Rig:
        if self.series is None:
            return rig
        rig = with_series(rig, self.series)
        return with_start(rig, self._source.start) if self._source else rig

    def _calendar(self) -> datetime:
        """In real time the clock's; in virtual and lock-step time hours pass as the bench's do."""
        return datetime.now(UTC) if self.time == "real" else self._began + timedelta(seconds=self.bench.time_s)

    def _serve(self) -> None:
        """The analytic services. Measured data have no plant whose future could be run, so there they rest."""
        if self.series is not None:
            return
        renewer = Renewer(self.versions)
        proposer = Proposer(self.wearer, renewer)
        self.twin.desk.foretell = lambda made: proposer.foretell(self.twin, made)
        self.twin.services += [renewer, self.wearer, self.foreseer, proposer, self._people]
        self.twin.followers.append(self.foreseer.see)

    # ---- running ----

    def go(self, stopped: Callable[[], bool] = lambda: False) -> None:
        """Runs to the end, or until `stopped`.

        Args:
            stopped: asked between two looks.
        """
        self._begin()
        if self.time == "real":
            self._beside(stopped)
        else:
            self._between(stopped)

    def _begin(self) -> None:
        for name, value in (self._source.set if self._source else {}).items():
            self.bench.set(name, value)
        self.twin.write("model", self._opening())
        for mark in self.series.marks if self.series else ():
            self.twin.write("quality", {**mark.to_dict(), "source": self.series.where if self.series else ""})

    def _opening(self) -> dict[str, Any]:
        bench, series = self.bench, self.series
        body = {
            "act": "run",
            "rig": bench.rig.name,
            "program": hash_text(bench.built.program.hash),
            "time": self.time,
            "bindings": bench.bindings,
            "seed": bench.seed,
            "scenario": self.request.scenario,
            "parameters": {name: self._set_value(name) for name in twin_of(bench.rig).parameters},
        }
        if series is not None:
            body |= {"source": series.where, "sha256": series.sha256, "start_ns": series.start_ns}
            body |= {"bad_input": series.counts()}
        return body

    def _set_value(self, parameter: str) -> float | None:
        name = f"{self.twin.table.block}.{parameter}"
        return self.bench[name] if name in self.bench.built.params else None

    def _between(self, stopped: Callable[[], bool]) -> None:
        """Virtual and lock-step time: a slice of the run, then a look."""
        assert self.duration_s is not None
        period_s = self.bench.period_s
        end, most = round(self.duration_s / period_s), max(1, round(self.service_s / period_s))
        begun = clock.monotonic()
        for first in range(0, end, most):
            if stopped():
                return
            ticks = min(most, end - first)
            if self._script:
                self._script.send(self.bench, (first + ticks) * period_s)
            with self.twin.lock:  # whoever decides meets a bench at rest, which can be copied
                self.bench.run(ticks * period_s)
                self._look()
            if self.request.pace is not None:
                due = begun + (first + ticks) * period_s / self.request.pace
                clock.sleep(max(0.0, due - clock.monotonic()))

    def _beside(self, stopped: Callable[[], bool]) -> None:
        """Real time: the bench runs in its own thread, the looks follow it."""
        if self._script:
            self._script.send(self.bench, self.service_s)
        self.bench.start(self.duration_s)
        with ThreadPoolExecutor(1, "twin", initializer=_give_way) as services:
            while self.bench.running and not stopped():
                clock.sleep(LOOK_S)
                if self._script:
                    self._script.send(self.bench, self.bench.time_s + self.service_s)
                services.submit(self._look).result()
            self.bench.stop()
            services.submit(self._look).result()

    def _look(self) -> None:
        self.twin.look()
        self._write_status()

    def _status(self) -> dict[str, Any]:
        return {**self.twin.status(), "forecasts": self.foreseer.to_dict(), "lives": self.wearer.to_dict()}

    def _write_status(self) -> None:
        """What `hil twin status DIR` shows."""
        file = self.request.out / STATUS_FILE
        with written_whole(file) as part:
            part.write_text(json_text.dumps(self._status(), indent=1) + "\n", encoding="utf-8")

    # ---- the end ----

    def result(self) -> TwinResult:
        """Ends the run in a safe state and verifies the ledger; the same at every further call."""
        if self._result is None:
            status = self._status()
            run = self.bench.finish()
            found = audit(self.request.out)
            alarms = [a.to_dict() for a in self.twin.alarms.by_name.values() if a.count and a.table.alarm]
            marks = self.series.counts() if self.series else {}
            self._result = TwinResult(run, status, self.request.out, found.verified, found.entries, marks, alarms)
        return self._result

    def close(self) -> None:
        """Ends bench and ledger."""
        self._stack.close()

    def __enter__(self) -> TwinRun:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def _refuse_scripts(bench: Bench, approvals: Sequence[ApprovalTable]) -> None:
    """Nobody has signed for what scripted people allow, so it may reach what is emulated and nothing else."""
    real = [role for role, level in bench.bindings.items() if level == "hil"]
    if approvals and real:
        why = f"scripted people may not act on a real device, as that of {real[0]}"
        raise HilError(why, where=bench.rig.name, mend="Add --by-hand: people decide, under a signed envelope")


def _give_way() -> None:
    """This thread, and those that it starts, have no claim on a processor that the loop or its drain could use."""
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)


def _scenario(rig: Rig, name: str | None) -> ScenarioTable | None:
    if name is None:
        return None
    known = twin_of(rig).scenarios
    if name not in known:
        raise HilError(f"there is no scenario '{name}'", where=f"{rig.name}: twin", mend=did_you_mean(name, known))
    return known[name]


def _series(rig: Rig, request: TwinRequest) -> tuple[Series | None, SourceTable | None]:
    if request.source is None:
        return None, None
    if request.scenario is not None:
        raise HilError(
            "a scenario acts on a plant, measured data have none", where="--scenario", mend="Give one of both"
        )
    return open_source(rig, request.source, request.source_table)


def _time(request: TwinRequest, scenario: ScenarioTable | None) -> str:
    if request.source is not None:
        if request.time == "lockstep":
            raise HilError("measured data have no wire to wait for", where="--time", mend="Use virtual or real")
        return request.time or "virtual"
    return request.time or (scenario.time if scenario else "real")


def _duration(request: TwinRequest, scenario: ScenarioTable | None, series: Series | None) -> float | None:
    found = request.duration_s
    if found is None and scenario is not None:
        found = scenario.duration_s
    if found is None and series is not None:
        found = series.duration_s
    if found is None and _time(request, scenario) != "real":
        raise HilError("a live run needs a duration in this kind of time", where="--duration", mend="Give SECONDS")
    return found


def _folder(request: TwinRequest) -> Path | None:
    """Where the recording goes: behind those of earlier runs of the same twin."""
    out = request.out
    if out.exists() and not out.is_dir():
        raise HilError("is no folder", where=str(out), mend="Give another --out")
    if out.is_dir() and any(out.iterdir()) and not (out / "ledger.sqlite").is_file():
        raise HilError("is no twin's folder, and not empty", where=str(out), mend="Give another --out")
    if not request.record:
        return None
    free = (out / RUN_FOLDER.format(n) for n in range(1, MOST_RUNS + 1))
    return next(folder for folder in free if not folder.exists())
