"""All judges by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from hil.commission.chart import follows
from hil.commission.judges import above, becomes, below, holds, moves, steps, value
from hil.commission.kpi import scans, step_response
from hil.commission.results import Observation

SEVERAL = ("follows", "scans", "step_response")  # that give several observations
JUDGES: dict[str, Callable[..., Observation | Sequence[Observation]]] = {
    judge.__name__: judge
    for judge in (value, holds, becomes, steps, moves, below, above, follows, scans, step_response)
}
