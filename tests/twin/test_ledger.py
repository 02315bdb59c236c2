"""A twin's ledger: whatever is done to it behind its back is found, as far as a checkpoint reaches."""

from __future__ import annotations

import json
import random
import sqlite3
import subprocess
import sys
import threading
import time
from itertools import pairwise
from pathlib import Path

import pytest

from hil.cli import main
from hil.errors import HilError
from hil.signing import keys
from hil.twin.ledger import Ledger, audit, write_checkpoint
from hil.twin.ledger.checkpoint import default_file
from hil.twin.ledger.entry import KINDS, chained
from hil.twin.ledger.store import FILE

WRITER = Path(__file__).parent / "ledger_writer.py"
ENTRIES, ANCHORED = 40, 30
COLUMNS = ("number", "time_ns", "kind", "body", "before", "hash")
SET_ALL = ", ".join(f"{name} = ?" for name in COLUMNS[1:])


@pytest.fixture(scope="module")
def signer(tmp_path_factory):
    file = tmp_path_factory.mktemp("keys") / "bench.pem"
    keys.new_key(file, "Bench 3")
    return keys.signer(file)


@pytest.fixture
def folder(tmp_path, signer):
    """A ledger of 40 entries, of which a checkpoint covers 30."""
    folder = tmp_path / "twin"
    rng = random.Random(1)
    with Ledger(folder) as ledger:
        for i in range(2, ENTRIES + 1):
            who = {"person": rng.choice(("Ada", "Grace")), "reason": f"because {i}"} if i % 3 == 0 else None
            ledger.append(rng.choice(KINDS[2:]), {"value": rng.gauss(0, 1), "name": "Größe", "list": [i, None]}, who)
            if i == ANCHORED:
                write_checkpoint(ledger, signer)
    return folder


def change(folder: Path, statement: str, *values) -> None:
    with sqlite3.connect(folder / FILE) as db:
        db.execute(statement, values)
    db.close()


def rows(folder: Path) -> list[tuple]:
    with sqlite3.connect(folder / FILE) as db:
        found = list(db.execute("SELECT * FROM entry ORDER BY number"))
    db.close()
    return found


def test_an_untouched_ledger_verifies_and_states_its_tail(folder, signer) -> None:
    found = audit(folder, keys=[signer.public])
    assert found.verified, found.findings
    assert (found.entries, found.anchored, found.tail) == (ENTRIES, ANCHORED, ENTRIES - ANCHORED)
    assert found.known
    assert found.signer == f"Bench 3 ({signer.public.fingerprint})"


def tamper(folder: Path, rng: random.Random, number: int) -> str:
    """One change to the entry `number`; what was done."""
    kind = rng.choice(("flip", "remove", "swap", "insert", "personal"))
    all_rows = {row[0]: row for row in rows(folder)}
    if kind == "flip":
        column = rng.randrange(1, 6)
        value = all_rows[number][column]
        if isinstance(value, int):
            new = value ^ (1 << rng.randrange(60))
        else:
            data = bytearray(value.encode())
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(7)
            new = data.decode("utf-8", "replace")
        change(folder, f"UPDATE entry SET {COLUMNS[column]} = ? WHERE number = ?", new, number)
        kind += f" in {COLUMNS[column]}"
    elif kind == "remove":
        change(folder, "DELETE FROM entry WHERE number = ?", number)
    elif kind == "swap":
        other = number - 1 if number > 2 else number + 1
        for here, there in ((number, other), (other, number)):
            change(
                folder,
                "UPDATE entry SET time_ns=?, kind=?, body=?, before=?, hash=? WHERE number = ?",
                *all_rows[here][1:],
                there,
            )
    elif kind == "insert":
        change(folder, "UPDATE entry SET number = -number WHERE number >= ?", number)
        change(folder, "UPDATE entry SET number = 1 - number WHERE number < 0")
        before = all_rows[number - 1][5]
        own = chained(number, 1, "decision", "{}", before)
        change(folder, "INSERT INTO entry VALUES (?, 1, 'decision', '{}', ?, ?)", number, before, own)
    else:
        number -= number % 3
        change(folder, "UPDATE personal SET value = 'Eve' WHERE entry = ? AND field = 'person'", number)
    return f"{kind} at {number}"


