"""What people say to a twin over its bench's socket and on the command line meets the same desk and gate."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from desk_rig import Office, office

from hil import control
from hil.cli import main
from hil.control import ControlClient, ControlServer
from hil.errors import BenchError
from hil.twin.requests import FREE, requests_of


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    monkeypatch.setenv("HIL_RUNTIME_DIR", str(tmp_path / "r"))
    with office(tmp_path) as made:
        yield made


@pytest.fixture
def twin(desk: Office) -> SimpleNamespace:
    return SimpleNamespace(desk=desk.desk, lock=threading.RLock(), status=dict)


@pytest.fixture
def client(desk: Office, twin: SimpleNamespace) -> Iterator[ControlClient]:
    server: Any = ControlServer(desk.bench, requests_of(twin), FREE)
    server.start()
    with control.connect("gate") as made:
        yield made
    server.close()


def test_a_person_promotes_approves_and_vetoes_on_the_command_line(
    desk: Office, client: ControlClient, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def said(*words: str, code: int = 0) -> str:
        assert main(["twin", *words]) == code
        out, err = capsys.readouterr()
        return out + err

    envelope = tmp_path / "envelope.json"
    envelope.write_text(desk.envelope())
    desk.propose()
    assert "stands at ADVISE" in said("approve", "1", "--person", "Ann", code=2)
    assert "nobody is named" in said("approve", "1", code=2)
    assert "no envelope is given" in said("promote", "warmth", "APPROVE", "--person", "Ann", code=2)
    promote = ("promote", "warmth", "semi", "--person", "Ann", "--reason", "quiet", "--envelope", str(envelope))
    assert "warmth stands at SEMI, until" in said(*promote)
    assert "1  proposed" in said("proposals", "gate")
    assert "proposal 1 is applied" in said("approve", "1", "--person", "Ann")
    assert desk.pass_s(0.3).y == 24.0
    assert "proposal 1 is vetoed" in said("veto", "1", "--person", "Bob", "--reason", "enough")
    assert desk.pass_s(0.5).y == 20.0
    assert "stands at ADVISE" in said("promote", "warmth", "ADVISE", "--person", "Bob")
    found = json.loads(said("proposals", "gate", "--json"))
    assert found["actions"]["warmth"]["level"] == "ADVISE"
    assert "Ann" not in json.dumps(found)
    assert "quiet" not in json.dumps(found)
    marks = [event for event in desk.bench.events if event["kind"] == "mark"]
    assert not marks, "who decided what stands in the ledger, where it can be erased"


def test_a_veto_and_a_stop_need_no_lease_and_an_approval_does(desk: Office, client: ControlClient) -> None:
    desk.desk.promote("warmth", "SEMI", "Ann", "", desk.envelope())
    desk.propose()
    with client.lease(for_s=30), control.connect("gate") as other:
        with pytest.raises(BenchError, match="holds the lease"):
            other.request("twin_approve", number=1, person="Bob", lease="another")
        assert other.request("twin_veto", number=1, person="Bob", lease="another")["state"] == "vetoed"
        assert other.request("twin_lower", action="warmth", level="ADVISE", person="Bob")["level"] == "ADVISE"
        with pytest.raises(BenchError, match="no envelope"):
            other.request("twin_lower", action="warmth", level="AUTO", person="Bob")
    with pytest.raises(BenchError, match="whole number"):
        client.request("twin_veto", number=1.6, person="Bob")


def test_a_stop_does_not_wait_for_a_twin_that_thinks(
    desk: Office, twin: SimpleNamespace, client: ControlClient
) -> None:
    with control.connect("gate", timeout_s=60.0) as patient, control.connect("gate", timeout_s=60.0) as other:
        waiting = threading.Thread(target=lambda: patient.request("twin_proposals"))
        with twin.lock:
            waiting.start()
            time.sleep(0.2)
            assert waiting.is_alive(), "it waits for the twin"
            begin = time.monotonic()
            other.request("twin_stop")
            other.request("status")
            assert time.monotonic() - begin < 1.0
            assert waiting.is_alive()
        waiting.join(timeout=60)
        assert not waiting.is_alive()
