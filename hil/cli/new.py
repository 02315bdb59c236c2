"""`hil new`: makes a small rig that runs at once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hil.cli import output
from hil.cli.options import JsonOption


def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the rig: letters, digits and _.")],
    folder: Annotated[Path, typer.Option("--dir", help="Folder in which the rig's folder is made.")] = Path(),
    json: JsonOption = False,
) -> None:
    """Make the folder NAME with a small working rig: a heated vessel, a PLC behind Modbus TCP, tests and a README."""
    from hil.new import make_rig

    made = make_rig(name, folder)
    files = sorted(str(path.relative_to(made)) for path in made.rglob("*") if path.is_file())
    if json:
        output.print_json({"rig": name, "folder": made, "files": files})
        return
    out = output.console()
    out.print(f"Made {made}: {', '.join(files)}", soft_wrap=True)
    out.print(f"Next:  hil check {made}\n       hil run {made} --virtual\n       hil run {made}", soft_wrap=True)
