"""`hil tune`: settings of a PID controller from an experiment on the simulated bench."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from hil.cli import output
from hil.cli.options import JsonOption, RigArg


class Method(StrEnum):
    """Experiments."""

    RELAY = "relay"
    STEP = "step"


def tune(
    rig: RigArg,
    loop: Annotated[str, typer.Argument(metavar="LOOP", help="Name of a pid block.")],
    method: Annotated[Method, typer.Option(help="relay: Astrom and Hagglund; step: first order with dead time.")],
    settle: Annotated[float, typer.Option(min=0.0, metavar="SECONDS", help="Runs as it is before that.")] = 0.0,
    amplitude: Annotated[
        float | None, typer.Option(help="Of relay or step, in the output's unit; default: a tenth of its range.")
    ] = None,
    duration: Annotated[float, typer.Option(min=1e-3, metavar="SECONDS", help="Longest time, or of the step.")] = 60.0,
    closed_loop: Annotated[
        float | None, typer.Option(min=0.0, metavar="SECONDS", help="step: time constant wanted.")
    ] = None,
    rule: Annotated[str | None, typer.Option(help="relay: tyreus_luyben, ziegler_nichols; step: simc, lambda.")] = None,
    write: Annotated[bool, typer.Option("--write", help="Keep the settings in rig.toml.")] = False,
    json: JsonOption = False,
) -> None:
    """Put a relay or a step in place of a controller's output, in virtual time, and compute its settings."""
    from hil.design.experiment import tune as run
    from hil.design.store import store
    from hil.rig.shipped import find_rig

    found = run(
        rig, loop, method.value, settle_s=settle, amplitude=amplitude, duration_s=duration, closed_loop_s=closed_loop,
        rule=rule,
    )  # fmt: skip
    changed = store(find_rig(rig).parent, {loop: found.values}) if write else []
    if json:
        facts = {"method": found.method, "rule": found.rule, "found": found.found, "settings": found.values}
        output.print_json({"loop": loop, **facts, "changed": changed})
        return
    out = output.console()
    out.print(", ".join(f"{name} = {value:.4g}" for name, value in found.found.items()), soft_wrap=True)
    out.print(f"{loop} ({found.rule}): " + ", ".join(f"{name} = {value:g}" for name, value in found.values.items()))
    if changed:
        out.print(f"written: {', '.join(path.name for path in changed)}")
