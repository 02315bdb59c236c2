"""Every kind of fault against its definition in NumPy: first and last tick, release, the same bits by seed."""

from __future__ import annotations

import math
import struct

import numpy as np
import pytest

from hil import _core
from hil.events import EventKind, encode
from hil.fault_activation import DUTY, PROBABILITY, RAMP, WHEN
from hil.fault_kinds import KINDS
from hil.frames import NOTES, Frame, split

START, TICKS, N, ID, SEED, PERIOD_S = 40, 200, 300, 9, 3, 0.001
MASK = 2**64 - 1
K = {name: kind.number for name, kind in KINDS.items() if not kind.derived} | {"mix": 14}


# ---- the core's random numbers (core/include/hil/random.h), written down again ----


def mix64(z):
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def draw(tick, activation=0, seed=SEED, path=0):
    golden = 0x9E3779B97F4A7C15
    stream = (mix64(0xFA017 + (ID << 32 | path)) + activation) & MASK
    key = mix64(seed ^ mix64((stream + golden) & MASK))
    return mix64((key + (tick + 1) * golden) & MASK)


def uniform(tick, activation=0):
    return (draw(tick, activation) >> 11) * 2.0**-53


def normal(tick):
    word = draw(tick)
    return (sum(word >> shift & 0xFFFF for shift in (0, 16, 32, 48)) - 131070.0) * (math.sqrt(3.0) / 65536.0)


# ---- definitions: (raw, other, i, memory) -> value; memory begins with the last value before the fault ----


def within(v, lo, hi):
    return min(max(v, lo), hi)


def flipped(v, bit):
    return struct.unpack("<d", struct.pack("<Q", struct.unpack("<Q", struct.pack("<d", v))[0] ^ 1 << bit))[0]


def jitter(raw, i, m):
    m["age"] = min(math.floor(uniform(i) * 8.0), m.get("age", 0) + 1)
    return raw[max(i - m["age"], START - 1)]


def stiction(v, m):
    force = v - m["last"]
    return m["last"] if abs(force) <= 0.3 else v - math.copysign(0.1, force)


def dead_zone(v):
    return v - 0.2 if v > 0.3 else v + 0.2 if v < -0.1 else 0.1


CASES = {
    "bias": ([0.5], lambda r, o, i, m: r[i] + 0.5),
    "gain": ([1.5], lambda r, o, i, m: r[i] * 1.5),
    "stuck": ([math.nan], lambda r, o, i, m: r[START - 1]),
    "noise": ([0.1], lambda r, o, i, m: r[i] + 0.1 * normal(i)),
    "drift": ([2.0, 0.3], lambda r, o, i, m: r[i] + min(2.0 * ((i - START) * PERIOD_S), 0.3)),
    "dropout": ([0.4], lambda r, o, i, m: m["last"] if uniform(i) < 0.4 else r[i]),
    "delay": ([6.0], lambda r, o, i, m: r[max(i - 6, START - 1)]),
    "spike": ([0.7, 9.0, 0.0], lambda r, o, i, m: r[i] + 0.7 if (i - START) % 9 == 0 else r[i]),
    "spike once": ([0.7], lambda r, o, i, m: r[i] + 0.7 if i == START else r[i]),
    "spike by chance": ([0.7, 0.0, 0.2], lambda r, o, i, m: r[i] + 0.7 if uniform(i) < 0.2 else r[i]),
    "quantise": ([0.25], lambda r, o, i, m: 0.25 * math.floor(r[i] / 0.25 + 0.5)),
    "saturate": ([-0.2, 0.4], lambda r, o, i, m: within(r[i], -0.2, 0.4)),
    "dead_zone": ([0.2, 0.1], lambda r, o, i, m: dead_zone(r[i])),
    "jitter": ([7.0], lambda r, o, i, m: jitter(r, i, m)),
    "affine": ([-1.0, 0.3], lambda r, o, i, m: -1.0 * r[i] + 0.3),
    "mix": ([0.5, 0.25, 1.0], lambda r, o, i, m: 0.5 * r[i] + 0.25 * o[i]),
    "runaway": ([4.0, 0.6], lambda r, o, i, m: within(0.6, m["last"] - 4e-3, m["last"] + 4e-3)),
    "rate_limit": ([5.0], lambda r, o, i, m: within(r[i], m["last"] - 5e-3, m["last"] + 5e-3)),
    "backlash": ([0.4], lambda r, o, i, m: within(m["last"], r[i] - 0.2, r[i] + 0.2)),
    "stiction": ([0.3, 0.1], lambda r, o, i, m: stiction(r[i], m)),
    "bit_flip": ([50.0], lambda r, o, i, m: flipped(r[i], 50)),
}


