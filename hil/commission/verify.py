"""Whether a record is what was sealed: every file, the manifest, the signature, and whose key it is."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

from hil.commission import sign
from hil.errors import HilError
from hil.signing.canonical import canonical
from hil.signing.keys import PublicKey, known_keys, needed, read_public

MAX_SEAL = 64 << 20  # bytes of a manifest: a million files


@dataclass(frozen=True)
class Verification:
    """What was found; `known`: the key is among those asked for (`trusted_given`), else among those known here."""

    signed: bool
    problems: list[str] = field(default_factory=list)
    name: str = ""
    fingerprint: str = ""
    signed_at: str = ""
    owner: str | None = None  # the name that the known key's file gives
    known: bool = False
    trusted_given: bool = False
    verdict: str = ""

    @property
    def state(self) -> str:
        """One of valid, unknown key, unsigned, broken."""
        if self.problems:
            return "broken"
        if not self.signed:
            return "unsigned"
        return "valid" if self.known else "unknown key"

    @property
    def ok(self) -> bool:
        """False for a broken record, and for one that no trusted key has signed when keys are asked for."""
        return not self.problems and (self.known or not self.trusted_given)

    @property
    def lines(self) -> list[str]:
        """The outcome first, then what belongs to it."""
        if self.problems:
            return [f"broken: {problem}" for problem in self.problems]
        if not self.signed:
            return ["unsigned", "  every file is as it was written; nobody vouches for it"]
        key = f"  key {self.fingerprint}, signed {self.signed_at}"
        if not self.known:
            return ["valid, unknown key", f'  the signature names "{self.name}"', key]
        other = f" with the key of {self.owner}" if self.owner and self.owner != self.name else ""
        return [f"valid, signed by {self.name}{other}", key]


def verify(folder: Path, trusted: Path | None = None) -> Verification:
    """Checks a record.

    Args:
        folder: of the record.
        trusted: a file or folder of public keys; default: those in `keys.keys_folder()`.

    Raises:
        HilError: there is no such folder, or the keys cannot be read.
    """
    if not folder.is_dir():
        raise HilError("no such folder", where=str(folder), mend="Give the folder of a record")
    keys = read_public(trusted) if trusted is not None else known_keys()
    try:
        return _verify(folder, keys, trusted_given=trusted is not None)
    except OSError as error:
        name = os.path.relpath(error.filename or folder, folder)
        return Verification(signed=False, problems=[f"{_shown(name)} cannot be read ({error.strerror})"])


def _verify(folder: Path, keys: Sequence[PublicKey], *, trusted_given: bool) -> Verification:
    on_disk = dict(sign.walk(folder))
    bad = [f"{name} is missing" for name in (sign.MANIFEST, sign.SIGNATURE) if on_disk.get(name) != "file"]
    if bad:
        return Verification(signed=False, problems=bad)
    data, seal_data = _head(folder / sign.MANIFEST), _head(folder / sign.SIGNATURE)
    seal = _read_seal(seal_data)
    if seal is None:
        return Verification(signed=False, problems=["the signature does not match: manifest.sig has changed"])
    manifest = _table(data)
    problems = [*_seal_problems(data, manifest, seal), *_file_problems(folder, manifest, on_disk)]
    found = Verification(
        signed=seal["signed"],
        problems=problems,
        trusted_given=trusted_given,
        verdict=_shown(str(manifest.get("verdict", ""))),
    )
    return _with_signer(found, seal, manifest, keys) if found.signed else found


def _with_signer(
    found: Verification, seal: Mapping[str, Any], manifest: Mapping[str, Any], keys: Sequence[PublicKey]
) -> Verification:
    public = PublicKey(bytes.fromhex(seal["public_key"]), seal["name"])
    same = [key for key in keys if key.raw == public.raw]
    who = manifest.get("signer")
    return replace(
        found,
        name=public.name,
        fingerprint=public.fingerprint,
        signed_at=_shown(str(who.get("time", ""))) if isinstance(who, dict) else "",
        owner=same[0].name if same else None,
        known=bool(same),
    )


def _head(file: Path) -> bytes:
    with file.open("rb") as stream:
        return stream.read(MAX_SEAL)


def _read_seal(data: bytes) -> dict[str, Any] | None:
    """The content of manifest.sig; None when it is not byte for byte what `sign.signature_bytes` writes."""
    seal = _table(data)
    sizes = {"sha256": 32} | ({"public_key": 32, "signature": 64} if seal.get("signed") is True else {})
    texts = {"format": sign.SIGNATURE_FORMAT} | ({"algorithm": sign.ALGORITHM} if seal.get("signed") is True else {})
    names = {*sizes, *texts, "signed", *(["name"] if seal.get("signed") is True else [])}
    if set(seal) != names or any(seal[key] != text for key, text in texts.items()):
        return None
    if not isinstance(seal["signed"], bool) or not isinstance(seal.get("name", ""), str):
        return None
    if not all(_is_hex(seal[key], size) for key, size in sizes.items()):
        return None
    if not seal.get("name", "x").isprintable() or _canonical(seal) != data:
        return None
    return seal


def _canonical(value: Any) -> bytes | None:
    try:
        return canonical(value)
    except ValueError:  # half of a surrogate pair in a name
        return None


def _is_hex(text: Any, size: int) -> bool:
    return isinstance(text, str) and len(text) == 2 * size and set(text) <= set("0123456789abcdef")


def _seal_problems(data: bytes, manifest: Mapping[str, Any], seal: Mapping[str, Any]) -> Iterator[str]:
    if hashlib.sha256(data).hexdigest() != seal["sha256"]:
        yield "manifest.json has changed"
    elif manifest.get("format") != sign.FORMAT:
        yield f'manifest.json is no manifest of the form "{sign.FORMAT}"'
    who = manifest.get("signer")
    if not seal["signed"]:
        if who is not None:
            yield "the signature is missing: the manifest names a signer"
        return
    public = PublicKey(bytes.fromhex(seal["public_key"]), seal["name"])
    named = isinstance(who, dict) and (who.get("name"), who.get("key")) == (public.name, public.fingerprint)
    if not named or not _matches(public, bytes.fromhex(seal["signature"]), data):
        yield "the signature does not match"


def _matches(public: PublicKey, signature: bytes, data: bytes) -> bool:
    needed()
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(public.raw).verify(signature, data)
    except (InvalidSignature, ValueError):
        return False
    return True


def _file_problems(folder: Path, manifest: Mapping[str, Any], on_disk: Mapping[str, str]) -> Iterator[str]:
    listed = manifest.get("files")
    if not isinstance(listed, dict):
        yield "manifest.json lists no files"
        return
    folders = {str(parent) for name in listed for parent in PurePosixPath(name).parents}
    for name, entry in sorted(listed.items()):
        if not _stays_inside(name):
            yield f"{_shown(name)} leads out of the folder"
        elif name not in on_disk:
            yield f"{_shown(name)} is missing"
        elif on_disk[name] != "file":
            yield f"{_shown(name)} is no plain file"
        elif sign.file_entry(folder / name) != entry:
            yield f"{_shown(name)} has changed"
    for name, kind in sorted(on_disk.items()):
        expected = name in listed or name in (sign.MANIFEST, sign.SIGNATURE) or (kind == "folder" and name in folders)
        if not expected:
            yield f"{_shown(name)} is extra"


def _stays_inside(name: str) -> bool:
    path = PurePosixPath(name)
    inside = bool(path.parts) and not path.is_absolute() and ".." not in path.parts
    return inside and "\0" not in name and str(path) == name


def _table(data: bytes) -> dict[str, Any]:
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _shown(name: str) -> str:
    """A text of the record, fit for a terminal."""
    return name if name.isprintable() else ascii(name)
