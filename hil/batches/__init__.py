"""Many runs of one bench at once, on all cores: parameter studies, Monte-Carlo runs, what-ifs.

result = hil.batch("quad_tank", {"level1.kp": np.linspace(50, 300, 100)}, duration_s=60,
                   reduce={"peak": "max(plant.h1)", "there": "first(plant.h1 > 0.123)"})
result["peak"]                   # shape (100,)

A run is a copy of the bench's state with its own values, faults and seed. It computes what `Bench.run` would: the same
bits, whatever the number of threads.
"""

from hil.batches.result import BatchResult
from hil.batches.run import batch
from hil.batches.runs import BatchRun, grid

__all__ = ["BatchResult", "BatchRun", "batch", "grid"]
