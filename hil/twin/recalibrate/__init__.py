"""Recalibration: parameters fitted to a window of measured data, judged before they are used, kept as versions.

    found = recalibrate(load_rig("rigs/incubator"), "calibration.csv", from_s=0, to_s=3600)
    if found.accepted:
        versions.add(found, "the heater was replaced")

An accepted calibration is the *challenger*: in shadow it predicts new data beside the version in use, the *champion*.
"""

from hil.twin.recalibrate.calibration import Calibration, recalibrate
from hil.twin.recalibrate.contest import Contest, contest
from hil.twin.recalibrate.shadow import shadow
from hil.twin.recalibrate.versions import Version, Versions

__all__ = ["Calibration", "Contest", "Version", "Versions", "contest", "recalibrate", "shadow"]
