"""Every form of a condition against an evaluation over the whole recording, and the status of signals."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from capture_oracle import first_tick, lasted

import hil
from hil.capture import State
from hil.errors import BenchError

Floats = npt.NDArray[np.float64]
Truths = npt.NDArray[np.bool_]
RUN = 2000  # ticks
LEVEL = 0.1229
TICKS = np.arange(RUN)
FAULTS = ["sensor.h1=stuck@0.3s..0.5s", "sensor.h2=bias(0.01m)@0.7s..0.9s"]


@pytest.fixture(scope="module")
def history() -> dict[str, Floats]:
    with hil.open_bench("quad_tank", time="virtual", faults=FAULTS) as bench:
        bench.run(RUN / 1e3)
        return {name: bench.history(name) for name in ("sensor.h1", "sensor.h2", "pump.v1", "plant.h1")}


def _rise(holds: Truths) -> Truths:
    return np.concatenate([[False], holds[1:] & ~holds[:-1]])


Form = tuple[str, Callable[[dict[str, Floats]], Truths]]
FORMS: list[Form] = [
    (f"sensor.h1 > {LEVEL}", lambda h: h["sensor.h1"] > LEVEL),
    (f"not sensor.h1 <= {LEVEL}", lambda h: h["sensor.h1"] > LEVEL),
    (f"rise(sensor.h1 > {LEVEL})", lambda h: _rise(h["sensor.h1"] > LEVEL)),
    (f"fall(sensor.h1 > {LEVEL})", lambda h: _rise(~(h["sensor.h1"] > LEVEL))),
    (f"rise(held(sensor.h1 > {LEVEL}, 0.003))", lambda h: _rise(lasted(TICKS, h["sensor.h1"] > LEVEL, 3))),
    (f"held(sensor.h1 < {LEVEL}, 0.05)", lambda h: lasted(TICKS, h["sensor.h1"] < LEVEL, 50)),
    (f"sensor.h1 > {LEVEL} for 4 ms", lambda h: lasted(TICKS, h["sensor.h1"] > LEVEL, 4)),
    ("changed(pump.v1)", lambda h: np.concatenate([[False], np.diff(h["pump.v1"]) != 0])),
    ("not changed(sensor.h1) for 20 ms", lambda h: lasted(TICKS, _same(h["sensor.h1"]), 20)),
    ("abs(sensor.h2 - plant.h1) > 0.014", lambda h: np.abs(h["sensor.h2"] - h["plant.h1"]) > 0.014),
    ("min(sensor.h1, sensor.h2) * 2 > 0.2460", lambda h: np.minimum(h["sensor.h1"], h["sensor.h2"]) * 2 > 0.2460),
    ("0.12 < sensor.h2 < 0.1276", lambda h: (h["sensor.h2"] > 0.12) & (h["sensor.h2"] < 0.1276)),
    ("pump.v1 < 3.1 or sensor.h2 > 0.137", lambda h: (h["pump.v1"] < 3.1) | (h["sensor.h2"] > 0.137)),
]


def _same(x: Floats) -> Truths:
    return np.concatenate([[True], np.diff(x) == 0])


@pytest.mark.parametrize("form", FORMS, ids=[text for text, _ in FORMS])
def test_a_condition_holds_first_where_the_recording_says(form: Form, history: dict[str, Floats]) -> None:
    text, oracle = form
    wanted = first_tick(TICKS, oracle(history), RUN)
    assert wanted is not None, "a condition that never holds tests nothing"
    with hil.open_bench("quad_tank", time="virtual", history=False, faults=FAULTS) as bench:
        made = bench.capture(["sensor.h1"], text, 0.0, 0.001, timeout_s=RUN / 1e3).wait()
    assert made.trigger_tick == wanted


def test_status_functions_hold_at_the_ticks_whose_rows_have_the_bit() -> None:
    """Forced from 0.1 s, faulted from 0.3 s, the pump safe from 0.6 s; each is also seen to end."""
    with hil.open_bench("quad_tank", time="virtual", faults=["sensor.h2=stuck@0.3s..0.5s"]) as bench:
        bench.force("sensor.h1", 0.12, at=0.1)
        bench.release("sensor.h1", at=0.2)
        wanted = {
            "forced(sensor.h1)": 100,
            "rise(good(sensor.h1))": 200,
            "faulted(sensor.h2)": 300,
            "fall(faulted(sensor.h2))": 500,
            "safe(pump.v1)": 600,
        }
        made = {text: bench.capture(["sensor.h1", "sensor.h2", "pump.v1"], text, 0.01, 0.01) for text in wanted}
        never = [bench.capture(["pump.v1"], f"{word}(sensor.h3)", 0, 0, 0.65) for word in ("bad", "stale", "forced")]
        bench.run(0.6)
        bench.safe()
        bench.run(0.1)
    assert {text: capture.trigger_tick for text, capture in made.items()} == wanted
    for text, bit in (("forced(sensor.h1)", 2), ("faulted(sensor.h2)", 4), ("safe(pump.v1)", 16)):
        status = made[text].recording.status(text.partition("(")[2].rstrip(")"))
        assert [bool(s & bit) for s in status[9:12]] == [False, True, True], text
    assert [capture.state for capture in never] == [State.TIMEOUT] * 3


def test_stale_and_bad_come_over_the_wire(rig_copy: Callable[..., object]) -> None:
    """The PLC is killed: what it published grows stale, and a capture says when."""
    with hil.open_bench(rig_copy("quad_tank"), time="real", history=False) as bench:
        bench.start()
        bench.wait_until("plc.running == 1", 5.0)
        made = bench.capture(["pump.v1"], "rise(stale(pump.v1) or bad(pump.v1) or safe(pump.v1))", 0.2, 0.2)
        bench.engine.wires.wires["plc"].emulated.process.kill()  # type: ignore[union-attr,attr-defined]
        made.wait()
        status = made.recording.status("pump.v1")
        at = int(np.searchsorted(made.recording.tick(), made.trigger_tick))
        assert status[at] != 0
        assert (status[:at] & 25 == 0).all()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("held(sensor.h1 > 0.1)", "'held' takes a condition and seconds"),
        ("sensor.h1 > 0.1 for 0.2 ms", "is not a duration"),
        ("good(0.1)", "'good' is asked of a signal"),
        ("rise(sensor.h1, 2)", "'rise' takes a condition and nothing else"),
        (" and ".join(f"rise(sensor.h1 > 0.{n})" for n in range(1, 18)), "more than 128 operations or 16 edges"),
        (" + ".join(["sensor.h1"] * 70) + " > 1", "more than 128 operations"),
        ("+".join(["(sensor.h1"] * 40) + ")" * 40 + " > 1", "."),
        ("sensor.h1 if 1 else 2", "cannot be part of a condition"),
    ],
)
def test_what_is_no_condition_is_one_line(text: str, why: str) -> None:
    with hil.open_bench("quad_tank", time="virtual", history=False) as bench:
        with pytest.raises(BenchError, match=why) as error:
            bench.capture(["sensor.h1"], text, 0.1, 0.1)
        assert "\n" not in str(error.value)
        assert len(bench.captures) == 0
