"""The ledger's file: SQLite, one transaction an entry: a kill loses at most the entry that was being written."""

from __future__ import annotations

import contextlib
import secrets
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from hil.errors import HilError
from hil.nearest import did_you_mean
from hil.twin.ledger.entry import (
    ERASED,
    FIRST,
    KINDS,
    OPENED,
    PERSONAL,
    Entry,
    body_text,
    chained,
    commitment,
    read_body,
)

FILE = "ledger.sqlite"
FORMAT = 1  # PRAGMA user_version
WAIT_S = 10.0  # for another process that writes
SALT = 16  # bytes
NEVER_NS = (1 << 63) - 1

TABLES = """
CREATE TABLE entry (number INTEGER PRIMARY KEY, time_ns INTEGER NOT NULL, kind TEXT NOT NULL, body TEXT NOT NULL,
    before TEXT NOT NULL, hash TEXT NOT NULL) STRICT;
CREATE TABLE personal (entry INTEGER NOT NULL, field TEXT NOT NULL, salt BLOB NOT NULL, value TEXT NOT NULL,
    PRIMARY KEY (entry, field)) STRICT, WITHOUT ROWID;
"""


CHOSEN = """
SELECT entry, field FROM personal
WHERE entry IN (SELECT number FROM entry WHERE time_ns < ?) AND (? IS NULL OR value = ?)
ORDER BY entry, field
"""


