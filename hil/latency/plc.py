"""A scan of a PLC program. Measured where HIL has compiled PLC programs."""

from __future__ import annotations

from importlib.util import find_spec

from hil.latency.run import Run


def measure(run: Run) -> None:
    """Says why not, where there is none."""
    if find_spec("hil.plc") is None:
        run.skipped["plc"] = "this version of HIL has no compiled PLC programs"
        return
    run.skipped["plc"] = "this rig has no PLC program"
