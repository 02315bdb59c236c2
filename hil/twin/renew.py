"""[twin.recalibrate]: a decided cause that changes the plant leads to new parameters, judged before they are used.

Fit on a window of this run's recording, refused or made the challenger; after a while in shadow the challenger is
judged on data that neither version has seen; when it is better beyond doubt it comes into use, and the observers get
its values.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from hil.errors import HilError
from hil.twin.recalibrate import Versions, recalibrate, shadow

if TYPE_CHECKING:
    from pathlib import Path

    from hil.twin.diagnosis import Finding
    from hil.twin.service import Twin

STARTS = 1  # of the fit's search: the values in use are near


@dataclass
class Renewer:
    """A service: one recalibration at a time.

    Attributes:
        versions: of the twin's folder.
    """

    versions: Versions
    _judge_at_s: float | None = None
    _fitted_to_s: float = 0.0
    _free_at_s: float = 0.0
    _told: set[str] = field(default_factory=set)

    @property
    def busy(self) -> bool:
        """A challenger is in the shadow: the model may change soon."""
        return self._judge_at_s is not None

    def __call__(self, twin: Twin) -> None:
        """Judges the challenger when its time has come, or fits one when a cause has been decided."""
        table = twin.table.recalibrate
        if table is None:
            return
        if self._judge_at_s is not None:
            if twin.time_s >= self._judge_at_s:
                self._judge_at_s = None
                self._judge(twin)
            return
        finding = twin.finding
        if finding is None or not finding.decided or twin.time_s < self._free_at_s:
            return
        parameters = twin.table.causes[finding.cause].changes
        if parameters and any(twin.alarms.by_name[name].on for name in twin.table.causes[finding.cause].symptoms):
            self._free_at_s = twin.time_s + table.every_s
            self._fit(twin, finding, parameters)

    def _data(self, twin: Twin) -> Path | None:
        """The recording of this run; it can be read while it grows."""
        writer = twin.bench.recorder.writer
        if writer is None and "no recording" not in self._told:
            self._told.add("no recording")
            body = {"what": "refused", "reason": "the run is not recorded, so there are no data to fit"}
            twin.write("model", {"time_s": twin.time_s, **body})
        if writer is None:
            return None
        if not twin.bench.running:  # else how much there is to fit would hang on the clock
            writer.flush()
        return writer.folder

    def _fit(self, twin: Twin, finding: Finding, parameters: list[str]) -> None:
        folder, table = self._data(twin), twin.table.recalibrate
        if folder is None or table is None:
            return
        reason = f"{finding.text} ({finding.probability[finding.cause]:.0%}, at {finding.time_s:g} s)"
        wanted = replace(twin.bench.rig.fit, block=twin.table.block, parameters=tuple(parameters))
        try:
            found = recalibrate(
                twin.bench.rig,
                folder,
                wanted=wanted,
                champion=self.versions.own(self.versions.champion),
                from_s=max(0.0, twin.time_s - table.window_s),
                to_s=twin.time_s,
                starts=STARTS,
            )
            if not found.accepted:
                self.versions.refuse(found, reason)
                return
            self.versions.add(found, reason)
        except HilError as error:
            twin.write("model", {"time_s": twin.time_s, "what": "refused", "reason": str(error)})
            return
        self._fitted_to_s, self._judge_at_s = twin.time_s, twin.time_s + table.shadow_s

    def _judge(self, twin: Twin) -> None:
        folder, challenger = self._data(twin), self.versions.challenger
        if folder is None or challenger is None:
            return
        wanted = replace(twin.bench.rig.fit, block=twin.table.block, parameters=tuple(challenger.fitted))
        try:
            judged = shadow(
                twin.bench.rig, folder, self.versions, wanted=wanted, from_s=self._fitted_to_s, to_s=twin.time_s
            )
        except HilError as error:
            twin.write("model", {"time_s": twin.time_s, "what": "not judged", "reason": str(error)})
            return
        if judged is None or not judged.better:
            body = {"what": "stays challenger", "version": challenger.number}
            evidence = judged.to_dict() if judged else {}
            twin.write("model", {"time_s": twin.time_s, **body, "evidence": evidence})
            return
        self.versions.promote(challenger.number, "better in shadow, beyond doubt", evidence=judged.to_dict())
        self._take_over(twin, challenger.values, challenger.fitted)

    def _take_over(self, twin: Twin, values: dict[str, float], names: list[str]) -> None:
        """The observers and detectors that believe in the calibrated values get the new ones."""
        for name in names:
            for target in twin.table.parameters[name].calibrates:
                twin.bench.set(target, values[name])
