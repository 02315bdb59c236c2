"""Steps that end in unusual ways: the act is in the recording or told, the bench is safe, the recording whole."""

from __future__ import annotations

import contextlib
import hashlib
import math
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import hil
from hil.cli import main
from hil.errors import HilError
from hil.recording import InputKind, Recording
from hil.replay import replay
from hil.steps import Step, StepError


def line_of(mark: str) -> int:
    lines = Path(__file__).read_text(encoding="utf-8").splitlines()
    return next(k for k, line in enumerate(lines, 1) if line.endswith(f"# {mark}"))


# ---- replay ----


def wild(chance: random.Random, bench: hil.Bench) -> Callable:
    """Everything that a step can do, several acts in one step, some of them for later, by what is seen."""
    paths = [name for name in bench.rig.faultable() if name in bench.built.paths]
    own = [n for n, (block, _) in bench.rig.tunable().items() if bench.rig.blocks[block].role is None]

    def act(step: Step, ids: list[int]) -> None:
        name, kind = chance.choice(paths), chance.randrange(8)
        later = step.time_s + step.period_s * chance.randint(0, 20) if chance.random() < 0.4 else None
        if kind == 0:
            param = chance.choice([n for n in own if math.isfinite(step[n])])
            low, high = bench.built.ranges[param]
            step.set(param, min(max(step[param] * chance.uniform(0.95, 1.05), low), high), at=later)
        elif kind == 1:
            step.force(name, step[name] + step.tick * 1e-6, at=later)
        elif kind == 2:
            step.release(name, at=later)
        elif kind in (3, 4):
            begin = step.time_s + step.period_s * chance.randint(0, 9)
            ids.append(step.fault(f"{name}=stuck@{begin:.9f}s..{begin + 7 * step.period_s:.9f}s"))
        elif kind == 5:
            step.clear_fault(chance.choice([None, *ids]))
        elif kind == 6:
            step.safe(chance.random() < 0.3)
        else:
            step.note(f"{name} is {step[name]!r}, status {step.status(name)}")

    def steps(step: Step):
        ids: list[int] = []
        for _ in range(40):
            for _ in range(chance.randint(0, 3)):
                act(step, ids)
            yield chance.randint(1, 5)
        step.note("end")

    return steps


@pytest.mark.parametrize(
    ("rig", "options"),
    [
        ("quad_tank", {}),
        ("quad_tank", {"time": "lockstep", "bind": {"plc": "pil"}}),
        ("dc_motor", {"bind": {"controller": "sil"}}),
        ("dc_motor", {"time": "lockstep", "bind": {"controller": "pil"}}),
        ("tclab", {}),
        ("psu_bench", {}),
    ],
)
def test_random_generators_replay_to_the_bit(
    rig: str, options: dict, tmp_path: Path, full: Callable, rig_copy: Callable[..., Path]
) -> None:
    if rig == "dc_motor" and "time" in options and not shutil.which("qemu-system-arm"):
        pytest.skip("qemu-system-arm is not installed")
    place = rig_copy(rig)
    for seed in range(full(3, 20 if "time" in options else 60)):
        chance = random.Random(seed)
        folder = tmp_path / str(seed)
        with hil.open_bench(place, record=folder, seed=seed, **options) as bench:
            done = bench.run_steps(wild(chance, bench), every=chance.randint(1, 7))
            bench.run(30 * bench.period_s)
        assert done.finished
        found = replay(folder)
        assert found["identical"], f"seed {seed}: {found['reason']}"
        recording = Recording(folder)
        assert found["ticks"] == recording.ticks == done.ticks + 30
        assert any(e["kind"] == "mark" and e["text"] == "end" for e in recording.events)


def test_two_runs_of_one_generator_have_the_same_bits(tmp_path: Path) -> None:
    def once(number: int) -> tuple[str, str | None]:
        with hil.open_bench("quad_tank", record=tmp_path / str(number)) as bench:
            bench.run_steps(wild(random.Random(5), bench))
            result = bench.finish()
        return result.state_hash, result.signals_hash

    assert once(1) == once(2)


# ---- how a generator can end ----


