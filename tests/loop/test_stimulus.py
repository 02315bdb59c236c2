"""A stimulus equals its definition on every tick, and is the same in every copy of a bench."""

from __future__ import annotations

import random
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import mpmath
import numpy as np
import pytest

from hil import open_bench
from hil.replay import replay
from hil.rig import Rig, load_rig
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
