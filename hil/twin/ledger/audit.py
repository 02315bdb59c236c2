"""Whether a ledger is what was written: every link of the chain, every checkpoint, every erasure."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hil.signing.keys import PublicKey, known_keys
from hil.twin.ledger.checkpoint import Checkpoint, default_file, read_checkpoints
from hil.twin.ledger.entry import ERASED, FIRST, OPENED, PERSONAL, chained, commitment, read_body
from hil.twin.ledger.store import FILE, Ledger

ROW = (int, int, str, str, str, str)
PERSONAL_ROW = (int, str, bytes, str)


@dataclass(frozen=True)
class Finding:
    """Something that is not as it was written.

    Attributes:
        where: "entry 12", "checkpoints:3", or the file.
        what: in words.
    """

    where: str
    what: str


@dataclass
class Audit:
    """The outcome.

    Attributes:
        entries: that are there.
        anchored: entries that the newest genuine checkpoint covers.
        signer: of that checkpoint, and its key's fingerprint.
        known: whether that key is one of the trusted ones.
        findings: what is wrong, in order; empty for a ledger that is as it was written.
    """

    entries: int = 0
    anchored: int = 0
    signer: str | None = None
    known: bool = False
    findings: list[Finding] = field(default_factory=list)

    @property
    def tail(self) -> int:
        """Entries that no checkpoint covers."""
        return max(0, self.entries - self.anchored)

    @property
    def verified(self) -> bool:
        """Nothing is wrong."""
        return not self.findings

    def find(self, where: str, what: str) -> None:
        """One more finding."""
        self.findings.append(Finding(where, what))


def audit(folder: Path, checkpoints: Path | None = None, keys: Iterable[PublicKey] | None = None) -> Audit:
    """Verifies the ledger in `folder`.

    Args:
        folder: of the ledger.
        checkpoints: their file; default: beside the folder.
        keys: that are trusted; default: the known keys of this machine.

    Raises:
        HilError: there is no ledger at all.
    """
    found = Audit()
    with Ledger(folder, write=False) as ledger:
        try:
            if damage := ledger.damage():
                found.find(FILE, f"the file is damaged: {damage}")
            rows, personal = _typed(ledger.rows(), ROW), _typed(ledger.personal_rows(), PERSONAL_ROW)
        except (sqlite3.Error, UnicodeDecodeError, TypeError) as error:
            found.find(FILE, f"the file is damaged: {error}")
            return found
    hashes = _chain(rows, found)
    _personal(rows, personal, found)
    _checkpoints(rows, hashes, read_checkpoints(checkpoints or default_file(folder)), found)
    trusted = {key.raw for key in (known_keys() if keys is None else keys)}
    _trust(found, checkpoints or default_file(folder), trusted)
    return found


def _typed(rows: Iterable[tuple[Any, ...]], types: tuple[type, ...]) -> list[tuple[Any, ...]]:
    """A damaged file can give anything: raises TypeError for a value that was never written so."""
    found = list(rows)
    if any(type(value) is not kind for row in found for value, kind in zip(row, types, strict=True)):
        raise TypeError("a value has another type than was written")
    return found


def _chain(rows: list[tuple[Any, ...]], found: Audit) -> dict[int, str]:
    """Follows the links; hashes by number, as they follow from the entries themselves."""
    hashes: dict[int, str] = {}
    before, expected = FIRST, 1
    for number, time_ns, kind, text, link, kept in rows:
        where = f"entry {number}"
        if number != expected:
            gap = f"entry {expected}" if number == expected + 1 else f"entries {expected} to {number - 1}"
            found.find(where, f"{gap} before it missing" if number > expected else "is out of order")
        if link != before:
            found.find(where, "does not follow the entry before it")
        own = chained(number, time_ns, kind, text, link)
        if own != kept:
            found.find(where, "was changed: its hash is another")
        if (kind == OPENED) != (number == 1):
            found.find(where, "is not where a ledger begins" if kind == OPENED else "is no beginning of a ledger")
        hashes[number], before, expected = own, kept, number + 1
    found.entries = len(rows)
    if not rows:
        found.find(FILE, "there is no entry at all")
    return hashes


def _personal(rows: list[tuple[Any, ...]], kept: list[tuple[Any, ...]], found: Audit) -> None:
    """Each commitment has its value, or an entry that tells of its erasure."""
    promised: dict[tuple[int, str], str] = {}
    erased: set[tuple[int, str]] = set()
    for number, _, kind, text, *_ in rows:
        try:
            body = read_body(text)
            promised |= {(number, name): hashed for name, hashed in body.get(PERSONAL, {}).items()}
            if kind == ERASED:
                erased |= {(entry, name) for entry, name in body["fields"]}
        except (ValueError, KeyError, TypeError, AttributeError):
            found.find(f"entry {number}", "its body cannot be read")
    values = {(entry, name): (salt, value) for entry, name, salt, value in kept}
    for key, hashed in promised.items():
        where = f"entry {key[0]}"
        if key not in values and key not in erased:
            found.find(where, f"its personal field '{key[1]}' is missing and no entry tells of an erasure")
        elif key in values and commitment(*values[key]) != hashed:
            found.find(where, f"its personal field '{key[1]}' was changed")
    for key in values.keys() - promised.keys():
        found.find(f"entry {key[0]}", f"has a personal field '{key[1]}' that it never had")


def _checkpoints(
    rows: list[tuple[Any, ...]], hashes: dict[int, str], lines: list[tuple[int, Checkpoint | None]], found: Audit
) -> None:
    name = _ledger_id(rows)
    for line, point in lines:
        where = f"checkpoints:{line}"
        if point is None:
            found.find(where, "is no checkpoint")
        elif not point.is_genuine():
            found.find(where, "its signature is not that of its key")
        elif point.ledger != name:
            found.find(where, f"is of another ledger ({point.ledger[:8]}...)")
        elif point.count > len(rows):
            found.find(where, f"had {point.count} entries, the ledger has {len(rows)}: the end was cut off")
        elif hashes.get(point.count) != point.head:
            found.find(where, f"entries 1 to {point.count} are not those that were signed")
        elif point.count >= found.anchored:
            found.anchored, found.signer = point.count, f"{point.name} ({point.key.fingerprint})"


def _ledger_id(rows: list[tuple[Any, ...]]) -> str | None:
    try:
        return str(read_body(rows[0][3])["ledger"])
    except (IndexError, ValueError, KeyError, TypeError):
        return None


def _trust(found: Audit, file: Path, trusted: set[bytes]) -> None:
    """A checkpoint of a stranger proves no more than that somebody signed."""
    points = [point for _, point in read_checkpoints(file) if point and point.count == found.anchored]
    found.known = any(point.key.raw in trusted for point in points if point.is_genuine())
    if trusted and found.anchored and not found.known:
        found.find(str(file), f"no trusted key signed it: {found.signer}")
