"""`hil twin stop`: through the control socket, within one tick of its acceptance, whoever holds the lease."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from gate_rig import RIG, Gate

from hil import open_bench
from hil.bench import Bench
from hil.cli import main
from hil.control import ControlClient, ControlServer
from hil.events import AuthorityAct, AuthorityReason


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    folder = tmp_path / "gate"
    folder.mkdir()
    (folder / "rig.toml").write_text(RIG)
    with tempfile.TemporaryDirectory(prefix="hilt") as runtime:
        monkeypatch.setenv("HIL_RUNTIME_DIR", f"{runtime}/hil")
        with open_bench(folder, time="real") as opened:
            yield opened


@pytest.fixture
def server(bench: Bench) -> Iterator[ControlServer]:
    made = ControlServer(bench)
    made.start()
    yield made
    made.close()


def acting(bench: Bench) -> None:
    """The twin acts from now on; a first tick must have told where the output is."""
    wait_for(bench, "setpoint.started", 1.0)
    gate = Gate(bench)
    gate.send(AuthorityAct.GRANT, 18.0, 25.0, 10.0, until=10**9)
    gate.send(AuthorityAct.REQUEST, 24.0, until=10**9)
    wait_for(bench, "setpoint.acting", 1.0)


def wait_for(bench: Bench, name: str, value: float) -> None:
    end = time.monotonic() + 5.0
    while bench[name] != value:
        assert time.monotonic() < end, f"{name} stays {bench[name]}"
        time.sleep(0.001)


def revocations(bench: Bench) -> list[int]:
    """Their ticks, as far as the loop's events have been taken out."""
    return [e["tick"] for e in bench.events if e["kind"] == "authority" and e["b"] == AuthorityReason.REVOKED]


def test_a_stop_acts_within_one_tick_of_its_acceptance(bench: Bench, server: ControlServer) -> None:
    bench.start()
    late = []
    with ControlClient(server.path) as client:
        for _ in range(20):
            acting(bench)
            before = len(revocations(bench))
            answer = client.request("twin_stop")
            end = time.monotonic() + 5.0
            while len(revocations(bench)) == before:
                assert time.monotonic() < end, "nothing was revoked"
                time.sleep(0.01)
            late.append(revocations(bench)[before] - answer["tick"])
    bench.stop()
    print("ticks from acceptance to effect:", late)
    assert answer["authorities"] == ["setpoint"]
    assert set(late) <= {0, 1}, "`tick` is the one that runs or runs next"


def test_a_stop_needs_no_lease(bench: Bench, server: ControlServer) -> None:
    with ControlClient(server.path) as other, ControlClient(server.path) as client:
        other.take_lease(60.0)
        bench.start()
        acting(bench)
        client.request("twin_stop")
        wait_for(bench, "setpoint.reason", AuthorityReason.REVOKED)
        wait_for(bench, "setpoint.y", 20.0)


def test_the_command_stops_every_bench_that_runs(
    bench: Bench, server: ControlServer, capsys: pytest.CaptureFixture[str]
) -> None:
    bench.start()
    acting(bench)
    assert main(["twin", "stop", "--json"]) == 0
    (stopped,) = json.loads(capsys.readouterr().out)["stopped"]
    assert stopped["rig"] == "gate"
    wait_for(bench, "setpoint.reason", AuthorityReason.REVOKED)
    acting(bench)
    words = [sys.executable, "-m", "hil", "twin", "stop", "gate"]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert "no emergency stop" in done.stdout
    wait_for(bench, "setpoint.reason", AuthorityReason.REVOKED)


def test_without_a_bench_the_command_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HIL_RUNTIME_DIR", str(tmp_path / "none"))
    assert main(["twin", "stop"]) == 2
    assert "no bench runs" in capsys.readouterr().err
