"""The authority's gate in C: whatever is sent to it, no twin's value outside range, rate, time or interlock comes out.

What is asserted are claims about what comes out, tick by tick, from the events that were accepted and the inputs alone;
they are not the block's own steps told again.
"""

from __future__ import annotations

import math
import random
from pathlib import Path

import pytest
from gate_rig import ALL, HIGH, LOW, RATE, RIG, SMALL, STEP_S, Envelope, Gate, Seen

from hil import open_bench
from hil.events import NEXT_TICK, AuthorityAct, AuthorityReason, EventKind, encode
from hil.replay import replay


@pytest.fixture
def rig(tmp_path: Path) -> Path:
    folder = tmp_path / "gate"
    folder.mkdir()
    (folder / "rig.toml").write_text(RIG)
    return folder


def test_a_granted_request_acts_and_the_persons_value_comes_back_at_its_end(rig: Path) -> None:
    with open_bench(rig) as bench:
        gate = Gate(bench)
        assert gate.tick().reason == AuthorityReason.NONE
        gate.send(AuthorityAct.GRANT, 18.0, 25.0, 10.0, until=1000)
        gate.send(AuthorityAct.REQUEST, 24.0, until=200)
        rows = [gate.tick() for _ in range(300)]
    assert rows[0].acting
    assert rows[0].y == pytest.approx(20.1), "at the envelope's rate"
    assert rows[100].y == 24.0
    assert [row.acting for row in rows].index(False) == 199, "tick 200 is the first one without it"
    assert rows[199].reason == AuthorityReason.OVER
    assert rows[199].y == pytest.approx(23.5), "back at the rig's rate"
    assert rows[-1].y == 20.0


@pytest.mark.parametrize(
    ("low", "high", "rate", "until"),
    [
        (9.0, 25.0, 10.0, 100),
        (18.0, 41.0, 10.0, 100),
        (18.0, 25.0, 51.0, 100),
        (18.0, 25.0, 0.0, 100),
        (18.0, 25.0, -1.0, 100),
        (25.0, 18.0, 10.0, 100),
        (math.nan, 25.0, 10.0, 100),
        (18.0, math.nan, 10.0, 100),
        (18.0, 25.0, math.nan, 100),
        (18.0, math.inf, 10.0, 100),
        (18.0, 25.0, 10.0, 0),
        (18.0, 25.0, 10.0, 2**63),
    ],
)
def test_a_grant_that_widens_or_is_none_is_refused(rig: Path, low: float, high: float, rate: float, until: int) -> None:
    with open_bench(rig) as bench:
        gate = Gate(bench)
        gate.tick()
        gate.send(AuthorityAct.GRANT, low, high, rate, until=until)
        gate.send(AuthorityAct.REQUEST, 20.0, until=100)
        assert not gate.tick().acting
        kinds = [event["kind"] for event in bench.events]
    assert kinds.count("refused") == 2


@pytest.mark.parametrize(
    ("what", "reason"),
    [("expiry", AuthorityReason.EXPIRED), ("interlock", AuthorityReason.INTERLOCK), ("person", AuthorityReason.PERSON)],
)
def test_what_ends_an_authority_latches_until_it_is_granted_anew(rig: Path, what: str, reason: AuthorityReason) -> None:
    with open_bench(rig) as bench:
        gate = Gate(bench)
        gate.tick()
        gate.send(AuthorityAct.GRANT, 18.0, 25.0, 10.0, until=60 if what == "expiry" else 10_000)
        gate.send(AuthorityAct.REQUEST, 22.0, until=5000)
        assert all(gate.tick().acting for _ in range(50))
        if what == "interlock":
            bench.set("lock.value", 1.0)
        if what == "person":
            bench.set("manual.value", 21.0)
        rows = [gate.tick() for _ in range(20)]
        assert rows[-1].reason == reason
        assert not rows[-1].acting
        bench.set("lock.value", 0.0)
        gate.send(AuthorityAct.REQUEST, 22.0, until=5000)
        rows = [gate.tick() for _ in range(50)]
        assert not any(row.acting for row in rows), "what was lost does not come back by itself"
        assert rows[-1].y == (21.0 if what == "person" else 20.0)
        gate.send(AuthorityAct.GRANT, 18.0, 25.0, 10.0, until=10_000)
        gate.send(AuthorityAct.REQUEST, 22.0, until=5000)
        assert gate.tick().acting


