"""A random walk with a mean to return to and a drift: everything about its future is known in closed form."""

from __future__ import annotations

from typing import Any

from hil.models import Input, Model, Param, State


class Drifter(Model):
    """x(k+1) = a x(k) + (1 - a) m + drift + b w(k): with a < 1 Ornstein-Uhlenbeck, with a = 1 Wiener."""

    method = "discrete"

    x = State(0.0, unit="1", output=True, doc="where it is")
    w = Input(0.0, unit="1", doc="white noise of unit variance")
    a = Param(0.95, unit="1", min=0.0, max=1.0, doc="what is left of a deviation after one step")
    m = Param(0.0, unit="1", min=-100.0, max=100.0, doc="where it returns to")
    drift = Param(0.0, unit="1", min=-10.0, max=10.0, doc="in a step")
    b = Param(0.3, unit="1", min=0.0, max=10.0, doc="of a step's noise")

    def equations(self) -> dict[str, Any]:
        """The next state."""
        return {"x": self.a * self.x + (1 - self.a) * self.m + self.drift + self.b * self.w}
