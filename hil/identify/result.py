"""What a fit found."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from hil.identify.data import Floats


@dataclass(frozen=True)
class Parameter:
    """A parameter that was to be found, in its unit.

    Attributes:
        before: the rig's value.
        value: where the fit ended. Of a member of a group it means something only together with the others.
        low: with `high` the 95 % confidence interval; None in a group.
        group: number of its group among `FitResult.groups`; None: the data determine it.
        at_bound: it ended at the end of its range.
    """

    name: str
    unit: str
    before: float
    value: float
    low: float | None
    high: float | None
    group: int | None
    at_bound: bool


@dataclass(frozen=True)
class Group:
    """Parameters that the data cannot tell apart; one alone is not determined by them at all.

    Attributes:
        names: its members.
        directions: how many combinations of them are open: so many have to be known from elsewhere.
        change: relative changes of all members together that show it: the largest is a tenth.
        rmse: of the outputs with these changes, root mean square over all in their own units.
    """

    names: tuple[str, ...]
    directions: int
    change: dict[str, float]
    rmse: float


@dataclass(frozen=True)
class FitResult:
    """A fit.

    Attributes:
        rig, block, model, data: what was fitted to what.
        rows, duration_s: of the data.
        parameters: by name.
        groups: what the data cannot tell apart.
        start: initial values that were found, by state.
        rmse: root mean square error over all outputs together, in their own units.
        rmse_by_output: of each, by name.
        units: of the outputs.
        shortening: by how much correlation of the residuals shortens the data, by output.
        hold_out: share of the rows, at the end, that a first fit did not see; 0: none.
        hold_out_rmse: error of that first fit over these rows; None without.
        searches: how many starts; agreeing: how many of them ended in this optimum.
        substeps: of an interval between two rows.
        fisher: information of the parameters, shape (n, n), in units; correlation: of their estimates.
    """

    rig: str
    block: str
    model: str
    data: str
    rows: int
    duration_s: float
    parameters: dict[str, Parameter]
    groups: tuple[Group, ...]
    start: dict[str, float]
    rmse: float
    rmse_by_output: dict[str, float]
    units: dict[str, str]
    shortening: dict[str, float]
    hold_out: float
    hold_out_rmse: float | None
    searches: int
    agreeing: int
    substeps: int
    fisher: Floats
    correlation: Floats

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON data. A member of a group has no value, but one that holds `only_together`."""
        plain = asdict(self) | {"fisher": self.fisher.tolist(), "correlation": self.correlation.tolist()}
        for name, parameter in self.parameters.items():
            if parameter.group is not None:
                plain["parameters"][name] |= {"value": None, "only_together": parameter.value}
        return plain