def bench(hand_bench, seed=SEED):
    b = hand_bench(seed=seed)
    b.block("other", "sine", [], ["y.raw"], amplitude=1.0, frequency_hz=31.0)
    b.block("wave", "sine", [], ["x.raw"], amplitude=1.0, frequency_hz=7.0)
    b.path("x")
    b.path("y")
    return b


def run(hand_bench, kind, values, modes=(), *, seed=SEED, ticks=TICKS, n=N):
    """Columns x.raw, x, y.raw; status of x; notes as (name, tick, a, b); hash of the last state."""
    b = bench(hand_bench, seed)
    state = b.start()
    loop = b.loop(state, ["x.raw", "x", "y.raw"])
    for mode, v in modes:
        v = [b.numbers[v[0]], *v[1:]] if mode == WHEN else v
        loop.push(encode(EventKind.FAULT_MODE, target=0, values=v, kind2=mode, event_id=ID))
    loop.push(encode(EventKind.FAULT, target=0, values=values, kind2=kind, due=START, ticks=ticks, event_id=ID))
    loop.run(n)
    _, _, _, rows, status = _core.unpack_samples(loop.read_samples(), 0, 3, 3)
    notes = [
        (NOTES[int.from_bytes(p[8:10], "little")], t, *struct.unpack_from("<dd", p, 16))
        for k, _, t, p in split(loop.read_inputs())
        if k == Frame.NOTE
    ]
    return rows, status[:, 1], notes, state.hash()


def expected(rows, case):
    raw, other = rows[:, 0], rows[:, 2]
    want, memory = raw.copy(), {"last": raw[START - 1]}
    for i in range(START, START + TICKS):
        want[i] = memory["last"] = CASES[case][1](raw, other, i, memory)
    return want


@pytest.mark.parametrize("case", CASES)
def test_a_kind_does_what_its_definition_says(hand_bench, case):
    kind = K[case.split()[0]]
    rows, status, notes, end = run(hand_bench, kind, CASES[case][0])
    want = expected(rows, case)
    active = (np.arange(N) >= START) & (np.arange(N) < START + TICKS)
    assert np.array_equal(rows[:, 1], want) or np.allclose(rows[:, 1], want, rtol=0, atol=2e-16), case
    assert np.array_equal((status & 4) != 0, active), "faulted from the first tick to the last, and not after it"
    assert np.any(rows[active, 1] != rows[active, 0])
    assert [note[:2] for note in notes] == [("fault_on", START), ("fault_off", START + TICKS)]
    assert notes[0][2:] == (rows[START, 0], rows[START, 1]), "value before and after"
    assert notes[1][2] == rows[START + TICKS - 1, 1], "the value that it gave last"
    again = run(hand_bench, kind, CASES[case][0])
    assert end == again[3]
    assert np.array_equal(rows, again[0])


def test_every_kind_of_the_core_has_a_case():
    assert {case.split()[0] for case in CASES} == set(K)


@pytest.mark.parametrize("case", ["noise", "dropout", "spike by chance", "jitter"])
def test_another_seed_gives_another_course(hand_bench, case):
    kind = K[case.split()[0]]
    one, two = (run(hand_bench, kind, CASES[case][0], seed=seed)[0][:, 1] for seed in (SEED, SEED + 1))
    assert not np.array_equal(one, two)