def test_a_stop_wins_over_whatever_was_accepted_before_it(rig: Path) -> None:
    """Grants in the queue and grants staged for later, in a table that is full of events."""
    with open_bench(rig) as bench:
        gate = Gate(bench)
        gate.tick()
        gate.send(AuthorityAct.GRANT, 18.0, 25.0, 10.0, until=10_000)
        gate.send(AuthorityAct.REQUEST, 22.0, until=5000)
        assert gate.tick().acting
        for k in range(100):
            bench.set("manual.value", 20.0, due=5000 + k)
        gate.tick()
        assert sum(event["kind"] == "refused" for event in bench.events) > 0, "the table is full"
        gate.send(AuthorityAct.GRANT, 18.0, 25.0, 10.0, until=10_000)
        bench.engine.loop.stop_twin()
        row = gate.tick()
        assert (row.acting, row.reason) == (False, AuthorityReason.REVOKED)
        rows = [gate.tick() for _ in range(100)]
    assert not any(row.acting for row in rows)
    assert rows[-1].y == 20.0, "what the person set stays"


def test_a_stop_takes_back_what_was_staged_for_later(rig: Path) -> None:
    with open_bench(rig) as bench:
        gate = Gate(bench)
        gate.tick()
        gate.send(AuthorityAct.GRANT, 18.0, 25.0, 10.0, until=10_000, due=50)
        gate.send(AuthorityAct.REQUEST, 22.0, until=5000, due=51)
        gate.tick()
        bench.engine.loop.stop_twin()
        assert not any(gate.tick().acting for _ in range(100))


def test_nothing_but_its_own_events_reaches_an_authority(rig: Path) -> None:
    """No parameter, no upset of its memory."""
    with open_bench(rig) as bench:
        gate = Gate(bench)
        gate.tick()
        refused = len([e for e in bench.events if e["kind"] == "refused"])
        for word in range(13):
            for bit in (0, 52, 62):
                event = encode(EventKind.UPSET, target=gate.target + 8 * word, values=[bit])
                bench.engine.loop.push(event)
            bench.engine.loop.push(encode(EventKind.PARAM, target=gate.target + 8 * word, values=[1.0]))
        before = bench.state_hash
        gate.tick()
        assert len([e for e in bench.events if e["kind"] == "refused"]) == refused + 4 * 13
        assert before != bench.state_hash  # the tick count
        assert not gate.tick().acting
        assert not any(name.startswith("setpoint.") for name in bench.built.params)


# ---- at random ----


def random_number(random: random.Random) -> float:
    return random.choice(
        [
            random.uniform(LOW, HIGH),
            random.uniform(LOW, HIGH),
            random.uniform(-100, 100),
            LOW,
            HIGH,
            math.nan,
            math.inf,
            -math.inf,
            1e308,
            math.nextafter(HIGH, math.inf),
        ]
    )


def random_grant(chance: random.Random, y: float) -> tuple[float, float, float]:
    """Mostly one that the rig allows, around where the output is."""
    kind = chance.random()
    if kind < 0.6:
        return chance.uniform(LOW, y), chance.uniform(y, HIGH), chance.uniform(1.0, RATE)
    if kind < 0.8:
        return chance.uniform(LOW, HIGH), chance.uniform(LOW, HIGH), chance.uniform(0.0, RATE)
    return random_number(chance), random_number(chance), random_number(chance)


