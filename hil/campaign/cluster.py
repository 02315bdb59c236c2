"""The same portions of runs here, or on a Dask cluster."""

from __future__ import annotations

import functools
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol, cast

import pyarrow as pa

from hil.campaign.engine import BatchEngine
from hil.campaign.healthy import Engine
from hil.campaign.plan import Plan
from hil.campaign.plan_file import read_plan
from hil.campaign.request import rig_hash
from hil.campaign.space import Run, Space
from hil.campaign.store import rows_of
from hil.errors import BenchError
from hil.rig import Rig, load_rig

CONNECT_S, WORKERS_S = 5.0, 10.0
Portion = list[Run]
Items = tuple[tuple[str, str], ...]


class Runner(Protocol):
    """Runs portions, in whatever order."""

    def tables(self, portions: Sequence[Portion], stage: str) -> Iterator[pa.Table]:
        """Rows of store.SCHEMA as they come."""
        ...

    def close(self) -> None:
        """Ends it."""
        ...


class Here:
    """The engine of this process."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def tables(self, portions: Sequence[Portion], stage: str) -> Iterator[pa.Table]:
        """One table a portion."""
        for portion in portions:
            yield portion_table(self.engine, portion, stage)

    def close(self) -> None:
        """Nothing: the engine is its maker's."""


class OnBenches(Here):
    """An engine whose runs take long: each is kept as soon as it is over."""

    def tables(self, portions: Sequence[Portion], stage: str) -> Iterator[pa.Table]:
        """One table a run; all runs are asked for at once, so that no bench waits for another."""
        for found in self.engine.run([run for portion in portions for run in portion]):
            yield rows_of(stage, *found)


def portion_table(engine: Engine, portion: Portion, stage: str) -> pa.Table:
    """All rows of a portion."""
    return pa.concat_tables([rows_of(stage, *found) for found in engine.run(portion)])


@dataclass(frozen=True)
class Task:
    """All that a worker needs to make an engine of its own; its machine has the rig at the same place."""

    rig: str
    rig_hash: str
    period_s: float | None
    plan: str
    name: str
    seed: int
    time: str = "virtual"
    bind: Items = ()
    urls: Items = ()
    controllers: Items = ()
    on_s: tuple[tuple[int, float], ...] = ()


def task_of(rig: Rig, period_s: float | None, space: Space, urls: Items = ()) -> Task:
    """What the workers of a campaign are told."""
    plan = space.plan
    head = (str(rig.folder), rig_hash(rig), period_s, plan.text, plan.name, plan.seed)
    bind, controllers = tuple(plan.bind.items()), tuple(rig.controllers.items())
    return Task(*head, plan.time, bind, urls, controllers, tuple(space.on_s.items()))


def read_task(task: Task) -> tuple[Rig, Plan]:
    """On a worker: rig and plan.

    Raises:
        BenchError: this machine has another version of the rig.
    """
    rig = load_rig(Path(task.rig), task.period_s, dict(task.controllers))
    if rig_hash(rig) != task.rig_hash:
        where, mend = f"{socket.gethostname()}:{task.rig}", "Bring the rig there to the same version"
        raise BenchError("a worker has another version of the rig", where=where, mend=mend)
    plan = read_plan(task.plan, task.name, task.name, rig)
    return rig, replace(plan, seed=task.seed, time=task.time, bind=dict(task.bind))


def connect(address: str) -> tuple[Any, Any]:
    """The library distributed, and a client of a scheduler, "tcp://host:8786".

    Raises:
        BenchError: distributed is missing, or nobody answers.
    """
    try:
        import distributed
    except ImportError as error:
        mend = "Install it with: pip install 'hil[dask]'"
        raise BenchError("a Dask cluster needs the library distributed", mend=mend) from error
    library = cast("Any", distributed)
    try:
        return library, library.Client(address, timeout=CONNECT_S, set_as_default=False)
    except (OSError, ValueError) as error:
        mend = "Start it with: dask scheduler, dask worker"
        raise BenchError("no Dask scheduler answers", where=address, mend=mend) from error


class Cluster:
    """Workers of a Dask cluster, each with an engine of one thread.

    Args:
        address: of the scheduler.
        task: what they run.

    Raises:
        BenchError: as `connect`, or there is no worker.
    """

    def __init__(self, address: str, task: Task) -> None:
        self.task, self.address = task, address
        self._distributed, self.client = connect(address)
        try:
            self.client.wait_for_workers(1, timeout=WORKERS_S)
        except TimeoutError as error:
            self.client.close()
            mend = f"Start some with: dask worker {address}"
            raise BenchError("the Dask cluster has no worker", where=address, mend=mend) from error

    def tables(self, portions: Sequence[Portion], stage: str) -> Iterator[pa.Table]:
        """One table a portion; one whose worker was lost is done again by another."""
        points = [[(run.id, run.point) for run in portion] for portion in portions]
        futures = [self.client.submit(_work, self.task, stage, some, pure=False, retries=2) for some in points]
        try:
            for future in self._distributed.as_completed(futures, loop=self.client.loop):
                yield pa.ipc.open_stream(future.result()).read_all()
        except self._distributed.KilledWorker as error:
            raise BenchError(f"workers were lost again and again: {error}", where=self.address) from error
        finally:
            self.client.cancel(futures)

    def close(self) -> None:
        """Leaves the cluster, which goes on."""
        self.client.close()


def _work(task: Task, stage: str, points: list[tuple[int, tuple[float, ...]]]) -> bytes:
    engine, space = _engine(task)
    table = portion_table(engine, [space.run(number, point) for number, point in points], stage)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return bytes(sink.getvalue())


@functools.lru_cache(maxsize=2)
def _engine(task: Task) -> tuple[Engine, Space]:
    rig, plan = read_task(task)
    return BatchEngine(rig, plan, threads=1), Space(plan, dict(task.on_s))