def test_what_the_last_step_does_is_in_the_run(tmp_path: Path) -> None:
    def steps(step: Step):
        yield 5
        step.force("pump.v1", 1.0)
        step.note("end")

    with hil.open_bench("quad_tank", record=tmp_path / "rec") as bench:
        done = bench.run_steps(steps)
        assert bench.status("pump.v1") & 2
    assert (done.finished, done.ticks) == (True, 6)
    fired = {(e["kind"], e["tick"]) for e in Recording(tmp_path / "rec").events}
    assert {("forced", 5), ("mark", 5)} <= fired
    assert replay(tmp_path / "rec")["identical"]
    (told,) = Recording(tmp_path / "rec").manifest["steps"]
    assert told["generator"].endswith("test_what_the_last_step_does_is_in_the_run.<locals>.steps")
    assert told["file"] == __file__
    assert told["sha256"] == hashlib.sha256(Path(__file__).read_bytes()).hexdigest()
    assert (told["first_tick"], told["ticks"], told["steps"], told["finished"]) == (0, 6, 2, True)


def test_a_replay_that_misses_one_act_of_a_generator_is_not_identical(tmp_path: Path, monkeypatch) -> None:
    def steps(step: Step):
        for k in range(20):
            step.set("plant.k1", 1e-6 * (k + 1))
            yield

    with hil.open_bench("quad_tank", record=tmp_path / "rec") as bench:
        bench.run_steps(steps)
    whole = list(Recording(tmp_path / "rec").inputs())
    acts = [k for k, item in enumerate(whole) if item.kind == InputKind.EVENT]
    assert len(acts) >= 20
    lost = whole.pop(acts[12])
    assert lost.tick == 12
    monkeypatch.setattr(Recording, "inputs", lambda self: iter(whole))
    found = replay(tmp_path / "rec")
    assert not found["identical"]
    assert found["first_difference"]["tick"] == 13  # the plant's next state is the first to show it


def test_a_refusal_of_the_last_step_is_told() -> None:
    def steps(step: Step):
        yield
        for _ in range(80):
            step.note("x")

    refused = pytest.raises(StepError, match="At most 64 events wait at once")
    with hil.open_bench("quad_tank") as bench, refused:
        bench.run_steps(steps)


def leaves(step: Step):
    yield
    raise SystemExit(0)  # leaves


def several_lines(step: Step):
    yield
    raise ValueError("one\n  two\n")  # two lines


def stubborn(step: Step):
    for _ in range(2):
        with contextlib.suppress(GeneratorExit):
            yield 1000


def bad_cleanup(step: Step):
    try:
        yield 1000
    finally:
        step.set("level9.kp", 1.0)  # when it is closed


def endless_wait(step: Step):
    yield 10**30  # a million ages


def long_nonsense(step: Step):
    yield list(range(1000))  # a list


def flood(step: Step):
    for _ in range(100_000):
        step.set("level1.setpoint", 0.12)  # too many for the queue
    yield


def in_another_function(step: Step):
    yield from waits_wrongly(step)


def waits_wrongly(step: Step):
    yield
    step.force("pump.v1", float("nan"))  # not finite


@pytest.mark.parametrize(
    ("steps", "mark", "text"),
    [
        (leaves, "leaves", "SystemExit at tick 1: 0"),
        (several_lines, "two lines", "ValueError at tick 1: one two"),
        (stubborn, None, "RuntimeError at tick 100: generator ignored GeneratorExit"),
        (bad_cleanup, "when it is closed", "'level9.kp' cannot be set"),
        (endless_wait, "a million ages", "yields 1000000000000000000000000000000, which is no number of steps"),
        (long_nonsense, "a list", " ..., which is no number of steps"),
        (flood, "too many for the queue", "a fixed capacity is used up. At most 64 events wait at once"),
        (in_another_function, "not finite", "pump.v1: nan is not a finite number"),
    ],
)
def test_an_unusual_end_is_one_line_and_the_outputs_are_safe(
    steps: Callable, mark: str | None, text: str, tmp_path: Path
) -> None:
    with hil.open_bench("quad_tank", record=tmp_path / "rec") as bench, pytest.raises(StepError) as caught:
        bench.run_steps(steps, duration_s=0.1)
    message = str(caught.value)
    place = f"{__file__}:{line_of(mark)}: " if mark else f"{__file__}:"
    assert message.startswith(place), message
    assert text in message
    assert "\n" not in message
    assert len(message) < 600
    assert {name: bench[name] for name in bench.gated()} == bench.gated()
    recording = Recording(tmp_path / "rec")
    assert (recording.manifest["result"], recording.complete) == ("failed", True)
    assert text in recording.manifest["reason"]
    assert replay(tmp_path / "rec")["identical"]


def fill_the_queue(bench: hil.Bench) -> None:
    for _ in range(100_000):
        bench.set("level1.setpoint", 0.12)


