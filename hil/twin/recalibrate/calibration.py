"""A recalibration: fit on a window, then a judgement over rows that the fit has not seen."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from hil.errors import RigError
from hil.identify.estimate import Progress
from hil.identify.fit import fit_problem
from hil.identify.problem import Problem, make_problem
from hil.identify.result import FitResult
from hil.rig import Fit, Rig
from hil.twin.recalibrate.contest import Contest, contest
from hil.twin.recalibrate.stretch import LEAST_ROWS, cut, errors, rows, with_values

HOLD_OUT = 0.25
STARTS = 3
SETTLING = 0.1  # share of the rows in front of what is judged, from which initial values are found


@dataclass(frozen=True)
class Calibration:
    """What a recalibration came to.

    Attributes:
        block, parameters: of the rig; values by name, as the fit to the first part of the window found them.
        covariance: of the values, in their order, shape (n, n) as nested lists.
        intervals: 95 %, by name; left out for what the data cannot tell.
        judged: champion against challenger over the hold-out.
        refused: reasons; none: the challenger may run in shadow.
        data, data_hash: file or folder, and SHA-256 of what was read there.
        from_s, to_s: of the window, in the data's time; hold_out: its last part, that the fit did not see.
    """

    block: str
    values: dict[str, float]
    units: dict[str, str]
    champion: dict[str, float]
    covariance: list[list[float]]
    intervals: dict[str, tuple[float, float]]
    judged: Contest
    refused: tuple[str, ...]
    data: str
    data_hash: str
    from_s: float
    to_s: float
    hold_out: float
    rmse: float
    rows: int

    @property
    def accepted(self) -> bool:
        """Nothing speaks against a trial in shadow."""
        return not self.refused

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON data."""
        return {**asdict(self), "judged": self.judged.to_dict(), "accepted": self.accepted}


def recalibrate(
    rig: Rig,
    data: str | Path,
    *,
    wanted: Fit | None = None,
    champion: Mapping[str, float] | None = None,
    from_s: float | None = None,
    to_s: float | None = None,
    hold_out: float = HOLD_OUT,
    starts: int = STARTS,
    seed: int = 1,
    progress: Progress | None = None,
) -> Calibration:
    """Fits the model's parameters to a window and judges them over its last part against those in use.

    The values are those of the fit to the first part alone: what was judged is what is kept. They are refused when the
    data cannot tell them (`hil.identify`: groups, or no effect), when one ends at the end of its range, or when the
    hold-out gets worse.

    Args:
        rig: loaded.
        data: a CSV file or a recording's folder.
        wanted: block, parameters and columns; None: the rig's [fit].
        champion: values in use of parameters that differ from the rig's.
        from_s, to_s: the window, counted from the first row; None: to the end of the data.
        hold_out: share of the window's rows, at its end, 0.05 to 0.9.
        starts, seed: of the search; see `hil.identify.fit`.
        progress: is told what is being done.

    Raises:
        RigError: a name or value cannot be used.
        RecordingError: the data cannot be used, or too few rows lie in the window.
    """
    if not 0.05 <= hold_out <= 0.9:
        raise RigError(f"a hold-out of {hold_out:g} cannot judge", where=rig.name, mend="Give 0.05 to 0.9")
    path, name = Path(data), str(data)
    whole = with_values(make_problem(rig, path, wanted or rig.fit), champion or {})
    window = cut(whole, from_s, to_s, name)
    first = len(window.time_s) - round(hold_out * len(window.time_s))
    seen = rows(window, np.arange(len(window.time_s)) < first, name)
    found = fit_problem(rig.name, _from_zero(seen), name, hold_out=0.0, starts=starts, seed=seed, progress=progress)
    values = {parameter.name: parameter.value for parameter in found.parameters.values()}
    judged = judge(window, _held(window), values, first)
    return Calibration(
        block=found.block,
        values=values,
        units={p.name: p.unit for p in found.parameters.values()},
        champion=_held(window),
        covariance=np.linalg.pinv(found.fisher, hermitian=True).tolist(),
        intervals={
            p.name: (p.low, p.high) for p in found.parameters.values() if p.low is not None and p.high is not None
        },
        judged=judged,
        refused=tuple(_objections(found, judged)),
        data=name,
        data_hash=data_hash(path),
        from_s=float(window.time_s[0]),
        to_s=float(window.time_s[-1]),
        hold_out=hold_out,
        rmse=found.rmse,
        rows=len(window.time_s),
    )


def judge(problem: Problem, champion: Mapping[str, float], challenger: Mapping[str, float], known: int) -> Contest:
    """Both over the rows behind the first `known`, of which the last give them their initial values: a model that was
    wrong for an hour must not carry that hour's error into what is judged.

    Raises:
        RigError: nothing is measured there.
    """
    settling = max(round(SETTLING * known), 2 * LEAST_ROWS)
    first = max(0, known - settling)
    problem = _from_zero(rows(problem, np.arange(len(problem.time_s)) >= first, problem.where))
    known -= first
    old, new = (errors(problem, values, known)[:, known:] for values in (champion, challenger))
    try:
        return contest(old, new, [problem.info.y[i].name for i in problem.measured])
    except ValueError:
        raise RigError("nothing is measured in the hold-out", where=problem.where, mend="Take another window") from None


def data_hash(path: Path) -> str:
    """SHA-256 of a file, or of all signals of a recording one behind the other; 64 hex digits."""
    found = hashlib.sha256()
    for file in sorted(path.glob("signals*.arrows")) if path.is_dir() else [path]:
        with file.open("rb") as stream:
            while chunk := stream.read(1 << 20):
                found.update(chunk)
    return found.hexdigest()


def _from_zero(problem: Problem) -> Problem:
    return replace(problem, time_s=problem.time_s - problem.time_s[0])


def _held(problem: Problem) -> dict[str, float]:
    """Values before the fit, of the parameters to be found."""
    return {problem.info.p[number].name: float(problem.values[number]) for number in problem.free}


def _objections(found: FitResult, judged: Contest) -> list[str]:
    reasons = []
    for group in found.groups:
        names = ", ".join(group.names)
        what = "cannot tell apart" if len(group.names) > 1 else "do not determine"
        reasons.append(f"the data {what} {names}; know {group.directions} from elsewhere, or excite the plant faster")
    ends = [p.name for p in found.parameters.values() if p.at_bound]
    if ends:
        reasons.append(f"{', '.join(ends)} ended at the end of its range: the model does not fit these data")
    if judged.worse:
        reasons.append(
            f"the hold-out gets worse: RMSE {_rmse_text(judged)} with the new values, "
            f"{-judged.gain:.1%} more mean square error"
        )
    return reasons


def _rmse_text(judged: Contest) -> str:
    return ", ".join(f"{name} {old:.4g} -> {new:.4g}" for name, (old, new) in judged.rmse.items())
