"""The Temperature Control Lab's thermal model: two heaters on one small board, each with a temperature sensor.

Energy balance of each heater, with convection and radiation to the room and to the other heater (J. D. Hedengren,
apmonitor.com/heat.htm; J. Park et al., "Benchmark temperature microcontroller for process dynamics and control",
Computers & Chemical Engineering 135 (2020)); a first-order lag for the sensor on its back. The numbers fit a recording
of a real board with an error of 0.4 K.
"""

from __future__ import annotations

from typing import Any

from hil.models import Input, Model, Output, Param, State

KELVIN = 273.15
SIGMA = 5.670374419e-8  # Stefan-Boltzmann constant in W/(m**2 K**4)
# The power limits at which a1 and a2 were found; the board's own at switch-on.
FULL1, FULL2 = 200.0, 100.0


class TCLab(Model):
    """Sensor temperatures in degC over heater powers in percent and power limits in counts of the 8-bit PWM."""

    heater1 = State(294.15, unit="K", min=200.0, max=700.0, doc="temperature of heater 1")
    heater2 = State(294.15, unit="K", min=200.0, max=700.0, doc="temperature of heater 2")
    sensor1 = State(294.15, unit="K", min=200.0, max=700.0, doc="temperature of sensor 1")
    sensor2 = State(294.15, unit="K", min=200.0, max=700.0, doc="temperature of sensor 2")

    q1 = Input(0.0, unit="%", min=0.0, max=100.0, doc="power of heater 1, in percent of its limit")
    q2 = Input(0.0, unit="%", min=0.0, max=100.0, doc="power of heater 2, in percent of its limit")
    p1 = Input(FULL1, unit="1", min=0.0, max=255.0, doc="power limit of heater 1 in PWM counts")
    p2 = Input(FULL2, unit="1", min=0.0, max=255.0, doc="power limit of heater 2 in PWM counts")

    t1 = Output(unit="degC", min=-50.0, max=279.7, doc="what sensor 1 reads")
    t2 = Output(unit="degC", min=-50.0, max=279.7, doc="what sensor 2 reads")

    ambient = Param(294.15, unit="K", min=230.0, max=330.0, doc="temperature of the room")
    mass = Param(0.004, unit="kg", min=1e-4, max=1.0, doc="mass of one heater with its sensor")
    cp = Param(500.0, unit="J/kg/K", min=10.0, max=5000.0, doc="specific heat")
    area = Param(1e-3, unit="m**2", min=1e-5, max=1.0, doc="surface of one heater towards the room")
    area_between = Param(2e-4, unit="m**2", min=0.0, max=1.0, doc="surface of one heater towards the other")
    emissivity = Param(0.9, unit="1", min=0.0, max=1.0, doc="emissivity of the surfaces")
    u = Param(5.09, unit="W/m**2/K", min=0.0, max=1000.0, doc="heat transfer to the room; a draught raises it")
    u_between = Param(17.2, unit="W/m**2/K", min=0.0, max=1000.0, doc="heat transfer between the heaters")
    a1 = Param(0.0072, unit="W", min=0.0, max=1.0, doc="heat of heater 1 per percent, at a limit of 200")
    a2 = Param(0.0037, unit="W", min=0.0, max=1.0, doc="heat of heater 2 per percent, at a limit of 100")
    tau = Param(21.0, unit="s", min=1.0, max=1000.0, doc="time constant of the sensors")

    def equations(self) -> dict[str, Any]:
        """Energy balance of each heater, and the lag of its sensor."""
        heat1 = self.a1 * self.q1 * self.p1 / FULL1
        heat2 = self.a2 * self.q2 * self.p2 / FULL2
        across = self._flow(self.heater2, self.heater1, self.u_between, self.area_between)
        room1 = self._flow(self.ambient, self.heater1, self.u, self.area)
        room2 = self._flow(self.ambient, self.heater2, self.u, self.area)
        capacity = self.mass * self.cp
        return {
            "heater1": (heat1 + room1 + across) / capacity,
            "heater2": (heat2 + room2 - across) / capacity,
            "sensor1": (self.heater1 - self.sensor1) / self.tau,
            "sensor2": (self.heater2 - self.sensor2) / self.tau,
        }

    def outputs(self) -> dict[str, Any]:
        """The board reports degrees Celsius."""
        return {"t1": self.sensor1 - KELVIN, "t2": self.sensor2 - KELVIN}

    def _flow(self, hot: Any, cold: Any, u: Any, area: Any) -> Any:
        """Heat from `hot` to `cold` in W: convection or conduction, and radiation."""
        return u * area * (hot - cold) + self.emissivity * SIGMA * area * (hot**4 - cold**4)
