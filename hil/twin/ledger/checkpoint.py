"""Checkpoints: signed lines, outside the ledger, that say how far it had come and with what hash."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hil.errors import HilError
from hil.signing.canonical import canonical, now
from hil.signing.keys import PublicKey, Signer, needed
from hil.twin.ledger.store import Ledger

FORMAT = "hil-checkpoint 1"


@dataclass(frozen=True)
class Checkpoint:
    """One line.

    Attributes:
        ledger: id of the ledger.
        count: entries that it covers.
        head: hash of the newest of them.
        time: of the signature, UTC.
        name: of the signer.
        public_key: 64 hex digits.
        signature: 128 hex digits, Ed25519 (RFC 8032) over the other fields.
    """

    ledger: str
    count: int
    head: str
    time: str
    name: str
    public_key: str
    signature: str

    @property
    def signed(self) -> bytes:
        """What the signature is over."""
        fields = {key: value for key, value in asdict(self).items() if key != "signature"}
        return canonical({"format": FORMAT, **fields})

    def is_genuine(self) -> bool:
        """Whether the signature is the named key's."""
        needed()
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        try:
            key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(self.public_key))
            key.verify(bytes.fromhex(self.signature), self.signed)
        except (InvalidSignature, ValueError):
            return False
        return True

    @property
    def key(self) -> PublicKey:
        """The signer's."""
        return PublicKey(bytes.fromhex(self.public_key), self.name)


def default_file(folder: Path) -> Path:
    """Beside the ledger's folder, not in it."""
    folder = folder.absolute()
    return folder.with_name(folder.name + ".checkpoints")


def write_checkpoint(ledger: Ledger, signer: Signer, file: Path | None = None) -> Checkpoint:
    """Signs what the ledger holds now and appends the line; it is on the disk when this returns.

    Args:
        ledger: an open one.
        signer: a person's or the bench's own key.
        file: default: beside the ledger's folder.

    Raises:
        HilError: the file cannot be written.
    """
    name, count, head = ledger.head()
    unsigned = Checkpoint(name, count, head, now(), signer.public.name, signer.public.raw.hex(), "")
    found = Checkpoint(**{**asdict(unsigned), "signature": signer.sign(unsigned.signed).hex()})
    file = file or default_file(ledger.folder)
    try:
        with file.open("ab") as stream:
            stream.write(canonical(asdict(found)))
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as error:
        raise HilError(f"the checkpoint cannot be written ({error.strerror})", where=str(file)) from None
    return found


def read_checkpoints(file: Path) -> list[tuple[int, Checkpoint | None]]:
    """(line, checkpoint) of all lines; None for one that is no checkpoint. No file: none.

    Raises:
        HilError: the file cannot be read.
    """
    try:
        data = file.read_bytes()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise HilError(f"cannot be read ({error.strerror})", where=str(file)) from None
    return [(number, _parse(line)) for number, line in enumerate(data.split(b"\n"), 1) if line]


def _parse(line: bytes) -> Checkpoint | None:
    types: dict[str, Any] = {name: int if name == "count" else str for name in Checkpoint.__dataclass_fields__}
    try:
        fields = json.loads(line)
        right = set(fields) == set(types) and all(type(fields[name]) is kind for name, kind in types.items())
    except (ValueError, TypeError):
        return None
    return Checkpoint(**fields) if right else None
