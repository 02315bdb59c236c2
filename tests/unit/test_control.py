"""The control socket of a bench that runs: what it does, who may use it, and that no client can disturb it."""

from __future__ import annotations

import json
import os
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hil import control, open_bench
from hil.bench import Bench
from hil.control import ControlClient, ControlServer, wire
from hil.control.server import MOST_CLIENTS
from hil.errors import BenchError
from hil.new import make_rig


def until(condition: Callable[[], Any], timeout_s: float = 5.0) -> Any:
    end = time.monotonic() + timeout_s
    while not (value := condition()):
        assert time.monotonic() < end, "did not come true in time"
        time.sleep(0.005)
    return value


@pytest.fixture
def runtime(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    # Short, because a socket's path has at most 107 characters.
    with tempfile.TemporaryDirectory(prefix="hilt") as folder:
        monkeypatch.setenv("HIL_RUNTIME_DIR", f"{folder}/hil")
        yield Path(folder) / "hil"


@pytest.fixture
def rig(tmp_path: Path) -> Path:
    return make_rig("motor", tmp_path)


@pytest.fixture
def bench(rig: Path, runtime: Path) -> Iterator[Bench]:
    with open_bench(rig, history=False) as bench:
        bench.start()
        yield bench


@pytest.fixture
def server(bench: Bench) -> Iterator[ControlServer]:
    server = ControlServer(bench)
    server.start()
    yield server
    server.close()


@pytest.fixture
def client(server: ControlServer) -> Iterator[ControlClient]:
    assert server.path
    with ControlClient(server.path) as client:
        yield client


def raw(server: ControlServer) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.settimeout(5)
    sock.connect(str(server.path))
    return sock


def test_only_the_owner_can_open_the_socket(server: ControlServer, runtime: Path) -> None:
    assert server.path
    assert server.path.parent == runtime
    assert stat.S_IMODE(runtime.stat().st_mode) == 0o700
    assert stat.S_IMODE(server.path.stat().st_mode) == 0o600
    assert [p.name for p in runtime.iterdir()] == [f"motor.{os.getpid()}.sock"]


def test_another_user_is_turned_away(server: ControlServer, runtime: Path) -> None:
    if os.getuid() != 0:
        pytest.skip("only root can become another user")
    # Even where the folder's and the socket's modes are gone, the server looks at who connects.
    assert server.path
    runtime.parent.chmod(0o755)
    runtime.chmod(0o755)
    server.path.chmod(0o666)
    code = (
        "import os, socket, sys; os.setuid(65534); s = socket.socket(socket.AF_UNIX); s.settimeout(5)\n"
        "s.connect(sys.argv[1])\n"
        'try:\n    s.sendall(b\'{"hil": 1, "do": "stop"}\\n\')\nexcept OSError:\n    pass\n'
        "print(s.recv(4096).decode())"
    )
    out = subprocess.run([sys.executable, "-c", code, str(server.path)], capture_output=True, text=True, timeout=20)
    assert '"ok": false' in out.stdout, out.stderr
    assert "not its owner" in out.stdout


def test_status_says_who_runs_and_how(client: ControlClient, bench: Bench) -> None:
    found = client.request("status")
    assert (found["rig"], found["pid"], found["time"]) == ("motor", os.getpid(), "virtual")
    assert found["bindings"] == {"plc": "mil"}
    assert found["running"] is True
    until(lambda: client.request("status")["tick"] > found["tick"])


def test_values_come_with_units_and_status(client: ControlClient) -> None:
    found = client.request("values", names=["motor.speed", "drive.voltage"])
    assert found["units"] == {"motor.speed": "rad/s", "drive.voltage": "V"}
    assert set(found["status"].values()) <= {0, 1, 2, 4, 8, 16}
    assert set(client.request("values")["values"]) >= {"sensor.speed", "plc.running"}


def test_a_setpoint_is_followed(client: ControlClient, bench: Bench) -> None:
    client.request("set", name="control.setpoint", value=150.0)
    until(lambda: bench["motor.speed"] > 145.0)


def test_a_quantity_is_converted_to_the_unit_of_the_signal(client: ControlClient, bench: Bench) -> None:
    client.request("force", name="sensor.speed", value="600 rpm")
    assert until(lambda: bench.status("sensor.speed") & 2 and bench["sensor.speed"]) == pytest.approx(62.83185307)
    with pytest.raises(BenchError, match="V cannot become"):
        client.request("force", name="sensor.speed", value="3 V")


def test_a_force_holds_until_it_is_released(client: ControlClient, bench: Bench) -> None:
    client.request("force", name="sensor.speed", value=33.0)
    until(lambda: bench["sensor.speed"] == 33.0)
    assert client.request("status")["forced"] == ["sensor.speed"]
    client.request("release", name="sensor.speed")
    until(lambda: bench.status("sensor.speed") == 0)


def test_a_fault_acts_until_it_is_cleared(client: ControlClient, bench: Bench) -> None:
    number = client.request("fault", fault="sensor.speed=stuck(7)")["fault_id"]
    until(lambda: bench["sensor.speed"] == 7.0)
    assert [f["id"] for f in client.request("status")["faults"]] == [number]
    client.request("clear", fault_id=number)
    until(lambda: bench.status("sensor.speed") & 4 == 0)


def test_the_safe_state_can_be_asked_for_and_ended(client: ControlClient, bench: Bench) -> None:
    until(lambda: bench["drive.voltage"] > 1.0)
    client.request("safe")
    until(lambda: bench["drive.voltage"] == 0.0)
    client.request("safe", on=False)
    until(lambda: bench["drive.voltage"] > 1.0)


def test_an_act_is_an_event_in_the_recording(rig: Path, runtime: Path, tmp_path: Path) -> None:
    from hil.recording import Recording

    with open_bench(rig, record=tmp_path / "recording", history=False) as bench:
        server = ControlServer(bench)
        with ControlClient(server.start()) as client:
            bench.start()
            client.request("mark", text="look here")
            client.request("set", name="control.setpoint", value=80.0)
            until(lambda: bench["control.setpoint"] == 80.0)
            client.request("stop")
            until(lambda: not bench.running)
        server.close()
    told = [(event["kind"], event.get("text") or event["target"]) for event in Recording(tmp_path / "recording").events]
    assert ("mark", "look here") in told
    assert any("control.setpoint" in text for _, text in told)


def test_stop_ends_the_run_and_is_answered(client: ControlClient, bench: Bench) -> None:
    assert client.request("stop")["tick"] > 0
    until(lambda: not bench.running)


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        ({"do": "force", "name": "sensor.sped", "value": 1}, "sensor.speed"),
        ({"do": "force", "name": "sensor.speed"}, "finite number"),
        ({"do": "force", "name": "sensor.speed", "value": None}, "finite number"),
        ({"do": "force", "name": 7, "value": 1}, "name is missing"),
        ({"do": "set", "name": "control.setpoint", "value": 1, "at_s": -1}, "at_s"),
        ({"do": "set", "name": "control.nonsense", "value": 1}, "cannot be set"),
        ({"do": "values", "names": ["nonsense"]}, "nonsense"),
        ({"do": "values", "names": "sensor.speed"}, "list"),
        ({"do": "fault", "fault": "sensor.speed=melted"}, "melted"),
        ({"do": "fault"}, "fault is missing"),
        ({"do": "clear", "fault_id": 99}, "99"),
        ({"do": "clear", "fault_id": "all"}, "whole number"),
        ({"do": "safe", "on": 1}, "true or false"),
        ({"do": "mark"}, "text is missing"),
        ({"do": "explode"}, "explode"),
        ({"do": ["stop"]}, "not known"),
        ({}, "not known"),
    ],
)
def test_a_bad_request_is_answered_with_what_is_wrong(
    client: ControlClient, request_: dict[str, Any], words: str
) -> None:
    do = request_.pop("do", None)
    with pytest.raises(BenchError) as error:
        client.request(do, **request_)
    assert words in str(error.value)
    assert client.request("status")["running"] is True


