"""Plays a timed script on a bench of its own and says what became of its expectations."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hil.bench import open_bench
from hil.requirements.in_rig import judge_recording, requirements_of
from hil.result import RunResult
from hil.rig import Rig, load_rig
from hil.script.applied import with_script
from hil.script.outcome import AFTER_S, Outcome
from hil.script.reading import read_script


@dataclass(frozen=True)
class Played(Outcome):
    """What a script came to on a bench of its own.

    Attributes:
        result: of the run.
    """

    result: RunResult

    @property
    def passed(self) -> bool:
        """The run ended well and whatever was expected came."""
        return self.result.passed and super().passed


def play(rig: str | Path | Rig, script: str | Path, *, record: str | Path | None = None, **options: Any) -> Played:
    """Runs a bench through a script, in any kind of time.

    Args:
        rig: as `hil.open_bench` takes it.
        script: the CSV file.
        record: folder of the recording; None: one that goes again.
        options: of `hil.open_bench`: time, bind, urls, faults, seed ...

    Raises:
        ScriptError: the script cannot be read, or does not fit the rig.
        HilError: the bench cannot be opened or broke off.
    """
    read = read_script(script)
    scripted = with_script(rig if isinstance(rig, Rig) else load_rig(rig), read)
    requirements = requirements_of(scripted)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(record or Path(folder) / "recording")
        with open_bench(scripted, record=place, history=False, **options) as bench:
            bench.run(read.end_s + AFTER_S)
            result = bench.finish()
        return Played(tuple(judge_recording(place, requirements, scripted.expectations)), result)
