"""The folder of what has been compiled: one file an entry, complete or not there.

An entry is a shared object or a program with a trailer of a mark and a checksum behind its last ELF byte, where the
loader does not look. So one atomic rename publishes it, half-written or damaged files are seen before they are loaded,
and two processes that build the same at the same time only do the work twice.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hil.errors import RigError

MARK = b"HILMODL1"
DIGEST = hashlib.sha256().digest_size
TRAILER = len(MARK) + DIGEST


def cache_folder(kind: str = "models") -> Path:
    """$HIL_CACHE_DIR, else hil/`kind` below $XDG_CACHE_HOME or ~/.cache. It need not exist."""
    own = os.environ.get("HIL_CACHE_DIR")
    if own:
        return Path(own)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "hil" / kind


def is_sound(path: Path) -> bool:
    """Whether the entry is there, whole, and not the file of another user, whose code would run here."""
    try:
        if path.stat().st_uid not in (os.geteuid(), 0):
            return False
        data = path.read_bytes()
    except OSError:
        return False
    body, mark, digest = data[:-TRAILER], data[-TRAILER:-DIGEST], data[-DIGEST:]
    return mark == MARK and hashlib.sha256(body).digest() == digest


def contents(entry: Path) -> bytes:
    """What was published, without the trailer: for tools that do not expect one."""
    return entry.read_bytes()[:-TRAILER]


def publish(built: Path, entry: Path) -> None:
    """Move what was built into the cache in one step."""
    with built.open("ab") as file:
        file.write(MARK + hashlib.sha256(built.read_bytes()).digest())
        file.flush()
        os.fsync(file.fileno())  # or a power cut could leave an entry that is named but empty
    built.replace(entry)


@contextmanager
def workplace(kind: str = "models") -> Iterator[Path]:
    """A folder of one's own in the cache, on the same file system, removed afterwards.

    Raises:
        RigError: the cache cannot be written.
    """
    folder = cache_folder(kind)
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        temporary = tempfile.TemporaryDirectory(prefix=".build-", dir=folder)
    except OSError as error:
        raise RigError(
            f"the cache of compiled {kind} cannot be written: {error.strerror}",
            where=str(folder),
            mend="Set HIL_CACHE_DIR to a folder that can",
        ) from error
    with temporary as name:
        yield Path(name)
