"""Is a column in another unit than is said? It fits the signal's range after a common conversion only."""

from __future__ import annotations

import numpy as np

from hil.errors import HilError
from hil.rig import Signal
from hil.twin.sources.series import Floats, Mark
from hil.units import conversion

FEWEST = 5  # neighbouring samples outside the range, before it is a matter of the unit
FAMILIES = (
    ("degC", "K", "degF", "mdegC"),
    ("m", "mm", "cm", "km"),
    ("Pa", "kPa", "hPa", "bar", "mbar", "psi"),
    ("V", "mV", "kV"),
    ("A", "mA"),
    ("W", "kW", "mW"),
    ("m**3/s", "l/s", "l/min", "m**3/h"),
    ("rad/s", "rpm", "deg/s"),
    ("rad", "deg"),
    ("s", "ms", "us", "ns"),
    ("1", "%"),
)


def without_wrong_units(
    values: Floats, signal: Signal, column: str, time_s: Floats, rows: list[int]
) -> tuple[Floats, list[Mark]]:
    """The values without stretches whose unit is another one: those become NaN, and each a mark that names the unit.

    Args:
        values: shape (n,), as converted to the signal's unit.
        rows: numbers of their rows in the file.
    """
    if signal.range is None:
        return values, []
    low, high = signal.range
    with np.errstate(invalid="ignore"):
        outside = (values < low) | (values > high)
    marks, kept = [], values.copy()
    for begin, end in stretches(outside):
        if end - begin < FEWEST:
            continue
        unit = _likely(values[begin:end], signal.unit or "", low, high)
        if unit is None:
            continue
        kept[begin:end] = np.nan
        text = f"looks like {unit}, not {signal.unit or 'a plain number'}: {end - begin} samples are not used"
        marks.append(Mark("wrong unit", rows[begin], float(time_s[begin]), column, text, end - begin))
    return kept, marks


def stretches(flags: np.ndarray) -> list[tuple[int, int]]:
    """[begin, end) of each run of true elements."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], flags.astype(np.int8), [0]))))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def _likely(values: Floats, unit: str, low: float, high: float) -> str | None:
    """The unit in which nearly all values would lie in the range."""
    for family in FAMILIES:
        if unit not in family:
            continue
        for other in family:
            scale, offset = _conversion(other, unit)
            if other != unit and np.mean((values * scale + offset >= low) & (values * scale + offset <= high)) > 0.95:
                return other
    return None


def _conversion(unit: str, to: str) -> tuple[float, float]:
    if unit == "mdegC":  # thousandths, as the kernel's w1 driver gives them; no unit of pint
        return 1e-3, 0.0
    try:
        return conversion(unit, to)
    except HilError:
        return 1.0, 0.0
