"""The folder of a record appears whole or not at all, and never in the place of something else."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from hil.commission import sign
from hil.commission.results import FILE
from hil.errors import RecordingError


def check_place(out: Path, *, overwrite: bool) -> None:
    """Whether a record may be written to `out`; worth asking before the checks run.

    Raises:
        RecordingError: it is a file, is not empty and no record, or is a record and `overwrite` is not said.
    """
    if out.is_symlink() or (out.exists() and not out.is_dir()):
        raise RecordingError("is a file or a link, not a folder", where=str(out), mend="Name another one with --out")
    if not out.exists() or not any(out.iterdir()):
        return
    if not ((out / sign.MANIFEST).is_file() and (out / FILE).is_file()):
        raise RecordingError("is not empty and no record", where=str(out), mend="Name another folder with --out")
    if not overwrite:
        mend = "Name another folder, or say --overwrite to replace it"
        raise RecordingError("there is a record already", where=str(out), mend=mend)


@contextlib.contextmanager
def new_folder(out: Path, *, overwrite: bool) -> Iterator[Path]:
    """A temporary folder beside `out` that becomes `out` when all went well and leaves nothing when not."""
    check_place(out, overwrite=overwrite)
    out = out.absolute()
    part = out.with_name(f".{out.name}.part-{os.getpid()}")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir()
        yield part
        _put(part, out)
    except OSError as error:
        why = f"cannot be written ({error.strerror or error})"
        raise RecordingError(why, where=str(error.filename or out), mend="Name another folder with --out") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _put(part: Path, out: Path) -> None:
    """`part` in the place of `out`; a former one comes back if that fails."""
    if not out.exists():
        part.rename(out)
        return
    old = out.with_name(f".{out.name}.old-{os.getpid()}")
    out.rename(old)
    try:
        part.rename(out)
    except BaseException:
        old.rename(out)
        raise
    shutil.rmtree(old)
