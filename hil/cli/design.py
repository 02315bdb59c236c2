"""`hil design`: computes a rig's gains from its design.py and keeps them in its files."""

from __future__ import annotations

from typing import Annotated

import typer

from hil.cli import FAILED, output
from hil.cli.options import JsonOption, RigArg


def design(
    rig: RigArg,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit code 1 when a file would change.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Compute controllers by the rig's design.py and keep them in rig.toml and CSV files.

    Its function design(folder) returns {block: {key: value}}. Other keys and comments of rig.toml stay.
    """
    from hil.design.run import design_rig

    changed = design_rig(rig, write=not check)
    if json:
        output.print_json({"changed": changed, "written": not check})
    else:
        names = ", ".join(path.name for path in changed)
        state = "would change" if check else "written"
        output.console().print(f"{state}: {names}" if changed else "all as designed", soft_wrap=True)
    if check and changed:
        raise typer.Exit(FAILED)
