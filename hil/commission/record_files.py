"""Files that a record takes over: those it was made from, recordings, and what it keeps of a record beside it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hil.commission import sign
from hil.commission.results import FILE as RESULTS
from hil.commission.results import Results
from hil.commission.verify import Verification, verify
from hil.errors import RecordingError

SPEC, RECORDINGS, BESIDE = "spec", "recordings", "beside"


def copy_files(target: Path, files: Mapping[str, str], source: Path | None) -> list[tuple[str, str, str]]:
    """Copies files, given with their SHA-256: (name, hash, remark); one that changed since, or has gone, is told."""
    return [(name, wanted, _copy_one(target / name, name, wanted, source)) for name, wanted in files.items()]


def _copy_one(target: Path, name: str, wanted: str, folder: Path | None) -> str:
    if folder is None:
        return "not copied"
    if ".." in Path(name).parts or Path(name).is_absolute():
        return "outside the rig's folder, not copied"
    if not (folder / name).is_file():
        return "had gone when the record was written"
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(folder / name, target)
    return "" if sign.file_entry(target)["sha256"] == wanted else "was changed after the run: the copy is another one"


def copy_recordings(folder: Path, recordings: Mapping[str, Path]) -> list[str]:
    """Copies them into `recordings/`; gives their names there."""
    for name, source in recordings.items():
        target = folder / RECORDINGS / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target)
        else:
            shutil.copyfile(source, target)
    return [f"{RECORDINGS}/{name}" for name in recordings]


@dataclass(frozen=True)
class Beside:
    """Another record: its results, FAT or SAT, and the folder with its results, manifest and signature."""

    results: Results
    kind: str
    folder: Path


def read_beside(folder: Path) -> Beside:
    """A record, or what another record kept of one (its results, manifest and signature).

    Raises:
        RecordingError: it is broken.
    """
    if folder.name == BESIDE and (folder.parent / sign.MANIFEST).is_file():
        unbroken(folder.parent)
    else:
        unbroken(folder)
    return Beside(Results.read(folder), kind_of(folder), folder)


def keep_beside(target: Path, beside: Beside) -> None:
    """Copies its results and their seal."""
    target.mkdir()
    for name in (RESULTS, sign.MANIFEST, sign.SIGNATURE):
        shutil.copyfile(beside.folder / name, target / name)


def kind_of(folder: Path) -> str:
    """FAT or SAT, as the manifest says."""
    kind = read_json(folder / sign.MANIFEST).get("kind")
    return kind if kind in ("FAT", "SAT") else "FAT"


def read_json(file: Path) -> dict[str, Any]:
    """An object; empty for anything else."""
    found = json.loads(file.read_text(encoding="utf-8"))
    return found if isinstance(found, dict) else {}


def unbroken(folder: Path) -> Verification:
    """Raises RecordingError for a record that is not as it was sealed."""
    found = verify(folder)
    if found.problems:
        mend = f"hil commission verify {folder} tells all"
        raise RecordingError(f"is broken: {found.problems[0]}", where=str(folder), mend=mend)
    return found
