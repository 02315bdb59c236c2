"""Tests in the step: a Python generator that is resumed every n ticks, and whose whole effect is recorded as events.

def fill(step):
    step.set("level1.setpoint", 0.12)
    while step["sensor.h1"] < 0.11:
        yield
    step.fault("sensor.h1=stuck")
    yield 100
    assert step["pump.v1"] == 0.0

bench.run_steps(fill)
"""

from hil.steps.load import load_steps
from hil.steps.run import StepError, Stepped, run_steps
from hil.steps.step import Step

__all__ = ["Step", "StepError", "Stepped", "load_steps", "run_steps"]
