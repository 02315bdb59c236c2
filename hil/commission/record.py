"""The acceptance record: a folder with results, page, JUnit XML, the files that it was made from, and their seal.

| file | holds |
|---|---|
| `results.json` | what was found (`hil.commission.results`) |
| `record.html` | the same for people, fit for print and signature |
| `junit.xml` | the same for a CI |
| `spec/` | copies of the rig's files: rig, I/O maps, programs, tag list, commissioning tables |
| `spec.1/` ... | files of runs again that differ from those |
| `beside/` | results and seal of the record that is shown beside this one |
| `recordings/` | recordings that belong to it |
| `coverage.json`, `compare.json`, `history.json` | where there are such |
| `manifest.json`, `manifest.sig` | hash of every file, conditions, verdict; its signature |
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hil import json_text
from hil.commission import history, sign
from hil.commission.compare import Comparison, compare
from hil.commission.history import Rerun
from hil.commission.junit import write_junit
from hil.commission.record_coverage import Coverage
from hil.commission.record_files import (
    BESIDE,
    RECORDINGS,
    SPEC,
    Beside,
    copy_files,
    copy_recordings,
    keep_beside,
    kind_of,
    read_beside,
    read_json,
    unbroken,
)
from hil.commission.record_folder import check_place, new_folder
from hil.commission.record_page import Content, content_facts, render
from hil.commission.record_views import is_site
from hil.commission.results import Results
from hil.signing.canonical import now
from hil.signing.keys import Signer

PAGE, JUNIT, COVERAGE, COMPARE = "record.html", "junit.xml", "coverage.json", "compare.json"

__all__ = ["Attachments", "check_place", "rewrite_record", "write_record"]


@dataclass(frozen=True)
class Attachments:
    """What a record holds besides the results.

    Attributes:
        rig_folder: where the files named in the results' conditions lie; copied as they are now.
        recordings: files and folders by the name that they get in `recordings/`.
        coverage: of the PLC program.
        beside: a record to be shown beside this one, as the FAT beside a SAT: its folder, or what another record kept
            of it.
        history: of items that were run again.
        rerun_folders: where the files lie that a run again had and the first run had not, by its number in `history`.
        notes: lines for the first page.
    """

    rig_folder: Path | None = None
    recordings: Mapping[str, Path] = field(default_factory=dict)
    coverage: Coverage | None = None
    beside: Path | None = None
    history: Sequence[Rerun] = ()
    rerun_folders: Mapping[int, Path] = field(default_factory=dict)
    notes: Sequence[str] = ()


def write_record(
    results: Results,
    out: Path,
    attached: Attachments | None = None,
    *,
    signer: Signer | None = None,
    kind: str | None = None,
    overwrite: bool = False,
) -> Path:
    """Writes the record of a commissioning, also of one that broke off; it appears whole or not at all.

    Args:
        results: what was found.
        out: the record's folder; it must not exist, be empty, or be a record that may be overwritten.
        attached: what else belongs to it.
        signer: signs the manifest; None leaves the record unsigned, and the page says so.
        kind: "FAT" or "SAT"; default: SAT for real devices in real time, else FAT.
        overwrite: replace a record that is there.

    Returns:
        The page.

    Raises:
        RecordingError: the folder is taken or cannot be written; the record beside is broken or of another rig.
    """
    attached = attached or Attachments()
    kind = kind or ("SAT" if is_site(results) else "FAT")
    beside = read_beside(attached.beside) if attached.beside is not None else None
    when = now()
    with new_folder(out, overwrite=overwrite) as folder:
        identity = hashlib.sha256(results.write(folder).read_bytes()).hexdigest()
        spec = copy_files(folder / SPEC, results.conditions.files, attached.rig_folder)
        content = Content(
            results=results,
            identity=identity,
            kind=kind,
            when=when,
            signer=signer.public if signer else None,
            spec=[*spec, *_rerun_files(folder, results, attached)],
            attached=copy_recordings(folder, attached.recordings),
            coverage=attached.coverage,
            comparison=_compared(beside, results, kind) if beside else None,
            history=attached.history,
            notes=attached.notes,
        )
        if beside:
            keep_beside(folder / BESIDE, beside)
        _write_files(folder, content)
        sign.seal(folder, content_facts(content), signer, when)
    return out / PAGE


def rewrite_record(
    folder: Path, again: Results, reason: str, attached: Attachments | None = None, *, signer: Signer | None = None
) -> Path:
    """Puts items that were run again into a record, and keeps what they replace; signed anew, or unsigned.

    Args:
        folder: of the record; it must be as it was sealed.
        again: results of the items that were run again, under the same conditions.
        reason: why, one line.
        attached: its `rig_folder` is of the new run; what the record has (files, history, recordings, coverage, a
            record beside it) is kept, and what is given here is added or put in its place.
        signer: as in `write_record`.

    Raises:
        RecordingError: the record is broken, or the items do not belong to it.
    """
    signed_before = unbroken(folder).signed
    attached = attached or Attachments()
    merged, rerun = history.put_in(Results.read(folder), again, reason)
    former = read_attachments(folder)
    new_files = {len(former.history) + 1: attached.rig_folder} if attached.rig_folder else {}
    lost = ["The record was signed before it was changed; this version of it is not."]
    both = Attachments(
        rig_folder=former.rig_folder,
        recordings={**former.recordings, **attached.recordings},
        coverage=attached.coverage or former.coverage,
        beside=attached.beside or former.beside,
        history=[*former.history, rerun],
        rerun_folders={**former.rerun_folders, **new_files},
        notes=[*attached.notes, *(lost if signed_before and signer is None else [])],
    )
    return write_record(merged, folder, both, signer=signer, kind=kind_of(folder), overwrite=True)


def read_attachments(folder: Path) -> Attachments:
    """What a record holds besides its results."""
    file, beside = folder / COVERAGE, folder / BESIDE
    runs = history.read_history(folder)
    return Attachments(
        rig_folder=folder / SPEC,
        recordings={path.name: path for path in sorted((folder / RECORDINGS).glob("*"))},
        coverage=Coverage.from_dict(read_json(file), str(file)) if file.exists() else None,
        beside=beside if beside.is_dir() else None,
        history=runs,
        rerun_folders={i: folder / f"{SPEC}.{i}" for i in range(1, len(runs) + 1)},
    )


def _compared(beside: Beside, results: Results, kind: str) -> Comparison:
    """Called FAT and SAT; two of a sort by their kind of time, else by which was before."""
    times = (beside.results.conditions.time, results.conditions.time)
    if beside.kind != kind:
        return compare(beside.results, results, (beside.kind, kind))
    if times[0] != times[1]:
        return compare(beside.results, results, (f"{times[0]} {kind}", f"{times[1]} {kind}"))
    return compare(beside.results, results, (f"{kind} before", kind))


def _rerun_files(folder: Path, results: Results, attached: Attachments) -> list[tuple[str, str, str]]:
    """Files of runs again that are not those of the first run, into spec.1, spec.2 and so on."""
    found = []
    for i, rerun in enumerate(attached.history, 1):
        files = rerun.conditions.files
        other = {name: hash_ for name, hash_ in files.items() if results.conditions.files.get(name) != hash_}
        rows = copy_files(folder / f"{SPEC}.{i}", other, attached.rerun_folders.get(i))
        found += [(name, hash_, remark or f"run again no. {i}: spec.{i}") for name, hash_, remark in rows]
    return found


def _write_files(folder: Path, content: Content) -> None:
    write_junit(folder / JUNIT, content.results)
    history.write_history(folder, content.history)
    for name, extra in ((COVERAGE, content.coverage), (COMPARE, content.comparison)):
        if extra is not None:
            (folder / name).write_text(json_text.dumps(extra.to_dict(), indent=1) + "\n", encoding="utf-8")
    (folder / PAGE).write_text(render(content), encoding="utf-8")
