"""A twin that runs, over its bench's socket, or its folder."""

from __future__ import annotations

import json as json_module
from pathlib import Path
from typing import Annotated, Any

import typer

from hil.errors import HilError

TwinArg = Annotated[
    str, typer.Argument(metavar="RIG|DIR", help="Name or folder of the rig whose twin runs, or the twin's folder.")
]


def is_folder(twin: str) -> bool:
    """Whether a twin's folder is meant, and no rig."""
    return (Path(twin) / "ledger.sqlite").is_file()


def stored(folder: Path) -> dict[str, Any]:
    """Its status at the end of its last run; raises HilError when there is none."""
    file = folder / "twin.json"
    try:
        return dict(json_module.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise HilError(f"cannot be read ({error})", where=str(file), mend="hil twin run writes it") from None


def ask(rig: str | None, pid: int | None, do: str, **fields: Any) -> dict[str, Any]:
    """A request to the one twin that is meant, with its answer; raises HilError when it is refused."""
    from hil import control

    with control.connect(rig, pid) as client:
        return dict(client.request(do, **fields))