# ---- activation ----


def shares(rows, mode):
    """Share of the effect in each tick, from the definitions in docs/faults.md."""
    k = np.arange(N) - START
    inside = (k >= 0) & (k < TICKS)
    chance = np.array([uniform(i, activation=1) < 0.3 for i in range(N)])
    return {
        "ramp": np.where(inside, np.minimum((k + 1) / 50.0, 1.0), 0.0),
        "duty": np.where(inside & (k % 20 < 3), 1.0, 0.0),
        "probability": np.where(inside & chance, 1.0, 0.0),
        "when": np.where(inside & (rows[:, 2] > 0.5), 1.0, 0.0),
        "when itself": np.where(inside & (rows[:, 0] <= -0.25), 1.0, 0.0),
        "all": np.where(inside & chance & (k % 20 < 3), np.minimum((k + 1) / 50.0, 1.0), 0.0),
    }[mode]


MODES = {
    "ramp": [(RAMP, [50.0])],
    "duty": [(DUTY, [3.0, 20.0])],
    "probability": [(PROBABILITY, [0.3])],
    "when": [(WHEN, ["y", 2.0, 0.5])],
    "when itself": [(WHEN, ["x", 3.0, -0.25])],
    "all": [(RAMP, [50.0]), (DUTY, [3.0, 20.0]), (PROBABILITY, [0.3])],
}


@pytest.mark.parametrize("mode", MODES)
def test_a_fault_acts_in_exactly_the_ticks_of_its_activation(hand_bench, mode):
    rows, status, notes, end = run(hand_bench, K["bias"], [0.5], MODES[mode])
    share = shares(rows, mode)
    if mode == "when":  # path x comes before path y, so that it sees y of the tick before
        share = np.where((np.arange(N) >= START) & (np.arange(N) < START + TICKS), np.roll(rows[:, 2], 1) > 0.5, 0.0)
    assert np.allclose(rows[:, 1], rows[:, 0] + share * 0.5, rtol=0, atol=2e-16)
    assert np.array_equal((status & 4) != 0, share > 0)
    assert [note[:2] for note in notes] == [("fault_on", int(np.argmax(share > 0))), ("fault_off", START + TICKS)]
    assert np.count_nonzero(share) > 0
    assert end == run(hand_bench, K["bias"], [0.5], MODES[mode])[3]


def test_after_starts_at_the_first_tick_that_meets_it_and_lasts_its_duration(hand_bench):
    rows, _, notes, _ = run(hand_bench, K["bias"], [0.5], [(WHEN, ["x", 3.0, -0.9, 1.0])], ticks=30)
    first = int(np.argmax((rows[:, 0] <= -0.9) & (np.arange(N) >= START)))
    assert first > START + 30, "it waited for longer than it lasts"
    want = rows[:, 0] + 0.5 * ((np.arange(N) >= first) & (np.arange(N) < first + 30))
    assert np.array_equal(rows[:, 1], want)
    assert [note[:2] for note in notes] == [("fault_on", first), ("fault_off", first + 30)]


