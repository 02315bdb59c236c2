"""A rod that stands on end, held by a torque at its foot."""

from __future__ import annotations

from typing import Any

from hil.models import Input, Model, Param, State
from hil.models.math import sin


class Rod(Model):
    """Angle from upright and its speed over the torque."""

    angle = State(0.0, unit="rad", output=True, doc="from upright")
    speed = State(0.0, unit="rad/s", output=True, doc="of the angle")
    torque = Input(unit="1/s**2", doc="torque over the moment of inertia")
    gust = Input(unit="1/s**2", doc="what else turns it, over the moment of inertia")
    pull = Param(9.81, unit="1/s**2", min=0.0, max=100.0, doc="gravity over the rod's reduced length")
    damping = Param(0.1, unit="1/s", min=0.0, max=10.0, doc="of the bearing")

    def equations(self) -> dict[str, Any]:
        """Newton's law of the rod."""
        return {
            "angle": self.speed,
            "speed": self.pull * sin(self.angle) - self.damping * self.speed + self.torque + self.gust,
        }
