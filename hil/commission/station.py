"""A bench that is brought to the same initial state before each run of an item."""

from __future__ import annotations

import time as clock
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from hil.bench import Bench
from hil.commission.check import Relay, Run
from hil.commission.covering import Covering
from hil.commission.perform import BrokenOffError, perform, settle
from hil.commission.results import Observation
from hil.commission.seen import Seen, with_raw
from hil.commission.spec import Spec
from hil.errors import HilError
from hil.requirements import parse
from hil.rig import RecordGroup, Rig

HELD = 2 | 4  # bits of a status: forced, faulted
READY_S = 5.0  # how long the initial state may take to come back by itself: beginning anew is not much dearer
STEADY_S, LOOK_S = 0.3, 0.05  # for so long it has held, looked at so often
APPLIED_S = 0.3  # real time: by then a release has taken effect


def with_everything_recorded(rig: Rig, inner: tuple[str, ...] = ()) -> Rig:
    """The same rig, whose checks see every signal at every tick, whatever its own recording leaves out."""
    names = tuple(name for name, signal in rig.signals.items() if signal.role is None)
    return replace(rig, record={"checks": RecordGroup("checks", names, states=inner)})


class Station:
    """The bench of a commissioning.

    Virtual time goes back to a snapshot. A device on a wire cannot: the bench runs on until `ready` has held for a
    while, and is opened anew, its device with it, where that does not come or nothing says what ready is. In real time,
    where each second counts, it only waits.

    Args:
        open_bench: opens a bench whose rig records everything.
        covering: takes what a run has reached of the program.
    """

    def __init__(self, open_bench: Callable[[], Bench], spec: Spec, covering: Covering | None = None) -> None:
        self._open, self.spec, self._covering = open_bench, spec, covering
        self.bench: Bench | None = None
        self._snapshot: bytes | None = None
        self._used = False
        self.not_back = 0  # real time: items before which the initial state had not come back
        self.left: dict[str, str] = {}  # what a run did not give back, and how it stood
        self.bench_s = 0.0
        self.facts: dict[str, Any] = {}
        self.ready: bool | None = None  # whether the initial state was reached each time; None: nothing says what it is
        self.looked_at: dict[str, float] = {}

    def fresh(self) -> Bench:
        """The bench in the initial state.

        Raises:
            HilError: it cannot be opened. Where `ready` does not hold the checks go on, and `ready` is False.
        """
        bench = self.bench
        if bench is not None and self._snapshot is not None:
            bench.recorder.forget()
            bench.restore(self._snapshot)
        elif bench is None:
            bench = self._reopen()
        elif self._used and not self._came_back():
            if bench.time == "real":  # there is no time to begin anew; an item that needs the state shows it
                self.not_back += 1
            else:
                bench = self._reopen()
        self._used = True
        return bench

    def _came_back(self) -> bool:
        """With a device on a wire: the initial state after an item."""
        bench, table = self.bench, self.spec.table
        if bench is None or not table.ready:
            return False
        if self.spec.reset:
            reset_s = max(act.at_s + (act.for_s or 0.0) for act in self.spec.reset) + LOOK_S
            perform(bench, reset_s, *self.spec.reset)
            self.bench_s += reset_s
        held_s, waited_s = 0.0, 0.0
        while waited_s < READY_S and held_s < STEADY_S:
            held_s = held_s + LOOK_S if holds_now(bench, table.ready) else 0.0
            waited_s += LOOK_S
            if bench.time == "real":
                clock.sleep(LOOK_S)
                self._look_at_wires(bench)
            else:
                bench.run(LOOK_S)
        self.bench_s += waited_s
        bench.recorder.forget()
        return held_s >= STEADY_S

    def _reopen(self) -> Bench:
        self.close()
        bench = self.bench = self._open()
        table = self.spec.table
        settle_s = settle_time(self.spec, bench.time)
        settle(bench, settle_s, *self.spec.start)
        self.bench_s += settle_s
        if not self.facts:
            self.facts = {"program_hash": f"{bench.built.program.hash:016x}", "seed": bench.seed}
        if table.ready and self.ready is not False:
            self.ready = holds_now(bench, table.ready)
            self.looked_at = {name: bench[name] for name in parse(table.ready, with_raw(bench.units)).signals}
        if bench.time == "virtual" and all(level in ("mil", "sil") for level in bench.bindings.values()):
            self._snapshot = self._copy(bench)
        return bench

    def _copy(self, bench: Bench) -> bytes | None:
        try:
            return bench.snapshot()
        except HilError:  # a block that cannot be copied: opened anew for each run
            return None

    def run(self, run: Run) -> tuple[Seen, list[Observation]]:
        """One run from the initial state, and what its relay found."""
        bench = self.fresh()
        before = {act.target: bench[act.target] for act in run.acts if act.kind == "set"}
        seen = perform(bench, run.seconds, *run.acts, also=run.also)
        self.bench_s += run.seconds
        if self._covering is not None:
            self._covering.take(bench)
        self._look_at_holds(bench, run, before)
        self._look_at_wires(bench)
        found = relay_test(bench, run.relay) if run.relay else []
        return seen, found

    def _look_at_holds(self, bench: Bench, run: Run, before: dict[str, float]) -> None:
        """Everything that was held has been given back."""
        if bench.time == "real":
            clock.sleep(APPLIED_S)
        for act in run.acts:
            name = act.target.partition("=")[0] if act.kind == "fault" else act.target
            if act.kind in ("force", "fault", "release") and name in bench.built.numbers and bench.status(name) & HELD:
                self.left[name] = "still held"
        for name, value in before.items():
            if bench[name] != value:
                self.left[name] = f"{bench[name]:g} instead of {value:g}"

    def _look_at_wires(self, bench: Bench) -> None:
        """A device that has gone quiet is no device that was checked."""
        assert bench.engine is not None
        for name, counters in bench.engine.wires.counters().items():
            if not counters["connected"]:
                raise BrokenOffError(f"{name} at {counters['url']} does not answer any more", where=bench.rig.name)

    def close(self) -> None:
        """Ends the bench in its safe state."""
        bench, self.bench, self._snapshot = self.bench, None, None
        if bench is None:
            return
        try:
            bench.finish()
        finally:
            bench.close()


def settle_time(spec: Spec, time: str) -> float:
    """From a fresh start to the initial state, in s."""
    table = spec.table
    return min(table.settle_s, table.real_time_settle_s) if time == "real" else table.settle_s


def holds_now(bench: Bench, condition: str) -> bool:
    """A condition on the newest values."""
    formula = parse(condition, with_raw(bench.units))
    values = {name: np.array([bench[name]]) for name in formula.signals}
    return bool(formula.evaluate(values, bench.period_s).satisfied)


def relay_test(bench: Bench, relay: Relay) -> list[Observation]:
    """Ultimate gain and period, and the settings that follow, as observations that tell."""
    from hil.design.experiment import Loop, relay_experiment

    signal = bench.rig.signals[relay.output]
    low, high = signal.limits or signal.range or (-float("inf"), float("inf"))
    loop = Loop("", relay.measurement, relay.output, -1 if relay.direct else 1, relay.sample_s, low, high)
    applied = f"relay of {relay.amplitude:g}"
    try:
        found = relay_experiment(bench, loop, relay.amplitude, relay.duration_s, relay.rule)
    except HilError as error:
        return [Observation(relay.output, "relay test", applied, "an oscillation", error.message, ok=False)]
    finally:
        bench.release(relay.output)
    told = {**found.found, **found.values}
    return [
        Observation(relay.output, name.replace("_", " "), applied, "told", value, ok=True)
        for name, value in told.items()
    ]
