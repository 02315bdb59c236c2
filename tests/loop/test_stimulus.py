"""A stimulus equals its definition on every tick, and is the same in every copy of a bench."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import mpmath
import numpy as np
import pytest

from hil import open_bench
from hil.cli import main
from hil.errors import BenchError, HilError
from hil.replay import replay
from hil.rig import Rig, load_rig
from hil.rig.description import StimulusTable
from hil.stimulus import (
    Add,
    Constant,
    Data,
    Exponential,
    Idle,
    Loop,
    Multiply,
    Noise,
    Pulse,
    Ramp,
    Saw,
    Segment,
    Sequence,
    Sine,
    Slope,
    StimulusError,
    with_stimuli,
)
from hil.stimulus.table import table_of

mpmath.mp.dps = 50
RIG = '[rig]\nname = "bare"\nperiod_s = 0.001\n[signals]\nx = {{ unit = "1", path = true{more} }}\n'
BLOCK = '[blocks.given]\ntype = "constant"\nvalue = 7.0\nout = {{ y = "x" }}\n'


def bare(folder: Path, more: str = "") -> Rig:
    """A rig with one signal, of 7."""
    (folder / "rig.toml").write_text((RIG + BLOCK).format(more=more))
    return load_rig(folder)


# ---- an evaluator of its own: exact fractions for time, 50 digits for values ----


def exact(seconds: float) -> Fraction:
    return Fraction(round(seconds * 1e9), 10**9)


def length(s: Segment) -> Fraction | None:
    if isinstance(s, Sequence):
        lengths = [one for one in map(length, s.parts) if one is not None]
        return sum(lengths, Fraction(0)) if len(lengths) == len(s.parts) else None
    if isinstance(s, Loop):
        one = length(s.part)
        return None if s.times is None or one is None else one * s.times
    if isinstance(s, Add | Multiply):
        return min((x for x in (length(s.a), length(s.b)) if x is not None), default=None)
    if isinstance(s, Data):
        return exact(s.times_s[-1] - s.times_s[0])
    duration: float = vars(s)["duration_s"]
    return None if duration == float("inf") else exact(duration)


def number(x: Any) -> Any:
    return mpmath.mpf(x.numerator) / x.denominator if isinstance(x, Fraction) else mpmath.mpf(x)


def sine(s: Sine, t: Fraction) -> Any:
    return s.offset + number(s.amplitude) * mpmath.sin(2 * mpmath.pi * number(s.frequency_hz) * number(t) + s.phase_rad)


def saw(s: Saw, t: Fraction) -> Any:
    period = exact(s.period_s)
    rise, part = period if s.rise_s is None else exact(s.rise_s), t % period
    if part < rise:
        return s.low + (number(s.high) - s.low) * number(part / rise)
    return s.high - (number(s.high) - s.low) * number((part - rise) / (period - rise))


def series(s: Data, t: Fraction) -> Any:
    times = [exact(x - s.times_s[0]) for x in s.times_s]
    i = max(k for k in range(len(times)) if times[k] <= t)
    if s.interpolation == "hold":
        return number(s.values[i])
    part = number((t - times[i]) / (times[i + 1] - times[i]))
    return s.values[i] + (number(s.values[i + 1]) - s.values[i]) * part


def noise(s: Noise, t: Fraction) -> Any:
    """splitmix64 with numpy's own 64-bit arithmetic."""
    with np.errstate(over="ignore"):

        def mix(z: np.uint64) -> np.uint64:
            z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            return z ^ (z >> np.uint64(31))

        step = np.uint64(0x9E3779B97F4A7C15)
        key = mix(np.uint64(s.seed) ^ mix(step))
        word = int(mix(key + np.uint64(t // exact(s.interval_s) + 1) * step))
    total = sum(word.to_bytes(8, "little")[k] * 256 ** (k % 2) for k in range(8))
    return s.mean + number(s.deviation) * (total - 131070) * mpmath.mpf(1.7320508075688772) / 65536


LEAVES: dict[type, Callable[[Any, Fraction], Any]] = {
    Constant: lambda s, t: number(s.level),
    Ramp: lambda s, t: s.start + (number(s.stop) - s.start) * number(t / exact(s.duration_s)),
    Slope: lambda s, t: s.start + number(s.slope_per_s) * number(t),
    Pulse: lambda s, t: number(s.high if t % exact(s.period_s) < exact(s.width_s) else s.low),
    Exponential: lambda s, t: s.stop + (number(s.start) - s.stop) * mpmath.exp(-number(t) / number(s.time_constant_s)),
    Sine: sine,
    Saw: saw,
    Data: series,
    Noise: noise,
}


def defined(s: Segment, t: Fraction) -> Any:
    """The value at t, None where nothing is driven."""
    end = length(s)
    if t < 0 or (end is not None and t >= end) or isinstance(s, Idle):
        return None
    if isinstance(s, Sequence):
        for part in s.parts:
            one = length(part)
            if one is None or t < one:
                return defined(part, t)
            t -= one
    if isinstance(s, Loop):
        one = length(s.part)
        assert one is not None
        return defined(s.part, t % one)
    if isinstance(s, Add | Multiply):
        a, b = defined(s.a, t), defined(s.b, t)
        return None if a is None or b is None else a + b if isinstance(s, Add) else a * b
    return LEAVES[type(s)](s, t)


# ---- descriptions at random ----


def leaf(r: random.Random) -> Segment:
    a, b, d = r.uniform(-2, 2), r.uniform(-2, 2), r.randint(1, 60) / 1000 + r.choice([0, 0.0005, 1 / 3000])
    period = r.randint(2, 40) / 1000
    times = sorted(r.sample(range(100), r.randint(2, 9)))
    return r.choice(
        [
            Constant(a, d),
            Ramp(a, b, d),
            Slope(a, b, d),
            Sine(a, r.uniform(0, 400), b, r.uniform(-3, 3), d),
            Pulse(a, b, period, period * r.random(), d),
            Saw(a, b, period, r.choice([None, period * r.random()]), d),
            Exponential(a, b, r.uniform(1e-3, 0.1), d),
            Noise(a, abs(b), r.randrange(1 << 50), r.randint(1, 5) / 1000, d),
            Data(tuple(t / 1000 for t in times), tuple(r.uniform(-2, 2) for _ in times), r.choice(["linear", "hold"])),
            Idle(d),
        ]
    )


def description(r: random.Random, depth: int) -> Segment:
    if depth == 0:
        return leaf(r)
    kind = r.randrange(4)
    parts = [description(r, depth - 1) for _ in range(r.randint(2, 5) if kind == 0 else 2)]
    if kind == 0:
        return Sequence(tuple(parts))
    if kind == 1:
        return Loop(parts[0], r.randint(1, 6))
    return (Add if kind == 2 else Multiply)(parts[0], parts[1])


def expected(s: Segment, start_s: float, ticks: int) -> np.ndarray:
    values = [defined(s, Fraction(k, 1000) - exact(start_s)) for k in range(ticks)]
    return np.array([7.0 if value is None else float(value) for value in values])


def test_random_stimuli_equal_their_definition_on_every_tick(tmp_path: Path, full: Any) -> None:
    rig, r, worst = bare(tmp_path), random.Random(8), 0.0
    for _ in range(full(25, 400)):
        s, start_s = description(r, r.randint(0, 4)), r.randint(0, 40) / 1000
        with open_bench(with_stimuli(rig, {"x": s}, start_s)) as bench:
            bench.run(0.3)
            got = bench.history("x")
        want = expected(s, start_s, len(got))
        mine = [s.at(k * 10**6 - round(start_s * 1e9)) for k in range(len(got))]
        assert np.abs(np.array([7.0 if v is None else v for v in mine]) - want).max() <= 1e-12
        worst = max(worst, float(np.abs(got - want).max()))
    assert worst <= 1e-12


def test_a_sine_of_a_day_is_as_exact_as_one_of_a_second() -> None:
    s = Sine(1.0, 97.3)
    for t in (0.123, 3600.001, 86399.999):
        got = s.value(t)
        assert got is not None
        assert abs(got - sine(s, Fraction(round(t * 1000), 1000))) <= 1e-12


STIMULUS = ((Ramp(0.0, 1.0, 0.2) + Sine(0.5, 13.0)).then(Noise(0.0, 1.0, 3, duration_s=0.1), Idle(0.05))).loop()


def test_a_restored_and_a_forked_bench_go_on_with_the_same_bits(tmp_path: Path) -> None:
    with open_bench(with_stimuli(bare(tmp_path), {"x": STIMULUS})) as bench:
        bench.run(0.5)
        kept, fork = bench.snapshot(), bench.fork()
        bench.run(0.7)
        first = bench.state_hash
        fork.run(0.7)
        assert fork.hash == first
        bench.restore(kept)
        bench.run(0.7)
        assert bench.state_hash == first


def test_a_recorded_stimulus_replays_from_the_recording_alone(tmp_path: Path) -> None:
    rig = with_stimuli(bare(tmp_path), {"x": STIMULUS})
    with open_bench(rig, record=tmp_path / "recording") as bench:
        bench.run(1.0)
        bench.finish()
    (tmp_path / "rig.toml").unlink()
    assert replay(tmp_path / "recording")["identical"]


def test_faults_and_the_gate_act_behind_a_stimulus(tmp_path: Path) -> None:
    rig = with_stimuli(bare(tmp_path, ", limits = [0.0, 10.0], safe = 0.0"), {"x": Constant(9.5, 0.5)})
    with open_bench(rig, faults=["x=bias(2)@0.2s.."]) as bench:
        bench.run(0.1)
        assert bench["x"] == 9.5
        assert bench.status("x") == 2, "forced"
        bench.run(0.2)
        assert bench["x"] == 10.0, "the gate clips what the fault adds"
        bench.run(0.4)
        assert bench["x"] == 9.0, "its producer's value again"
        assert not bench.status("x") & 2


def test_a_stimulus_that_leaves_the_range_is_refused_with_segment_time_and_value(tmp_path: Path) -> None:
    rig = bare(tmp_path, ", range = [0.0, 1.0]")
    s = Constant(0.5, 0.1).then(Ramp(0.0, 2.0, 0.2))
    with pytest.raises(StimulusError, match=r"x: segment 2 \(ramp\) is 1.01 at 0.201 s, outside 0 to 1 1 of x"):
        with_stimuli(rig, {"x": s})
    with_stimuli(rig, {"x": Slope(0.0, 10.0, 0.1) * Slope(1.0, -10.0, 0.1)})  # its bounds say 1, its values less


# ---- copies by the thousand ----


def test_runs_of_a_batch_have_the_bits_of_single_runs(tmp_path: Path) -> None:
    with open_bench(bare(tmp_path), stimuli={"x": STIMULUS}) as bench:
        bench.run(0.2)
        many = bench.batch(12, duration_s=0.6, record=["x"])
        for run in many["x"]:  # the same description at the same bench time, whatever thread runs it
            assert run.tobytes() == many["x"][0].tobytes()
        bench.run(0.6)
        assert many["x"][0].tobytes() == bench.history("x")[-600:].tobytes()
        assert len(set(many["x"][0])) > 300


# ---- what cannot be is told in a line ----

DATA_MISTAKES = [
    ("time_s,x\n0,1\n", ":2:1: a series needs two rows at least"),
    ("time_s,y\n0,1\n1,2\n", ":1:1: there is no column 'x'"),
    ("seconds,x\n0,1\n1,2\n", ":1:1: there is no column 'time_s'"),
    ("", ":1:1: there is no column 'time_s'"),
    ("time_s,x\n0,1\n1,two\n", ":3:2: 'two' is not a finite number"),
    ("time_s,x\n0,1\n\n1,nan\n", ":4:2: 'nan' is not a finite number"),
    ("time_s,x\n0,1\n1\n", ":3:2: '' is not a finite number"),
    ("time_s,x\n0,1\n0.5,2\n0.5,3\n", ":4:1: time does not rise: 0.5 s after 0.5 s"),
    ("x,time_s\n1,0\n2,-1\n", ":3:2: time does not rise: -1 s after 0 s"),
    (b"time_s,x\n0,\xff\n", ": the data file cannot be read: it is not UTF-8 text"),
    (None, ": the data file cannot be read: No such file or directory"),
]


@pytest.mark.parametrize(("text", "message"), DATA_MISTAKES)
def test_a_data_file_that_cannot_be_used_is_told_with_line_and_column(
    text: str | bytes | None, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bare(tmp_path)
    data, file, record = tmp_path / "day.csv", tmp_path / "s.toml", tmp_path / "recording"
    if text is not None:
        data.write_bytes(text if isinstance(text, bytes) else text.encode())
    file.write_text('[stimuli.a]\nsignal = "x"\nsegments = [{ type = "data", file = "day.csv", column = "x" }]\n')
    assert main(["run", str(tmp_path), "--virtual", "--stimulus", str(file), "--record", str(record)]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"hil: {data}{message}"), error
    assert error.count("\n") == 1
    assert not record.exists()


def test_a_stimulus_that_leaves_limits_is_one_line_and_nothing_is_lost(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rig = bare(tmp_path, ", limits = [0.0, 10.0], safe = 0.0")
    file, record = tmp_path / "s.toml", tmp_path / "recording"
    with open_bench(rig, record=record) as bench:
        bench.run(0.1)
    before = {f.name: f.read_bytes() for f in record.iterdir()}
    file.write_text('[stimuli.a]\nsignal = "x"\nsegments = [{ type = "slope", start = 9, slope_per_s = 1 }]\n')
    line = ["run", str(tmp_path), "--virtual", "--stimulus", str(file), "--record", str(record), "--overwrite"]
    assert main(line) == 2
    error = capsys.readouterr().err
    assert error == f"hil: {file}: stimuli.a: the slope is 10.001 at 1.001 s, outside 0 to 10 1 of x\n"
    assert {f.name: f.read_bytes() for f in record.iterdir()} == before, "what was recorded before is untouched"


def test_an_open_bench_says_what_to_do_instead_of_a_new_stimulus(tmp_path: Path) -> None:
    with open_bench(bare(tmp_path)) as bench:
        with pytest.raises(BenchError, match=r"would be a new block, .* open_bench\(rig, stimuli=\{'x'"):
            bench.stimulate("x", Ramp(0.0, 1.0, 1.0))
        with pytest.raises(StimulusError, match=r"^y: there is no signal 'y' that can be driven\. Valid: x"):
            bench.stimulate("y", Ramp(0.0, 1.0, 1.0))
        bench.run(0.01)
        assert bench["x"] == 7.0, "it runs on as it was"


def test_a_set_point_in_a_role_is_refused_and_its_ways_are_named() -> None:
    with pytest.raises(StimulusError) as told:
        with_stimuli(load_rig("quad_tank"), {"level1.setpoint": Ramp(0.1, 0.2, 1.0)})
    assert str(told.value) == (
        "level1.setpoint: it is a parameter of the role 'plc', which its device holds. Give its values in a timed CSV "
        "(docs/timed_script.md), or call bench.set('level1.setpoint', value, at=)"
    )


# ---- tables that no description makes ----

NAN, INF = float("nan"), float("inf")
TABLES = [
    ([], "too few or too many elements"),
    ([0.0, 3.0], "too few or too many elements"),
    ([1.0, 4.0, 1e9, NAN], "finite"),
    ([1.0, 4.0, 1e9, INF], "finite"),
    ([1.0, 5.0, 1e9, 1.0], "the first node must hold all others"),
    ([1.0, 3.0, 1e9, 1.0], "the first node must hold all others"),
    ([1.0, 3.0, 1e9], "a wrong number of values"),
    ([14.0, 4.0, 1e9, 1.0], "there is no such node"),
    ([-1.0, 4.0, 1e9, 1.0], "there is no such node"),
    ([1.5, 4.0, 1e9, 1.0], "there is no such node"),
    ([1.0, 4.0, 0.0, 1.0], "a duration must be a whole number of nanoseconds"),
    ([1.0, 4.0, 0.5, 1.0], "a duration must be a whole number of nanoseconds"),
    ([2.0, 5.0, INF, 0.0, 1.0], "a ramp needs an end"),
    ([5.0, 7.0, 1e9, 0.0, 1.0, 0.0, 0.0], "the period must be 1 ns or more"),
    ([6.0, 7.0, 1e9, 0.0, 1.0, 10.0, 11.0], "the period must be 1 ns or more"),
    ([7.0, 6.0, 1e9, 0.0, 1.0, 0.0], "the time constant must be larger than 0"),
    ([8.0, 7.0, 1e9, 0.0, 1.0, 0.5, 1e6], "seed and interval must be whole numbers"),
    ([9.0, 7.0, 1e9, 1.0, 2.0, 0.0, 1.0], "data have a wrong number of values"),
    ([9.0, 9.0, 1e9, 1.0, 2.0, 0.0, 0.0, 1.0, 2.0], "times of data must begin at 0 and increase"),
    ([10.0, 4.0, 1e9, 0.0], "a sequence without children"),
    ([10.0, 10.0, 1e9, 1.0, 0.0, 5.0, 1.0, 4.0, 1e9, 1.0], "does not name its children's places"),
    ([11.0, 7.0, 1e9, 1.0, 4.0, INF, 1.0], "what a loop repeats needs an end"),
    ([12.0, 7.0, 1e9, 1.0, 4.0, 1e9, 1.0], "a node does not fit into its parent"),
    ([11.0, 11.0, 1e9, 1.0, 4.0, 1e9, 1.0, 1.0, 4.0, 1e9, 1.0], "a node is larger than its children"),
]


def tabled(rig: Rig, table: list[float]) -> Rig:
    return replace(rig, stimuli={"x": StimulusTable("x", 0, tuple(table))})


@pytest.mark.parametrize(("table", "why"), TABLES)
def test_the_core_refuses_a_malformed_table(table: list[float], why: str, tmp_path: Path) -> None:
    with pytest.raises(HilError, match=why):
        open_bench(tabled(bare(tmp_path), table))


def test_a_table_with_any_number_changed_is_refused_or_runs(tmp_path: Path, full: Any) -> None:
    """Whatever passes the check is safe to walk: tests/c/test_stimulus_table.c does the same under the sanitizers."""
    rig, r, told = bare(tmp_path), random.Random(9), []
    for _ in range(full(60, 1000)):
        table = list(table_of(description(r, 2)))
        table[r.randrange(len(table))] = r.choice([NAN, INF, -1.0, 0.0, 0.5, 1.0, 3.0, 4.0, 12.0, 1e9, 1e18, -1e300])
        try:
            with open_bench(tabled(rig, table), history=False) as bench:
                bench.run(0.2)
        except HilError as error:
            told.append(str(error))
    assert len(told) > 20
    assert all("table" in text for text in told), told
