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
PersonOption = Annotated[
    str | None, typer.Option(metavar="NAME", envvar="HIL_PERSON", help="Who you are; default: your user name.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout and nothing else there.")]
AtOption = Annotated[
    float | None, typer.Option("--at", min=0.0, metavar="SECONDS", help="Bench time; default: the next tick.")
]
ControllerOption = Annotated[
    list[str] | None,
    typer.Option("--controller", metavar="ROLE=SOURCE", help="blocks or program, instead of the rig's choice."),
]
BindOption = Annotated[
    list[str] | None, typer.Option(metavar="ROLE=LEVEL", help="mil, sil, pil or hil, instead of the rig's choice.")
]
UrlOption = Annotated[
    list[str] | None, typer.Option(metavar="DEVICE=URL", help="Where a real device is, instead of the rig's url.")
]


def controllers_of(texts: list[str] | None) -> dict[str, str]:
    """Controller by role, from --controller; raises HilError for a text that is none."""
    found = _pairs(texts or [], "--controller", "ROLE=program, as in plc=program")
    return {role: source.lower() for role, source in found.items()}


def bindings(texts: list[str]) -> dict[str, str]:
    """Levels by role of --bind; raises HilError for a text that is none."""
    found = _pairs(texts, "--bind", "ROLE=LEVEL, as in plc=mil")
    return {role: level.lower() for role, level in found.items()}


def urls(texts: list[str]) -> dict[str, str]:
    """Addresses by device of --url; raises HilError for a text that is none."""
    return _pairs(texts, "--url", "DEVICE=URL, as in board=serial:///dev/ttyACM1")


def _pairs(texts: list[str], option: str, form: str) -> dict[str, str]:
    found = {}
    for text in texts:
        name, equals, value = (part.strip() for part in text.partition("="))
        if not (name and equals and value):
            raise HilError(f"'{text}' is none", where=option, mend=f"Write {form}")
        found[name] = value
    return found
