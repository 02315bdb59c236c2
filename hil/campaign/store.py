"""Results of a campaign in a folder: Parquet, one row a run, written part by part.

campaign.json    what is run: rig, plan, seed, period; a folder goes on only with the same
parts/*.parquet  rows as they came; a part is whole or not there
results.parquet  all of them by number, at the end
"""

from __future__ import annotations

import fcntl
import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from hil.campaign.handling import WORDS
from hil.campaign.space import Run
from hil.campaign.verdicts import OUTCOMES, Verdicts
from hil.errors import BenchError
from hil.whole_file import written_whole

SCHEMA = pa.schema(
    [
        ("id", pa.int64()),
        ("stage", pa.string()),
        ("seed", pa.uint64()),
        ("faults", pa.list_(pa.string())),
        ("kind", pa.string()),
        ("point", pa.list_(pa.float64())),
        ("on_s", pa.float64()),
        ("start_s", pa.float64()),
        ("outcome", pa.string()),
        ("detected_s", pa.float64()),
        ("reaction_s", pa.float64()),
        ("handled_s", pa.float64()),
        ("handled", pa.string()),
        ("hazard_s", pa.float64()),
        ("robustness", pa.float64()),
        ("requirement", pa.float64()),
        ("state_hash", pa.string()),
    ]
)
HEAD, PARTS, RESULTS, LOCK = "campaign.json", "parts", "results.parquet", ".lock"


def rows_of(stage: str, runs: Sequence[Run], verdicts: Verdicts, hashes: Sequence[str]) -> pa.Table:
    """A table of SCHEMA."""
    nan = float("nan")
    columns = {
        "id": [run.id for run in runs],
        "stage": [stage] * len(runs),
        "seed": [run.seed for run in runs],
        "faults": [[str(fault) for fault in run.faults] for run in runs],
        "kind": ["+".join(sorted(f"{f.slot}.{f.kind}" for f in run.faults)) or "none" for run in runs],
        "point": [list(run.point) for run in runs],
        "on_s": [nan if run.on_s is None else run.on_s for run in runs],
        "start_s": [nan if run.start_s is None else run.start_s for run in runs],
        "outcome": [OUTCOMES[i] for i in verdicts.outcome],
        "detected_s": verdicts.detected_s,
        "reaction_s": verdicts.handling.reaction_s,
        "handled_s": verdicts.handling.handled_s,
        "handled": [WORDS[late] if late >= 0 else None for late in verdicts.handling.late],
        "hazard_s": verdicts.hazard_s,
        "robustness": verdicts.robustness,
        "requirement": verdicts.requirement,
        "state_hash": list(hashes),
    }
    return pa.table(columns, schema=SCHEMA)


def results_hash(table: pa.Table) -> str:
    """16 hex digits over all rows by number; the order in which they came and who ran them do not count."""
    digest = hashlib.sha256()
    for row in table.sort_by("id").to_pylist():
        row = {k: v.hex() if isinstance(v, float) else v for k, v in row.items()}
        row["point"] = [v.hex() for v in row["point"]]
        digest.update(json.dumps(row, sort_keys=True).encode())
    return digest.hexdigest()[:16]


class Store:
    """The folder.

    Args:
        folder: made when it is not there.
        head: what is run.
        resume: go on where a campaign with the same head stopped.

    Raises:
        BenchError: the folder holds results and `resume` is False, or those of another campaign.
    """

    def __init__(self, folder: Path, head: dict[str, Any], *, resume: bool) -> None:
        self.folder = folder
        there = read_head(folder)
        if there is not None and not resume:
            mend = "Go on with --resume, or choose another --out"
            raise BenchError("the folder holds a campaign already", where=str(folder), mend=mend)
        if there is not None and there != head:
            different = ", ".join(key for key in head if there.get(key) != head[key])
            mend = "Choose another --out, or run it as it was"
            raise BenchError(f"the folder holds another campaign: {different} differ", where=str(folder), mend=mend)
        (folder / PARTS).mkdir(parents=True, exist_ok=True)
        self._lock = _locked(folder)
        _write(folder / HEAD, json.dumps(head, indent=2).encode())
        self._next = 1 + max((int(p.stem) for p in parts_of(folder)), default=0)

    def close(self) -> None:
        """Lets another campaign go on in the folder."""
        self._lock.close()

    def add(self, table: pa.Table) -> None:
        """One more part."""
        part = self.folder / PARTS / f"{self._next:06d}.parquet"
        self._next += 1
        _write_table(table, part)

    def table(self) -> pa.Table:
        """All rows by number, each once."""
        return read_table(self.folder)

    def finish(self, summary: dict[str, Any]) -> pa.Table:
        """Writes all rows and what they say; returns the rows."""
        table = self.table()
        _write_table(table, self.folder / RESULTS)
        _write(self.folder / "summary.json", json.dumps(summary, indent=2).encode())
        return table


def _locked(folder: Path) -> IO[bytes]:
    """Held as long as the process lives: two that write into one folder would take each other's numbers."""
    lock = (folder / LOCK).open("wb")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise BenchError(
            "another campaign writes into the folder", where=str(folder), mend="Wait for its end"
        ) from None
    return lock


def parts_of(folder: Path) -> list[Path]:
    """Whole parts, in the order in which they came."""
    return sorted((folder / PARTS).glob("[0-9]*.parquet"))  # a process that was killed leaves .NAME.parquet


def read_table(folder: Path) -> pa.Table:
    """All rows of a folder by number, each once."""
    return merged([pq.read_table(part, schema=SCHEMA) for part in parts_of(folder)])


def merged(tables: Iterable[pa.Table]) -> pa.Table:
    """Rows by number, of several of one number the first."""
    parts = [SCHEMA.empty_table(), *tables]
    table = pa.concat_tables(parts).sort_by("id")
    ids = table["id"].to_pylist()
    return table.take(pa.array([i for i, number in enumerate(ids) if i == 0 or number != ids[i - 1]], pa.int64()))


def read_head(folder: Path) -> dict[str, Any] | None:
    """What a folder's campaign runs; None when there is none."""
    try:
        return dict(json.loads((folder / HEAD).read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise BenchError(f"{HEAD} cannot be read: {error}", where=str(folder)) from error


def _write_table(table: pa.Table, path: Path) -> None:
    with written_whole(path) as part:
        pq.write_table(table, part, compression="zstd")


def _write(path: Path, data: bytes) -> None:
    with written_whole(path, durable=True) as part:
        part.write_bytes(data)
