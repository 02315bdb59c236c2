"""What a run was: the object that a run ends with, and the manifest of its recording."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hil import _core, analysis
from hil.rig import Rig

if TYPE_CHECKING:
    from hil.fmi.load import LoadedFmu


@dataclass(frozen=True)
class RunResult:
    """The end of a run.

    Attributes:
        rig: name of the rig.
        time: "virtual", "lockstep" or "real".
        ticks: ticks run.
        duration_s: bench time.
        state_hash: of the state after the last tick, 16 hex digits.
        signals_hash: of every recorded bit, equal at every level of a controller; None without a recording.
        recording: its folder, or None.
        report: the report's file, or None.
        verdict: the real-time verdict.
        overruns: ticks that did not end in their period, without the start-up grace.
        lost_samples: recorded rows that a full ring lost.
        buses: counters by device.
        passed: nothing failed.
        reason: why it did not pass, or "".
    """

    rig: str
    time: str
    ticks: int
    duration_s: float
    state_hash: str
    recording: Path | None
    report: Path | None
    verdict: dict[str, Any]
    overruns: int
    lost_samples: int
    buses: dict[str, Any]
    passed: bool
    reason: str
    signals_hash: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON data."""
        paths = {"recording": self.recording, "report": self.report}
        return {**asdict(self), **{key: str(path) if path else None for key, path in paths.items()}}


def hash_text(value: int) -> str:
    """A hash as it is shown and stored."""
    return f"{value:016x}"


def versions() -> dict[str, str]:
    """Versions of what took part."""
    import numpy

    from hil import __version__

    return {
        "hil": __version__,
        "python": platform.python_version(),
        "numpy": numpy.__version__,
        "kernel": platform.release(),
    }


def histogram(core: dict[str, Any]) -> dict[str, Any]:
    """A histogram of the core as manifests keep it."""
    return analysis.core_histogram(core["counts"], core["max_ns"])


def readable_buses(counters: dict[str, Any]) -> dict[str, Any]:
    """Counters of the buses with their histograms in the manifest's form."""
    kept = {}
    for device, values in counters.items():
        kept[device] = {
            key: histogram(value) if isinstance(value, dict) and "counts" in value else value
            for key, value in values.items()
        }
    return kept


def timing(loop: _core.Loop, entries: list[str], *, real: bool) -> dict[str, Any]:
    """Lateness, execution time and time by block; empty in virtual time and lock-step."""
    if not real:
        return {}
    blocks = {
        name: {"calls": calls, "mean_ns": round(total / calls, 1), "max_ns": most}
        for name, (calls, total, most) in zip(entries, loop.block_times(), strict=False)
        if calls
    }
    return {"late_ns": histogram(loop.late), "exec_ns": histogram(loop.exec_time), "blocks": blocks}


def promises(fmus: Sequence[LoadedFmu]) -> dict[str, Any]:
    """What a bench with foreign code cannot promise: "fmus" by block, "outside_promises" in one sentence."""
    if not fmus:
        return {}
    names = ", ".join(f"{fmu.block} ({fmu.ref.file})" for fmu in fmus)
    text = f"not promised with the FMUs {names}: no allocation in a tick, and the same bits in every run"
    return {"fmus": {fmu.block: fmu.facts() for fmu in fmus}, "outside_promises": text}


def limits(rig: Rig) -> dict[str, Any]:
    """Range and equipment limits of the signals that have them."""
    found = {}
    for signal in rig.signals.values():
        parts = {"range": signal.range, "limits": signal.limits, "setpoint_of": signal.setpoint_of}
        given = {
            key: list(value) if isinstance(value, tuple) else value for key, value in parts.items() if value is not None
        }
        if given:
            found[signal.name] = given
    return found
