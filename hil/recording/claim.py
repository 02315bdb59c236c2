"""A folder to record into: never somebody else's, and never two writers in one."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from hil.errors import RecordingError
from hil.recording import layout


def claim(folder: Path, *, overwrite: bool) -> bool:
    """Makes sure that the folder may be written. Returns True when it was made here."""
    if not folder.exists():
        try:
            folder.mkdir(parents=True)
        except OSError as error:
            why = f"cannot make this folder ({error.strerror})"
            raise RecordingError(why, where=str(folder), mend="Name another one with --record DIR") from None
        return True
    if not folder.is_dir():
        raise RecordingError("is a file, not a folder", where=str(folder), mend="Name another one with --record DIR")
    if not any(folder.iterdir()):
        return False
    if not layout.is_recording(folder):
        raise RecordingError("is not empty and not a recording", where=str(folder), mend="Name another folder")
    if not overwrite:
        mend = "Name another folder, or say --overwrite to replace it"
        raise RecordingError("there is a recording already", where=str(folder), mend=mend)
    return False


def lock(folder: Path) -> int:
    """One writer a folder; the lock ends with the process, however that ends."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(fd)
        mend = "Name another folder, or stop that bench"
        raise RecordingError("another bench is recording here", where=str(folder), mend=mend) from None
    return fd