def test_any_change_is_found(folder, full, tmp_path) -> None:
    rng = random.Random(2)
    whole = (folder / FILE).read_bytes()
    for _ in range(full(60, 1000)):
        (folder / FILE).write_bytes(whole)
        done = tamper(folder, rng, rng.randrange(3, ENTRIES))
        assert audit(folder).findings, done


def test_a_cut_is_found_before_the_checkpoint_and_stated_behind_it(folder) -> None:
    change(folder, "DELETE FROM entry WHERE number > ?", ANCHORED + 3)
    change(folder, "DELETE FROM personal WHERE entry > ?", ANCHORED + 3)
    behind = audit(folder)
    assert behind.verified
    assert behind.tail == 3  # that it had been longer, nobody can know
    change(folder, "DELETE FROM entry WHERE number > ?", ANCHORED - 1)
    change(folder, "DELETE FROM personal WHERE entry > ?", ANCHORED - 1)
    (found,) = audit(folder).findings
    assert found.where == "checkpoints:1"
    assert "the end was cut off" in found.what


def remake(folder: Path, start: int) -> None:
    """A liar with the program's own means: other bodies from `start` on, all hashes right."""
    old = rows(folder)
    before = old[start - 2][5]
    for number, time_ns, kind, *_ in old[start - 1 :]:
        own = chained(number, time_ns, kind, '{"lie":1}', before)
        change(
            folder, "UPDATE entry SET body = ?, before = ?, hash = ? WHERE number = ?", '{"lie":1}', before, own, number
        )
        change(folder, "DELETE FROM personal WHERE entry = ?", number)
        before = own


def test_a_chain_made_anew_is_found_where_a_checkpoint_covers_it(folder) -> None:
    remake(folder, ANCHORED + 1)
    assert audit(folder).verified  # the stated limit: this is what "not anchored" means
    remake(folder, ANCHORED)
    (found,) = audit(folder).findings
    assert "not those that were signed" in found.what


def test_a_flipped_byte_of_the_file_is_found_or_changes_no_entry(folder, full) -> None:
    rng = random.Random(3)
    whole = (folder / FILE).read_bytes()
    before = rows(folder)
    found = 0
    for _ in range(full(60, 2000)):
        data = bytearray(whole)
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        (folder / FILE).write_bytes(data)
        try:
            caught = not audit(folder).verified
        except HilError:
            caught = True
        found += caught
        assert caught or rows(folder) == before
    assert found > 10


def test_a_checkpoint_that_was_changed_or_is_a_strangers_is_found(folder, signer, tmp_path) -> None:
    file = default_file(folder)
    line = json.loads(file.read_text())
    for key, value, what in (
        ("count", ANCHORED - 1, "signature"),
        ("head", "0" * 64, "signature"),
        ("time", "2020-01-01T00:00:00Z", "signature"),
        ("count", "30", "no checkpoint"),
    ):
        file.write_text(json.dumps({**line, key: value}) + "\n")
        (found,) = audit(folder).findings
        assert what in found.what
    file.write_text(json.dumps(line) + "\n")
    stranger = tmp_path / "stranger.pem"
    other = keys.new_key(stranger, "Stranger")
    (found,) = audit(folder, keys=[other]).findings
    assert "no trusted key" in found.what
    with Ledger(tmp_path / "other") as ledger:
        write_checkpoint(ledger, signer, file)
    (found,) = audit(folder, keys=[signer.public]).findings
    assert "another ledger" in found.what


def test_an_erased_person_is_gone_from_the_disk_and_the_chain_verifies(folder) -> None:
    with Ledger(folder) as ledger:
        entry = ledger.erase("a person's wish", value="Ada")
        assert entry is not None
        people = {e.personal.get("person") for e in ledger.entries()}
        assert ledger.erase("again", value="Ada") is None
    assert people == {None, "Grace"}
    assert len(entry.body["fields"]) > 3
    assert audit(folder).verified
    assert not any(b"Ada" in file.read_bytes() for file in folder.iterdir())
    change(folder, "DELETE FROM personal WHERE value = 'Grace'")
    assert all("no entry tells of an erasure" in found.what for found in audit(folder).findings)
    assert not audit(folder).verified


