"""A window of a capture as a recording: rig.json, signals.arrows, events.jsonl, manifest.json."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hil.capture.request import Plan
from hil.errors import BenchError, RecordingError
from hil.recorder import groups_for_writer
from hil.recording import RecordingWriter

if TYPE_CHECKING:
    from hil.bench import Bench

FOLDER = "captures"  # below the recording of the bench


def choose_folder(bench: Bench, plan: Plan, name: str, owner: object) -> Path:
    """Where the recordings go; a temporary folder lives as long as `owner`.

    Raises:
        BenchError: there is something at that place already.
    """
    if plan.request.out is not None:
        return _free(plan.request.out)
    if bench.recorder.writer is not None:
        return _free(bench.recorder.writer.folder / FOLDER / name)
    if bench.captures.place is not None:
        return _free(bench.captures.place / name)
    folder = Path(tempfile.mkdtemp(prefix="hil-capture-"))
    weakref.finalize(owner, shutil.rmtree, folder, ignore_errors=True)
    return folder / name


def _free(folder: Path) -> Path:
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise BenchError("is not a folder", where=str(folder), mend="Name another one")
    if folder.exists() and any(folder.iterdir()):
        raise BenchError("is there already and not empty", where=str(folder), mend="Name another folder, or remove it")
    return folder


def open_window(bench: Bench, plan: Plan, folder: Path, facts: dict[str, Any]) -> RecordingWriter:
    """The recording of a window that has begun.

    Raises:
        RecordingError: the folder cannot be written.
    """
    rig_json, manifest = bench.captures.origin
    try:
        groups = groups_for_writer([plan.columns], bench.rig)
        return RecordingWriter(folder, rig_json, {**manifest, "capture": facts}, groups)
    except RecordingError as error:
        raise RecordingError(error.message, where=error.where, mend="Name another folder with --out") from None
    except OSError as error:
        raise RecordingError(f"cannot be written ({error.strerror})", where=str(folder)) from None
