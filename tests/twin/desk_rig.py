"""A small bench with an action, a clock that tests turn, and a ledger in memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from gate_rig import RIG as GATE
from gate_rig import Gate as Raw
from gate_rig import Seen

from hil import open_bench
from hil.bench import Bench
from hil.signing.keys import Signer, passing_signer
from hil.twin.authority.desk import Desk
from hil.twin.authority.envelope import issue, utc
from hil.twin.authority.gate import Gate
from hil.twin.authority.ladder import Condition
from hil.twin.authority.proposal import Effect, Proposal
from hil.twin.spec import twin_of

RIG = (
    GATE.replace("[record]", '"plant.x" = { unit = "degC" }\n[record]')
    + """
[blocks.plant]
model = "model.py:Box"
in = { u = "setpoint.y" }
out = { x = "plant.x" }
[blocks.watcher]
type = "ekf"
model = "model.py:Box"
in = { u = "setpoint.y", x = "plant.x" }
Q = { x = 1e-4 }
R = [1e-2]
P0 = { x = 1.0 }
[twin]
observer = "watcher"
block = "plant"
[twin.kpis]
level = "mean(plant.x)"
[twin.limits]
hot = { signal = "plant.x", high = 35.0 }
[twin.actions.warmth]
block = "setpoint"
sets = "manual.value"
range = [12.0, 38.0]
rate = 40.0
objective = "level"
constraints = ["hot"]
horizon_s = 1.0
veto_s = 0.5
"""
)
MODEL = """from hil.models import Input, Model, Param, State


class Box(Model):
    x = State(20.0, unit="degC", output=True, doc="temperature")
    u = Input(20.0, unit="degC", doc="set point")
    tau = Param(0.1, unit="s", min=0.01, max=10.0, doc="time constant")

    def equations(self):
        return {"x": (self.u - self.x) / self.tau}
"""
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@dataclass
class Office:
    """A bench with its desk.

    Attributes:
        told: what was written into the ledger.
        actual: what is measured.
        crossed: limits that were crossed.
        condition: how twin and bench are.
    """

    bench: Bench
    signer: Signer = field(default_factory=lambda: passing_signer("ann"))
    told: list[tuple[str, dict[str, Any], dict[str, str]]] = field(default_factory=list)
    actual: float = 24.0
    crossed: set[str] = field(default_factory=set)
    condition: Condition = field(default_factory=Condition)

    def __post_init__(self) -> None:
        self.desk = Desk(
            Gate(self.bench),
            twin_of(self.bench.rig).actions,
            self._write,
            self.now,
            lambda: self.condition,
            lambda _formula, _from_s, _to_s: self.actual,
            lambda name, _since_s: name in self.crossed,
            trusted=[self.signer.public],
        )

    def _write(self, kind: str, body: Mapping[str, Any], personal: Mapping[str, str] | None = None) -> int:
        self.told.append((kind, dict(body), dict(personal or {})))
        return len(self.told)

    def now(self) -> datetime:
        return NOW + timedelta(seconds=self.bench.time_s)

    def envelope(self, signer: Signer | None = None, **changed: Any) -> str:
        """The text of one that allows 15 to 30 for an hour, up to AUTO."""
        allowed = {"block": "setpoint", "low": 15.0, "high": 30.0, "rate_per_s": 20.0, "level": "AUTO"}
        own = {key: changed.pop(key) for key in list(changed) if key in allowed}
        fields = {
            "rig": "gate",
            "issued": utc(NOW),
            "not_before": utc(NOW),
            "not_after": utc(NOW + timedelta(hours=1)),
            "actions": {"warmth": {**allowed, **own}},
        }
        return issue(signer or self.signer, **{**fields, **changed}).text

    def propose(self, value: float = 24.0, low: float = 23.0, high: float = 25.0) -> Proposal | None:
        effect = Effect("mean(plant.x)", 1.0, value, low, high, 20.0, {"hot": 0.05})
        return self.desk.propose(
            "warmth", value, f"to {value}", until_s=self.bench.time_s + 10.0, effect=effect, evidence={"why": 1}
        )

    def pass_s(self, seconds: float) -> Seen:
        """Time goes by, looked at ten times in a second as the twin would; the last tick."""
        for _ in range(round(seconds / 0.1)):
            self.bench.run(0.1)
            self.desk.step()
        return Raw(self.bench).tick()

    def kinds(self) -> list[str]:
        return [kind for kind, _, _ in self.told]


@contextmanager
def office(folder: Path, **options: Any) -> Iterator[Office]:
    place = folder / "gate"
    place.mkdir()
    (place / "rig.toml").write_text(RIG)
    (place / "model.py").write_text(MODEL)
    with open_bench(place, **options) as bench:
        made = Office(bench)
        bench.run(0.02)
        yield made
