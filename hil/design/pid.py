"""PID settings from what an experiment has shown: an ultimate point (relay) or a first-order process with dead time.

K. J. Astrom, T. Hagglund, "Automatic tuning of simple regulators with specifications on phase and amplitude margins",
Automatica 20 (1984); B. Tyreus, W. Luyben, Ind. Eng. Chem. Res. 31 (1992); S. Skogestad, "Simple analytic rules for
model reduction and PID controller tuning", J. Process Control 13 (2003); lambda: E. Dahlin, Instruments and Control
Systems 41 (1968).
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hil.errors import HilError


@dataclass(frozen=True)
class PidGains:
    """Parameters of the block `pid`; kp is positive also where the process gain is negative (action = direct)."""

    kp: float
    ki_per_s: float
    kd_s: float = 0.0


@dataclass(frozen=True)
class Ultimate:
    """Where a proportional controller would oscillate: gain (in outputs per measurement) and period in s."""

    gain: float
    period_s: float


@dataclass(frozen=True)
class Fopdt:
    """Gain, time constant in s and dead time in s; `misfit` is the error's RMS over the change of the measurement."""

    gain: float
    time_constant_s: float
    dead_time_s: float
    misfit: float = 0.0


def from_ti_td(kp: float, ti_s: float, td_s: float = 0.0) -> PidGains:
    """The parallel form of kp (1 + 1/(s Ti) + s Td)."""
    return PidGains(kp, kp / ti_s, kp * td_s)


def ultimate_point(t_s: ArrayLike, y: ArrayLike, amplitude: float, hysteresis: float) -> Ultimate:
    """From the last periods of a relay experiment, by the describing function of a relay with hysteresis.

    Args:
        t_s: times in s, (n,), equally spaced.
        y: measurement, (n,), with at least three whole periods.
        amplitude: half of the relay's step, in units of the output.
        hysteresis: half width, in units of the measurement.

    Raises:
        HilError: no steady oscillation.
    """
    t, values = np.asarray(t_s, dtype=float), np.asarray(y, dtype=float)
    around = values - _middle(values)
    rises = _rises(around, max(hysteresis, float(np.abs(around).max())) / 2)  # else noise makes rises within a period
    if len(rises) < 4:
        mend = "Run longer, or take a larger amplitude"
        raise HilError("the relay made no steady oscillation", where="relay", mend=mend)
    period = float(np.diff(t[rises])[-3:].mean())
    swings = [(values[a:b].max() - values[a:b].min()) / 2 for a, b in itertools.pairwise(rises)]
    swing = float(np.mean(swings[-3:]))
    if swing <= hysteresis:
        raise HilError("the oscillation hardly leaves the hysteresis", where="relay", mend="Take a larger amplitude")
    return Ultimate(4 * amplitude / (math.pi * math.sqrt(swing**2 - hysteresis**2)), period)


def _middle(values: NDArray[np.float64]) -> float:
    later = values[len(values) // 2 :]
    return float(later.max() + later.min()) / 2


def _rises(values: NDArray[np.float64], margin: float) -> NDArray[np.int64]:
    """Indices at which the values come up through zero, each armed by a value below -margin."""
    found, armed = [], False
    for i, value in enumerate(values):
        if value < -margin:
            armed = True
        elif armed and value >= 0:
            found.append(i)
            armed = False
    return np.array(found, dtype=np.int64)


def tyreus_luyben(at: Ultimate, *, derivative: bool = False) -> PidGains:
    """Cautious settings for processes whose time constants outweigh their dead time."""
    if derivative:
        return from_ti_td(at.gain / 2.2, 2.2 * at.period_s, at.period_s / 6.3)
    return from_ti_td(at.gain / 3.2, 2.2 * at.period_s)


def ziegler_nichols(at: Ultimate, *, derivative: bool = False) -> PidGains:
    """The classic settings: fast, with a quarter of amplitude left in each period."""
    if derivative:
        return from_ti_td(0.6 * at.gain, at.period_s / 2, at.period_s / 8)
    return from_ti_td(0.45 * at.gain, at.period_s / 1.2)


def fit_fopdt(t_s: ArrayLike, y: ArrayLike, step: float) -> Fopdt:
    """Least squares of y0 + K step (1 - exp(-(t - dead time) / T)) over a step at t = 0.

    Args:
        t_s: times since the step in s, (n,).
        y: measurement, (n,), beginning with its value before the step.
        step: change of the process input.

    Raises:
        HilError: the measurement did not move, or did not begin to settle.
    """
    from scipy.optimize import least_squares

    t, values = np.asarray(t_s, dtype=float), np.asarray(y, dtype=float)
    y0, change = values[0], float(values[-max(1, len(values) // 20) :].mean() - values[0])
    if change == 0 or step == 0:
        raise HilError("the measurement did not move", where="step", mend="Take a larger amplitude, or run longer")
    early, late = (t[int(np.argmax((values - y0) / change >= part))] for part in (0.283, 0.632))
    guess = [change / step, max(1.5 * (late - early), 1e-6 * t[-1]), max(1.5 * early - 0.5 * late, 0.0)]

    def error(p: NDArray[np.float64]) -> NDArray[np.float64]:
        shape = 1 - np.exp(-np.maximum(t - p[2], 0.0) / p[1])
        return np.asarray((y0 + p[0] * step * shape - values) / abs(change))

    bounds = ([-np.inf, 1e-9 * t[-1], 0.0], [np.inf, 100 * t[-1], t[-1]])
    found = least_squares(error, guess, bounds=bounds, x_scale=[abs(guess[0]), guess[1], max(guess[2], 0.1 * guess[1])])
    K, T, dead = (float(v) for v in found.x)
    if 3 * t[-1] < T:
        raise HilError("the measurement did not begin to settle", where="step", mend=f"Run longer than {t[-1]:g} s")
    return Fopdt(K, T, dead, float(np.sqrt(np.mean(found.fun**2))))


def simc(process: Fopdt, closed_loop_s: float | None = None) -> PidGains:
    """Skogestad's rules for PI; the closed loop's time constant is the dead time unless given.

    Raises:
        HilError: neither dead time nor closed_loop_s: the rule would ask for an infinite gain.
    """
    tau = process.dead_time_s if closed_loop_s is None else closed_loop_s
    _check(tau + process.dead_time_s)
    kp = process.time_constant_s / (abs(process.gain) * (tau + process.dead_time_s))
    return from_ti_td(kp, min(process.time_constant_s, 4 * (tau + process.dead_time_s)))


def lambda_tuning(process: Fopdt, closed_loop_s: float | None = None) -> PidGains:
    """Cancels the process's lag: the closed loop has the time constant closed_loop_s, by default three dead times."""
    tau = 3 * process.dead_time_s if closed_loop_s is None else closed_loop_s
    _check(tau + process.dead_time_s)
    return from_ti_td(
        process.time_constant_s / (abs(process.gain) * (tau + process.dead_time_s)), process.time_constant_s
    )


def _check(time_s: float) -> None:
    if time_s <= 0:
        mend = "Say how fast the closed loop shall be (--closed-loop SECONDS)"
        raise HilError("the process has no dead time, so the rule asks for an infinite gain", where="step", mend=mend)
