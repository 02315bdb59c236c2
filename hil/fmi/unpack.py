"""FMUs unpacked once, by content: a folder below the cache that is whole or not there.

A rig in a recording has no FMU, only the line `hil-fmu sha256:...` in its place; it is found here again.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import zipfile
from pathlib import Path
from typing import Any

from hil.errors import RigError
from hil.models.cache import cache_folder, workplace

MARK = "hil-fmu sha256:"
MEND_EXTRA = "Install it with: pip install 'hil[fmi]'"


def fmpy() -> Any:
    """FMPy, which is an extra.

    Raises:
        RigError: it is not installed.
    """
    try:
        import fmpy
        import fmpy.model_description
    except ImportError as error:
        raise RigError("an FMU needs FMPy, which is not installed", mend=MEND_EXTRA) from error
    return fmpy


def content_of(file: Path) -> str:
    """SHA-256 of an FMU in hex; of the line that stands for one in a recording, what it says.

    Raises:
        RigError: the file cannot be read.
    """
    try:
        with file.open("rb") as opened:
            head = opened.read(len(MARK) + 64)
            if head.startswith(MARK.encode()):
                return head[len(MARK) :].decode("ascii", "replace")
            opened.seek(0)
            return hashlib.file_digest(opened, "sha256").hexdigest()
    except OSError as error:
        raise RigError(f"the FMU cannot be read: {error.strerror}", where=str(file)) from error


def stand_in(sha256: str) -> str:
    """The line that stands for an FMU among a rig's files."""
    return f"{MARK}{sha256}\n"


def unpacked(file: Path, sha256: str) -> Path:
    """The folder of an FMU's files.

    Args:
        file: the FMU; it need not be there when it was unpacked before.
        sha256: its content, as `content_of` gives it.

    Raises:
        RigError: it is no FMU, or neither there nor unpacked.
    """
    place = cache_folder("fmus") / sha256[:20]
    if place.is_dir() and place.stat().st_uid in (os.geteuid(), 0):
        return place
    if not zipfile.is_zipfile(file):
        kept = file.is_file() and file.stat().st_size < 2 * len(MARK) + 64
        if kept and file.read_bytes().startswith(MARK.encode()):
            raise RigError(
                f"the FMU with SHA-256 {sha256[:12]}... is no more in {place.parent}",
                where=str(file),
                mend="Load the rig that it belongs to once: that unpacks it again",
            )
        raise RigError("is not an FMU: the file is not a zip archive, or broken", where=str(file))
    with workplace("fmus") as folder:
        _extract(file, folder / "fmu")
        place.parent.mkdir(parents=True, exist_ok=True)
        try:
            (folder / "fmu").replace(place)
        except OSError:  # another process was faster, or a folder that is not ours is in the way
            if not place.is_dir() or place.stat().st_uid not in (os.geteuid(), 0):
                raise RigError("cannot be unpacked: its place is taken", where=str(place), mend="Remove it") from None
    return place


def _extract(file: Path, to: Path) -> None:
    extract = fmpy().extract
    try:
        extract(file, to)
    except Exception as error:  # zipfile and zlib raise a dozen kinds for a broken archive, FMPy plain Exceptions
        shutil.rmtree(to, ignore_errors=True)
        raise RigError(f"the FMU's archive is broken: {first_line(error)}", where=str(file)) from error


def first_line(error: BaseException) -> str:
    """What an exception says, in one line of a readable length."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0][:200].rstrip(". ")
