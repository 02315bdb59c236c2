"""A control law with memory whose every step takes sin, exp and tanh."""

from __future__ import annotations

from typing import Any

from hil.models import Input, Model, Output, Param, State
from hil.models.math import exp, sin, tanh


class Law(Model):
    """A leaking memory of the error; sine and tangent keep it and the output within bounds."""

    method = "discrete"

    memory = State(0.0, output=True, doc="leaking sum of what the sine makes of the error")
    error = Input(doc="reference minus what is controlled")
    u = Output(min=-2.0, max=2.0, doc="output of the law")
    decay = Param(0.02, min=0.0, max=10.0, doc="part of the memory that leaks in a sample, as exponent")
    gain = Param(0.3, min=0.0, max=10.0, doc="of the error's sine")

    def equations(self) -> dict[str, Any]:
        """The memory of the next sample."""
        return {"memory": exp(-self.decay) * self.memory + self.gain * sin(3.0 * self.error)}

    def outputs(self) -> dict[str, Any]:
        """What goes to the plant."""
        return {"u": 2.0 * tanh(self.memory + self.error)}
