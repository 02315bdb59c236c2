"""The heated box with what can happen to it: its lid is opened (G_b rises), a cup of water is put in (C_w, G_w).

The box is that of model.py: H. Feng et al., arXiv:2102.10390 (2021). The numbers are those published for 2020-21.
"""

from __future__ import annotations

from typing import Any

from hil.models import Input, Model, Param, State


class BoxWithCup(Model):
    """Temperatures of heater, air and water in degC; without a cup G_w is 0 and the water keeps its temperature."""

    T_h = State(22.0, unit="degC", min=-50.0, max=300.0, doc="temperature of the heater")
    T = State(22.0, unit="degC", min=-50.0, max=200.0, output=True, doc="temperature of the box's air")
    T_w = State(22.0, unit="degC", min=-50.0, max=200.0, output=True, doc="temperature of the water")

    u = Input(0.0, unit="1", min=0.0, max=1.0, doc="the heater is on")
    T_room = Input(21.0, unit="degC", min=-50.0, max=60.0, doc="temperature of the room")

    P = Param(125.0, unit="W", min=1.0, max=500.0, doc="electric power of the heater")
    C_a = Param(177.63, unit="J/K", min=10.0, max=5000.0, doc="heat capacity of the box's air and walls")
    C_h = Param(239.61, unit="J/K", min=10.0, max=5000.0, doc="heat capacity of the heater")
    G_b = Param(
        0.77308, unit="W/K", min=0.01, max=100.0, doc="heat loss to the room; an open lid raises it to about 14"
    )
    G_h = Param(2.31873, unit="W/K", min=0.01, max=100.0, doc="heat transfer from the heater to the box")
    C_w = Param(837.0, unit="J/K", min=10.0, max=5000.0, doc="heat capacity of the water, 4187 J/K for a litre")
    G_w = Param(0.0, unit="W/K", min=0.0, max=100.0, doc="heat transfer from the air to the cup; 0: there is none")

    def equations(self) -> dict[str, Any]:
        """Energy balance of heater, air and water."""
        into_box = self.G_h * (self.T_h - self.T)
        into_cup = self.G_w * (self.T - self.T_w)
        return {
            "T_h": (self.P * self.u - into_box) / self.C_h,
            "T": (into_box - into_cup - self.G_b * (self.T - self.T_room)) / self.C_a,
            "T_w": into_cup / self.C_w,
        }
