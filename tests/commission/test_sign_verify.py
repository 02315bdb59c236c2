"""Whatever is done to a sealed record is found and named."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
import typer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from hil.cli.commission_verify import verify as command
from hil.commission import sign, verify
from hil.errors import HilError
from hil.signing import keys
from hil.signing.canonical import canonical

FILES = {"results.json": b'{"passed": true}', "record.html": b"<p>fine", "trends/a.csv": b"0,1\n", "empty": b""}


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    folder = tmp_path_factory.mktemp("keys")
    keys.new_key(folder / "ada", "Ada")
    keys.new_key(folder / "eve", "Ada")  # another key in the same name
    return folder


def make(folder: Path, signer: keys.Signer | None) -> Path:
    for name, data in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    sign.seal(folder, {"verdict": "passed"}, signer, "2026-01-02T03:04:05Z")
    return folder


@pytest.fixture
def record(tmp_path, pair):
    return make(tmp_path / "record", keys.signer(pair / "ada"))


@pytest.fixture(autouse=True)
def _no_known_keys(tmp_path, monkeypatch):
    monkeypatch.setenv("HIL_KEYS", str(tmp_path / "none"))


def broken(folder: Path, pair: Path) -> str:
    found = verify.verify(folder, pair / "ada.pub")
    assert found.state == "broken"
    assert not found.ok
    return "\n".join(found.lines)


def test_a_record_is_valid_unknown_or_unsigned(record, pair, tmp_path, monkeypatch):
    found = verify.verify(record, pair / "ada.pub")
    assert (found.state, found.ok, found.lines[0]) == ("valid", True, "valid, signed by Ada")
    found = verify.verify(record, pair / "eve.pub")
    assert (found.state, found.ok, found.lines[0]) == ("unknown key", False, "valid, unknown key")
    found = verify.verify(record)
    assert (found.state, found.ok, found.lines[0]) == ("unknown key", True, "valid, unknown key")
    monkeypatch.setenv("HIL_KEYS", str(pair))  # both keys lie there
    assert verify.verify(record).lines[0] == "valid, signed by Ada"
    found = verify.verify(make(tmp_path / "unsigned", None))
    assert (found.state, found.ok, found.lines[0]) == ("unsigned", True, "unsigned")
    assert not verify.verify(tmp_path / "unsigned", pair).ok


@pytest.mark.parametrize("signed", [True, False])
def test_every_changed_bit_is_found(tmp_path_factory, pair, signed):
    folder = make(tmp_path_factory.mktemp("record"), keys.signer(pair / "ada") if signed else None)
    names = [name for name, kind in sign.walk(folder) if kind == "file" and (folder / name).stat().st_size]
    size = {name: (folder / name).stat().st_size for name in names}
    assert verify.verify(folder).state != "broken"

    @settings(suppress_health_check=[HealthCheck.too_slow])
    @given(st.sampled_from(names).flatmap(lambda name: st.tuples(st.just(name), st.integers(0, 8 * size[name] - 1))))
    def flip(at):
        name, bit = at
        before = (folder / name).read_bytes()
        data = bytearray(before)
        data[bit // 8] ^= 1 << bit % 8
        (folder / name).write_bytes(data)
        text = "\n".join(verify.verify(folder).lines)
        (folder / name).write_bytes(before)
        assert text.startswith("broken: ")
        assert name in text or "manifest.json" in text or "signature does not match" in text

    flip()
    assert verify.verify(folder).state != "broken"


def test_each_byte_of_the_seal_counts(tmp_path, pair):
    """Every single byte, not a sample: white space, case of a digit, an escape that means the same."""
    folder = make(tmp_path / "record", keys.signer(pair / "ada"))
    before = (folder / sign.SIGNATURE).read_bytes()
    for i, byte in enumerate(before):
        other = (byte ^ 0x20, byte ^ 1, byte ^ 0x80)[i % 3]
        (folder / sign.SIGNATURE).write_bytes(before[:i] + bytes([other]) + before[i + 1 :])
        assert verify.verify(folder).state == "broken", (i, other)
    for data in (before + b"\n", b" " + before, before[:-1], before.replace(b"Ada", b"\\u0041da")):
        (folder / sign.SIGNATURE).write_bytes(data)
        assert verify.verify(folder).state == "broken"


def test_added_removed_and_renamed_files_are_named(record, pair):
    (record / "more.txt").write_text("more")
    assert broken(record, pair) == "broken: more.txt is extra"
    (record / "more.txt").unlink()
    (record / "trends" / "b").mkdir()
    assert broken(record, pair) == "broken: trends/b is extra"
    (record / "trends" / "b").rmdir()
    (record / "empty").rename(record / "void")
    assert broken(record, pair) == "broken: empty is missing\nbroken: void is extra"
    (record / "void").unlink()
    assert broken(record, pair) == "broken: empty is missing"


def test_swapped_contents_are_found(record, pair):
    (record / "a").write_bytes((record / "results.json").read_bytes())
    (record / "record.html").rename(record / "results.json")
    (record / "a").rename(record / "record.html")
    assert "record.html has changed" in broken(record, pair)


@pytest.mark.parametrize("name", [sign.MANIFEST, sign.SIGNATURE])
def test_a_missing_seal_is_named(record, pair, name):
    (record / name).unlink()
    assert f"{name} is missing" in broken(record, pair)


def test_the_signature_of_another_record_does_not_fit(record, pair, tmp_path):
    other = make(tmp_path / "other", None)
    (other / "record.html").write_text("<p>other")
    sign.seal(other, {"verdict": "failed"}, keys.signer(pair / "ada"))
    shutil.copy(other / sign.SIGNATURE, record)
    assert "broken: " in broken(record, pair)


def test_neither_name_nor_key_of_a_signature_can_be_changed(record, pair):
    before = (record / sign.SIGNATURE).read_bytes()
    for change in ({"name": "Bob"}, {"public_key": keys.read_public(pair / "eve.pub")[0].raw.hex()}):
        (record / sign.SIGNATURE).write_bytes(canonical(json.loads(before) | change))
        assert "the signature does not match" in broken(record, pair)


def test_a_signature_cannot_be_taken_off(record, pair):
    data = (record / sign.MANIFEST).read_bytes()
    (record / sign.SIGNATURE).write_bytes(sign.signature_bytes(data, None))
    assert "the signature is missing" in broken(record, pair)


def test_one_who_signs_anew_is_unknown(record, pair):
    sign.seal(record, {"verdict": "passed"}, keys.signer(pair / "eve"))
    found = verify.verify(record, pair / "ada.pub")
    assert (found.state, found.ok) == ("unknown key", False)


def test_links_and_special_files_are_no_part_of_a_record(record, pair, tmp_path):
    outside = tmp_path / "outside"
    outside.write_bytes(FILES["record.html"])  # the same bytes
    (record / "record.html").unlink()
    (record / "record.html").symlink_to(outside)
    assert broken(record, pair) == "broken: record.html is no plain file"
    with pytest.raises(HilError, match="is no plain file"):
        sign.seal(record, {}, None)
    (record / "record.html").unlink()
    os.mkfifo(record / "record.html")  # would wait for a writer for ever
    assert broken(record, pair) == "broken: record.html is no plain file"


def test_a_linked_folder_is_not_followed(record, pair, tmp_path):
    (record / "trends").rename(tmp_path / "elsewhere")
    (record / "trends").symlink_to(tmp_path / "elsewhere")
    assert "trends/a.csv is missing" in broken(record, pair)


@pytest.mark.parametrize("name", ["../outside", "/etc/hostname", "a/../../outside", "", ".", "trends//a.csv", "a\0b"])
def test_a_path_that_leads_out_is_refused(record, pair, tmp_path, name):
    (tmp_path / "outside").write_bytes(b"x")
    manifest = json.loads((record / sign.MANIFEST).read_bytes())
    manifest["files"][name] = {"sha256": "0" * 64, "size": 1}
    data = canonical(manifest)
    (record / sign.MANIFEST).write_bytes(data)
    (record / sign.SIGNATURE).write_bytes(sign.signature_bytes(data, keys.signer(pair / "ada")))
    assert "leads out of the folder" in broken(record, pair)


@pytest.mark.parametrize("data", [b"", b"[]", b"nonsense", b'{"files":[]}', b"[" * 100_000, b'{"a":"\\ud800"}'])
def test_a_manifest_that_is_none_is_broken_not_a_crash(record, pair, data):
    (record / sign.MANIFEST).write_bytes(data)
    broken(record, pair)
    (record / sign.SIGNATURE).write_bytes(sign.signature_bytes(data, keys.signer(pair / "ada")))
    broken(record, pair)
    (record / sign.SIGNATURE).write_bytes(data)
    broken(record, pair)


@pytest.mark.parametrize(
    ("change", "trusted", "code", "first"),
    [
        (None, "ada.pub", 0, "valid, signed by Ada"),
        (None, "eve.pub", 1, "valid, unknown key"),
        (None, None, 0, "valid, unknown key"),
        ("empty", None, 1, "broken: empty has changed"),
    ],
)
def test_the_command_tells_by_its_exit_code(record, pair, change, trusted, code, first):
    if change:
        (record / change).write_text("more")
    app = typer.Typer()
    app.command()(command)
    asked = [str(record)] + ([] if trusted is None else ["--trusted", str(pair / trusted)])
    result = CliRunner().invoke(app, asked)
    assert (result.exit_code, result.output.splitlines()[0]) == (code, first)
    said = json.loads(CliRunner().invoke(app, [*asked, "--json"]).output)
    assert said["ok"] is (code == 0)
    assert said["signed_by"] == "Ada"


def test_what_a_stranger_wrote_cannot_act_on_the_terminal(record, pair):
    (record / "\x1b[2Jx").write_text("")
    assert broken(record, pair) == r"broken: '\x1b[2Jx' is extra"
    (record / "\x1b[2Jx").unlink()
    manifest = json.loads((record / sign.MANIFEST).read_bytes())
    manifest["signer"]["time"] = manifest["verdict"] = "\x1b[2J"
    data = canonical(manifest)
    (record / sign.MANIFEST).write_bytes(data)
    (record / sign.SIGNATURE).write_bytes(sign.signature_bytes(data, keys.signer(pair / "ada")))
    found = verify.verify(record)
    assert found.state == "unknown key"
    assert "\x1b" not in "".join(found.lines) + found.verdict
