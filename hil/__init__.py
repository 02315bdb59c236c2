"""HIL: a hardware-in-the-loop testbed whose control core doubles as a closed-loop digital twin.

with hil.open_bench("quad_tank") as bench:
    bench.fault("sensor.h1=stuck@8s..14s")
    bench.run(20)
    bench.history("plant.h1")
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hil.batches import BatchResult, BatchRun, batch, grid
    from hil.bench import Bench, open_bench
    from hil.errors import HilError
    from hil.recording import Recording

__version__ = "0.1.0"
__all__ = ["BatchResult", "BatchRun", "Bench", "HilError", "Recording", "__version__", "batch", "grid", "open_bench"]


def __getattr__(name: str) -> Any:
    """Loads what is asked for, so that `hil --help` does not import the world."""
    if name in ("Bench", "open_bench"):
        from hil import bench

        return getattr(bench, name)
    if name in ("BatchResult", "BatchRun", "batch", "grid"):
        from hil import batches

        return getattr(batches, name)
    if name == "Recording":
        from hil.recording import Recording

        return Recording
    if name == "HilError":
        from hil.errors import HilError

        return HilError
    raise AttributeError(f"module 'hil' has no attribute '{name}'")
