"""The seal of a record: `manifest.json` names every file with its hash, `manifest.sig` signs the manifest's bytes.

An unsigned record has a `manifest.sig` too. It holds the manifest's hash only, so that damage is found all the same.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from hil.errors import HilError
from hil.signing.canonical import canonical, now
from hil.signing.keys import PublicKey, Signer

FORMAT = "hil-record 1"
SIGNATURE_FORMAT = "hil-signature 1"
ALGORITHM = "Ed25519"
MANIFEST, SIGNATURE = "manifest.json", "manifest.sig"
CHUNK = 1 << 20


def seal(folder: Path, facts: Mapping[str, Any], signer: Signer | None, when: str | None = None) -> None:
    """Writes `manifest.json` and `manifest.sig` over all that lies in `folder`.

    Args:
        folder: of the record; plain files and folders only.
        facts: what else the manifest says: versions, hashes, conditions, verdict.
        signer: None leaves the record unsigned.
        when: time of the signature, UTC; default: now.

    Raises:
        HilError: a link or special file lies in the folder, or a name is not UTF-8.
    """
    when = when or now()
    manifest = {
        **facts,
        "format": FORMAT,
        "files": {name: file_entry(folder / name) for name in _files(folder)},
        "created": when,
        "signer": _who(signer.public, when) if signer is not None else None,
    }
    data = canonical(manifest)
    (folder / MANIFEST).write_bytes(data)
    (folder / SIGNATURE).write_bytes(signature_bytes(data, signer))


def signature_bytes(manifest: bytes, signer: Signer | None) -> bytes:
    """Content of `manifest.sig`; the signature is over the manifest's exact bytes, so that any tool can check it."""
    found = {"format": SIGNATURE_FORMAT, "sha256": hashlib.sha256(manifest).hexdigest(), "signed": signer is not None}
    if signer is not None:
        found |= {
            "algorithm": ALGORITHM,
            "name": signer.public.name,
            "public_key": signer.public.raw.hex(),
            "signature": signer.sign(manifest).hex(),
        }
    return canonical(found)


def file_entry(path: Path) -> dict[str, Any]:
    """Hash and size of a plain file; a link is not followed and a pipe not waited for.

    Raises:
        OSError: it cannot be read, or is a link.
        HilError: it is no plain file.
    """
    digest, size = hashlib.sha256(), 0
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(fd, "rb") as stream:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise HilError("is no plain file", where=str(path))
        while chunk := stream.read(CHUNK):
            digest.update(chunk)
            size += len(chunk)
    return {"sha256": digest.hexdigest(), "size": size}


def walk(folder: Path) -> Iterator[tuple[str, str]]:
    """(name relative to the folder, "file" | "folder" | "link" | "special") of all below it, links not followed."""
    todo = [("", folder)]
    while todo:
        prefix, here = todo.pop()
        with os.scandir(here) as entries:
            for entry in sorted(entries, key=lambda item: item.name):
                name = prefix + entry.name
                kind = _kind(entry)
                if kind == "folder":
                    todo.append((name + "/", Path(entry.path)))
                yield name, kind


def _kind(entry: os.DirEntry[str]) -> str:
    if entry.is_symlink():
        return "link"
    if entry.is_dir(follow_symlinks=False):
        return "folder"
    return "file" if entry.is_file(follow_symlinks=False) else "special"


def _files(folder: Path) -> Iterator[str]:
    for name, kind in walk(folder):
        if kind in ("link", "special"):
            raise HilError("is no plain file: a record holds copies", where=str(folder / name))
        if not name.isprintable():
            raise HilError("has a name that cannot be shown", where=repr(name), mend="Rename it")
        if kind == "file" and name not in (MANIFEST, SIGNATURE):
            yield name


def _who(public: PublicKey, when: str) -> dict[str, str]:
    return {"name": public.name, "key": public.fingerprint, "time": when}