def test_a_fault_that_sticks_now_and_then_holds_the_value_before_each_time(hand_bench):
    rows, *_ = run(hand_bench, K["stuck"], [math.nan], MODES["duty"])
    k = np.arange(N) - START
    held = [START + 20 * (j // 20) - 1 for j in k]
    on = (k >= 0) & (k < TICKS) & (k % 20 < 3)
    assert np.array_equal(rows[:, 1], np.where(on, rows[np.clip(held, 0, N - 1), 0], rows[:, 0]))


def test_clearing_takes_the_modes_of_a_fault_that_waits_with_it(hand_bench):
    state = bench(hand_bench).start()
    for event_id, due in ((1, 5), (2, 900)):
        for mode, v in MODES["all"]:
            assert state.push(encode(EventKind.FAULT_MODE, values=v, kind2=mode, event_id=event_id)) == 0
        assert state.push(encode(EventKind.FAULT, values=[1], kind2=1, due=due, ticks=9, event_id=event_id)) == 0
    assert state.n_events == 8
    state.run(6)
    assert state.n_events == 4, "the first fault has taken its own"
    state.push(encode(EventKind.FAULT_CLEAR, target=2**32 - 1, values=[0]))
    state.run(1)
    assert (state.n_events, state.n_faults) == (0, 0)


def test_a_refused_fault_leaves_no_mode_behind(hand_bench):
    state = bench(hand_bench).start()
    assert state.push(encode(EventKind.FAULT_MODE, values=[5], kind2=RAMP, event_id=1)) == 0
    assert state.push(encode(EventKind.FAULT, values=[math.inf], kind2=1, ticks=9, event_id=1)) != 0
    assert state.n_events == 0


@pytest.mark.parametrize(
    ("mode", "values"),
    [(9, [1]), (RAMP, [0]), (RAMP, [1.5]), (DUTY, [5, 3]), (DUTY, [0, 3]), (PROBABILITY, [0]), (PROBABILITY, [1.1]),
     (WHEN, [0, 2, 0]), (WHEN, [99, 2, 0]), (WHEN, [1, 7, 0]), (WHEN, [1, 2, math.nan])],
)  # fmt: skip
def test_an_impossible_mode_is_refused(hand_bench, mode, values):
    assert bench(hand_bench).start().push(encode(EventKind.FAULT_MODE, values=values, kind2=mode, event_id=1)) != 0


# ---- refused when armed ----


@pytest.mark.parametrize(
    ("kind", "values"),
    [("spike", [math.inf]), ("spike", [1, 0.5]), ("spike", [1, 0, 2]), ("quantise", [0]), ("saturate", [1, 0]),
     ("dead_zone", [-1]), ("jitter", [0]), ("jitter", [256]), ("affine", [1, math.nan]), ("mix", [1, 1, 0]),
     ("mix", [1, 1, 2]), ("runaway", [0, 1]), ("rate_limit", [-1]), ("backlash", [-1]), ("stiction", [0.1, 0.2]),
     ("bit_flip", [64]), ("bit_flip", [1.5])],
)  # fmt: skip
def test_impossible_values_are_refused(hand_bench, kind, values):
    assert bench(hand_bench).start().push(encode(EventKind.FAULT, values=values, kind2=K[kind], ticks=9)) != 0


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("spike", [0.9], [1.1]),
        ("quantise", [1.9], [2.1]),
        ("dead_zone", [0.9, 5], [6.5, -7.5]),
        ("affine", [-1, 10], [-1, 12]),
        ("mix", [0.5, 0.5, 1], [1, 0.5, 1]),
        ("runaway", [1, 10.9], [1, 11.1]),
        ("bit_flip", [48], [52]),
        ("saturate", [2, 8], [-5, -4]),
    ],
)
def test_what_the_gate_would_clip_is_refused(hand_bench, kind, good, bad):
    b = hand_bench()
    for name in "xy":
        b.block(name, "constant", [], [f"{name}.raw"], value=1.0)
        b.path(name, gated=True, lo=-1.0, hi=11.0, safe=0.0, range_lo=0.0, range_hi=10.0)
    state = b.start()
    pushed = [state.push(encode(EventKind.FAULT, values=v, kind2=K[kind], ticks=9)) for v in (good, bad)]
    assert pushed == [0, 12]


def test_a_flipped_bit_never_lets_a_value_through_that_is_not_finite(hand_bench):
    b = hand_bench()
    b.block("c", "constant", [], ["x.raw"], value=1.0)  # exponent 0x3ff: its top bit makes it an infinity
    b.path("x")
    state = b.start()
    state.push(encode(EventKind.FAULT, values=[62], kind2=K["bit_flip"], due=2, ticks=9))
    state.run(5)
    assert (b.get(state, "x"), b.status(state, "x")) == (1.0, 4 | 8)
