"""A file that is there whole or not at all: a reader sees the old one or the new one, never half of one."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def written_whole(path: Path, *, durable: bool = False) -> Iterator[Path]:
    """Gives a path in the same folder to write; at the end that file takes the name, after an error it is gone.

    A process that is killed leaves its `.STEM.PID.part.SUFFIX`. Threads of one process write one file in turn.

    Args:
        path: of the file, which may be there already.
        durable: the new one has reached the disk before it takes the name, so a crash of the machine leaves one, too.

    Raises:
        OSError: it cannot be put there; what was there is as before.
    """
    part = path.with_name(f".{path.stem}.{os.getpid()}.part{path.suffix}")
    try:
        yield part
        if durable:
            with part.open("rb") as file:
                os.fsync(file.fileno())
        part.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        raise