@pytest.mark.parametrize(
    "line",
    [
        b"hello",
        b"\xff\xfe\x00\x80",
        b"[1, 2]",
        b'{"do": "status"}',
        b'{"hil": 2, "do": "status"}',
        b"[" * 60_000,
        b'{"hil": 1, "do": "force", "name": "sensor.speed", "value": NaN}',
        b'{"hil": 1, "do": "force", "name": "sensor.speed", "value": 1e999}',
    ],
)
def test_a_line_that_is_no_request_leaves_the_connection_usable(server: ControlServer, line: bytes) -> None:
    with raw(server) as sock:
        lines = sock.makefile("rb")
        sock.sendall(line + b"\n" + b'{"hil": 1, "id": 5, "do": "status"}\n')
        refused, answered = json.loads(lines.readline()), json.loads(lines.readline())
        lines.close()
    assert refused["ok"] is False
    assert refused["error"]["message"]
    assert (answered["ok"], answered["id"]) == (True, 5)


def test_a_line_that_is_too_long_is_refused_once_and_skipped(server: ControlServer) -> None:
    with raw(server) as sock:
        lines = sock.makefile("rb")
        sock.sendall(b"x" * (3 * wire.LONGEST_LINE) + b"\n" + b'{"hil": 1, "id": 5, "do": "status"}\n')
        assert "at most" in json.loads(lines.readline())["error"]["message"]
        assert json.loads(lines.readline())["id"] == 5
        lines.close()


