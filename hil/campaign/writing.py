"""A plan written in Python instead of TOML; what it makes is the same file.

from hil.campaign import Campaign, bias, covering, drift, falsify, sensor, stuck, uniform

result = (
    Campaign("overfill", "quad_tank", duration_s=60.0, period_s=0.01)
    .faults(h1=sensor("sensor.h1").one_of(bias(-0.05, 0.05), stuck(), drift(1e-5, 1e-3)))
    .activate(at=uniform(5.0, 30.0))
    .expect("plc.alarm_h1", within_s=2.0, safe="G(plant.h1 < 0.18)", name="REQ-017")
    .run(covering(2) >> falsify(budget=500, seed=1), out="overfill")
)
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from hil.campaign.campaign import CampaignResult, run_campaign
from hil.campaign.plan import Plan
from hil.campaign.plan_file import SEPARATOR, read_plan
from hil.campaign.request import Request
from hil.rig import Rig, load_rig


def kind(name: str, *values: float | tuple[float, float]) -> str:
    """A kind of fault as plans have it: `kind("spike", (0.1, 0.5), 2.0)`; a pair is a range."""
    inside = ", ".join(SEPARATOR.join(map(repr, v)) if isinstance(v, tuple) else repr(v) for v in values)
    return f"{name}({inside})" if inside else name


def _ranged(name: str, low: float, high: float | None) -> str:
    return kind(name, low if high is None else (low, high))


def bias(low: float, high: float | None = None) -> str:
    """Value + bias, from low to high in the signal's unit."""
    return _ranged("bias", low, high)


def gain(low: float, high: float | None = None) -> str:
    """Value * gain."""
    return _ranged("gain", low, high)


def noise(low: float, high: float | None = None) -> str:
    """Noise of a standard deviation from low to high."""
    return _ranged("noise", low, high)


def drift(low: float, high: float | None = None) -> str:
    """A drift, in the signal's unit per second."""
    return _ranged("drift", low, high)


def dropout(low: float, high: float | None = None) -> str:
    """Values are lost with a probability."""
    return _ranged("dropout", low, high)


def stuck(value: float | str = "last") -> str:
    """One value, or the last one."""
    return "stuck" if value == "last" else kind("stuck", float(value))


def uniform(low: float, high: float) -> list[float]:
    """Anything from low to high."""
    return [low, high]


@dataclass(frozen=True)
class Slot:
    """A signal with what may go wrong with it."""

    signal: str
    kinds: tuple[str, ...] = ()
    start_s: float | list[float] | None = None
    duration_s: float | list[float] | None = None

    def one_of(self, *kinds: str) -> Slot:
        """One of these kinds, as `bias(...)` and the others make them."""
        return replace(self, kinds=kinds)

    def at(self, start_s: float | list[float], duration_s: float | list[float] | None = None) -> Slot:
        """When, instead of what `activate` says."""
        return replace(self, start_s=start_s, duration_s=duration_s)


def sensor(signal: str) -> Slot:
    """A signal that a fault acts on; an actuator's just as well."""
    return Slot(signal)


@dataclass(frozen=True)
class Searching:
    """A search; `first >> falsify(...)` goes on from it."""

    table: Mapping[str, Any]
    seed: int | None = None

    def __rshift__(self, then: Searching) -> Searching:
        return Searching({**self.table, **then.table}, self.seed if then.seed is None else then.seed)


def covering(strength: int, levels: int = 3, runs: int = 10_000) -> Searching:
    """Every combination of any `strength` of the choices."""
    return Searching({"method": "covering", "strength": strength, "levels": levels, "runs": runs})


def grid(levels: int = 3, runs: int = 100_000) -> Searching:
    """Every combination."""
    return Searching({"method": "grid", "levels": levels, "runs": runs})


def sobol(runs: int) -> Searching:
    """So many points that fill the space evenly."""
    return Searching({"method": "sobol", "runs": runs})


def latin_hypercube(runs: int) -> Searching:
    """So many points, each coordinate stratified."""
    return Searching({"method": "latin_hypercube", "runs": runs})


def falsify(budget: int, method: str = "differential_evolution", seed: int | None = None) -> Searching:
    """Towards the smallest robustness, behind another search; `seed` instead of the campaign's, for both."""
    table = {"falsify": {"method": method, "budget": budget}}
    return Searching(table, seed)


