"""Whatever faults, forces, parameters and safe states do, no equipment gets a value past its limits or its rate."""

from __future__ import annotations

import contextlib
import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hil import open_bench
from hil.errors import HilError
from hil.rig import load_rig

# Limits, largest change a tick and safe value: of the shipped rig, and of a transmitter that gets a gate here.
PUMP = (0.0, 10.0, 0.05, 0.0)
SENSOR = (-0.05, 0.3, 0.002, 0.1)
GATES = {"pump.v1": PUMP, "pump.v2": PUMP, "sensor.h1": SENSOR}
OLD = '"sensor.h1" = { unit = "m", range = [-0.005, 0.255], start = 0.1226,'
NEW = OLD + " limits = [-0.05, 0.3], rate_limit = 2.0, safe = 0.1,"

signals = st.sampled_from(
    [f"{part}.h{n}" for part in ("plant", "sensor") for n in (1, 2, 3, 4)] + ["pump.v1", "pump.v2"] * 4
)
kinds = st.sampled_from(["bias", "gain", "stuck", "noise", "drift", "dropout", "delay"])
values = st.one_of(st.floats(-20, 20), st.floats(-1e6, 1e6), st.sampled_from([0.0, 1.0, 0.5, -1e300, 1e300]))
parameters = st.sampled_from(
    [
        "plant.A1",
        "plant.a1",
        "plant.k1",
        "plant.leak1",
        "plant.g",
        "lt1.time_constant_s",
        "noise1.deviation",
        "run.value",
        "level1.kp",
        "level2.kp",
        "level1.ki_per_s",
        "level1.kd_s",
        "level1.setpoint",
        "level2.setpoint",
        "level1.lo",
        "level1.hi",
        "alarm1.reset",
        "high1.level",
        "echo1.gain",
    ]
)
later = st.one_of(st.none(), st.floats(0, 0.3))
actions = st.one_of(
    st.tuples(st.just("force"), signals, values, later),
    st.tuples(st.just("release"), signals, later),
    st.tuples(st.just("fault"), signals, kinds, values, st.integers(0, 300), st.integers(1, 400)),
    st.tuples(st.just("set"), parameters, values, later),
    st.tuples(st.just("safe"), st.booleans()),
    st.tuples(st.just("clear")),
    st.tuples(st.just("enable"), st.booleans()),
)
plans = st.lists(st.tuples(actions, st.integers(1, 200)), min_size=1, max_size=25)
EVERY_KIND = [
    (("force", "pump.v1", 1e6, None), 20),
    (("release", "pump.v1", None), 20),
    (("fault", "sensor.h1", "bias", 1e6, 1, 20), 50),
    (("safe", True), 20),
    (("safe", False), 100),
]


def act(bench, action):
    """One action; what the bench refuses is no danger."""
    kind, *args = action
    later_s = None if not args or not isinstance(args[-1], float) else bench.time_s + args[-1]
    with contextlib.suppress(HilError):
        match kind:
            case "force":
                bench.force(args[0], args[1], at=later_s if args[2] is not None else None)
            case "release":
                bench.release(args[0], at=later_s)
            case "fault":
                signal, fault, value, start, ticks = args
                inside = "" if fault == "stuck" and math.isclose(value, 0.5) else f"({value:.6g})"
                bench.fault(f"{signal}={fault}{inside}@{bench.tick + start}t+{ticks}t")
            case "set":
                bench.set(args[0], args[1], at=later_s if args[2] is not None else None)
            case "safe":
                bench.safe(args[0])
            case "clear":
                bench.clear_fault()
            case "enable":
                bench.enable_faults(args[0])


def check(bench, name):
    """Limits always; a jump past the rate only into the safe value, and then the bench says so."""
    low, high, step, safe = GATES[name]
    value = bench.history(name)
    assert np.all((value >= low) & (value <= high)), name
    told = {event["tick"] for event in bench.events if event["kind"] == "safe_on" and event["target"] == name}
    for tick in np.flatnonzero(np.abs(np.diff(value)) > step * (1 + 1e-9)) + 1:
        assert value[tick] == safe, f"{name} jumped at tick {tick}"
        assert tick in told, f"{name} went to its safe value at tick {tick} and nothing says so"


@pytest.fixture(scope="module")
def rig(rig_copy):
    return load_rig(rig_copy("quad_tank", (OLD, NEW)))


def test_no_fault_force_event_or_safe_state_gets_past_limits_and_rate(rig, full):
    reached, clipped, count = set(), 0, full(150, 5_000)

    @settings(max_examples=count, deadline=None, print_blob=True)
    @given(plans)
    @example(EVERY_KIND)  # few random plans let go of a safe state, and one set of them in some hundred has none
    def holds(plan):
        nonlocal clipped
        with open_bench(rig) as bench:
            for action, ticks in plan:
                act(bench, action)
                bench.run(ticks * 1e-3)
            bench.run(0.2)
            for name in GATES:
                check(bench, name)
            kinds = {event["kind"] for event in bench.events}
            reached.update(kinds)
            clipped += "clip_on" in kinds
            result = bench.finish()
        assert result.passed, result.reason

    holds()
    assert reached >= {"clip_on", "safe_on", "safe_off", "fault_on", "forced", "released"}, "the plans do something"
    assert clipped > count // 4, "and the random ones too"


def test_a_fault_beyond_the_gate_is_refused_when_it_is_armed(rig):
    with open_bench(rig) as bench:
        for fault in ("pump.v1=stuck(10.5)", "pump.v1=stuck(-0.5)", "sensor.h1=stuck(0.31)"):
            with pytest.raises(HilError, match="safety gate would clip"):
                bench.fault(fault)
        bench.fault("pump.v1=stuck(10)")
        bench.run(1)
        assert bench["pump.v1"] == 10.0
