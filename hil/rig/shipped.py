"""Which folder a RIG argument means: a path, or the name of a rig that comes with the package."""

from __future__ import annotations

from pathlib import Path

import hil
from hil.errors import RigError
from hil.nearest import did_you_mean

RIG_FILE = "rig.toml"


def shipped_rigs() -> dict[str, Path]:
    """Folders of the rigs that come with the package, by name."""
    rigs = Path(hil.__file__).parent / "rigs"
    return {path.parent.name: path.parent for path in sorted(rigs.glob(f"*/{RIG_FILE}"))}


def find_rig(rig: str | Path) -> Path:
    """The rig file that `rig` means: a folder with one, the file itself, or the name of a shipped rig.

    Raises:
        RigError: nothing of that name; the message names the nearest shipped rig.
    """
    path = Path(rig)
    if path.is_file():
        return path
    if (path / RIG_FILE).is_file():
        return path / RIG_FILE
    if path.is_dir():
        raise RigError(f"the folder has no {RIG_FILE}", where=str(rig), mend="`hil new` makes a rig to start from")
    name = str(rig)
    shipped = shipped_rigs()
    if name in shipped:
        return shipped[name] / RIG_FILE
    raise RigError(
        "there is no such rig", where=name, mend=f"Give a folder or a shipped rig. {did_you_mean(name, shipped)}"
    )
