"""A DC motor with a permanent magnet, armature and shaft, in SI units.

Equations and numbers are those of the much used example "DC Motor Speed" of the Control Tutorials for MATLAB and
Simulink (University of Michigan): a heavy, slow motor that runs at 0.1 rad/s for each volt, with poles at -2.0 and
-10.0 1/s.
"""

from __future__ import annotations

from typing import Any

from hil.models import Input, Model, Param, State


class DcMotor(Model):
    """Armature current, speed and angle of the shaft over voltage and load torque.

    At rest with 1 V and no load: 0.0999 rad/s and 0.999 A.
    """

    current = State(0.0, unit="A", min=-50.0, max=50.0, output=True, doc="armature current")
    speed = State(0.0, unit="rad/s", min=-10.0, max=10.0, output=True, doc="speed of the shaft")
    angle = State(0.0, unit="rad", output=True, doc="angle of the shaft, not wrapped")

    voltage = Input(0.0, unit="V", min=-24.0, max=24.0, doc="armature voltage")
    load = Input(0.0, unit="N*m", min=-0.2, max=0.2, doc="load torque; positive brakes a forward turning shaft")

    J = Param(0.01, unit="kg*m**2", min=1e-5, max=10.0, doc="moment of inertia")
    b = Param(0.1, unit="N*m*s", min=0.0, max=10.0, doc="viscous friction")
    K = Param(0.01, unit="N*m/A", min=1e-4, max=10.0, doc="torque constant, and back-EMF constant in V s/rad")
    R = Param(1.0, unit="ohm", min=0.01, max=1000.0, doc="armature resistance; 1000 is as good as a broken wire")
    L = Param(0.5, unit="H", min=0.01, max=100.0, doc="armature inductance")

    def equations(self) -> dict[str, Any]:
        """Kirchhoff's law of the armature, Newton's law of the shaft."""
        return {
            "current": (self.voltage - self.R * self.current - self.K * self.speed) / self.L,
            "speed": (self.K * self.current - self.b * self.speed - self.load) / self.J,
            "angle": self.speed,
        }
