"""One rig at several levels, recorded and compared bit by bit.

The same run with its controllers as blocks (MIL), as firmware in this process (SIL), and on an emulated board or device
(PIL). What is compared is what crosses the boundary of each role, and everything outside.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hil.bindings import settle
from hil.compare import Comparison, compare
from hil.errors import BenchError
from hil.nearest import did_you_mean
from hil.recording import Recording
from hil.rig import Rig
from hil.signals_hash import is_compared

# Kind of time by level: these three give the same bits at every repetition. A real device runs by its own clock.
TIMES = {"mil": "virtual", "sil": "virtual", "pil": "lockstep"}
Progress = Callable[[str], None]


@dataclass(frozen=True)
class BackToBack:
    """What the comparison found.

    Attributes:
        levels: in the order in which they were run; each is compared with the first.
        recordings: folder by level.
        comparisons: by the level that is compared with the first.
        not_compared: recorded signals that need not be the same, see `is_compared`.
    """

    levels: tuple[str, ...]
    recordings: dict[str, Path]
    comparisons: dict[str, Comparison]
    not_compared: tuple[str, ...]

    @property
    def identical(self) -> bool:
        """No bit differs at any level."""
        return all(comparison.identical for comparison in self.comparisons.values())

    @property
    def first_difference(self) -> dict[str, Any] | None:
        """The first one of all levels, with `levels`: the names of a's and b's."""
        firsts = [(c.first_difference, level) for level, c in self.comparisons.items() if c.first_difference]
        if not firsts:
            return None
        difference, level = min(firsts, key=lambda first: first[0].tick)
        return {**vars(difference), "levels": [self.levels[0], level]}

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON data; the recordings only say where they are when they stay."""
        return {
            "identical": self.identical,
            "first_difference": self.first_difference,
            "signals": min(c.signals for c in self.comparisons.values()),
            "rows": min(c.rows for c in self.comparisons.values()),
            "differing": {
                level: [f"{d.signal} {d.what}" for d in c.differences] for level, c in self.comparisons.items()
            },
            "not_compared": list(self.not_compared),
        }


def check_levels(levels: list[str]) -> None:
    """Refuse an unknown level, one that is named twice, none at all.

    Raises:
        BenchError: with the nearest level.
    """
    for level in levels:
        if level == "hil":
            mend = "Run its tests with pytest RIG --bind ROLE=hil --time real"
            raise BenchError("a real device runs by its own clock and gives no same bits", where="hil", mend=mend)
        if level not in TIMES:
            raise BenchError(f"level '{level}' is not known", where="--levels", mend=did_you_mean(level, TIMES))
    if not levels or any(levels.count(level) > 1 for level in levels):
        raise BenchError("name each level once", where="--levels", mend="Write them like mil,sil,pil")


def possible_levels(rig: Rig) -> list[str]:
    """Levels that a role of the rig can have; mil always, so that what is wrong with it is told there."""
    found = ["mil"]
    for level in ("sil", "pil"):
        try:
            bindings_at(rig, level)
        except BenchError:
            continue
        found.append(level)
    return found


def bindings_at(rig: Rig, level: str) -> dict[str, str]:
    """Every role that can have this level has it; the others are simulated.

    Raises:
        BenchError: the rig has no role, or none that can have this level; with the reason of the first one.
    """
    refused: BenchError | None = None
    found = dict.fromkeys(rig.roles, "mil")
    for name in rig.roles:
        try:
            settle(rig, TIMES[level], {**dict.fromkeys(rig.roles, "mil"), name: level})
        except BenchError as error:
            refused = refused or error
        else:
            found[name] = level
    if level not in found.values():
        raise refused or BenchError("the rig has no role, so it has no levels", where=rig.name, mend="Add [roles]")
    return found


def run_at(rig: Rig, level: str, seconds: float, folder: Path, progress: Progress | None = None) -> None:
    """Run a rig at one level and record it.

    Raises:
        HilError: it cannot be opened, or did not end well.
    """
    from hil.bench import open_bench

    options: Mapping[str, Any] = {"time": TIMES[level], "bind": bindings_at(rig, level), "history": False}
    with open_bench(rig, record=folder, progress=progress, **options) as bench:
        bench.run(seconds)
        result = bench.finish()
    if not result.passed:
        raise BenchError(f"the bench did not end well: {result.reason}", where=f"{rig.name} at {level}")


def back_to_back(
    rig: Rig, levels: list[str], seconds: float, folder: Path, progress: Progress | None = None
) -> BackToBack:
    """Run a rig at each level, recorded below `folder`, and compare all with the first.

    Raises:
        HilError: a level cannot be run.
    """
    recordings = {level: folder / level / "recording" for level in levels}
    for level, place in recordings.items():
        if progress:
            progress(f"back to back: {level}")
        place.parent.mkdir(parents=True, exist_ok=True)
        run_at(rig, level, seconds, place, progress)
    read = {level: Recording(place) for level, place in recordings.items()}
    first = read[levels[0]]
    left_out = tuple(name for name in first.names if not is_compared(rig, name))
    comparisons = {level: compare(first, read[level], left_out) for level in levels[1:]}
    return BackToBack(tuple(levels), recordings, comparisons, left_out)
