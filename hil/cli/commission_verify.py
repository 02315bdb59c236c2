"""`hil commission verify`: is a record what was signed, and by whom."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hil.cli import FAILED, output
from hil.cli.options import JsonOption

if TYPE_CHECKING:
    from hil.commission.verify import Verification


def verify(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of a record.")],
    trusted: Annotated[
        Path | None,
        typer.Option(metavar="KEYS", help="A file of public keys, or a folder of .pub files; default: hil key show."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Check that a record is what was sealed: "valid, signed by NAME", "valid, unknown key", "unsigned" or "broken".

    Exit code 1 when it is broken, or when KEYS are given and none of them has signed it.
    """
    from hil.commission.verify import verify as find

    found = find(folder, trusted)
    if json:
        output.print_json(_fields(found))
    else:
        for line in found.lines:
            output.console().print(line, soft_wrap=True)
    if not found.ok:
        raise typer.Exit(FAILED)


def _fields(found: Verification) -> dict[str, Any]:
    return {
        "state": found.state,
        "ok": found.ok,
        "problems": found.problems,
        "signed_by": found.name or None,
        "key": found.fingerprint or None,
        "key_owner": found.owner,
        "signed_at": found.signed_at or None,
        "verdict": found.verdict or None,
    }
