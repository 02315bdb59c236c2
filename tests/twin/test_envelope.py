"""Authority envelopes: what is not signed, was altered, is wider than the rig or out of its time is refused."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from desk_rig import NOW, Office, office

from hil.cli import main
from hil.errors import HilError
from hil.signing.keys import new_key, passing_signer
from hil.twin.authority.envelope import load, read, utc

RIG = Path(__file__).resolve().parents[2] / "rigs" / "incubator"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Office]:
    with office(tmp_path, history=False) as made:
        yield made


def refused(desk: Office, text: str, now: datetime = NOW) -> str:
    with pytest.raises(HilError) as found:
        load(text, desk.bench.rig, [desk.signer.public], now)
    assert "\n" not in str(found.value)
    return str(found.value)


def test_a_genuine_one_is_used_and_every_changed_field_is_found(desk: Office) -> None:
    text = desk.envelope(persons=["Ann"], hours=[["08:00", "18:00"]])
    assert load(text, desk.bench.rig, [desk.signer.public], NOW).by == "ann"
    fields = json.loads(text)
    for key, other in [
        ("purpose", "another"),
        ("not_after", utc(NOW + timedelta(hours=2))),
        ("persons", []),
        ("hours", []),
        ("id", "0" * 32),
        ("name", "bob"),
    ]:
        assert "altered" in refused(desk, json.dumps({**fields, key: other})), key
    for key, other in [("high", 31.0), ("low", 14.0), ("rate_per_s", 30.0), ("level", "SEMI")]:
        changed = {**fields, "actions": {"warmth": {**fields["actions"]["warmth"], key: other}}}
        assert "altered" in refused(desk, json.dumps(changed)), key


def test_no_flipped_byte_of_the_file_is_taken(desk: Office) -> None:
    text = desk.envelope().encode()
    genuine, random_ = read(text, "it").model_dump(), random.Random(1)
    for at in random_.sample(range(len(text)), 120):
        changed = bytearray(text)
        changed[at] ^= 1 << random_.randrange(7)
        try:
            found = load(bytes(changed), desk.bench.rig, [desk.signer.public], NOW)
        except HilError:
            continue
        assert found.envelope.model_dump() == genuine, "only white space may differ"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"high": 39.0}, "range 15 to 39 is not within 12 to 38"),
        ({"low": 11.0}, "range 11 to 30 is not within"),
        ({"low": 31.0}, "range 31 to 30 is not within"),
        ({"rate_per_s": 41.0}, "rate 41 is above 40"),
        ({"block": "manual"}, "its block is manual, the rig's is setpoint"),
        ({"rig": "other"}, "for rig 'other'"),
    ],
)
def test_what_widens_the_rig_is_refused_though_signed(desk: Office, changed: dict[str, object], said: str) -> None:
    assert said in refused(desk, desk.envelope(**changed))


def test_unsigned_by_a_stranger_expired_and_not_yet(desk: Office) -> None:
    fields = json.loads(desk.envelope())
    assert "is not signed" in refused(desk, json.dumps({**fields, "signature": ""}))
    assert "is not trusted here" in refused(desk, desk.envelope(passing_signer("ann")))
    assert "expired at" in refused(desk, desk.envelope(), NOW + timedelta(hours=1))
    assert "valid from" in refused(desk, desk.envelope(), NOW - timedelta(seconds=1))
    night = desk.envelope(hours=[["22:00", "06:00"]])
    assert "22:00-06:00 UTC only" in refused(desk, night)
    for text in ("", "[]", "{}", "{" * 100_000, '{"format": "hil-envelope 2"}', "x" * 100_000):
        refused(desk, text)


def test_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("HIL_KEYS", str(tmp_path / "keys"))
    key, file = tmp_path / "keys" / "ann", tmp_path / "envelope.json"
    new_key(key, "ann")
    sign = ["twin", "envelope", "sign", str(RIG), "temperature", "--key", str(key), "--out", str(file)]
    assert main([*sign, "--range", "38", "41", "--person", "Ann", "--hours", "00:00-23:59"]) == 0
    assert main([*sign]) == 2, "it is never overwritten"
    assert main(["twin", "envelope", "verify", str(file), str(RIG), "--json"]) == 0
    said = capsys.readouterr().out
    assert json.loads(said[said.index("{") :])["actions"]["temperature"]["high"] == 41.0
    file.write_text(file.read_text().replace("41.0", "41.5"))
    assert main(["twin", "envelope", "verify", str(file), str(RIG)]) == 2
    assert "altered" in capsys.readouterr().err
    sign[-1] = str(tmp_path / "wide.json")
    assert main([*sign, "--range", "20", "41"]) == 2
    assert "only narrow" in capsys.readouterr().err
    assert not (tmp_path / "wide.json").exists()
    sign[-1] = str(tmp_path / "nowhere" / "it.json")
    assert main(sign) == 2
    assert "nowhere/it.json: cannot be written (No such file or directory)" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["envelope.json", "keys"]


def test_a_key_with_a_passphrase_asks_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HIL_KEYS", str(tmp_path / "keys"))
    key, file = tmp_path / "keys" / "ann", tmp_path / "envelope.json"
    new_key(key, "ann", "quite secret")
    sign = ["twin", "envelope", "sign", str(RIG), "temperature", "--key", str(key), "--out", str(file)]
    for said, code in (("wrong", 2), ("quite secret", 0)):
        monkeypatch.setattr("typer.prompt", lambda *_, said=said, **__: said)
        assert main(sign) == code
        assert file.exists() == (code == 0)
