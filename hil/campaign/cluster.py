"""The same portions of runs here, or on a Dask cluster."""

from __future__ import annotations

import functools
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, cast

import pyarrow as pa

from hil.campaign.engine import Engine
from hil.campaign.plan_file import read_plan
from hil.campaign.request import rig_hash
from hil.campaign.space import Run, Space
from hil.campaign.store import rows_of
from hil.errors import BenchError
from hil.rig import load_rig

CONNECT_S, WORKERS_S = 5.0, 10.0
Portion = list[Run]


class Runner(Protocol):
    """Runs portions, in whatever order."""

    def tables(self, portions: Sequence[Portion], stage: str) -> Iterator[pa.Table]:
        """Rows of store.SCHEMA as they come."""
        ...

    def close(self) -> None:
        """Ends it."""
        ...


class Here:
    """The batch engine of this process."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def tables(self, portions: Sequence[Portion], stage: str) -> Iterator[pa.Table]:
        """One table a portion."""
        for portion in portions:
            yield portion_table(self.engine, portion, stage)

    def close(self) -> None:
        """Nothing: the engine is its maker's."""


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
    on_s: tuple[tuple[int, float], ...] = ()


class Cluster:
    """Workers of a Dask cluster, each with an engine of one thread.

    Args:
        address: of the scheduler, "tcp://host:8786".
        task: what they run.

    Raises:
        BenchError: distributed is missing, or nobody answers.
    """

    def __init__(self, address: str, task: Task) -> None:
        try:
            import distributed
        except ImportError as error:
            mend = "Install it with: pip install 'hil[dask]'"
            raise BenchError("a Dask cluster needs the library distributed", mend=mend) from error
        self.task = task
        self.address, self._distributed = address, cast("Any", distributed)
        try:
            self.client = self._distributed.Client(address, timeout=CONNECT_S, set_as_default=False)
        except (OSError, ValueError) as error:
            mend = "Start it with: dask scheduler, dask worker"
            raise BenchError("no Dask scheduler answers", where=address, mend=mend) from error
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
    from dataclasses import replace

    rig = load_rig(Path(task.rig), task.period_s)
    if rig_hash(rig) != task.rig_hash:
        mend = "Bring the rig there to the same version"
        raise BenchError(
            "a worker has another version of the rig", where=f"{socket.gethostname()}:{task.rig}", mend=mend
        )
    plan = replace(read_plan(task.plan, task.name, task.name, rig), seed=task.seed)
    return Engine(rig, plan, threads=1), Space(plan, dict(task.on_s))
