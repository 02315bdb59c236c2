"""Keys: what lies on the disk, who may read it, and that OpenSSH and OpenSSL read it as we do."""

from __future__ import annotations

import json
import shutil
import stat
import subprocess

import pytest

from hil.cli import main
from hil.commission import sign
from hil.errors import HilError
from hil.signing import keys


def test_a_private_key_is_its_owners_only_and_never_overwritten(tmp_path):
    file = tmp_path / "ada.pem"
    public = keys.new_key(file, "Ada Example")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert keys.public_file(file).read_text() == public.line + "\n"
    assert public.line.endswith(" Ada Example")
    before = file.read_bytes()
    with pytest.raises(HilError, match="never overwritten"):
        keys.new_key(file, "Ada Example")
    file.rename(tmp_path / "moved.pem")
    with pytest.raises(HilError, match=r"ada\.pem\.pub"):  # half a pair is not completed with another key
        keys.new_key(file, "Ada Example")
    assert not file.exists()
    assert (tmp_path / "moved.pem").read_bytes() == before


def test_a_passphrase_locks_the_key(tmp_path):
    file = tmp_path / "key.pem"
    keys.new_key(file, "Ada", "sesame")
    assert b"ENCRYPTED" in file.read_bytes()
    assert keys.signer(file, ask=lambda: "sesame").public.name == "Ada"
    with pytest.raises(HilError, match="passphrase is wrong"):
        keys.signer(file, ask=lambda: "simsim")
    with pytest.raises(HilError, match="nobody can be asked"):
        keys.signer(file)


def test_openssh_and_openssl_read_key_and_signature(tmp_path):
    if not (shutil.which("ssh-keygen") and shutil.which("openssl")):
        pytest.skip("ssh-keygen and openssl are not installed")
    file = tmp_path / "key.pem"
    public = keys.new_key(file, "Ada Example")
    told = subprocess.run(["ssh-keygen", "-lf", keys.public_file(file)], capture_output=True, text=True, check=True)
    assert told.stdout.split()[1] == public.fingerprint
    manifest = tmp_path / "manifest.json"
    manifest.write_bytes(b'{"a":1}\n')
    seal = json.loads(sign.signature_bytes(manifest.read_bytes(), keys.signer(file)))
    (tmp_path / "sig").write_bytes(bytes.fromhex(seal["signature"]))
    command = ["openssl", "pkeyutl", "-verify", "-inkey", file, "-rawin", "-in", manifest, "-sigfile", tmp_path / "sig"]
    assert subprocess.run(command, capture_output=True).returncode == 0
    manifest.write_bytes(b'{"a":2}\n')
    assert subprocess.run(command, capture_output=True).returncode == 1


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "has no public key"),
        ("# nobody\n\n", "has no public key"),
        ("ssh-rsa AAAA Ada", "trusted:1: is no Ed25519"),
        ("# one\nssh-ed25519 AAAA Ada", "trusted:2: is no Ed25519"),
        ("-----BEGIN PRIVATE KEY-----", "is a private key"),
    ],
)
def test_a_list_of_keys_that_is_none_is_named(tmp_path, text, says):
    (tmp_path / "trusted").write_text(text)
    with pytest.raises(HilError, match=says):
        keys.read_public(tmp_path / "trusted")


@pytest.mark.parametrize("name", ["", "  ", "two\nlines", "\x1b[31mred", "x" * 300])
def test_a_name_is_one_printable_line(tmp_path, name):
    with pytest.raises(HilError, match="is no name"):
        keys.new_key(tmp_path / "key", name)


def test_a_public_key_of_another_is_noticed(tmp_path):
    keys.new_key(tmp_path / "a", "Ada")
    keys.new_key(tmp_path / "b", "Bob")
    shutil.copy(tmp_path / "b.pub", tmp_path / "a.pub")
    with pytest.raises(HilError, match="is not the public key of a"):
        keys.signer(tmp_path / "a")


def test_the_command_makes_and_shows_keys(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("HIL_KEYS", str(tmp_path / "keys"))
    assert main(["key", "show"]) == 2
    assert "hil key new" in capsys.readouterr().err
    assert main(["key", "new", "--name", "Ada Example"]) == 0
    assert (tmp_path / "keys" / "ada-example.pem").exists()
    capsys.readouterr()
    assert main(["key", "new", "--name", "Bob", "--out", str(tmp_path / "bob"), "--json"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert made["name"] == "Bob"
    assert main(["key", "new", "--name", "Bob", "--out", str(tmp_path / "bob")]) == 2
    capsys.readouterr()
    assert main(["key", "show", "--json"]) == 0
    (known,) = json.loads(capsys.readouterr().out)
    assert known["name"] == "Ada Example"
    assert main(["key", "show", str(tmp_path / "bob")]) == 0
    assert made["fingerprint"] in capsys.readouterr().out


def test_who_signs_is_the_keys_owner_unless_named(tmp_path):
    keys.new_key(tmp_path / "ada", "Ada")
    assert keys.signer(tmp_path / "ada").public.name == "Ada"
    assert keys.signer(tmp_path / "ada", "Ada, for the works").public.name == "Ada, for the works"
    (tmp_path / "ada.pub").unlink()
    with pytest.raises(HilError, match="Give --name NAME"):
        keys.signer(tmp_path / "ada")
    with pytest.raises(HilError, match="cannot be read"):
        keys.signer(tmp_path / "bob")
