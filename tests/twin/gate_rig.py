"""A bench with one authority, spoken to by raw events, as anything in the process could."""

from __future__ import annotations

from dataclasses import dataclass

from hil.bench import Bench
from hil.events import NEXT_TICK, AuthorityAct, EventKind, encode

RIG = """
[rig]
name = "gate"
period_s = 0.01
[blocks.manual]
type = "constant"
value = 20.0
[blocks.lock]
type = "constant"
value = 0.0
[blocks.setpoint]
type = "authority"
in = { u = "manual.y", interlock = ["lock.y"] }
low = 10.0
high = 40.0
rate_per_s = 50.0
[signals]
"manual.y" = { unit = "degC" }
"lock.y" = { unit = "1" }
"setpoint.y" = { unit = "degC" }
[record]
all = { names = ["*"] }
"""
LOW, HIGH, RATE, STEP_S = 10.0, 40.0, 50.0, 0.01
ALL = 0xFFFFFFFF
SMALL = 1e-9


@dataclass
class Seen:
    """One tick's outputs and inputs."""

    y: float
    acting: bool
    reason: int
    manual: float
    lock: float


@dataclass
class Envelope:
    low: float
    high: float
    rate: float
    until: int


class Gate:
    """A bench whose authority is spoken to by raw events, as anything in the process could."""

    def __init__(self, bench: Bench) -> None:
        self.bench, self.target = bench, bench.built.states["setpoint.y"]
        self.grants: list[Envelope] = []

    def send(self, act: int, *values: float, until: int = 0, due: int = NEXT_TICK, target: int | None = None) -> None:
        if act == AuthorityAct.GRANT:
            self.grants.append(Envelope(*values, until))
        event = encode(
            EventKind.AUTHORITY,
            target=self.target if target is None else target,
            kind2=act,
            values=values,
            ticks=until,
            due=due,
        )
        self.bench.engine.loop.push(event)

    def tick(self) -> Seen:
        b = self.bench
        b.run(b.period_s)
        return Seen(
            b["setpoint.y"],
            b["setpoint.acting"] == 1.0,
            int(b["setpoint.reason"]),
            b["manual.y"],
            b["lock.y"],
        )


# ---- one after the other ----
