"""Benches with a wire as resources of a Dask cluster: a worker that has one says so, and gets one run at a time.

dask worker tcp://host:8786 --nthreads 1 --resources "hil:quad_tank=1"
"""

from __future__ import annotations

import functools
import os
import queue
import time
from collections.abc import Iterator, Mapping, Sequence

from hil.campaign.cluster import WORKERS_S, Task, connect, read_task
from hil.campaign.live import Job, Outcome, run_once
from hil.campaign.plan import Plan
from hil.errors import BenchError
from hil.rig import Rig

LOOK_S = 1.0
GONE_S = 30.0  # so long a cluster may be without a bench: its worker is started again
URLS = "HIL_URLS"


def resource_of(rig: Rig) -> str:
    """What a worker with a bench of this rig advertises."""
    return f"hil:{rig.name}"


class ClusterBenches:
    """Those benches of a cluster that belong to a rig.

    Args:
        address: of the scheduler.
        task: what they run.
        rig: whose benches.

    Raises:
        BenchError: as `connect`, or no worker has such a bench.
    """

    def __init__(self, address: str, task: Task, rig: Rig) -> None:
        self.address, self.task, self.resource = address, task, resource_of(rig)
        self._distributed, self.client = connect(address)
        try:
            self._wait(WORKERS_S)
        except BaseException:
            self.client.close()
            raise

    def close(self) -> None:
        """Leaves the cluster, which goes on."""
        self.client.close()

    def _count(self) -> int:
        workers = self.client.scheduler_info(n_workers=-1)["workers"].values()
        return sum(worker["resources"].get(self.resource, 0) >= 1 for worker in workers)

    def _wait(self, longest_s: float) -> None:
        end = time.monotonic() + longest_s
        while not self._count():
            if time.monotonic() > end:
                mend = f'Start one with: dask worker {self.address} --nthreads 1 --resources "{self.resource}=1"'
                raise BenchError(f"no worker of the cluster has a bench {self.resource}", where=self.address, mend=mend)
            time.sleep(LOOK_S / 5)

    def outcomes(self, jobs: Sequence[Job], names: Sequence[str]) -> Iterator[tuple[int, Outcome]]:
        """As they end; one whose worker was lost is run again on another bench, or when that one is back."""
        options = {"resources": {self.resource: 1}, "pure": False}
        futures = [self.client.submit(_run, self.task, job, tuple(names), **options) for job in jobs]
        over: queue.SimpleQueue[int] = queue.SimpleQueue()
        for number, future in enumerate(futures):
            future.add_done_callback(lambda _, number=number: over.put(number))
        try:
            for _ in futures:
                number = self._next(over)
                yield number, futures[number].result()
        except self._distributed.KilledWorker as error:
            why = f"the workers of {self.resource} were lost again and again: {error}"
            raise BenchError(why, where=self.address) from error
        finally:
            self.client.cancel(futures)

    def _next(self, over: queue.SimpleQueue[int]) -> int:
        """The next that is over; in between it looks whether there is still a bench."""
        while True:
            try:
                return over.get(timeout=LOOK_S)
            except queue.Empty:
                self._wait(GONE_S)


def _run(task: Task, job: Job, names: tuple[str, ...]) -> Outcome:
    """On a worker."""
    rig, plan = _read(task)
    return run_once(rig, plan, {**dict(task.urls), **urls_here()}, job, names)


@functools.lru_cache(maxsize=2)
def _read(task: Task) -> tuple[Rig, Plan]:
    return read_task(task)


def urls_here() -> Mapping[str, str]:
    """Where this worker's devices are, from HIL_URLS="board=serial:///dev/ttyACM1 plc=modbus-tcp://10.0.0.7".

    Raises:
        BenchError: it is not written like that.
    """
    pairs = [text.partition("=") for text in os.environ.get(URLS, "").split()]
    if any(not (name and url) for name, _, url in pairs):
        raise BenchError("is not DEVICE=URL, parted by spaces", where=URLS, mend="Write board=serial:///dev/ttyACM1")
    return {name: url for name, _, url in pairs}
