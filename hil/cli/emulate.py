"""`hil emulate`: the controller of a rig as a device of its own, in this process."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from hil.cli import output
from hil.cli.options import ControllerOption, JsonOption, RigArg, controllers_of


def emulate(
    rig: RigArg,
    device: Annotated[str, typer.Argument(metavar="DEVICE", help="Name of the device in the rig file.")],
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Serve at this TCP port instead; 0 takes any free one.")
    ] = None,
    lockstep: Annotated[
        Path | None, typer.Option(metavar="SOCKET", help="Take tick tokens from this Unix socket instead of the clock.")
    ] = None,
    controller: ControllerOption = None,
    outputs: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Firmware: show its output pins in this file.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Run the simulated side of DEVICE's role behind its wire, as a stand-in for the real device. Ctrl-C ends it."""
    from hil.emulate import emulate as serve

    def ready(address: dict[str, Any]) -> None:
        if json:
            output.print_json_line(address)
        else:
            output.note(f"{device} at {_place(address)} (Ctrl-C ends it)")

    chosen = controllers_of(controller)
    serve(rig, device, port=port, lockstep=lockstep, ready=ready, outputs=outputs, controllers=chosen)


def _place(address: dict[str, Any]) -> str:
    """Where it serves: an address or a pseudo-terminal, as which side, and for firmware with a field port its link."""
    place = address.get("path", address["url"])
    if "side" in address:
        return f"{place}, as {address['side']}"
    return place if place == address["link"] else f"{place}, its link at {address['link']}"