def test_requests_may_come_in_pieces_and_in_heaps(server: ControlServer) -> None:
    one = b'{"hil": 1, "do": "values", "names": ["motor.speed"]}\n'
    with raw(server) as sock:
        lines = sock.makefile("rb")
        for k in range(len(one)):
            sock.sendall(one[k : k + 1])
        assert json.loads(lines.readline())["ok"] is True
        sock.sendall(one * 200)
        assert all(json.loads(lines.readline())["ok"] for _ in range(200))
        lines.close()


def test_a_client_that_does_not_read_is_dropped_and_disturbs_nobody(
    server: ControlServer, client: ControlClient
) -> None:
    with raw(server) as deaf:
        deaf.settimeout(0.5)
        heap = b'{"hil": 1, "do": "status"}\n' * 10_000
        with pytest.raises(OSError):  # noqa: PT011 - reset, broken pipe or time-out, as the kernel likes
            deaf.sendall(heap * 100)
        assert client.request("status")["running"] is True


def test_more_clients_than_allowed_are_turned_away(server: ControlServer) -> None:
    socks = [raw(server) for _ in range(MOST_CLIENTS)]
    try:
        for sock in socks:
            sock.sendall(b'{"hil": 1, "do": "status"}\n')
            assert b'"ok": true' in sock.recv(1 << 20)
        with raw(server) as late:
            assert b"too many clients" in late.recv(4096)
    finally:
        for sock in socks:
            sock.close()


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(junk=st.binary(max_size=3000))
def test_junk_never_disturbs_the_bench(server: ControlServer, bench: Bench, junk: bytes) -> None:
    with raw(server) as sock:
        sock.sendall(junk)
    with raw(server) as sock:
        sock.sendall(b'{"hil": 1, "do": "status"}\n')
        assert b'"running": true' in sock.recv(1 << 20)
    assert bench.running


def test_clients_at_once_all_get_their_own_answers(server: ControlServer) -> None:
    failures: list[BaseException] = []

    def ask(text: str) -> None:
        try:
            assert server.path
            with ControlClient(server.path) as client:
                for _ in range(50):
                    with pytest.raises(BenchError, match=text):
                        client.request("force", name=text, value=1)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=ask, args=(f"client{n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


# ---- finding a bench ----


def test_a_bench_is_found_by_name_path_and_pid(server: ControlServer, rig: Path) -> None:
    for named in ("motor", str(rig), str(rig / "rig.toml"), None):
        with control.connect(named) as client:
            assert client.request("status")["rig"] == "motor"
    with control.connect(pid=os.getpid()) as client:
        assert client.request("status")["rig"] == "motor"
    with pytest.raises(BenchError, match="no bench of rig 'quad_tank' runs"):
        control.connect("quad_tank")


def test_a_bench_is_found_by_the_name_in_its_file_not_of_its_folder(server: ControlServer, rig: Path) -> None:
    with control.connect(str(rig.rename(rig.with_name("elsewhere")))) as client:
        assert client.request("status")["rig"] == "motor"


def test_two_benches_of_a_rig_are_told_apart(server: ControlServer, rig: Path) -> None:
    with open_bench(rig, history=False) as other:
        second = ControlServer(other)
        second.start()
        assert len(control.running()) == 2
        with pytest.raises(BenchError, match="2 benches run"):
            control.connect("motor")
        second.close()
    with control.connect("motor") as client:
        assert client.request("status")["running"] is True


def test_what_a_killed_bench_left_is_cleaned_up(runtime: Path) -> None:
    runtime.mkdir(mode=0o700)
    left = runtime / "motor.4194000.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(left))
    assert left.exists()
    assert control.running() == []
    assert not left.exists()


def test_nothing_is_left_after_the_end(rig: Path, runtime: Path) -> None:
    with open_bench(rig, history=False) as bench:
        before = threading.active_count()
        server = ControlServer(bench)
        server.start()
        with ControlClient(server.path or Path()) as client:
            server.close()
            server.close()
            with pytest.raises(BenchError, match=r"has ended|has gone"):
                client.request("status")
        assert threading.active_count() == before
        assert list(runtime.iterdir()) == []


def test_a_folder_of_somebody_else_is_not_used(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runtime.mkdir(mode=0o700)
    runtime.chmod(0o777)
    with pytest.raises(BenchError, match="only you can open"):
        wire.own_folder("motor.1.sock")
    runtime.rmdir()
    runtime.symlink_to(runtime.parent)
    with pytest.raises(BenchError, match="only you can open"):
        wire.own_folder("motor.1.sock")
