"""Johansson's quadruple tank (K. H. Johansson, "The Quadruple-Tank Process", IEEE Trans. Control Systems Technology 8
(2000), table I and equation 1), in SI units.

Pump 1 fills tank 1 (share gamma1) and the upper tank 4, pump 2 fills tank 2 (share gamma2) and the upper tank 3.
Tank 3 drains into tank 1, tank 4 into tank 2. With gamma1 + gamma2 > 1, as here, no zero lies in the right half plane.
"""

from __future__ import annotations

from typing import Any

from hil.models import Input, Model, Param, State
from hil.models.math import fmax, safe_sqrt


class QuadTank(Model):
    """Four tanks, two pumps: levels in m over pump voltages in V.

    A tank is empty at 0 and spills at its height. Levels at rest with 3 V on both pumps: 12.26, 12.78, 1.63, 1.41 cm.
    """

    h1 = State(0.1226, unit="m", min=0.0, max=0.25, clamp=True, output=True, doc="level of tank 1, lower left")
    h2 = State(0.1278, unit="m", min=0.0, max=0.25, clamp=True, output=True, doc="level of tank 2, lower right")
    h3 = State(0.0163, unit="m", min=0.0, max=0.25, clamp=True, output=True, doc="level of tank 3, above tank 1")
    h4 = State(0.0141, unit="m", min=0.0, max=0.25, clamp=True, output=True, doc="level of tank 4, above tank 2")

    v1 = Input(3.0, unit="V", min=0.0, max=10.0, doc="voltage of pump 1; below 0 it stands still")
    v2 = Input(3.0, unit="V", min=0.0, max=10.0, doc="voltage of pump 2; below 0 it stands still")

    A1 = Param(28e-4, unit="m**2", min=1e-4, max=1.0, doc="cross-section of tank 1")
    A2 = Param(32e-4, unit="m**2", min=1e-4, max=1.0, doc="cross-section of tank 2")
    A3 = Param(28e-4, unit="m**2", min=1e-4, max=1.0, doc="cross-section of tank 3")
    A4 = Param(32e-4, unit="m**2", min=1e-4, max=1.0, doc="cross-section of tank 4")
    a1 = Param(0.071e-4, unit="m**2", min=0.0, max=1e-3, doc="outlet of tank 1; 0 is blocked")
    a2 = Param(0.057e-4, unit="m**2", min=0.0, max=1e-3, doc="outlet of tank 2; 0 is blocked")
    a3 = Param(0.071e-4, unit="m**2", min=0.0, max=1e-3, doc="outlet of tank 3; 0 is blocked")
    a4 = Param(0.057e-4, unit="m**2", min=0.0, max=1e-3, doc="outlet of tank 4; 0 is blocked")
    leak1 = Param(0.0, unit="m**2", min=0.0, max=1e-3, doc="hole in tank 1, drains to the floor")
    leak2 = Param(0.0, unit="m**2", min=0.0, max=1e-3, doc="hole in tank 2, drains to the floor")
    leak3 = Param(0.0, unit="m**2", min=0.0, max=1e-3, doc="hole in tank 3, drains to the floor")
    leak4 = Param(0.0, unit="m**2", min=0.0, max=1e-3, doc="hole in tank 4, drains to the floor")
    k1 = Param(3.33e-6, unit="m**3/s/V", min=0.0, max=1e-4, doc="flow of pump 1 per volt")
    k2 = Param(3.35e-6, unit="m**3/s/V", min=0.0, max=1e-4, doc="flow of pump 2 per volt")
    gamma1 = Param(0.70, unit="1", min=0.0, max=1.0, doc="share of pump 1 that goes to tank 1")
    gamma2 = Param(0.60, unit="1", min=0.0, max=1.0, doc="share of pump 2 that goes to tank 2")
    g = Param(9.81, unit="m/s**2", min=0.1, max=30.0, doc="gravity")

    def equations(self) -> dict[str, Any]:
        """Balance of volume of each tank, divided by its cross-section."""
        # Torricelli: speed of the jet sqrt(2 g max(h, 0))
        jet1, jet2, jet3, jet4 = (safe_sqrt(2 * self.g * h) for h in (self.h1, self.h2, self.h3, self.h4))
        pump1 = self.k1 * fmax(self.v1, 0)
        pump2 = self.k2 * fmax(self.v2, 0)
        return {
            "h1": (self.a3 * jet3 + self.gamma1 * pump1 - (self.a1 + self.leak1) * jet1) / self.A1,
            "h2": (self.a4 * jet4 + self.gamma2 * pump2 - (self.a2 + self.leak2) * jet2) / self.A2,
            "h3": ((1 - self.gamma2) * pump2 - (self.a3 + self.leak3) * jet3) / self.A3,
            "h4": ((1 - self.gamma1) * pump1 - (self.a4 + self.leak4) * jet4) / self.A4,
        }