def test_what_is_older_than_its_time_is_erased(folder) -> None:
    with Ledger(folder) as ledger:
        times = [entry.time_ns for entry in ledger.entries()]
        entry = ledger.erase("kept for a year", before_ns=times[20])
    assert entry is not None
    assert {number for number, _ in entry.body["fields"]} == set(range(3, 21, 3))
    assert audit(folder).verified


def test_a_kill_loses_at_most_the_entry_that_was_being_written(tmp_path, full) -> None:
    """The writer says each number after it was written: what it said must be there."""
    rng = random.Random(4)
    for i in range(full(8, 200)):
        folder = tmp_path / str(i)
        command = [sys.executable, str(WRITER), str(folder), "100000"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout is not None
            first = writer.stdout.readline()
            time.sleep(rng.uniform(0, 0.05))
            writer.kill()
            said = [first, *writer.stdout.readlines()]
        last = int([line for line in said if line.endswith("\n")][-1])
        found = audit(folder)
        assert found.verified, found.findings
        assert last <= found.entries <= last + 1
        with Ledger(folder) as ledger:  # and it goes on
            assert ledger.append("decision", {}).number == found.entries + 1


def test_processes_that_write_at_once_make_one_chain(tmp_path) -> None:
    writers = [
        subprocess.Popen([sys.executable, str(WRITER), str(tmp_path), "40"], stdout=subprocess.DEVNULL)
        for _ in range(3)
    ]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    found = audit(tmp_path)
    assert found.verified
    assert found.entries == 1 + 3 * 40


def test_what_cannot_be_written_is_refused_and_leaves_nothing(folder) -> None:
    with Ledger(folder) as ledger:
        for kind, body, what in (("decison", {}, "decision"), ("decision", {"personal": 1}, "personal")):
            with pytest.raises(HilError, match=what):
                ledger.append(kind, body)
        with pytest.raises(AttributeError):
            ledger.append("decision", {}, {"y": 1})  # type: ignore[dict-item]
        assert ledger.head()[1] == ENTRIES
    assert audit(folder).verified


def test_threads_of_a_process_share_one_open_ledger(tmp_path) -> None:
    """A person acts in the thread of the control socket while the twin writes in another one."""
    with Ledger(tmp_path / "twin") as ledger:

        def write(kind: str) -> None:
            for i in range(25):
                ledger.append(kind, {"value": i}, {"person": "Ada"})

        threads = [threading.Thread(target=write, args=(kind,)) for kind in ("alarm", "decision", "quality")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    found = audit(tmp_path / "twin")
    assert found.verified
    assert found.entries == 1 + 75


def hil(capsys, *words) -> tuple[int, str, str]:
    code = main([str(word) for word in words])
    return code, *capsys.readouterr()


def test_the_command_line_tells_the_same(folder, tmp_path, capsys) -> None:
    code, out, _ = hil(capsys, "twin", "audit", "verify", folder, "--json")
    assert code == 0
    told = json.loads(out)
    assert (told["verified"], told["entries"], told["anchored"], told["tail"]) == (True, ENTRIES, ANCHORED, 10)
    code, out, _ = hil(capsys, "twin", "audit", "export", folder)
    lines = [json.loads(line) for line in out.splitlines()]
    assert [line["number"] for line in lines] == list(range(1, ENTRIES + 1))
    assert all(a["hash"] == b["before"] for a, b in pairwise(lines))
    code, out, _ = hil(capsys, "twin", "audit", "erase", folder, "--reason", "wish", "--person", "Grace", "--json")
    assert json.loads(out)["entry"] == ENTRIES + 1
    change(folder, "UPDATE entry SET kind = 'action' WHERE number = 7")
    code, out, _ = hil(capsys, "twin", "audit", "verify", folder)
    assert code == 1
    assert "entry 7: was changed" in out


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (("verify", "nowhere"), "has no ledger"),
        (("erase", "nowhere", "--reason", "x", "--person", "y"), "has no ledger"),
        (("erase", "nowhere", "--reason", "x"), "Give --person or --older-than"),
        (("export", "nowhere"), "has no ledger"),
    ],
)
def test_bad_input_is_one_line(tmp_path, monkeypatch, capsys, words, what) -> None:
    monkeypatch.chdir(tmp_path)
    code, _, err = hil(capsys, "twin", "audit", *words)
    assert code == 2
    assert what in err
    assert len(err.splitlines()) == 1
    assert not list(tmp_path.iterdir())
