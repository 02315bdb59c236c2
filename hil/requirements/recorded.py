"""Requirements on a recording."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from hil.nearest import did_you_mean
from hil.requirements.errors import FormulaError
from hil.requirements.formula import Formula
from hil.requirements.operators import at_each_sample
from hil.requirements.parser import parse
from hil.requirements.verdict import Verdict

if TYPE_CHECKING:
    from hil.recording import Recording

FAULT = "fault."
Floats = npt.NDArray[np.float64]


def check_recording(
    recording: Recording | str | Path, requirements: Mapping[str, str | Formula], *, partial: bool = False
) -> dict[str, Verdict]:
    """The verdict on each requirement, by its name; each is meant at every sample (see `at_each_sample`).

    Args:
        recording: a recording folder, or a part of it, `Recording(folder).window(1, 5)`.
        requirements: formulas by name, as text or made in Python, over the recorded signals, and over `fault.NAME`,
            1 while a fault acts on the signal NAME. Statuses are left out.
        partial: judge also by a recording that ends before a window does.

    Returns:
        Verdicts; their moments count from the first row.

    Raises:
        FormulaError: a formula that cannot be read, or does not fit the recording; the name stands in front.
        RecordingError: it is not a recording.
    """
    from hil.recording import Recording

    rec = recording if isinstance(recording, Recording) else Recording(recording)
    units = rec.units | {FAULT + name: "bool" for name in rec.names}
    found = {}
    for name, text in requirements.items():
        try:
            formula = at_each_sample(parse(text, units) if isinstance(text, str) else text)
            values, period_s = sampled(rec, formula.signals)
            found[name] = formula.evaluate(values, period_s, partial=partial)
        except FormulaError as error:
            where = f"{name}: {error.where}" if error.where else name
            raise FormulaError(error.message, where=where, mend=error.mend) from None
    return found


def sampled(rec: Recording, names: frozenset[str]) -> tuple[dict[str, Floats], float]:
    """Signals on the rows of the fastest group among theirs, and its period; slower ones hold their value.

    Raises:
        FormulaError: a signal that was not recorded, or fewer than two rows.
    """
    plain = {name for name in names if name in rec or not name.startswith(FAULT)}
    for name in sorted(plain - set(rec.names)):
        raise FormulaError(f"'{name}' was not recorded in {rec.folder}", mend=did_you_mean(name, rec.names))
    chosen = sorted(plain) or [name.removeprefix(FAULT) for name in sorted(names)] or rec.names[:1]
    ticks = {rec.group_of(name): rec.tick(name) for name in chosen}
    if not ticks or min(map(len, ticks.values())) < 2:
        raise FormulaError(f"fewer than two rows were recorded in {rec.folder}")
    step = min(int(np.min(np.diff(column))) for column in ticks.values())
    grid = np.arange(max(t[0] for t in ticks.values()), max(t[-1] for t in ticks.values()) + 1, step)
    row = {group: np.searchsorted(column, grid, side="right") - 1 for group, column in ticks.items()}
    columns = rec.columns(chosen)
    values = {name: columns[name][row[rec.group_of(name)]] for name in chosen}
    faults = {name: _acting(rec, name.removeprefix(FAULT), grid) for name in names - plain}
    return values | faults, step * rec.period_s


def _acting(rec: Recording, target: str, grid: npt.NDArray[np.int64]) -> Floats:
    """1 at the ticks at which a fault acts on a signal, else 0."""
    changes = {"fault_on": 1, "fault_off": -1}
    found = [(e["tick"], changes[e["kind"]]) for e in rec.events if e.get("target") == target and e["kind"] in changes]
    acting = np.zeros(len(grid))
    for tick, change in found:
        acting[np.searchsorted(grid, tick) :] += change
    return np.asarray(acting > 0, dtype=np.float64)
