"""The lease itself, on a clock that the test moves; and where its token is kept."""

from __future__ import annotations

import math
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hil.control import kept
from hil.control.lease import AUTOMATIC_S, LONGEST_S, Access, Lease, Peer, left_text, program_of
from hil.errors import BenchError

FREE = frozenset({"status", "lease", "stop"})


class Clock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def lease(clock: Clock) -> Lease:
    return Lease("motor", clock)


def peer(session: int | None) -> Peer:
    return Peer(os.getuid(), os.getpid(), session)


ANN, BOB = peer(1), peer(2)


def begun(command: list[str]) -> subprocess.Popen[bytes]:
    """A program that has printed a line and waits: until then the kernel may not know its words."""
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert child.stdout
    child.stdout.readline()
    return child


def test_a_lease_ends_at_its_time_and_not_before(lease: Lease, clock: Clock) -> None:
    lease.take(ANN, 10.0)
    clock.now_s += 9.999
    with pytest.raises(BenchError, match=r"motor: .* holds the lease for another 0\.1 s"):
        lease.take(BOB, 10.0)
    clock.now_s += 0.001
    assert lease.show()["held"] is False
    assert lease.take(BOB, 5.0)["left_s"] == 5.0


def test_renewing_counts_from_now_and_does_not_wake_what_has_ended(lease: Lease, clock: Clock) -> None:
    token = lease.take(ANN, 10.0)["token"]
    clock.now_s += 8.0
    assert lease.renew(3.0, token)["left_s"] == 3.0
    clock.now_s += 3.0
    with pytest.raises(BenchError, match="it has ended"):
        lease.renew(10.0, token)
    with pytest.raises(BenchError, match="it has ended"):
        lease.release(token)


def test_only_the_token_renews_releases_and_writes(lease: Lease) -> None:
    token = lease.take(ANN, 10.0)["token"]
    for wrong in (None, "", token[:-1], token + "x"):
        for act in (lambda t: lease.renew(1.0, t), lease.release, lambda t: lease.check(ANN, t)):
            with pytest.raises(BenchError, match="holds the lease"):
                act(wrong)
    lease.check(BOB, token)  # carried into another session
    lease.release(token)
    lease.check(BOB, None)


def test_taking_again_prolongs_with_the_same_token_and_a_new_lease_has_another(lease: Lease) -> None:
    token = lease.take(ANN, 10.0)["token"]
    assert lease.take(ANN, 20.0, token)["token"] == token
    assert lease.show()["left_s"] == 20.0
    lease.release(token)
    assert lease.take(ANN, 10.0, token)["token"] != token


def test_a_write_holds_others_off_for_a_moment_and_not_ones_own_next_command(lease: Lease, clock: Clock) -> None:
    lease.check(ANN, None)
    lease.wrote(ANN)
    assert lease.show()["automatic"] is True
    lease.check(peer(1), None)
    with pytest.raises(BenchError, match="holds the lease"):
        lease.check(BOB, None)
    clock.now_s += AUTOMATIC_S - 0.5
    lease.wrote(peer(1))
    clock.now_s += AUTOMATIC_S - 0.5
    with pytest.raises(BenchError, match=r"another 0\.5 s"):
        lease.take(BOB, 10.0)
    clock.now_s += 0.5
    lease.check(BOB, None)


def test_who_has_an_automatic_lease_can_take_a_long_one(lease: Lease) -> None:
    lease.wrote(ANN)
    assert lease.take(peer(1), 30.0)["automatic"] is False
    lease.wrote(ANN)
    assert lease.show()["left_s"] == 30.0


def test_those_whose_session_cannot_be_seen_are_strangers_to_each_other(lease: Lease) -> None:
    unseen = peer(None)
    lease.wrote(unseen)
    lease.check(unseen, None)
    with pytest.raises(BenchError, match="holds the lease"):
        lease.check(peer(None), None)


def test_another_user_with_the_same_session_number_is_another_person(lease: Lease) -> None:
    lease.wrote(ANN)
    with pytest.raises(BenchError, match="holds the lease"):
        lease.check(Peer(os.getuid() + 1, os.getpid(), 1), None)


