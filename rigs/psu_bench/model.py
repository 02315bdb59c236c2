"""A step-down converter module (5 V, 3 A) with a bench supply in front and an electronic load behind it.

The converter regulates a thousand times faster than instruments read, so it is described by its settled behaviour
with one lag: output voltage by load regulation and dropout, input current by the balance of powers. The losses are
those of R. W. Erickson and D. Maksimovic, Fundamentals of Power Electronics, chapter 3 (conduction) and 4 (switching):
what is always there, what goes with the input voltage and the current, the diode while the switch is off, resistance.
The supply has two regulators, of voltage and of current, and the lower one has its way.
"""

from __future__ import annotations

from typing import Any

from hil.models import Input, Model, Output, Param, State
from hil.models import math as m


class Desk(Model):
    """What supply, load and meter measure at the converter, over what supply and load are told."""

    v = State(0.0, unit="V", min=0.0, max=40.0, doc="voltage at the supply's terminals")
    v_out = State(0.0, unit="V", min=-1.0, max=40.0, doc="voltage at the load's terminals")

    voltage = Input(0.0, unit="V", min=0.0, max=60.0, doc="voltage that the supply is set to")
    current = Input(0.0, unit="A", min=0.0, max=10.0, doc="current at which the supply limits")
    on = Input(0.0, unit="1", min=0.0, max=1.0, doc="output of the supply")
    load = Input(0.0, unit="A", min=0.0, max=30.0, doc="current that the load is set to")
    load_on = Input(0.0, unit="1", min=0.0, max=1.0, doc="input of the load")

    supply_voltage = Output(unit="V", doc="at the supply")
    supply_current = Output(unit="A", doc="out of the supply")
    load_voltage = Output(unit="V", doc="at the load, behind its cables")
    load_current = Output(unit="A", doc="into the load")
    output_voltage = Output(unit="V", doc="at the converter's terminals, where the meter is")

    v_set = Param(5.0, unit="V", min=0.5, max=30.0, doc="what the converter regulates to")
    r_load = Param(0.012, unit="ohm", min=0.0, max=1.0, doc="load regulation: volts lost for each ampere")
    dropout = Param(1.2, unit="V", min=0.0, max=5.0, doc="least difference of input and output voltage")
    v_start = Param(4.5, unit="V", min=0.0, max=30.0, doc="input voltage at which it starts")
    p_rest = Param(0.08, unit="W", min=0.0, max=10.0, doc="losses without load")
    k_switch = Param(0.008, unit="1", min=0.0, max=1.0, doc="switching losses: W for each V of input and A of output")
    v_diode = Param(0.45, unit="V", min=0.0, max=2.0, doc="forward voltage of the diode")
    r_on = Param(0.09, unit="ohm", min=0.0, max=1.0, doc="resistance of switch, coil and board")
    r_cable = Param(0.03, unit="ohm", min=0.0, max=1.0, doc="cables from the converter to the load")
    tau = Param(0.04, unit="s", min=0.02, max=1.0, doc="time constant of the supply")
    tau_out = Param(0.03, unit="s", min=0.02, max=1.0, doc="soft start, and filter of the output")
    short = Param(0.0, unit="1", min=0.0, max=1.0, doc="1: the switch has failed and the input is on the output")

    def equations(self) -> dict[str, Any]:
        """The supply's lower regulator has its way; the output follows what the converter regulates to."""
        by_voltage = (self.voltage * self.on - self.v) / self.tau
        by_current = 10.0 * (self.current - self._i_in()) / self.tau
        headroom = m.fmax(self.v - self.dropout, 0.0) * self._running()
        regulated = m.fmin(self.v_set - self.r_load * self._i_out(), headroom)
        target = regulated + self.short * (self.v - regulated)
        return {
            "v": m.fmin(by_voltage, m.fmax(by_current, -self.v / self.tau)),
            "v_out": (target - self.v_out) / self.tau_out,
        }

    def outputs(self) -> dict[str, Any]:
        """What the instruments read."""
        return {
            "supply_voltage": self.v,
            "supply_current": self._i_in(),
            "load_voltage": self.v_out - self.r_cable * self._i_out(),
            "load_current": self._i_out(),
            "output_voltage": self.v_out,
        }

    def _running(self) -> Any:
        """0 below the start voltage, 1 a volt above: it limits its own input current while it starts."""
        return m.clip((self.v - self.v_start) / 1.0, 0.0, 1.0)

    def _i_out(self) -> Any:
        """A load draws its current only while there is a voltage."""
        return self.load * self.load_on * m.clip(self.v_out / 0.5, 0.0, 1.0)

    def _i_in(self) -> Any:
        """What goes out and what is lost comes in."""
        i_out = self._i_out()
        duty = m.clip(self.v_out / m.fmax(self.v, 1.0), 0.0, 1.0)
        lost = self.p_rest + self.k_switch * self.v * i_out + self.v_diode * i_out * (1.0 - duty) + self.r_on * i_out**2
        return (self.v_out * i_out + lost) / m.fmax(self.v, 1.0) * self._running()


class Figures(Model):
    """Powers and efficiency out of what was measured, each smoothed over a few readings."""

    p_in = State(0.0, unit="W", min=0.0, max=1000.0, output=True, doc="power into the converter")
    p_out = State(0.0, unit="W", min=0.0, max=1000.0, output=True, doc="power out of the converter")

    v_in = Input(0.0, unit="V", doc="input voltage")
    i_in = Input(0.0, unit="A", doc="input current")
    v_out = Input(0.0, unit="V", doc="output voltage at the converter")
    i_out = Input(0.0, unit="A", doc="output current")

    efficiency = Output(unit="1", min=0.0, max=2.0, doc="power out over power in; 0 below 10 mW")

    tau = Param(0.15, unit="s", min=0.02, max=10.0, doc="time constant of the smoothing")

    def equations(self) -> dict[str, Any]:
        """First-order lags of both powers."""
        return {
            "p_in": (self.v_in * self.i_in - self.p_in) / self.tau,
            "p_out": (self.v_out * self.i_out - self.p_out) / self.tau,
        }

    def outputs(self) -> dict[str, Any]:
        """Efficiency only where there is power."""
        return {"efficiency": m.if_else(self.p_in > 0.01, self.p_out / m.fmax(self.p_in, 0.01), 0.0)}
