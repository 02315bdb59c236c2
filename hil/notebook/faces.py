"""What a bench and a recording have in common for notebooks; pandas and matplotlib are loaded at the first use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

    from hil.notebook.plot import BenchFigure
    from hil.notebook.source import Source


class NotebookFaces:
    """Methods of everything that has recorded rows; see docs/notebooks.md."""

    def _source(self) -> Source:
        """What is plotted and put into tables."""
        raise NotImplementedError

    def to_pandas(
        self, signals: str | Sequence[str] | None = None, *, status: bool = False, index: str = "time_s"
    ) -> pd.DataFrame:
        """Recorded values as a DataFrame: a column for each signal, a row for each tick that was recorded.

        Signals of groups that are recorded at different rates share the table; between its rows a value is NaN.

        Args:
            signals: names, or patterns such as "sensor.*"; None: everything in the first group.
            status: adds `<signal>|status`, bits of enum hil_status, where it was recorded.
            index: "time_s" (bench time in s), "timedelta" (the same as pandas' own times, whole ns) or "tick".

        Returns:
            the table; `attrs` has "units" by column, "rig", "period_s" and "source".

        Raises:
            HilError: there is no such signal, or pandas is not installed.
        """
        from hil.notebook.frame import frame

        return frame(self._source(), signals, status=status, index=index)

    def events_to_pandas(self) -> pd.DataFrame:
        """What happened, as a DataFrame: index `time_s`, columns tick, kind, target, id, a, b, text and what some add.

        Raises:
            HilError: pandas is not installed.
        """
        from hil.notebook.frame import events_frame

        return events_frame(self._source())

    def plot(
        self,
        signals: str | Sequence[str | Sequence[str]] | None = None,
        *,
        start_s: float | None = None,
        end_s: float | None = None,
        units: Mapping[str, str] | None = None,
        events: bool = True,
        title: str | None = None,
        size: tuple[float, float] | None = None,
    ) -> BenchFigure:
        """Signals over bench time, one axes for each unit, with faults, forces, safe states and notes marked.

        Args:
            signals: names, patterns such as "sensor.*", or lists of them: each list is an axes of its own. None: the
                signals of the first group.
            start_s: first bench time that is shown, in s.
            end_s: last bench time that is shown, in s.
            units: another unit by signal, or by unit: {"sensor.h1": "mm"}, {"m": "cm"}.
            events: False leaves out the marks.
            title: instead of the rig's name.
            size: width and height in inches.

        Returns:
            a matplotlib Figure, which a cell shows; `savefig` writes it. It belongs to no window and needs no display.

        Raises:
            HilError: a signal, a time or a unit cannot be used, or matplotlib is not installed.
        """
        from hil.notebook.plot import Request, figure

        return figure(self._source(), Request(signals, start_s, end_s, units or {}, events, title, size))