class Ledger:
    """An open ledger; several processes may append to one, and several threads of a process.

    Attributes:
        folder: where it lies.
    """

    def __init__(self, folder: Path, *, write: bool = True) -> None:
        """Opens the ledger of a folder, and makes it where there is none and `write` is true.

        Raises:
            HilError: there is none, it is no ledger, or it cannot be written.
        """
        self.folder, self._write = folder, write
        self._lock = threading.RLock()
        file = folder / FILE
        if not write and not file.is_file():
            raise HilError("has no ledger", where=str(folder), mend=f"A twin's folder has the file {FILE}")
        try:
            if write:
                folder.mkdir(parents=True, exist_ok=True)
            self._db = _connect(file, write=write)
            self._check(file)
        except (OSError, sqlite3.Error) as error:
            raise HilError(f"the ledger cannot be opened ({error})", where=str(file)) from None

    def _check(self, file: Path) -> None:
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if version == 0 and self._write:
            with self._transaction():
                if not self._db.execute("SELECT 1 FROM sqlite_master").fetchone():
                    for statement in TABLES.strip().split(";\n"):
                        self._db.execute(statement.removesuffix(";"))
                    self._db.execute(f"PRAGMA user_version = {FORMAT}")
                    self._append(OPENED, {"ledger": secrets.token_hex(16), "format": FORMAT}, {})
        elif version != FORMAT:
            self._db.close()
            raise HilError(f"is a ledger of format {version}, not {FORMAT}", where=str(file))

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        """The write lock is taken at once: what is read inside is what the entry is chained to."""
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    # ---- writing ----

    def append(self, kind: str, body: Mapping[str, Any], personal: Mapping[str, str] | None = None) -> Entry:
        """Writes one entry; it is on the disk when this returns.

        Args:
            kind: one of `hil.twin.ledger.entry.KINDS`.
            body: JSON values; numbers that are not finite become null.
            personal: what may have to be erased later, by field.

        Raises:
            HilError: another kind, a body with the key "personal", or the file cannot be written.
        """
        if kind not in KINDS:
            raise HilError(f"'{kind}' is no kind of entry", where=str(self.folder), mend=did_you_mean(kind, KINDS))
        if PERSONAL in body:
            raise HilError(f"a body cannot have the key '{PERSONAL}'", where=str(self.folder))
        try:
            with self._transaction():
                return self._append(kind, body, personal or {})
        except sqlite3.Error as error:
            raise HilError(f"the ledger cannot be written ({error})", where=str(self.folder / FILE)) from None

    def _append(self, kind: str, body: Mapping[str, Any], personal: Mapping[str, str]) -> Entry:
        last = self._db.execute("SELECT number, hash FROM entry ORDER BY number DESC LIMIT 1").fetchone()
        number, before = (last[0] + 1, last[1]) if last else (1, FIRST)
        salts = {name: secrets.token_bytes(SALT) for name in personal}
        if personal:
            body = {**body, PERSONAL: {name: commitment(salts[name], text) for name, text in personal.items()}}
        text, now = body_text(body), time.time_ns()
        row = (number, now, kind, text, before, chained(number, now, kind, text, before))
        self._db.execute("INSERT INTO entry VALUES (?, ?, ?, ?, ?, ?)", row)
        rows = [(number, name, salts[name], value) for name, value in personal.items()]
        self._db.executemany("INSERT INTO personal VALUES (?, ?, ?, ?)", rows)
        return Entry(number, now, kind, read_body(text), before, dict(personal))

    def erase(self, reason: str, *, before_ns: int | None = None, value: str | None = None) -> Entry | None:
        """Erases personal data for good, and says so in an entry; the chain still verifies.

        Args:
            reason: of the erasure; no personal data.
            before_ns: of entries older than this time (retention); None: of all.
            value: only fields with just this value (a person's wish); None: whatever they hold.

        Returns:
            the entry that tells of it; None when there was nothing to erase.
        """
        chosen = (before_ns if before_ns is not None else NEVER_NS, value, value)
        try:
            with self._transaction():
                found = [list(row) for row in self._db.execute(CHOSEN, chosen)]
                if not found:
                    return None
                self._db.executemany("DELETE FROM personal WHERE entry = ? AND field = ?", found)
                entry = self._append(ERASED, {"reason": reason, "fields": found}, {})
            # What was erased is still in the log and in free pages until both are written anew.
            self._db.execute("VACUUM")
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except sqlite3.Error as error:
            raise HilError(f"the ledger cannot be written ({error})", where=str(self.folder / FILE)) from None
        return entry

    # ---- reading ----

    def entries(self, kind: str | None = None, after: int = 0) -> Iterator[Entry]:
        """Entries with a number above `after`, in order; a damaged ledger's as far as they can be read."""
        personal: dict[int, dict[str, str]] = {}
        for number, name, value in self._db.execute("SELECT entry, field, value FROM personal"):
            personal.setdefault(number, {})[name] = value
        query = "SELECT number, time_ns, kind, body, before FROM entry WHERE number > ? AND (? IS NULL OR kind = ?)"
        for number, time_ns, of_kind, text, before in self._db.execute(f"{query} ORDER BY number", (after, kind, kind)):
            yield Entry(number, time_ns, of_kind, read_body(text), before, personal.get(number, {}))

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """(number, time_ns, kind, text of the body, before, hash), as they are kept."""
        yield from self._db.execute("SELECT number, time_ns, kind, body, before, hash FROM entry ORDER BY number")

    def personal_rows(self) -> Iterator[tuple[Any, ...]]:
        """(entry, field, salt, value), as they are kept."""
        yield from self._db.execute("SELECT entry, field, salt, value FROM personal ORDER BY entry, field")

    def damage(self) -> str | None:
        """What SQLite itself finds wrong with the file."""
        found = [row[0] for row in self._db.execute("PRAGMA integrity_check(3)")]
        return None if found == ["ok"] else "; ".join(str(text) for text in found)

    def head(self) -> tuple[str, int, str]:
        """(id of the ledger, number of entries, hash of the newest)."""
        first = self._db.execute("SELECT body FROM entry WHERE number = 1").fetchone()
        last = self._db.execute("SELECT number, hash FROM entry ORDER BY number DESC LIMIT 1").fetchone()
        if first is None:
            raise HilError("the ledger has no first entry", where=str(self.folder / FILE))
        return read_body(first[0])["ledger"], last[0], last[1]

    def close(self) -> None:
        """Nothing is left to be written: each entry was when it was appended."""
        self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _connect(file: Path, *, write: bool) -> sqlite3.Connection:
    db = sqlite3.connect(
        f"{file.absolute().as_uri()}?mode={'rwc' if write else 'ro'}",
        uri=True,
        timeout=WAIT_S,
        isolation_level=None,
        check_same_thread=False,  # transactions hold the ledger's lock
    )
    if write:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.execute("PRAGMA secure_delete = ON")
    return db