@dataclass(frozen=True)
class Campaign:
    """A plan that grows; each method gives a new one.

    Attributes:
        name: of the plan.
        rig: folder, file or name of a shipped rig.
        duration_s: length of every run.
        period_s: base period instead of the rig's.
        controllers: "blocks" or "program" by role, instead of the rig's choice.
    """

    name: str
    rig: str
    duration_s: float
    period_s: float | None = None
    controllers: Mapping[str, str] = field(default_factory=dict)
    seed: int = 1
    tables: Mapping[str, Any] = field(default_factory=dict)

    def _with(self, **tables: Any) -> Campaign:
        return replace(self, tables={**self.tables, **tables})

    def golden(self, values: Mapping[str, float]) -> Campaign:
        """Values of the healthy run."""
        return self._with(golden={"set": dict(values)})

    def faults(self, **slots: Slot) -> Campaign:
        """What may go wrong, by name."""
        return self._with(faults={name: _slot_table(slot) for name, slot in slots.items()})

    def activate(
        self,
        at: float | list[float] | None = None,
        duration_s: float | list[float] | None = None,
        combine: str = "one",
        *,
        on: str | None = None,
        start_s: float | list[float] | None = None,
    ) -> Campaign:
        """When, and how many in a run.

        Args:
            at: begin in bench time, in s; `start_s` is another name of it, that of the file.
            duration_s: how long; None: to the end of the run.
            combine: "one", "all" or "any" of the faults.
            on: a condition over the signals; `at` counts from the first tick of the healthy run at which it holds.
        """
        begin = at if start_s is None else start_s
        return self._with(activate=_present(start_s=begin, duration_s=duration_s, combine=combine, on=on))

    def expect(
        self,
        detect: str | None = None,
        *,
        safe: str,
        within_s: float | None = None,
        requirement: str | None = None,
        name: str = "",
        safe_state: str | None = None,
        reaction_s: float | None = None,
        ftti_s: float | None = None,
    ) -> Campaign:
        """What has to come of it; formulas as in docs/requirements.md, keys as in the file."""
        table = _present(detect=detect, within_s=within_s, safe=safe, requirement=requirement, name=name)
        return self._with(expect=table | _present(safe_state=safe_state, reaction_s=reaction_s, ftti_s=ftti_s))

    def text(self, search: Searching) -> str:
        """The plan as TOML."""
        head = {
            "title": self.name,
            "duration_s": self.duration_s,
            "seed": self.seed if search.seed is None else search.seed,
        }
        return _toml({**head, **self.tables, "search": dict(search.table)})

    def plan(self, search: Searching) -> tuple[Plan, Rig]:
        """The plan, checked against its rig.

        Raises:
            RigError: what is wrong with it.
        """
        rig = load_rig(self.rig, self.period_s, self.controllers)
        return read_plan(self.text(search), self.name, self.name, rig), rig

    def run(self, search: Searching, out: str | Path, *, resume: bool = False, **options: Any) -> CampaignResult:
        """Writes the plan into `out`, and runs it there; `options` are those of `Request`.

        Raises:
            HilError: see `run_campaign`.
        """
        self.plan(search)
        file = Path(out) / f"{self.name}.toml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(self.text(search), encoding="utf-8")
        what = Request(self.rig, str(file), period_s=self.period_s, controllers=self.controllers, **options)
        return run_campaign(what, Path(out), resume=resume)


def _slot_table(slot: Slot) -> dict[str, Any]:
    return _present(signal=slot.signal, kinds=list(slot.kinds), start_s=slot.start_s, duration_s=slot.duration_s)


def _present(**values: Any) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}


def _toml(table: Mapping[str, Any], path: str = "") -> str:
    """Numbers, texts, lists of them, and tables; JSON writes these as TOML does."""
    plain = [f"{key} = {json.dumps(v)}" for key, v in table.items() if not isinstance(v, Mapping)]
    inner = [
        _toml(v, f"{path}.{json.dumps(k)}" if path else json.dumps(k))
        for k, v in table.items()
        if isinstance(v, Mapping)
    ]
    head = [f"[{path}]"] if path and plain else []
    return "\n".join([*head, *plain, *inner]) + "\n"
