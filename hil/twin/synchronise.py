"""Twin and plant side by side: the estimate, the quality of what it rests on, and set points by read-back."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hil.commands import status_text
from hil.twin.spec import SetpointTable, TwinTable

STALE, FORCED, FAULTED, BAD, SAFE = 1, 2, 4, 8, 16


@dataclass(frozen=True)
class Estimate:
    """The twin's state at one time.

    Attributes:
        value: of each estimated state and parameter, by its short name.
        deviation: root of its variance.
    """

    time_s: float
    value: dict[str, float]
    deviation: dict[str, float]

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"time_s": self.time_s, "value": self.value, "deviation": self.deviation}


@dataclass(frozen=True)
class QualityEvent:
    """A measured signal's quality has changed, or a set point does not arrive."""

    time_s: float
    signal: str
    kind: str
    good: bool
    text: str

    def to_dict(self) -> dict[str, Any]:
        """For the ledger."""
        return {"time_s": self.time_s, "signal": self.signal, "kind": self.kind, "good": self.good, "text": self.text}


@dataclass
class Reconciled:
    """One set point on its way: what was asked, taken, told back, and is in force."""

    name: str
    table: SetpointTable
    desired: float = math.nan
    acknowledged: float = math.nan
    reported: float = math.nan
    effective: float | None = None
    agrees: bool = True
    _differs_since_s: float | None = None

    def see(self, time_s: float, values: Mapping[str, float], flawed: Mapping[str, int]) -> QualityEvent | None:
        """Takes a row; an event when it has come apart for too long, or has come together again."""
        table = self.table
        self.desired, self.acknowledged = values[table.desired], values[table.acknowledged]
        self.reported = values[table.reported]
        unknown = flawed.get(table.reported, 0) & (STALE | BAD | SAFE)
        self.effective = None if unknown else self.reported
        apart = self._apart(unknown)
        if apart is None:
            self._differs_since_s = None
            if not self.agrees:
                self.agrees = True
                return self._event(time_s, "reconciled", good=True, text=f"in force at {self.reported:g}")
            return None
        self._differs_since_s = time_s if self._differs_since_s is None else self._differs_since_s
        if self.agrees and time_s - self._differs_since_s >= table.within_s:
            self.agrees = False
            return self._event(time_s, "not reconciled", good=False, text=apart)
        return None

    def _apart(self, unknown: int) -> str | None:
        table = self.table
        if unknown:
            return f"{table.reported} is {status_text(unknown)}: what is in force is not known"
        if abs(self.acknowledged - self.desired) > table.tolerance:
            return f"{table.desired} asks for {self.desired:g}, {table.acknowledged} has {self.acknowledged:g}"
        if abs(self.reported - self.acknowledged) > table.tolerance:
            return f"{table.acknowledged} is {self.acknowledged:g}, {table.reported} tells {self.reported:g}"
        return None

    def _event(self, time_s: float, kind: str, *, good: bool, text: str) -> QualityEvent:
        return QualityEvent(time_s, self.table.acknowledged, kind, good, text)

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        own = {key: getattr(self, key) for key in ("desired", "acknowledged", "reported", "effective", "agrees")}
        return {"name": self.name, **own}


@dataclass
class Synchroniser:
    """Follows the rows of a run."""

    table: TwinTable
    states: Mapping[str, str]  # short name -> signal of the estimate
    variances: Mapping[str, str]
    setpoints: dict[str, Reconciled] = field(default_factory=dict)
    estimate: Estimate | None = None
    _bad: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.setpoints = {name: Reconciled(name, table) for name, table in self.table.setpoints.items()}

    def see(self, time_s: float, values: Mapping[str, float], flawed: Mapping[str, int]) -> list[QualityEvent]:
        """Takes a row; returns what has changed in quality."""
        found = [e for s in self.setpoints.values() if (e := s.see(time_s, values, flawed)) is not None]
        for signal, bad in self.table.quality.items():
            bits = (flawed.get(signal, 0) & ~(FORCED | FAULTED)) | (BAD if values[bad] >= 0.5 else 0)
            if bits != self._bad.get(signal, 0):
                self._bad[signal] = bits
                text = "can be used again" if not bits else f"is {status_text(bits)}: left out of the estimate"
                found.append(QualityEvent(time_s, signal, status_text(bits), not bits, text))
        return found

    def settle(self, time_s: float, values: Mapping[str, float]) -> None:
        """The newest row's estimate."""
        value = {name: values[signal] for name, signal in self.states.items()}
        deviation = {name: math.sqrt(max(0.0, values[signal])) for name, signal in self.variances.items()}
        self.estimate = Estimate(time_s, value, deviation)

    @property
    def unusable(self) -> list[str]:
        """Measured signals that are left out now."""
        return [name for name, bits in self._bad.items() if bits]

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "estimate": self.estimate.to_dict() if self.estimate else None,
            "unusable": self.unusable,
            "setpoints": [one.to_dict() for one in self.setpoints.values()],
        }
