"""What only interlocks read stands still in a batch while no envelope is there, and no bit differs from a whole run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from gate_rig import RIG, Gate

from hil import open_bench
from hil.batches.needed import resting
from hil.batches.runs import BatchRun
from hil.bench import Bench
from hil.events import AuthorityAct, EventKind, encode

FAR = 10**9
LOCKED = BatchRun(at=[(0.5, "lock.value", 1.0)])


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    (tmp_path / "rig.toml").write_text(RIG)
    with open_bench(tmp_path, history=False) as opened:
        opened.run(0.1)
        yield opened


def same_in_part(bench: Bench, run: BatchRun) -> np.ndarray:
    """The set point of a run, which is the same in a batch for which it alone is needed."""
    (whole,) = bench.batch([run], 100, record=["setpoint.y", "lock.y"])["setpoint.y"]
    (part,) = bench.batch([run], 100, record=["setpoint.y"], needed_only=True)["setpoint.y"]
    assert np.array_equal(part, whole)
    return whole


def test_without_an_envelope_interlocks_stand_still(bench: Bench) -> None:
    lock = bench.built.entries.index("lock")
    assert not (resting(bench.built, ["setpoint.y"]) or bytes(lock + 1))[lock]
    assert (resting(bench.built, ["setpoint.y"], granted=False) or b"")[lock]
    assert set(same_in_part(bench, LOCKED)) == {20.0}


def test_with_an_envelope_they_are_read(bench: Bench) -> None:
    gate = Gate(bench)
    gate.send(AuthorityAct.GRANT, 18.0, 25.0, 50.0, until=FAR)
    gate.send(AuthorityAct.REQUEST, 24.0, until=FAR)
    bench.run(0.1)
    assert bench["setpoint.acting"] == 1.0
    assert set(same_in_part(bench, LOCKED)) > {24.0, 20.0}
    fork = bench.fork()
    assert set(same_in_part(bench, BatchRun(start=fork, at=LOCKED.at))) > {24.0, 20.0}


def test_an_envelope_that_waits_in_the_state_is_heeded(bench: Bench) -> None:
    fork, target = bench.fork(), bench.built.states["setpoint.y"]
    for due, act, values in ((20, AuthorityAct.GRANT, [18.0, 25.0, 50.0]), (21, AuthorityAct.REQUEST, [24.0])):
        fork.state.push(
            encode(EventKind.AUTHORITY, target=target, kind2=act, values=values, ticks=FAR, due=fork.state.tick + due)
        )
    assert set(same_in_part(bench, BatchRun(start=fork, at=[(0.8, "lock.value", 1.0)]))) > {24.0, 20.0}
