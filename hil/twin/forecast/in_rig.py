"""What a rig's [twin] says of forecasts, as this package's own data; beliefs and lives from a bench that has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from hil.errors import HilError
from hil.fork import Fork
from hil.nearest import did_you_mean
from hil.twin.forecast.belief import Belief
from hil.twin.forecast.crossing import Limit
from hil.twin.forecast.estimated import estimated
from hil.twin.forecast.life import LEAST_ROWS, Wear, wear
from hil.twin.forecast.start import Scenario
from hil.twin.spec import ForecastTable, TwinTable

Floats = npt.NDArray[np.float64]

HISTORY_ROWS = 24  # that a drift is found from: an estimate's neighbouring rows err together


def limits_of(table: TwinTable) -> list[Limit]:
    """[twin.limits]."""
    return [Limit(name, x.signal, x.low, x.high, x.text) for name, x in table.limits.items()]


def scenarios_of(table: TwinTable, names: Sequence[str] | None = None) -> list[Scenario]:
    """[twin.whatif], all or those named, behind "as it is".

    Raises:
        HilError: there is no such what-if, or none at all.
    """
    if not table.whatif:
        raise HilError("has no what-ifs", where="twin.whatif", mend="Add [twin.whatif.NAME] set = { ... }")
    found = [Scenario()]
    for name in table.whatif if names is None else names:
        if name not in table.whatif:
            raise HilError(f"there is no what-if '{name}'", where="twin.whatif", mend=did_you_mean(name, table.whatif))
        course = table.whatif[name]
        at = [(float(time_s), str(target), float(value)) for time_s, target, value in course.at]
        found.append(Scenario(name, course.set, at, text=course.text))
    return found


def forecast_of(table: TwinTable, name: str | None = None) -> ForecastTable:
    """One of [twin.forecasts]; without a name the first.

    Raises:
        HilError: there is none, or none of that name.
    """
    if not table.forecasts:
        raise HilError("has no forecasts", where="twin.forecasts", mend='Add [twin.forecasts.NAME] signals = ["..."]')
    if name is None:
        return next(iter(table.forecasts.values()))
    if name not in table.forecasts:
        mend = did_you_mean(name, table.forecasts)
        raise HilError(f"there is no forecast '{name}'", where="twin.forecasts", mend=mend)
    return table.forecasts[name]


def belief_of(fork: Fork, table: TwinTable) -> Belief:
    """What the twin's observer knows, with its process noise; nothing is uncertain before its first measurement."""
    built = fork.bench.built
    if fork.state.get(built.states[f"{table.observer}.started"]) == 0.0:
        return Belief()
    return estimated(fork, table.observer, table.block, noise=True)


def wear_of(table: TwinTable, name: str, time_s: Floats, values: Floats) -> Wear | None:
    """How the parameter of [twin.degradation.NAME] wears, from its estimates; None: too few rows in its window.

    Args:
        time_s, values: the estimate's history, in s and the parameter's unit, shape (rows,).
    """
    window_s = table.degradation[name].window_s
    there = np.isfinite(values) & (time_s >= time_s[-1] - window_s) if len(time_s) else np.zeros(0, dtype=bool)
    t, x = time_s[there], values[there]
    if len(t) < LEAST_ROWS or t[-1] - t[0] < 0.5 * window_s:
        return None
    chosen = np.unique(np.searchsorted(t, np.linspace(t[0], t[-1], min(len(t), HISTORY_ROWS))))
    return wear(t[chosen], x[chosen])


def estimates_of(table: TwinTable) -> Mapping[str, str]:
    """By degradation, the signal with the estimate of its parameter."""
    return {name: table.parameters[x.parameter].estimate for name, x in table.degradation.items()}
