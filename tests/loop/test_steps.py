"""Tests in the step: what a generator does is recorded as events, so its run replays to the bit without it."""

from __future__ import annotations

import inspect
import json
import math
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import hil
from hil.cli import main
from hil.errors import HilError
from hil.recording import Recording
from hil.replay import replay
from hil.steps import Step, StepError, load_steps


def fill(step: Step):
    """Fills tank 1, then its transmitter sticks."""
    step.set("level1.setpoint", 0.13)
    while step["sensor.h1"] < 0.125:
        yield
    step.note("full")
    step.fault("sensor.h1=stuck")
    yield 50
    step.clear_fault()
    step.force("pump.v1", 2.0)
    yield 20
    step.release("pump.v1")
    yield
    return step.tick


FILL = "from __future__ import annotations\n\n\n" + inspect.getsource(fill)


# ---- the run ----


def test_a_generator_sees_the_last_tick_and_acts_at_the_next() -> None:
    seen = []

    def steps(step: Step):
        for k in range(4):
            seen.append((step.tick, step.time_s, step["plant.k1"]))
            step.set("plant.k1", 1e-6 * (k + 1))
            yield

    with hil.open_bench("quad_tank") as bench:
        done = bench.run_steps(steps)
        fired = [e["tick"] for e in bench.events if e["kind"] == "event" and e["target"] == "param"]
    assert [tick for tick, _, _ in seen] == [0, 1, 2, 3]
    assert [value for _, _, value in seen][1:] == [1e-6, 2e-6, 3e-6]
    assert fired == [0, 1, 2, 3]
    assert (done.finished, done.ticks, done.steps) == (True, 4, 5)


def test_every_n_ticks_and_yields_of_several_steps() -> None:
    ticks = []

    def steps(step: Step):
        for n in (None, 1, 3, 2):
            ticks.append(step.tick)
            yield n
        ticks.append(step.tick)
        return "done"

    with hil.open_bench("quad_tank") as bench:
        done = bench.run_steps(steps, every=10)
    assert ticks == [0, 10, 20, 50, 70]
    assert (done.value, done.ticks) == ("done", 70)


def test_the_duration_ends_a_generator_and_outlives_one() -> None:
    closed = []

    def endless(step: Step):
        try:
            while True:
                yield 7
        finally:
            closed.append(step.tick)

    def short(step: Step):
        yield

    with hil.open_bench("quad_tank") as bench:
        done = bench.run_steps(endless, duration_s=0.1)
        assert (done.finished, bench.tick, closed) == (False, 100, [100])
        done = bench.run_steps(short, duration_s=0.1)
        assert (done.finished, bench.tick) == (True, 200)


# ---- replay ----


@pytest.mark.parametrize(
    ("rig", "options"),
    [
        ("quad_tank", {}),
        ("quad_tank", {"time": "lockstep", "bind": {"plc": "pil"}}),
        ("dc_motor", {}),
        ("dc_motor", {"bind": {"controller": "sil"}}),
        ("dc_motor", {"time": "lockstep", "bind": {"controller": "pil"}}),
        ("tclab", {}),
    ],
)
def test_a_run_with_random_steps_replays_to_the_bit_without_them(
    rig: str, options: dict, tmp_path: Path, rig_copy: Callable[..., Path]
) -> None:
    if "pil" in options.get("bind", {}).values() and rig == "dc_motor" and not shutil.which("qemu-system-arm"):
        pytest.skip("qemu-system-arm is not installed")
    chance = random.Random(11)
    with hil.open_bench(rig_copy(rig), record=tmp_path / "rec", **options) as bench:
        signals = [n for n in bench.rig.faultable() if n in bench.built.paths]
        bench.run_steps(at_random(chance, bench, signals))
        events = [event["kind"] for event in bench.events]
    found = replay(tmp_path / "rec")
    assert found["identical"], found["reason"]
    assert found["hashes_compared"] > 0
    assert {"forced", "released", "fault_on"} <= set(events)


def at_random(chance: random.Random, bench, signals: list[str]):
    """Acts that look at what they see, as a test does."""
    own = [name for name, (block, _) in bench.rig.tunable().items() if bench.rig.blocks[block].role is None]

    def steps(step: Step):
        for _ in range(60):
            name = chance.choice(signals)
            kind = chance.random()
            if kind < 0.3 and own:
                chosen = chance.choice([name for name in own if math.isfinite(step[name])])
                low, high = bench.built.ranges[chosen]
                step.set(chosen, min(max(step[chosen] * chance.uniform(0.9, 1.1), low), high))
            elif kind < 0.6:
                step.force(name, step[name])
            elif kind < 0.8:
                step.release(name)
            else:
                step.fault(f"{name}=stuck@{step.time_s + step.period_s:.9f}s..{step.time_s + 5 * step.period_s:.9f}s")
            yield chance.randint(1, 9)

    return steps


# ---- what is wrong is told in one line ----


