"""Ed25519 keys that sign acceptance records, authorities and ledgers.

A private key is PEM (PKCS#8, RFC 5958), readable by its owner only; its public key lies beside it as FILE.pub, one line
as OpenSSH writes it, with the owner's name as comment: `ssh-keygen -lf FILE.pub` shows the same fingerprint.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hil.errors import HilError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

KIND = "ssh-ed25519"
_HEAD = len(KIND).to_bytes(4, "big") + KIND.encode() + (32).to_bytes(4, "big")  # RFC 8709, section 4
MAX_NAME = 200

Ask = Callable[[], str]


@dataclass(frozen=True)
class PublicKey:
    """32 bytes and the name that its file gives them."""

    raw: bytes
    name: str

    @property
    def fingerprint(self) -> str:
        """As OpenSSH shows it: SHA256 and 43 characters."""
        return "SHA256:" + base64.b64encode(hashlib.sha256(_HEAD + self.raw).digest()).decode().rstrip("=")

    @property
    def line(self) -> str:
        """The key file's line."""
        return f"{KIND} {base64.b64encode(_HEAD + self.raw).decode()} {self.name}".rstrip()


@dataclass(frozen=True)
class Signer:
    """A private key in memory, with its owner's name."""

    private: Ed25519PrivateKey
    public: PublicKey

    def sign(self, data: bytes) -> bytes:
        """64 bytes (RFC 8032, section 5.1.6)."""
        return self.private.sign(data)


def passing_signer(name: str) -> Signer:
    """A key of this process alone: it is never written, and nobody knows its public key who is not told."""
    needed()
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    private = Ed25519PrivateKey.generate()
    return Signer(private, PublicKey(private.public_key().public_bytes_raw(), check_name(name, "name")))


def keys_folder() -> Path:
    """Where `hil key new` puts keys, and whose public keys are known here: $HIL_KEYS, else hil/keys of the user."""
    if named := os.environ.get("HIL_KEYS"):
        return Path(named)
    base = os.environ.get("XDG_CONFIG_HOME")
    return (Path(base) if base else Path.home() / ".config") / "hil" / "keys"


def check_name(name: str, where: str) -> str:
    """A name fit for one line of a key file, a page and a terminal."""
    name = name.strip()
    if not name or len(name) > MAX_NAME or not name.isprintable():
        raise HilError(f"{name!r} is no name", where=where, mend=f"Give 1 to {MAX_NAME} characters in one line")
    return name


def default_file(name: str) -> Path:
    """The file of a key whose owner named none."""
    return keys_folder() / ((re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "key") + ".pem")


def public_file(file: Path) -> Path:
    """The public key's file beside a private one."""
    return file.with_name(file.name + ".pub")


def new_key(file: Path, name: str, passphrase: str | None = None) -> PublicKey:
    """Makes a key; never writes over a file.

    Args:
        file: of the private key; its public key becomes FILE.pub.
        name: of the one who signs with it.
        passphrase: encrypts the private key; None leaves it readable to whoever can read the file.

    Raises:
        HilError: a file is there already or cannot be written, the name is none, `cryptography` is missing.
    """
    needed()
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    name = check_name(name, "--name")
    if passphrase == "":
        raise HilError("a passphrase has at least one character", where="--passphrase")
    private = Ed25519PrivateKey.generate()
    lock: form.KeySerializationEncryption = form.NoEncryption()
    if passphrase is not None:
        lock = form.BestAvailableEncryption(passphrase.encode())
    public = PublicKey(private.public_key().public_bytes_raw(), name)
    pem = private.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, lock)
    for taken in (file, public_file(file)):
        if taken.exists() or taken.is_symlink():
            raise HilError("is there already", where=str(taken), mend="A key is never overwritten: give another --out")
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    _write_new(file, pem, 0o600)
    try:
        _write_new(public_file(file), f"{public.line}\n".encode(), 0o644)
    except BaseException:
        file.unlink()
        raise
    return public


