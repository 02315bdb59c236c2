"""A challenger in shadow: it predicts the same new data as the version in use, acts on nothing, is judged by that."""

from __future__ import annotations

from pathlib import Path

from hil.identify.problem import make_problem
from hil.rig import Fit, Rig
from hil.twin.recalibrate.calibration import judge
from hil.twin.recalibrate.contest import Contest
from hil.twin.recalibrate.stretch import cut
from hil.twin.recalibrate.versions import Versions

SETTLING = 0.25  # share of the rows that gives both their initial values


def shadow(
    rig: Rig,
    data: str | Path,
    versions: Versions,
    *,
    wanted: Fit | None = None,
    from_s: float | None = None,
    to_s: float | None = None,
    number: int | None = None,
) -> Contest | None:
    """The version in use against the challenger over data that neither was fitted to.

    Args:
        rig: loaded.
        data: a CSV file or a recording's folder.
        versions: of the twin.
        wanted: block and columns; None: the rig's [fit].
        from_s, to_s: the window, counted from the first row; its first quarter gives the initial values.
        number: another version as the challenger.

    Returns:
        the contest; None without a challenger.

    Raises:
        RigError, RecordingError: see `recalibrate`.
    """
    challenger = versions.challenger if number is None else versions[number]
    if challenger is None:
        return None
    problem = cut(make_problem(rig, Path(data), wanted or rig.fit), from_s, to_s, str(data))
    return judge(problem, versions.own(versions.champion), challenger.values, round(SETTLING * len(problem.time_s)))