def random_command(chance: random.Random, gate: Gate, now: int) -> None:
    until = chance.choice([now + 5, now + 50, now + 500, now + 5000] * 3 + [now + 1, now, 0, 2**53, 2**64 - 1])
    due = chance.choice([NEXT_TICK] * 8 + [now + 3, now + 20])
    target = chance.choice([None] * 20 + [ALL, gate.target + 8, 0, 7])
    kind = chance.random()
    if kind < 0.30:
        values = random_grant(chance, gate.bench["setpoint.y"])
        gate.send(AuthorityAct.GRANT, *values, until=until, due=due, target=target)
    elif kind < 0.85:
        last = gate.grants[-1] if gate.grants else Envelope(LOW, HIGH, RATE, 0)
        inside = last.low + chance.random() * (last.high - last.low)
        gate.send(
            AuthorityAct.REQUEST, chance.choice([inside, random_number(chance)]), until=until, due=due, target=target
        )
    elif kind < 0.88:
        gate.send(chance.choice([3, 4, 0, 5, 99]), due=due, target=target)
    elif kind < 0.91:
        gate.bench.set("lock.value", chance.choice([0.0, 1.0, -1.0]))
    elif kind < 0.94:
        gate.bench.set("manual.value", chance.choice([20.0, 5.0, 60.0, chance.uniform(LOW, HIGH)]))
    elif kind < 0.95:
        gate.bench.engine.loop.stop_twin()
    elif kind < 0.97:
        event = encode(EventKind.UPSET, target=gate.target + 8 * chance.randrange(13), values=[chance.randrange(64)])
        gate.bench.engine.loop.push(event)
    else:
        gate.bench.set("lock.value", 0.0)


def granted(bench) -> Envelope | None:
    """As the state says."""
    if bench["setpoint.granted"] != 1.0:
        return None
    names = ("low", "high", "rate_per_s", "until")
    low, high, rate, until = (bench.state.get(bench.built.offset(f"setpoint.{name}")) for name in names)
    return Envelope(low, high, rate, int(until))


def check_row(row: Seen, before: Seen, now: int, gate: Gate) -> None:
    """`now` is the tick that has run."""
    assert LOW <= row.y <= HIGH
    assert abs(row.y - before.y) <= RATE * STEP_S + SMALL
    if not row.acting:
        return
    envelope = granted(gate.bench)
    assert envelope in gate.grants
    assert LOW <= envelope.low <= envelope.high <= HIGH
    assert 0 < envelope.rate <= RATE
    assert envelope.low <= row.y <= envelope.high
    assert abs(row.y - before.y) <= envelope.rate * STEP_S + SMALL
    assert now < envelope.until
    assert row.lock == 0.0
    assert row.manual == before.manual, "a person's new value ends it in the same tick"


def test_ten_thousand_random_commands_never_let_a_value_out(rig: Path) -> None:
    commands, acting, ticks = 10_000, 0, 0
    chance = random.Random(7)
    for _ in range(commands // 250):
        with open_bench(rig) as bench:
            gate = Gate(bench)
            before = gate.tick()
            for _ in range(250):
                random_command(chance, gate, bench.state.tick)
                for _ in range(chance.choice([0, 1, 1, 3, 10])):
                    row = gate.tick()
                    check_row(row, before, bench.state.tick - 1, gate)
                    acting, ticks, before = acting + row.acting, ticks + 1, row
    print(f"\n{commands:,} commands: the twin acted in {acting:,} of {ticks:,} ticks")
    assert acting > ticks // 10, "else the test shows nothing"


def test_a_recording_with_a_twins_acts_replays_to_the_bit(rig: Path, tmp_path: Path) -> None:
    chance = random.Random(3)
    with open_bench(rig, record=tmp_path / "rec") as bench:
        gate = Gate(bench)
        gate.tick()
        for _ in range(400):
            random_command(chance, gate, bench.state.tick)
            gate.tick()
        fork = bench.fork()
        for _ in range(50):
            gate.tick()
        fork.run(0.5)
        assert fork.hash == bench.state_hash
    assert replay(tmp_path / "rec")["identical"]
