"""The FMUs of a bench while it runs: one that fails ends the run."""

from __future__ import annotations

from hil import _core
from hil.built import Built
from hil.errors import BenchError, HilError
from hil.fmi.load import too_slow, where_of
from hil.program import Progress


class FmuWatch:
    """Asks the state for FMUs that have failed; tells of the first, once."""

    def __init__(self, state: _core.State, built: Built) -> None:
        self._state, self._built, self._failed = state, built, False

    def begin(self, *, realtime: bool, progress: Progress | None) -> None:
        """Their first instances, and whether they are fast enough for real time.

        Raises:
            BenchError: one failed, or takes too long.
        """
        self.look()
        for fmu in self._built.fmus if realtime else ():
            severity, why = too_slow(fmu) or ("", "")
            if severity == "error":
                raise BenchError(why, where=where_of(fmu.block), mend="Give the block every = ..., or a larger period")
            if severity and progress:
                progress(f"Warning: {where_of(fmu.block)}: {why}")

    def look(self) -> None:
        """Told once: after that the outputs go safe, and nothing of the FMU is called any more.

        Raises:
            BenchError: one has failed since.
        """
        failures = self._state.fmu_failures() if self._built.fmus and not self._failed else []
        for block, why in failures:
            self._failed = True
            name = self._built.entries[block]
            raise BenchError(f"the FMU failed at tick {self._state.tick}: {why}", where=where_of(name))

    def end(self) -> HilError | None:
        """A failure that no run has told of; from here on none may disturb the way to the safe state."""
        try:
            self.look()
        except HilError as error:
            return error
        finally:
            self._failed = True
        return None
