"""A tank that a pump fills and gravity drains, in SI units: tank 1 of Johansson's quadruple tank with all of pump 1.

K. H. Johansson, "The Quadruple-Tank Process", IEEE Trans. Control Systems Technology 8 (2000), table I and equation 1.
"""

from __future__ import annotations

from typing import Any

from hil.models import Input, Model, Param, State
from hil.models.math import fmax, safe_sqrt


class Tank(Model):
    """Level in m over pump voltage in V.

    It is empty at 0 and spills at its height. At rest with 3 V: 10.09 cm.
    """

    h = State(0.1009, unit="m", min=0.0, max=0.25, clamp=True, output=True, doc="level")

    v = Input(3.0, unit="V", min=0.0, max=10.0, doc="voltage of the pump; below 0 it stands still")

    A = Param(28e-4, unit="m**2", min=1e-4, max=1.0, doc="cross-section of the tank")
    a = Param(0.071e-4, unit="m**2", min=0.0, max=1e-3, doc="outlet; 0 is blocked")
    leak = Param(0.0, unit="m**2", min=0.0, max=1e-3, doc="hole, drains to the floor")
    k = Param(3.33e-6, unit="m**3/s/V", min=0.0, max=1e-4, doc="flow of the pump per volt")
    g = Param(9.81, unit="m/s**2", min=0.1, max=30.0, doc="gravity")

    def equations(self) -> dict[str, Any]:
        """Balance of volume, divided by the cross-section; Torricelli's speed of the jet, sqrt(2 g max(h, 0))."""
        jet = safe_sqrt(2 * self.g * self.h)
        return {"h": (self.k * fmax(self.v, 0) - (self.a + self.leak) * jet) / self.A}
