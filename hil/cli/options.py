"""Arguments and options that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

from hil.errors import HilError

RigArg = Annotated[
    str, typer.Argument(metavar="RIG", help="Folder of a rig, its rig.toml, or the name of a shipped rig.")
]
RunningArg = Annotated[str, typer.Argument(metavar="RIG", help="Name or folder of the rig that runs.")]
AnyRunningArg = Annotated[
    str | None, typer.Argument(metavar="[RIG]", help="Name or folder of the rig that runs; default: whichever runs.")
]
PidOption = Annotated[int | None, typer.Option("--pid", help="Process of the bench, when several of this rig run.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout and nothing else there.")]
AtOption = Annotated[
    float | None, typer.Option("--at", min=0.0, metavar="SECONDS", help="Bench time; default: the next tick.")
]
ControllerOption = Annotated[
    list[str] | None,
    typer.Option("--controller", metavar="ROLE=SOURCE", help="blocks or program, instead of the rig's choice."),
]


def controllers_of(texts: list[str] | None) -> dict[str, str]:
    """Controller by role, from --controller.

    Raises:
        HilError: one is not written ROLE=SOURCE.
    """
    found = {}
    for text in texts or []:
        role, equals, source = (part.strip() for part in text.partition("="))
        if not (role and equals and source):
            raise HilError(f"'{text}' is none", where="--controller", mend="Write ROLE=program, as in plc=program")
        found[role] = source.lower()
    return found
