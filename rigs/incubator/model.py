"""A heated box: a bed of warm air and heater in a styrofoam box, and the air of the box, as two heat capacities.

H. Feng, C. Gomes, C. Thule, K. Lausdahl, M. Sandberg, P. G. Larsen, "The Incubator Case Study for Digital Twin
Engineering", arXiv:2102.10390 (2021). The numbers are those published for the box of May 2023.
"""

from __future__ import annotations

from typing import Any

from hil.models import Input, Model, Param, State


class Incubator(Model):
    """Temperatures of the heater and of the box's air, in degC, over heater, fan, room and lid.

    Without its fan the heater gives its heat away more slowly: the share F of G_h is left (an assumption).
    """

    T_h = State(22.0, unit="degC", min=-50.0, max=300.0, output=True, doc="temperature of the heater")
    T = State(22.0, unit="degC", min=-50.0, max=200.0, output=True, doc="temperature of the box's air")

    u = Input(1.0, unit="1", min=0.0, max=1.0, doc="the heater is on")  # as in a cold box; without heat nothing shows P
    T_room = Input(22.0, unit="degC", min=-50.0, max=60.0, doc="temperature of the room")
    fan = Input(1.0, unit="1", min=0.0, max=1.0, doc="the fan is on")
    lid = Input(0.0, unit="1", min=0.0, max=1.0, doc="the lid is open")

    P = Param(18.7, unit="W", min=1.0, max=500.0, doc="electric power of the heater")
    C_a = Param(267.56, unit="J/K", min=10.0, max=5000.0, doc="heat capacity of the box's air and walls")
    C_h = Param(329.25, unit="J/K", min=10.0, max=5000.0, doc="heat capacity of the heater")
    G_b = Param(0.57635, unit="W/K", min=0.01, max=100.0, doc="heat loss from box to room")
    G_h = Param(1.67053, unit="W/K", min=0.01, max=100.0, doc="heat transfer from the heater to the box, fan on")
    G_lid = Param(13.4, unit="W/K", min=0.0, max=100.0, doc="what an open lid adds to G_b")
    F = Param(0.4, unit="1", min=0.0, max=1.0, doc="share of G_h that is left without the fan")

    def equations(self) -> dict[str, Any]:
        """Energy balance of the heater and of the box."""
        into_box = self.G_h * (self.F + (1.0 - self.F) * self.fan) * (self.T_h - self.T)
        return {
            "T_h": (self.P * self.u - into_box) / self.C_h,
            "T": (into_box - (self.G_b + self.G_lid * self.lid) * (self.T - self.T_room)) / self.C_a,
        }
