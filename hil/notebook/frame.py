"""Rows and events as pandas objects."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from hil.errors import HilError
from hil.notebook.source import Rows, Source
from hil.recording.layout import STATUS_SUFFIX

if TYPE_CHECKING:
    import pandas as pd

INDEXES = ("time_s", "timedelta", "tick")
EVENT_COLUMNS = ("tick", "kind", "target", "id", "a", "b", "text")
MEND = "Install it with: pip install 'hil[notebook]'"


def frame(source: Source, signals: str | Sequence[str] | None, *, status: bool, index: str) -> pd.DataFrame:
    """See `hil.notebook.faces.NotebookFaces.to_pandas`."""
    pandas = _pandas(source)
    if index not in INDEXES:
        raise HilError(f"index '{index}' is not known", where=source.where, mend=f"Use one of {', '.join(INDEXES)}")
    names = source.default if signals is None else source.names(signals)
    groups = source.read(names, status)
    table = _joined(pandas, groups)
    columns = [*names, *(n + STATUS_SUFFIX for n in names if n + STATUS_SUFFIX in table.columns)]
    table = table[columns]
    table.index = _index(pandas, source, table.index.to_numpy(), index)
    table.attrs = {
        "units": {name: source.units[name] for name in names},
        "rig": source.rig,
        "period_s": source.period_s,
        "source": source.where,
    }
    return table


def events_frame(source: Source) -> pd.DataFrame:
    """See `hil.notebook.faces.NotebookFaces.events_to_pandas`."""
    pandas = _pandas(source)
    more = [key for event in source.events for key in event if key not in (*EVENT_COLUMNS, "time_s")]
    columns = [*EVENT_COLUMNS, *dict.fromkeys(more)]
    times = pandas.Index([event.get("time_s") for event in source.events], dtype="float64", name="time_s")
    rows = [[event.get(key) for key in columns] for event in source.events]
    table = pandas.DataFrame(rows, columns=columns, index=times)
    for key in ("a", "b"):
        table[key] = table[key].astype("float64")
    table.attrs = {"rig": source.rig, "period_s": source.period_s, "source": source.where}
    return table


def _pandas(source: Source) -> Any:
    try:
        import pandas
    except ImportError:
        raise HilError("tables need pandas, which is not installed", where=source.where, mend=MEND) from None
    return pandas


def _joined(pandas: Any, groups: list[Rows]) -> Any:
    """One table by tick; with one group its arrays are taken as they are."""
    tables = [pandas.DataFrame(rows.columns, index=pandas.Index(rows.ticks)) for rows in groups]
    if len(tables) == 1:
        return tables[0]
    if not tables:
        return pandas.DataFrame(index=pandas.Index(np.empty(0, np.int64)))
    ticks = np.unique(np.concatenate([rows.ticks for rows in groups]))
    whole = [_with_missing(table).reindex(ticks) for table in tables]
    return pandas.concat(whole, axis=1)


def _with_missing(table: Any) -> Any:
    """Status bits stay whole numbers where a row has none."""
    status = [name for name in table.columns if name.endswith(STATUS_SUFFIX)]
    return table.astype(dict.fromkeys(status, "UInt8"))


def _index(pandas: Any, source: Source, ticks: Any, kind: str) -> Any:
    if kind == "tick":
        return pandas.Index(ticks, name="tick")
    if kind == "timedelta":
        return pandas.to_timedelta(ticks * source.period_ns, unit="ns").rename("time")
    return pandas.Index(np.multiply(ticks, source.period_s, dtype=np.float64), name="time_s")
