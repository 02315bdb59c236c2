"""A scan of a PLC program."""

from __future__ import annotations

from hil.latency.run import Run


def measure(run: Run) -> None:
    """Says where its time is found: it is a block like others, and has no yardstick of its own."""
    if any(block.type == "plc" for block in run.rig.blocks.values()):
        run.skipped["plc"] = "a scan has no yardstick yet; its time is in step's time by block"
    else:
        run.skipped["plc"] = "this rig has no PLC program"