def test_a_full_queue_does_not_keep_a_bench_from_becoming_safe() -> None:
    with hil.open_bench("quad_tank") as bench:
        bench.run(0.1)
        assert bench["pump.v1"] > 1.0
        with pytest.raises(HilError, match="capacity"):
            fill_the_queue(bench)
        result = bench.finish()
    assert result.passed
    assert {name: bench[name] for name in bench.gated()} == bench.gated()


def test_whole_numbers_of_numpy_are_numbers_of_steps() -> None:
    def steps(step: Step):
        yield np.int64(7)
        return step.tick

    with hil.open_bench("quad_tank") as bench:
        assert bench.run_steps(steps).value == 7
        with pytest.raises(StepError, match=r"yields 7\.0, which is no number of steps"):
            bench.run_steps(wait_of(7.0))
        with pytest.raises(StepError, match="yields True, which is no number of steps"):
            bench.run_steps(wait_of(True))


def wait_of(what: object) -> Callable:
    def steps(step: Step):
        yield what

    return steps


def test_a_bench_that_runs_is_refused_before_the_generator_does_anything() -> None:
    begun = []

    def steps(step: Step):
        begun.append(step.tick)
        yield

    with hil.open_bench("quad_tank") as bench:
        bench.start()
        with pytest.raises(StepError, match=r"quad_tank: the bench runs already. Call stop\(\) first"):
            bench.run_steps(steps)
        bench.stop()
    assert begun == []
    with pytest.raises(HilError, match="the bench is closed"):
        bench.run_steps(steps)


def test_a_device_that_goes_ends_the_steps_and_the_recording_is_whole(
    tmp_path: Path, rig_copy: Callable[..., Path]
) -> None:
    closed = []

    def steps(step: Step):
        try:
            yield 50
            bench.engine.wires.wires["plc"].emulated.process.kill()
            while True:
                yield
        finally:
            closed.append(step.tick)

    options = {"time": "lockstep", "bind": {"plc": "pil"}, "record": tmp_path / "rec"}
    with hil.open_bench(rig_copy("quad_tank"), **options) as bench:
        with pytest.raises(HilError, match=r"plc at modbus-tcp.*lock-step ended at tick 5\d"):
            bench.run_steps(steps)
        result = bench.finish()
    assert len(closed) == 1
    assert "lock-step ended" in result.reason
    assert {name: bench[name] for name in bench.gated()} == bench.gated()
    assert Recording(tmp_path / "rec").complete
    assert replay(tmp_path / "rec")["identical"]


# ---- pytest and the command line ----


def test_the_fixture_fails_a_test_whose_step_asserts_and_names_the_tick(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / f"test_in_steps_{random.getrandbits(64):x}.py"
    path.write_text(
        "def steps(step):\n"
        "    step.set('level1.setpoint', 0.13)\n"
        "    yield 20\n"
        "    assert step['pump.v1'] < 0\n"
        "def test_fails(bench):\n"
        "    bench.run_steps(steps)\n"
        "def test_passes(bench):\n"
        "    assert bench.run_steps((lambda step: (yield 3)), every=2).ticks == 6\n"
    )
    options = ["-q", "-p", "no:cacheprovider", "--import-mode=importlib", "--rig=quad_tank", "--record=rec", str(path)]
    assert pytest.main(options) == 1
    out = capfd.readouterr().out
    assert "1 failed, 1 passed" in out
    assert "error" not in out.splitlines()[-1]  # one test, one failure
    assert "at tick 20, 0.02 s" in out
    recording = Recording(tmp_path / "rec" / "test_fails")
    assert recording.manifest["result"] == "failed"
    assert "assert step['pump.v1'] < 0" in recording.manifest["reason"]
    assert replay(recording.folder)["identical"]


def test_real_time_is_refused_before_anything_is_opened(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "steps.py"
    path.write_text("def f(step):\n    yield\n")
    folder = tmp_path / "rec"
    assert main(["run", "quad_tank", "--steps", str(path), "--time", "real", "--record", str(folder)]) == 2
    error = capsys.readouterr().err
    assert "a run in real time does not wait for steps: take --time virtual or lockstep" in error
    assert error.count("\n") == 1
    assert not folder.exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("import sys\nsys.exit(0)\n", "ends the program when it is loaded"),
        ("raise ValueError('a\\nb')\n", ":1: ValueError: a b"),
    ],
)
def test_a_file_that_does_not_load_is_one_line(
    text: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "steps.py"
    path.write_text(text)
    assert main(["run", "quad_tank", "--no-record", "--steps", str(path)]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
