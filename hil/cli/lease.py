"""`hil lease`: who may write to a running bench."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from hil.cli import output
from hil.cli.options import JsonOption, PersonOption, PidOption, RunningArg
from hil.errors import HilError

app = typer.Typer(no_args_is_help=True, help="Who may write to a running bench: take, renew, release, show.")
ForOption = Annotated[str, typer.Option("--for", metavar="TIME", help="Until it ends by itself, as in 60s or 5min.")]


@app.command("take")
def take(
    rig: RunningArg,
    for_: ForOption = "60s",
    person: PersonOption = None,
    pid: PidOption = None,
    json: JsonOption = False,
) -> None:
    """Keep others from writing; further commands of this terminal may. HIL_LEASE=TOKEN lets another one."""
    from hil import control

    seconds = _seconds(for_)
    with control.connect(rig, pid) as client:
        found = client.take_lease(seconds, person, keep=True)
    _tell(found, json=json)


@app.command("renew")
def renew(rig: RunningArg, for_: ForOption = "60s", pid: PidOption = None, json: JsonOption = False) -> None:
    """Let this terminal's lease last so long from now on."""
    from hil import control

    seconds = _seconds(for_)
    with control.connect(rig, pid) as client:
        found = client.renew_lease(seconds)
    _tell(found, json=json)


@app.command("release")
def release(rig: RunningArg, pid: PidOption = None, json: JsonOption = False) -> None:
    """End this terminal's lease."""
    from hil import control

    with control.connect(rig, pid) as client:
        client.release_lease()
        found = client.request("lease", act="show")
    _tell(found, json=json)


@app.command("show")
def show(rig: RunningArg, pid: PidOption = None, json: JsonOption = False) -> None:
    """Show who holds the lease, and for how long still."""
    from hil import control

    with control.connect(rig, pid) as client:
        found = client.request("lease", act="show")
    _tell(found, json=json)


def _tell(found: Mapping[str, Any], *, json: bool) -> None:
    from hil.control.lease import lease_text

    if json:
        output.print_json(found)
    else:
        kind = ", automatic" if found["automatic"] else ""
        output.console().print(lease_text(found) + kind, soft_wrap=True)


def _seconds(text: str) -> float:
    """A time such as "60s", "5 min" or "60"."""
    from hil import units
    from hil.faults import parse_quantity

    try:
        value, unit = parse_quantity(text)
        known = unit is None or units.compatible(unit, "s")
    except HilError:
        known = False
    if not known:
        raise HilError(f"'{text}' is no time", where="--for", mend="Write it as in 60s or 5min")
    scale, offset = (1.0, 0.0) if unit is None else units.conversion(unit, "s")
    return value * scale + offset