def load_key(file: Path, ask: Ask | None = None) -> tuple[Ed25519PrivateKey, PublicKey]:
    """A private key, and its public key with the name in FILE.pub ("" without such a file).

    Args:
        file: PEM, PKCS#8.
        ask: gives the passphrase; called only for a key that has one.

    Raises:
        HilError: no such file, no Ed25519 key, wrong passphrase, or FILE.pub is another key.
    """
    needed()
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    pem = _read(file)
    password = None
    if b"ENCRYPTED" in pem.partition(b"\n")[0]:
        if ask is None:
            raise HilError("has a passphrase and nobody can be asked for it", where=str(file))
        password = ask().encode()
    try:
        private = load_pem_private_key(pem, password)
    except (ValueError, TypeError) as error:
        why = "the passphrase is wrong" if password is not None else "is no private key in PEM"
        raise HilError(why, where=str(file), mend="Make one with: hil key new") from error
    if not isinstance(private, Ed25519PrivateKey):
        raise HilError("is no Ed25519 key", where=str(file), mend="Make one with: hil key new")
    raw = private.public_key().public_bytes_raw()
    beside = public_file(file)
    named = next(iter(read_public(beside)), None) if beside.exists() else None
    if named is not None and named.raw != raw:
        raise HilError(f"is not the public key of {file.name}", where=str(beside))
    return private, named or PublicKey(raw, "")


def signer(file: Path, name: str | None = None, ask: Ask | None = None) -> Signer:
    """One who signs with the key in `file`; `name` instead of the one in FILE.pub."""
    private, public = load_key(file, ask)
    if name is None and not public.name:
        raise HilError("nobody is named in its public key file", where=str(file), mend="Give --name NAME")
    return Signer(private, PublicKey(public.raw, check_name(name if name is not None else public.name, "--name")))


def read_public(path: Path) -> list[PublicKey]:
    """Public keys of a file (one a line, as OpenSSH's authorized_keys; # begins a comment) or of a folder's .pub files.

    Raises:
        HilError: it cannot be read, a line is no Ed25519 key, or there is no key at all.
    """
    files = sorted(path.glob("*.pub")) if path.is_dir() else [path]
    found = [key for file in files for key in _lines(file)]
    if not found:
        raise HilError("has no public key", where=str(path), mend="hil key new writes one: FILE.pub")
    return found


def known_keys() -> list[PublicKey]:
    """The public keys in `keys_folder()`; none is no error."""
    folder = keys_folder()
    return read_public(folder) if any(folder.glob("*.pub")) else []


def _lines(file: Path) -> Iterable[PublicKey]:
    data = _read(file)
    if b"PRIVATE KEY" in data:
        raise HilError("is a private key", where=str(file), mend=f"Give its public key: {public_file(file).name}")
    for number, line in enumerate(data.decode("utf-8", "replace").splitlines(), 1):
        text = line.strip()
        if text and not text.startswith("#"):
            yield _parse(text, f"{file}:{number}")


def _parse(text: str, where: str) -> PublicKey:
    kind, _, rest = text.partition(" ")
    code, _, name = rest.strip().partition(" ")
    blob = b""
    with contextlib.suppress(ValueError):
        blob = base64.b64decode(code, validate=True)
    if kind != KIND or not blob.startswith(_HEAD) or len(blob) != len(_HEAD) + 32:
        raise HilError("is no Ed25519 public key", where=where, mend=f"A line is: {KIND} AAAA... NAME")
    name = name.strip()
    if not name.isprintable():
        raise HilError("the name has characters that cannot be shown", where=where)
    return PublicKey(blob[len(_HEAD) :], name)


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise HilError(f"cannot be read ({error.strerror})", where=str(file)) from None


def _write_new(file: Path, data: bytes, mode: int) -> None:
    """The mode is the file's from its first moment on."""
    fd = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    with os.fdopen(fd, "wb") as stream:
        stream.write(data)


def needed() -> None:
    """Raises HilError, with the mend, where `cryptography` is missing."""
    try:
        import cryptography  # noqa: F401  (its absence is what is asked)
    except ImportError:
        mend = "Install it with: pip install 'hil[commission]'"
        raise HilError("keys and signatures need cryptography", mend=mend) from None
