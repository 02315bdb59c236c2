"""Where a person's next command finds the token of their lease: in a file beside the socket, one for each session.

A session is what a terminal, an ssh command or a service begins; `HIL_LEASE` carries a token into another one.
All who can open the socket are one user, so the file keeps colleagues apart by terminal and no attacker out.
"""

from __future__ import annotations

import os
import stat
from glob import escape
from pathlib import Path

from hil.control import wire
from hil.errors import BenchError

VARIABLE = "HIL_LEASE"


def file_of(path: Path) -> Path:
    """This session's file for the bench that listens at `path`."""
    return path.with_name(f".{path.name.removesuffix(wire.SUFFIX)}.{os.getsid(0)}.lease")


def write(path: Path, token: str) -> None:
    """Keeps a token; the file appears whole, and only its owner can read it."""
    file = file_of(path)
    part = file.with_name(f"{file.name}.{os.getpid()}")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as out:
        out.write(token)
    part.rename(file)


def read(path: Path) -> str | None:
    """The token of HIL_LEASE, else of this session's file; None where there is none.

    Raises:
        BenchError: others could have read the file.
    """
    if given := os.environ.get(VARIABLE, ""):
        return given
    file = file_of(path)
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW)
    except FileNotFoundError:
        return None
    with os.fdopen(descriptor, encoding="ascii", errors="replace") as text:
        info = os.fstat(descriptor)
        if not stat.S_ISREG(info.st_mode) or info.st_uid != os.getuid() or info.st_mode & 0o077:
            mend = f"Remove it and take the lease again, or chmod 600 {file}"
            raise BenchError("is not a file that only you can read", where=str(file), mend=mend)
        return text.read(256) or None


def forget(path: Path) -> None:
    """Removes this session's file."""
    file_of(path).unlink(missing_ok=True)


def forget_all(path: Path) -> None:
    """Removes all files for a bench that has ended."""
    for file in path.parent.glob(f".{escape(path.name.removesuffix(wire.SUFFIX))}.*.lease*"):
        file.unlink(missing_ok=True)