@pytest.mark.parametrize("for_s", [0, -1, LONGEST_S + 1, math.inf, math.nan, True, "60", None])
def test_a_time_that_is_none_is_refused(lease: Lease, for_s: Any) -> None:
    with pytest.raises(BenchError, match="at most 3600 s"):
        Access(lease, ANN, FREE).request(None, {"act": "take", "for_s": for_s})
    assert lease.show()["held"] is False


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"act": "steal"}, "take, renew, release, show"),
        ({"act": "show", "lease": 7}, "token of a lease"),
        ({"act": "renew", "lease": "\u00e4"}, "token of a lease"),
        ({"act": "take", "person": ""}, "person must be"),
        ({"act": "take", "person": "x" * 65}, "person must be"),
        ({"act": "take", "person": "\x1b[2J"}, "person must be"),
        ({"act": "take", "person": 3}, "person must be"),
    ],
)
def test_a_bad_request_is_told(lease: Lease, fields: dict[str, Any], words: str) -> None:
    with pytest.raises(BenchError, match=words):
        Access(lease, ANN, FREE).request(None, fields)
    assert lease.show()["held"] is False


def test_what_only_reads_passes_and_begins_no_lease(lease: Lease) -> None:
    stranger = Access(lease, BOB, FREE)
    stranger.done({"do": "stop"})
    assert lease.show()["held"] is False
    lease.take(ANN, 10.0)
    for do in FREE:
        stranger.check({"do": do})
    with pytest.raises(BenchError, match="holds the lease"):
        stranger.check({"do": "a request of tomorrow"})


def test_the_holder_is_named_and_said_to_have_ended() -> None:
    with begun([sys.executable, "-c", "print(flush=True); input()"]) as child:
        lease = Lease("motor")
        who = lease.take(Peer.of(os.getuid(), child.pid), 60.0, person="Ann Example")["holder"]
        assert who["person"] == "Ann Example"
        with pytest.raises(BenchError, match=rf"Ann Example, .+@.+ \(python.*, pid {child.pid}\), holds"):
            lease.check(BOB, None)
        child.kill()
    with pytest.raises(BenchError, match=f"pid {child.pid}, which has ended"):
        lease.check(BOB, None)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["-c", "print(flush=True); input()", "hil", "set"], Path(sys.executable).resolve().name),
        (["-X", "utf8", "-u", "-m", "timeit", "-s", "print(flush=True); input()"], "timeit"),
        (["-B", "SCRIPT", "set", "secret"], "hil set"),
    ],
)
def test_a_program_is_named_as_people_call_it(tmp_path: Path, arguments: list[str], words: str) -> None:
    (tmp_path / "hil").write_text("print(flush=True); input()")
    command = [str(Path(sys.executable).resolve()), *(str(tmp_path / "hil") if a == "SCRIPT" else a for a in arguments)]
    with begun(command) as child:
        assert program_of(child.pid) == words
        child.kill()


def test_what_is_left_is_never_rounded_to_nothing() -> None:
    assert [left_text(s) for s in (0.001, 2.34, 10.2, 3600.0)] == ["0.1 s", "2.4 s", "11 s", "3600 s"]


# ---- the file of the token ----


def test_a_token_is_kept_for_its_owner_and_this_session_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(kept.VARIABLE, raising=False)
    socket_path = tmp_path / "motor.12.sock"
    assert kept.read(socket_path) is None
    kept.write(socket_path, "first")
    kept.write(socket_path, "second")
    (file,) = tmp_path.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert kept.read(socket_path) == "second"
    code = "import sys; from pathlib import Path; from hil.control import kept; print(kept.read(Path(sys.argv[1])))"
    elsewhere = [sys.executable, "-c", code, str(socket_path)]
    for new, told in ((False, "second"), (True, "None")):
        found = subprocess.run(elsewhere, capture_output=True, text=True, start_new_session=new, check=True)
        assert found.stdout.strip() == told
    monkeypatch.setenv(kept.VARIABLE, "carried")
    assert kept.read(socket_path) == "carried"


def test_a_file_that_others_could_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(kept.VARIABLE, raising=False)
    socket_path = tmp_path / "motor.12.sock"
    kept.write(socket_path, "token")
    kept.file_of(socket_path).chmod(0o640)
    with pytest.raises(BenchError, match="only you can read"):
        kept.read(socket_path)


def test_the_end_of_a_bench_removes_its_files_and_no_others(tmp_path: Path) -> None:
    kept.write(tmp_path / "motor.12.sock", "gone")
    kept.write(tmp_path / "motor.12-2.sock", "stays")
    kept.write(tmp_path / "motor.123.sock", "stays")
    kept.forget_all(tmp_path / "motor.12.sock")
    assert sorted(file.read_text() for file in tmp_path.iterdir()) == ["stays", "stays"]
