"""What a rig says of its twin."""

from __future__ import annotations

from hil.errors import RigError
from hil.rig import Rig
from hil.rig.twin_schema import (
    ActionTable,
    CauseTable,
    DegradationTable,
    DetectorTable,
    ForecastTable,
    LimitTable,
    MaintenanceTable,
    ParameterTable,
    ScenarioTable,
    SetpointTable,
    SourceTable,
    TwinTable,
)

__all__ = [
    "ActionTable",
    "CauseTable",
    "DegradationTable",
    "DetectorTable",
    "ForecastTable",
    "LimitTable",
    "MaintenanceTable",
    "ParameterTable",
    "ScenarioTable",
    "SetpointTable",
    "SourceTable",
    "TwinTable",
    "twin_of",
]


def twin_of(rig: Rig) -> TwinTable:
    """The tables [twin] of a rig, checked when the rig was read.

    Raises:
        RigError: the rig has none.
    """
    if not rig.twin:
        raise RigError("the rig has no twin", where=f"{rig.name}: rig.toml: twin", mend="Add [twin]: docs/twin.md")
    return TwinTable.model_validate(rig.twin)
