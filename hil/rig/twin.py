"""Reads [twin]: every name in it must be one of the rig."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from hil.nearest import did_you_mean
from hil.rig.description import Block, Rig
from hil.rig.messages import KeyPath
from hil.rig.reading import Reading
from hil.rig.twin_schema import ActionTable, DetectorTable, ScenarioTable, TwinTable

SLACK = 1e-9  # of a sum of probabilities


def read_twin(reading: Reading, rig: Rig) -> dict[str, Any]:
    """The tables as plain data; empty without [twin]. Mistakes are noted."""
    table = reading.table.twin
    if table is None:
        return {}
    check = _Check(reading, rig, table)
    check.blocks()
    check.synchronised()
    check.detectors()
    check.causes()
    check.foreseen()
    check.scenarios()
    check.sources()
    return table.plain()


def states_of(block: Block) -> list[str]:
    """Names of an estimator's states, in the order of its x0; none of another block."""
    return [wire.port[2:] for wire in block.outputs if wire.port.startswith("x.")]


class _Check:
    """One pass over the tables."""

    def __init__(self, reading: Reading, rig: Rig, table: TwinTable) -> None:
        self.mistakes, self.rig, self.table = reading.mistakes, rig, table
        self.tunable = set(rig.tunable())

    def name(self, name: str, known: Iterable[str], what: str, *path: str | int) -> bool:
        """Notes a name that is not known."""
        names = list(known)
        if name in names:
            return True
        self.add(path, f"there is no {what} of this name", value=name, mend=did_you_mean(name, names))
        return False

    def add(self, path: Iterable[str | int], why: str, **more: Any) -> None:
        """Notes a mistake below [twin]."""
        where: KeyPath = ("twin", *path)
        self.mistakes.add(where, why, **more)

    def signal(self, name: str, *path: str | int) -> None:
        """Signals of the bench; one inside a role is not seen at every level."""
        self.name(name, (s.name for s in self.rig.signals.values() if s.role is None), "signal", *path)

    def blocks(self) -> None:
        """The observer and the plant."""
        table, blocks = self.table, self.rig.blocks
        if self.name(table.observer, blocks, "block", "observer"):
            kind = blocks[table.observer].type
            if kind not in ("ekf", "ukf", "kalman"):
                self.add(("observer",), f"a block {kind} estimates no covariance", value=table.observer)
        self.name(table.block, blocks, "block", "block")

    def synchronised(self) -> None:
        """Parameters, set points, quality."""
        block = self.rig.blocks.get(self.table.block)
        for name, parameter in self.table.parameters.items():
            if block is not None:
                self.name(name, block.params, f"parameter of {block.name}", "parameters", name)
            self.signal(parameter.estimate, "parameters", name, "estimate")
            self.signal(parameter.variance, "parameters", name, "variance")
            for target in parameter.calibrates:
                self.name(target, self.tunable, "parameter", "parameters", name, "calibrates")
        for name, setpoint in self.table.setpoints.items():
            for key in ("desired", "acknowledged", "reported"):
                self.signal(getattr(setpoint, key), "setpoints", name, key)
            if setpoint.acting is not None:
                self.signal(setpoint.acting, "setpoints", name, "acting")
        for name, bad in self.table.quality.items():
            self.signal(name, "quality", name)
            self.signal(bad, "quality", name)

    def detectors(self) -> None:
        """Signals, limits and who suppresses whom."""
        for name, detector in self.table.detectors.items():
            place = ("detectors", name)
            self.signal(detector.signal, *place, "signal")
            self._detector_limits(detector, place)
            for other in detector.suppressed_by:
                if self.name(other, self.table.detectors, "detector", *place, "suppressed_by") and other == name:
                    self.add((*place, "suppressed_by"), "a detector cannot suppress itself", value=other)

    def _detector_limits(self, detector: DetectorTable, place: tuple[str, str]) -> None:
        if detector.high is not None and detector.low is not None:
            self.add(place, "has both high and low", mend="Make two detectors: they are two alarms")
        if detector.dead_band and detector.high is None and detector.low is None:
            self.add((*place, "dead_band"), "goes with high or low", value=detector.dead_band)

    def causes(self) -> None:
        """Symptoms are detectors that count; priors leave something for `none`."""
        evidence = [name for name, detector in self.table.detectors.items() if detector.evidence]
        for name, cause in self.table.causes.items():
            for symptom in cause.symptoms:
                self.name(symptom, evidence, "detector (with evidence)", "causes", name, "symptoms", symptom)
            for parameter in cause.changes:
                self.name(parameter, self.table.parameters, "parameter", "causes", name, "changes")
        if "none" in self.table.causes:
            self.add(("causes", "none"), "is what is left", mend="Leave it out")
        if sum(cause.prior for cause in self.table.causes.values()) >= 1.0 - SLACK:
            self.add(("causes",), "the priors' sum leaves nothing for the sound plant", mend="Keep it below 1")

    def foreseen(self) -> None:
        """Limits, forecasts, degradation, what-if, actions, maintenance."""
        table = self.table
        for name, limit in table.limits.items():
            self.signal(limit.signal, "limits", name, "signal")
            if (limit.low is None) == (limit.high is None):
                self.add(("limits", name), "needs one of low and high")
        for name, forecast in table.forecasts.items():
            for signal in forecast.signals:
                self.signal(signal, "forecasts", name, "signals")
        for name, wear in table.degradation.items():
            self.name(wear.parameter, table.parameters, "parameter", "degradation", name, "parameter")
        for name, other in table.whatif.items():
            for target in other.set:
                self.name(target, self.tunable, "parameter", "whatif", name, "set", target)
            for timed in other.at:
                self._timed(timed, "whatif", name, "at")
        for name, work in table.maintenance.items():
            self.name(work.cause, table.causes, "cause", "maintenance", name, "cause")
            for target in work.restores:
                self.name(target, self.tunable, "parameter", "maintenance", name, "restores", target)
        self._actions()

    def _timed(self, timed: list[float | str], *path: str) -> None:
        time_s, target, value = timed
        if isinstance(time_s, str) or not isinstance(target, str) or isinstance(value, str):
            self.add(path, "is not [time_s, name, value]", value=timed)
        else:
            self.name(target, self.tunable, "parameter", *path)

    def _actions(self) -> None:
        for name, action in self.table.actions.items():
            place = ("actions", name)
            self._authority(action, place)
            self.name(action.objective, self.table.kpis, "KPI", *place, "objective")
            for constraint in action.constraints:
                self.name(constraint, self.table.limits, "limit", *place, "constraints")
            if action.range[0] >= action.range[1]:
                self.add((*place, "range"), "is not [low, high]", value=action.range)
            if action.horizon_s > self.table.history_s:
                why = f"is longer than history_s of [twin], {self.table.history_s:g} s: what came could not be measured"
                self.add((*place, "horizon_s"), why, value=action.horizon_s)
            self.name(action.sets, self.tunable, "parameter", *place, "sets")
        blocks = [action.block for action in self.table.actions.values()]
        for name, action in self.table.actions.items():
            if blocks.count(action.block) > 1:
                self.add(("actions", name, "block"), "two actions cannot share a block", value=action.block)

    def _authority(self, action: ActionTable, place: tuple[str, str]) -> None:
        """The block is of that type, outside of roles, and the action within it."""
        if not self.name(action.block, self.rig.blocks, "block", *place, "block"):
            return
        block = self.rig.blocks[action.block]
        if block.type != "authority":
            mend = "Put the set point through a block of type authority: docs/authority.md"
            self.add((*place, "block"), f"is a block {block.type}", value=action.block, mend=mend)
            return
        if block.role is not None:
            self.add((*place, "block"), "must be outside of roles: a device would not hear of it", value=action.block)
        found = [block.config.get(key) for key in ("low", "high", "rate_per_s")]
        if any(value is None or len(value) != 1 for value in found):
            return  # said of the block
        low, high, rate = (value[0] for value in found if value)
        if not (low <= action.range[0] and action.range[1] <= high):
            self.add((*place, "range"), f"is wider than block {block.name}: {low:g} to {high:g}", value=action.range)
        if action.rate > rate:
            self.add((*place, "rate"), f"is faster than block {block.name}: {rate:g}", value=action.rate)

    def scenarios(self) -> None:
        """What is set exists, ramps run forward, roles and actions are known."""
        proposed = {**self.table.actions, **self.table.maintenance}
        for name, scenario in self.table.scenarios.items():
            place = ("scenarios", name)
            for role in scenario.bind:
                self.name(role, self.rig.roles, "role", *place, "bind", role)
            for event in scenario.events:
                self.name(event.set, self.tunable, "parameter", *place, "events")
            for approval in scenario.approvals:
                self.name(approval.action, proposed, "action or maintenance", *place, "approvals", "action")
                for alarm in approval.acknowledges:
                    self.name(alarm, self.table.detectors, "detector", *place, "approvals", "acknowledges")
            self._ramps(scenario, place)

    def _ramps(self, scenario: ScenarioTable, place: tuple[str, str]) -> None:
        for ramp in scenario.ramps:
            self.name(ramp.set, self.tunable, "parameter", *place, "ramps")
            if ramp.until_s <= ramp.from_s:
                self.add((*place, "ramps"), "until_s must be behind from_s", value=ramp.until_s)

    def sources(self) -> None:
        """Each file's columns become signals that the bench has."""
        for name, source in self.table.sources.items():
            for signal in source.columns:
                self.signal(signal, "sources", name, "columns", signal)
            for target in source.set:
                self.name(target, self.tunable, "parameter", "sources", name, "set", target)
            for block, states in source.start.items():
                place = ("sources", name, "start", block)
                if self.name(block, self.rig.blocks, "block", *place):
                    known = states_of(self.rig.blocks[block])
                    for state in states:
                        self.name(state, known, f"state of {block}", *place, state)
