"""The cart-pole as a model: the plant that yardsticks/est.c and cart_pole_loop.c have by hand."""

from __future__ import annotations

from typing import Any

from hil.models import Input, Model, Output, Param, State
from hil.models.math import cos, sin

START = (0.0, 0.0, 0.05, 0.0)


class CartPole(Model):
    """A point mass on a rod on a cart, without friction; the equations of yardsticks/est.c."""

    x = State(START[0], unit="m")
    v = State(START[1], unit="m/s")
    theta = State(START[2], unit="rad")
    omega = State(START[3], unit="rad/s")
    force = Input(unit="N")
    cart = Param(0.5, unit="kg", min=0.1, max=10)
    pole = Param(0.2, unit="kg", min=0.01, max=1)
    rod = Param(0.3, unit="m", min=0.1, max=2)
    g = Param(9.81, unit="m/s**2", min=0.1, max=30)

    def equations(self) -> dict[str, Any]:
        """Derivatives of the states."""
        s, c, w, u = sin(self.theta), cos(self.theta), self.omega, self.force
        mass = self.cart + self.pole * s * s
        push = (u + self.pole * s * (self.rod * w * w - self.g * c)) / mass
        turn = -u * c - self.pole * self.rod * w * w * c * s + (self.cart + self.pole) * self.g * s
        return {"x": self.v, "v": push, "theta": w, "omega": turn / (self.rod * mass)}


class MeasuredCartPole(CartPole):
    """Position and angle are measured, as in est.c."""

    position = Output(unit="m")
    angle = Output(unit="rad")

    def outputs(self) -> dict[str, Any]:
        """The two states."""
        return {"position": self.x, "angle": self.theta}