def line_of(text: str) -> int:
    return next(
        k for k, line in enumerate(Path(__file__).read_text().splitlines(), 1) if text in line and "line_of" not in line
    )


def wrong_name(step: Step):
    step.set("level1.setpiont", 0.1)  # wrong name
    yield


def wrong_yield(step: Step):
    yield "soon"  # no number of steps


def division(step: Step):
    yield
    print(1 / (step.tick - 1))  # by zero at tick 1


def too_much(step: Step):
    for _ in range(100):
        step.set("level1.setpoint", 0.1)
    yield  # a hundred at once


@pytest.mark.parametrize(
    ("steps", "mark", "text"),
    [
        (wrong_name, "# wrong name", "'level1.setpiont' cannot be set"),
        (wrong_yield, "# no number of steps", "yields 'soon', which is no number of steps"),
        (division, "# by zero at tick 1", "ZeroDivisionError at tick 1: division by zero"),
        (too_much, "# a hundred at once", "a fixed capacity is used up. At most 64 events wait at once"),
    ],
)
def test_a_mistake_names_file_and_line_and_the_recording_is_whole(
    steps: Callable, mark: str, text: str, tmp_path: Path
) -> None:
    with hil.open_bench("quad_tank", record=tmp_path / "rec") as bench, pytest.raises(StepError) as caught:
        bench.run_steps(steps)
    message = str(caught.value)
    assert message.startswith(f"{__file__}:{line_of(mark)}: "), message
    assert text in message
    manifest = Recording(tmp_path / "rec").manifest
    assert (manifest["result"], manifest["complete"]) == ("failed", True)
    assert text in manifest["reason"]
    assert replay(tmp_path / "rec")["identical"]


def test_a_failed_assertion_says_when(tmp_path: Path) -> None:
    def steps(step: Step):
        yield 12
        assert step["pump.v1"] < 0, "the pump runs"

    with hil.open_bench("quad_tank", record=tmp_path / "rec") as bench:
        with pytest.raises(AssertionError) as caught:
            bench.run_steps(steps)
        result = bench.finish()
    assert caught.value.__notes__[-1] == "at tick 12, 0.012 s"
    assert not result.passed
    assert "at tick 12, 0.012 s" in result.reason


def test_real_time_is_refused_with_what_to_do_instead() -> None:
    refused = pytest.raises(StepError, match="a run in real time does not wait for steps")
    with hil.open_bench("quad_tank", time="real", bind={"plc": "mil"}) as bench, refused:
        bench.run_steps(fill)


@pytest.mark.parametrize("what", [3, lambda step: None, "fill"])
def test_what_is_no_generator_is_refused(what) -> None:
    with hil.open_bench("quad_tank") as bench, pytest.raises(StepError, match="is no generator function"):
        bench.run_steps(what)
    with hil.open_bench("quad_tank") as bench, pytest.raises(StepError, match="every = 0 is no number of ticks"):
        bench.run_steps(fill, every=0)


# ---- the command line ----


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "fill.py"
    path.write_text(FILL)
    return path


def test_hil_run_takes_steps_and_the_replay_does_not_need_the_file(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = str(tmp_path / "rec")
    assert main(["run", "quad_tank", "--steps", str(file), "--record", folder, "--no-report", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["time"] == "virtual"
    file.unlink()
    assert main(["replay", folder]) == 0
    assert "Identical" in capsys.readouterr().out


def test_hil_run_fails_where_the_steps_do(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = ["run", "quad_tank", "--no-record", "--steps"]
    assert main([*run, str(file), "--duration", "1"]) == 1
    assert "the steps did not come to their end within 1 s" in capsys.readouterr().out
    file.write_text("def never(step):\n    yield 5\n    assert step.tick == 6, 'six'\n")
    assert main([*run, str(file)]) == 1
    out = capsys.readouterr().out
    assert "fill.py:3: assert step.tick == 6, 'six', at tick 5, 0.005 s" in " ".join(out.split())


@pytest.mark.parametrize(
    ("text", "call", "message"),
    [
        (None, "", "there is no such file. Write --steps FILE.py or FILE.py:NAME"),
        ("x = 1\n", "", "has no generator function. Write def name(step): with a yield in it"),
        ("def a(s):\n    yield\ndef b(s):\n    yield\n", "", "has 2 generator functions: a, b"),
        ("def a(s):\n    yield\n", ":c", "has no generator function 'c'"),
        ("def a(s:\n    yield\n", "", "SyntaxError"),
    ],
)
def test_a_file_without_steps_is_told_in_one_line(
    tmp_path: Path, text: str | None, call: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "steps.py"
    if text is not None:
        path.write_text(text)
    assert main(["run", "quad_tank", "--no-record", "--steps", f"{path}{call}"]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_a_named_function_of_several_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "steps.py"
    path.write_text("def a(s):\n    yield\ndef b(s):\n    yield\n")
    assert load_steps(f"{path}:b").__name__ == "b"
    with pytest.raises(HilError, match="has 2 generator functions"):
        load_steps(str(path))
