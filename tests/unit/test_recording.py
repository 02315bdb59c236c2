"""A recording gives back what was written, survives a kill and a full disk, and refuses what it cannot use."""

from __future__ import annotations

import errno
import gc
import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hil.errors import RecordingError
from hil.recording import Group, InputKind, Recording, RecordingWriter

MAIN = Group([("tank.level", "m"), ("pump.v", "V")], status_columns=["tank.level"])
SLOW = Group([("plc.temperature", "degC")], every=10)
GROUPS = {"signals": MAIN, "slow": SLOW}


def write_some(folder: Path, n: int = 1000, *, flush_every: int = 100, close: bool = True) -> np.ndarray:
    """n ticks of two groups; the values of the main one are returned, n x 2."""
    writer = RecordingWriter(folder, {"rig": {"name": "tank"}}, {"rig": "tank", "period_s": 0.001}, GROUPS)
    values = np.random.default_rng(5).normal(size=(n, 2)).cumsum(axis=0)
    ticks = np.arange(n)
    for at in range(0, n, 50):
        part = slice(at, at + 50)
        status = np.full((len(ticks[part]), 1), 4 if at >= n // 2 else 0, np.uint8)
        writer.write_rows("signals", ticks[part], ticks[part] * 3, ticks[part] * 5, values[part], status)
        slow = ticks[part][ticks[part] % 10 == 0]
        writer.write_rows("slow", slow, slow * 0, slow * 0, slow[:, None] * 0.5)
        writer.write_inputs([at], [InputKind.IMAGE], [1], [at * 1000], [values[at].tobytes()])
        writer.write_events([{"tick": at, "time_s": at / 1000, "kind": "mark", "target": "script", "a": float("nan")}])
        if (at + 50) % flush_every == 0:
            writer.flush()
    if close:
        writer.close({"ticks": n, "result": "passed"})
    else:
        writer.flush()
    return values


def test_every_bit_comes_back(tmp_path: Path) -> None:
    special = np.array([[np.nan, -0.0], [np.inf, -np.inf], [5e-324, 1.7976931348623157e308]])
    writer = RecordingWriter(tmp_path / "r", {}, {"period_s": 0.5}, {"signals": MAIN})
    writer.write_rows("signals", np.arange(3), np.arange(3) - 1, np.arange(3) * 7, special)
    writer.close({"ticks": 3})
    rec = Recording(tmp_path / "r")
    for column, name in enumerate(rec.names):
        assert rec[name].tobytes() == special[:, column].tobytes()
    assert rec.complete
    assert rec.problems == []
    assert rec.late_ns().tolist() == [-1, 0, 1]
    assert rec.exec_ns().tolist() == [0, 7, 14]
    assert rec.time_s().tolist() == [0.0, 0.5, 1.0]
    assert rec.units == {"tank.level": "m", "pump.v": "V"}


def test_groups_keep_their_own_time(tmp_path: Path) -> None:
    values = write_some(tmp_path / "r")
    rec = Recording(tmp_path / "r")
    assert rec.names == ["tank.level", "pump.v", "plc.temperature"]
    assert rec.tick("slow").tolist() == list(range(0, 1000, 10))
    assert rec.time_s("plc.temperature")[3] == pytest.approx(0.03)
    assert rec["plc.temperature"][3] == 15.0
    assert rec.groups["slow"].every == 10
    assert np.array_equal(rec.columns(["pump.v", "plc.temperature"])["pump.v"], values[:, 1])
    assert rec.status("tank.level").tolist() == [0] * 500 + [4] * 500
    assert rec.status("pump.v").tolist() == [0] * 1000, "a status that was not recorded is good"


def test_a_window_has_its_first_tick_and_not_its_last(tmp_path: Path) -> None:
    values = write_some(tmp_path / "r")
    rec = Recording(tmp_path / "r")
    part = rec.window(0.3, 0.7)  # 0.3 / 0.001 is below 300 in doubles
    assert part.tick().tolist() == list(range(300, 700))
    assert np.array_equal(part["pump.v"], values[300:700, 1])
    assert len(part.status("tank.level")) == 400
    assert len(rec["pump.v"]) == 1000, "the whole recording stays as it was"
    assert rec.window(5.0, 6.0)["pump.v"].size == 0


def test_inputs_come_back_in_their_order(tmp_path: Path) -> None:
    values = write_some(tmp_path / "r")
    inputs = list(Recording(tmp_path / "r").inputs())
    assert [entry.tick for entry in inputs] == list(range(0, 1000, 50))
    assert inputs[3] == (150, InputKind.IMAGE, 1, 150_000, values[150].tobytes())


def test_events_are_strict_json(tmp_path: Path) -> None:
    write_some(tmp_path / "r")
    lines = (tmp_path / "r" / "events.jsonl").read_text().splitlines()
    assert json.loads(lines[1], parse_constant=pytest.fail)["a"] is None
    assert Recording(tmp_path / "r").events[1]["tick"] == 50


def test_rows_of_the_wrong_shape_are_refused(tmp_path: Path) -> None:
    writer = RecordingWriter(tmp_path / "r", {}, {"period_s": 1.0}, {"signals": MAIN})
    with pytest.raises(ValueError, match=r"values of shape \(3, 2\)"):
        writer.write_rows("signals", np.arange(3), np.arange(3), np.arange(3), np.zeros((2, 3)))
    writer.close()


def test_more_rows_than_a_batch_holds(tmp_path: Path) -> None:
    writer = RecordingWriter(tmp_path / "r", {}, {"period_s": 1e-3}, {"signals": MAIN})
    n = 50_000
    values = np.arange(2.0 * n).reshape(n, 2)
    writer.write_rows("signals", np.arange(n), np.arange(n), np.arange(n), values)
    writer.close({"ticks": n})
    rec = Recording(tmp_path / "r")
    assert np.array_equal(rec["pump.v"], values[:, 1])
    assert rec.ticks == n


# ---- a writer that does not come to its end ----

PACED = """
import sys, time, numpy as np
from hil.recording import Group, RecordingWriter
n = 20
writer = RecordingWriter(sys.argv[1], {}, {"period_s": 1e-3}, {"signals": Group([(f"s{i}", "m") for i in range(n)])})
start, tick = time.monotonic(), 0
while True:
    time.sleep(0.05)
    now = int((time.monotonic() - start) * 1000)
    ticks = np.arange(tick, now)
    writer.write_inputs(ticks, [2] * len(ticks), [1] * len(ticks), ticks, [b"12345678"] * len(ticks))
    writer.write_events([{"tick": int(now), "kind": "mark"}])
    writer.write_rows("signals", ticks, ticks, ticks, np.repeat(ticks[:, None] * 1.0, n, axis=1))
    tick = now
    print(tick, flush=True)
"""


@pytest.mark.realtime
def test_kill_9_loses_less_than_a_second(tmp_path: Path) -> None:
    folder = tmp_path / "r"
    with subprocess.Popen([sys.executable, "-c", PACED, str(folder)], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        told = 0
        while told < 2300:
            told = int(child.stdout.readline())
        child.send_signal(signal.SIGKILL)
        told = max([told, *(int(line) for line in child.stdout.read().split())])
    rec = Recording(folder)
    assert told - 1000 < rec.ticks <= told + 100
    assert rec.ticks > 1000
    assert np.array_equal(rec["s7"], np.arange(rec.ticks))
    assert max(entry.tick for entry in rec.inputs()) >= rec.ticks - 1, "what can be read can be replayed"
    assert rec.events[-1]["tick"] >= rec.ticks - 1
    assert not rec.complete
    assert "not complete" in rec.problems[0]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, np.ndarray]:
    folder = tmp_path_factory.mktemp("whole") / "r"
    return folder, write_some(folder)


@pytest.fixture
def small_heap() -> Iterator[None]:
    """Hides what earlier tests left from the collector: examples raise often, and each full pass would walk it all."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.mark.usefixtures("small_heap")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])  # once for all examples is what it is for
@given(data=st.data())
def test_a_file_cut_anywhere_is_read_up_to_there(whole: tuple[Path, np.ndarray], data: st.DataObject) -> None:
    folder, values = whole
    cut_folder = folder.parent / "cut"
    cut_folder.mkdir(exist_ok=True)
    for path in folder.iterdir():
        raw = path.read_bytes()
        keep = len(raw) if path.suffix == ".json" else data.draw(st.integers(0, len(raw)), label=path.name)
        (cut_folder / path.name).write_bytes(raw[:keep])
    rec = Recording(cut_folder)
    rows = len(rec.tick("signals"))
    if "pump.v" in rec:
        assert np.array_equal(rec["pump.v"], values[:rows, 1])
    assert rec.tick("signals").tolist() == list(range(rows))
    assert [entry.tick for entry in rec.inputs()] == list(range(0, 1000, 50))[: len(list(rec.inputs()))]
    assert [event["tick"] for event in rec.events] == list(range(0, 1000, 50))[: len(rec.events)]
    assert isinstance(rec.problems, list)


def test_a_torn_batch_is_told(tmp_path: Path) -> None:
    write_some(tmp_path / "r")
    path = tmp_path / "r" / "signals.arrows"
    path.write_bytes(path.read_bytes()[:-300])
    assert any("signals.arrows is torn" in problem for problem in Recording(tmp_path / "r").problems)


def test_a_recording_is_readable_while_it_grows(tmp_path: Path) -> None:
    values = write_some(tmp_path / "r", close=False)
    rec = Recording(tmp_path / "r")
    assert np.array_equal(rec["tank.level"], values[:, 0])
    assert rec.ticks == 1000
    assert not rec.complete


def test_an_exception_closes_the_recording_as_aborted(tmp_path: Path) -> None:
    with pytest.raises(KeyError), RecordingWriter(tmp_path / "r", {}, {"period_s": 1.0}, GROUPS):
        raise KeyError("the bench broke")
    assert Recording(tmp_path / "r").manifest["result"] == "aborted"


# ---- a full disk ----

FULL = textwrap.dedent("""
    import resource, sys, numpy as np
    from hil.errors import RecordingError
    from hil.recording import Group, Recording, RecordingWriter
    folder, limit, n = sys.argv[1], int(sys.argv[2]), 20
    if limit:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    told, rng, ticks = [], np.random.default_rng(1), np.arange(100)
    writer = RecordingWriter(folder, {}, {"period_s": 1e-3}, {"signals": Group([(f"s{i}", "m") for i in range(n)])})
    for block in range(200):
        try:
            writer.write_rows("signals", ticks + 100 * block, ticks, ticks, rng.normal(size=(100, n)))
            writer.write_events([{"tick": 100 * block, "kind": "mark"}])
            writer.flush()
        except RecordingError as error:
            told.append(str(error))
    writer.close({"ticks": 20000, "result": "passed"})
    assert len(told) == 1, told
    print(told[0])
""")


def check_full(folder: Path, limit: int) -> None:
    done = subprocess.run([sys.executable, "-c", FULL, str(folder), str(limit)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "the disk is full" in done.stdout
    assert "Free some space" in done.stdout
    rec = Recording(folder)
    expected = np.random.default_rng(1).normal(size=(20_000, 20))
    rows = len(rec["s3"])
    assert 1000 < rows < 19_000
    assert np.array_equal(rec["s3"], expected[:rows, 3])
    assert not rec.groups["signals"].torn, "no half batch is left behind"
    assert not rec.complete
    assert "disk is full" in rec.problems[0]
    assert rec.manifest["dropped_rows"] > 0


def test_a_full_disk_is_told_once_and_leaves_a_readable_recording(tmp_path: Path) -> None:
    check_full(tmp_path / "r", limit=1_000_000)  # RLIMIT_FSIZE: EFBIG in the middle of a write


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small file system needs root")
def test_a_really_full_file_system(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)], capture_output=True)
    if mounted.returncode:
        pytest.skip("mounting is not permitted here")
    try:
        check_full(disk / "r", limit=0)
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_disk_that_is_full_at_the_start_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real_write = os.write

    def full(fd: int, data: bytes) -> int:
        if len(data) > 300:  # a schema; the manifest still fits
            raise OSError(errno.ENOSPC, "No space left on device")
        return real_write(fd, data)

    monkeypatch.setattr(os, "write", full)
    before = len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(RecordingError, match="disk is full"):
        RecordingWriter(tmp_path / "r", {}, {"period_s": 1.0}, GROUPS)
    assert not (tmp_path / "r").exists()
    assert len(list(Path("/proc/self/fd").iterdir())) == before


# ---- folders that cannot be used ----


def test_an_existing_recording_is_kept_unless_it_may_be_replaced(tmp_path: Path) -> None:
    write_some(tmp_path / "r")
    (tmp_path / "r" / "notes.txt").write_text("mine")
    with pytest.raises(RecordingError, match="there is a recording already"):
        RecordingWriter(tmp_path / "r", {}, {"period_s": 1.0}, GROUPS)
    assert len(Recording(tmp_path / "r")["pump.v"]) == 1000
    RecordingWriter(tmp_path / "r", {}, {"period_s": 1.0}, {"signals": MAIN}, overwrite=True).close()
    assert len(Recording(tmp_path / "r")["pump.v"]) == 0
    assert not (tmp_path / "r" / "signals.slow.arrows").exists(), "nothing of the old one is left"
    assert (tmp_path / "r" / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_folder_of_something_else_is_never_touched(tmp_path: Path, overwrite: bool) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(RecordingError, match="not empty and not a recording"):
        RecordingWriter(tmp_path, {}, {"period_s": 1.0}, GROUPS, overwrite=overwrite)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_two_benches_cannot_record_into_one_folder(tmp_path: Path) -> None:
    first = RecordingWriter(tmp_path / "r", {}, {"period_s": 1.0}, GROUPS)
    with pytest.raises(RecordingError, match="another bench is recording here"):
        RecordingWriter(tmp_path / "r", {}, {"period_s": 1.0}, GROUPS, overwrite=True)
    first.close()


def test_a_file_in_the_place_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "r").write_text("")
    with pytest.raises(RecordingError, match="is a file, not a folder"):
        RecordingWriter(tmp_path / "r", {}, {"period_s": 1.0}, GROUPS)
    with pytest.raises(RecordingError, match="cannot make this folder"):
        RecordingWriter(tmp_path / "r" / "below", {}, {"period_s": 1.0}, GROUPS)


def test_names_that_would_collide_are_refused(tmp_path: Path) -> None:
    for group in (Group([("tick", "")]), Group([("a", ""), ("a", "")]), Group([("a|status", "")])):
        with pytest.raises(RecordingError, match="recorded twice or has a reserved name"):
            RecordingWriter(tmp_path / "r", {}, {"period_s": 1.0}, {"signals": group})
    assert not (tmp_path / "r").exists()


def test_what_is_not_a_recording_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="there is no such folder"):
        Recording(tmp_path / "nowhere")
    with pytest.raises(RecordingError, match="is not a recording"):
        Recording(tmp_path)
    write_some(tmp_path / "r", 50)
    manifest = tmp_path / "r" / "manifest.json"
    content = json.loads(manifest.read_text())
    manifest.write_text(json.dumps(content | {"format": 7}))
    with pytest.raises(RecordingError, match="format 7, this version of HIL reads format 1"):
        Recording(tmp_path / "r")
    manifest.write_text("{")
    with pytest.raises(RecordingError, match=r"manifest\.json: is damaged"):
        Recording(tmp_path / "r")
    manifest.write_text(json.dumps(content))
    (tmp_path / "r" / "signals.arrows").unlink()
    (tmp_path / "r" / "signals.slow.arrows").unlink()
    with pytest.raises(RecordingError, match=r"signals\.arrows is missing"):
        Recording(tmp_path / "r")


def test_an_unknown_signal_names_the_nearest(tmp_path: Path) -> None:
    write_some(tmp_path / "r", 50)
    with pytest.raises(RecordingError, match=r'no signal "tank\.lvel".*Did you mean tank\.level'):
        Recording(tmp_path / "r")["tank.lvel"]


def test_recording_takes_a_small_part_of_one_core(tmp_path: Path) -> None:
    """20 s of a 1 kHz bench with 50 signals and their status, drained every 50 ms: CPU time against bench time."""
    names = [f"s{i}" for i in range(50)]
    group = Group([(name, "m") for name in names], status_columns=names)
    values = np.random.default_rng(0).normal(size=(50, 50)).cumsum(axis=0)
    status = np.zeros((50, 50), np.uint8)
    writer = RecordingWriter(tmp_path / "r", {}, {"period_s": 1e-3}, {"signals": group})
    start = time.process_time()
    for block in range(400):
        ticks = np.arange(50) + 50 * block
        writer.write_rows("signals", ticks, ticks, ticks, values + block, status)
        writer.write_inputs(ticks[:5], [2] * 5, [1] * 5, ticks[:5], [b"x" * 80] * 5)
        if block % 8 == 7:
            writer.flush()
    writer.close({"ticks": 20_000})
    share = (time.process_time() - start) / 20.0
    assert share < 0.08, f"{100 * share:.1f} % of one core"
