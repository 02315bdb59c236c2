"""Three extended Kalman filters and a bank of hypotheses tell what is wrong with a DC motor, as a rig of its own.

The motor of rigs/dc_motor on a square wave of voltage, current and speed measured with noise. Hypotheses: all is well,
the speed sensor has a bias of 0.1 rad/s, the friction of the bearing has doubled. What is wrong begins at 2 s.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy.linalg import expm

import hil
from hil.batches import BatchResult

DT_S, BEGINS_S, ENDS_S = 0.01, 2.0, 6.0
LOAD, CURRENT, SPEED = 0.02, 0.2, 0.05  # deviations of load torque (process), and of both measurements
BIAS, FRICTION = 0.1, 0.1
MODEL = Path(__file__).parents[2] / "rigs/dc_motor/model.py"
NAMES = ("nominal", "bias", "friction")

RIG = """
[rig]
name = "fault_bank"
title = "What is wrong with the motor?"
description = "Three observers, one for each hypothesis, and their probabilities."
period_s = 0.01

[signals]
"sensor.speed" = {{ unit = "rad/s", range = [-10.0, 10.0] }}
"sensor.current" = {{ unit = "A", range = [-50.0, 50.0] }}

[blocks.drive]
type = "square"
amplitude = 6.0
frequency_hz = 0.5
out = {{ y = "voltage" }}

[blocks.load]
type = "noise"
deviation = {LOAD}

[blocks.plant]
model = "model.py:DcMotor"
method = "rk4"
in = {{ voltage = "voltage", load = "load.y" }}

[blocks.speed_noise]
type = "noise"
deviation = {SPEED}

[blocks.current_noise]
type = "noise"
deviation = {CURRENT}

[blocks.read_speed]
type = "sum"
in = {{ u = ["plant.speed", "speed_noise.y"] }}
out = {{ y = "sensor.speed" }}

[blocks.read_current]
type = "sum"
in = {{ u = ["plant.current", "current_noise.y"] }}
out = {{ y = "sensor.current" }}
{filters}
[blocks.bank]
type = "hypotheses"
in = {{ log_likelihood = ["nominal.log_likelihood", "bias.log_likelihood", "friction.log_likelihood"] }}
out = {{ probability = ["bank.nominal", "bank.bias", "bank.friction"] }}
prior = [0.98, 0.01, 0.01]
mean_time_between_changes_s = 100.0
threshold = 0.95
hold_s = 0.1
"""
OBSERVER = """
[blocks.{name}]
type = "ekf"
model = "model.py:Observed"
method = "rk4"
in = {{ voltage = "voltage", load = 0.0, current = "sensor.current", speed = "sensor.speed" }}
Q = {Q}
R = {{ current = {current}, speed = {speed} }}
P0 = [1.0, 1.0]
{hypothesis}
"""
CLASS = """

class Observed(DcMotor):
    '''The motor without its angle, its speed measured with a bias.'''

    angle = None
    bias = Param(0.0, unit="rad/s", min=-1.0, max=1.0, doc="of the sensor")

    def equations(self):
        found = super().equations()
        return {"current": found["current"], "speed": found["speed"]}

    def outputs(self):
        return {"speed": self.speed + self.bias}
"""


def process_noise() -> list[list[float]]:
    """Of one sample, from the load's: J = 0.01, b = 0.1, K = 0.01, R = 1, L = 0.5."""
    ahead = np.zeros((3, 3))
    ahead[:2] = [[-1.0 / 0.5, -0.01 / 0.5, 0.0], [0.01 / 0.01, -0.1 / 0.01, -1.0 / 0.01]]
    B = expm(DT_S * ahead)[:2, 2]
    return (LOAD**2 * np.outer(B, B)).tolist()


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fault_bank")
    (folder / "model.py").write_text(MODEL.read_text() + CLASS)
    given = {"Q": process_noise(), "current": CURRENT**2, "speed": SPEED**2}
    hypotheses = {"nominal": "", "bias": f"bias = {BIAS}", "friction": f"b = {2 * FRICTION}"}
    observers = [OBSERVER.format(name=name, hypothesis=text, **given) for name, text in hypotheses.items()]
    (folder / "rig.toml").write_text(RIG.format(filters="".join(observers), LOAD=LOAD, SPEED=SPEED, CURRENT=CURRENT))
    return folder


WRONG = {
    "nominal": {},
    "bias": {"faults": [f"sensor.speed=bias({BIAS})@{BEGINS_S}s.."]},
    "friction": {"at": [(BEGINS_S, "plant.b", 2 * FRICTION)]},
}


def runs(rig: Path, what: str, count: int) -> BatchResult:
    """The same thing goes wrong in each run, with other noise."""
    several = [hil.BatchRun(seed=seed, **WRONG[what]) for seed in range(count)]
    record = [f"bank.{name}" for name in NAMES] + ["bank.decided"]
    return hil.batch(rig, several, duration_s=ENDS_S, record=record)


# Two-sided bands in s, over the runs: median of the time to a probability above 0.95, its quantile of 95 %.
BANDS = {"bias": ((0.5, 0.8), (1.2, 1.8)), "friction": ((0.35, 0.55), (0.6, 0.9))}
LONGEST_S = {"bias": 3.5, "friction": 1.5}


@pytest.mark.parametrize("what", BANDS)
def test_what_is_wrong_is_found_in_its_time(rig: Path, what: str, full: Callable[[int, int], int]) -> None:
    result = runs(rig, what, full(200, 2000))
    after, which = result.time_s >= BEGINS_S, NAMES.index(what)
    found = result[f"bank.{what}"][:, after] > 0.95
    times = np.where(found.any(axis=1), found.argmax(axis=1) * DT_S, np.inf)
    decided = result["bank.decided"][:, after]
    other, right = (decided == 3 - which).any(axis=1).mean(), (decided[:, -100:] == which).mean()
    median, late = np.quantile(times, [0.5, 0.95])
    print(f"\n{what}: {median:.3f} s, 95 % {late:.2f} s, slowest {times.max():.2f} s")
    print(f"the other fault decided in {other:.4f} of the runs, right in {right:.4f} of the last second")
    for time, (low, high) in zip((median, late), BANDS[what], strict=True):
        assert low < time < high
    assert times.max() < LONGEST_S[what]
    assert other < 0.05
    assert right > 0.95


def test_a_healthy_motor_is_rarely_accused(rig: Path, full: Callable[[int, int], int]) -> None:
    """The odds against a true hypothesis pass 1 at most as often as all that they were given: 0.02 at the start and
    0.01 a second (Ville's inequality); 19 a nineteenth of that, and then they have to hold."""
    result = runs(rig, "nominal", full(400, 5000))
    given = 0.02 + 0.01 * ENDS_S
    suspected = (result["bank.nominal"] < 0.5).any(axis=1)
    accused = (result["bank.decided"] > 0).any(axis=1)
    print(f"\nsuspected in {suspected.sum()}, accused in {accused.sum()} of {len(accused)} runs of {ENDS_S} s")
    assert 0.1 * given < suspected.mean() < given
    assert accused.sum() <= 1 + given / 19 * len(accused)
