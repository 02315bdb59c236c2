"""A waveform on the bench's time, and its file in the recording."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from hil.errors import BenchError, RecordingError
from hil.recording.files import write_error
from hil.recording.layout import WAVEFORMS
from hil.whole_file import written_whole

_NAME = re.compile(r"[A-Za-z0-9_-]{1,60}")


@dataclass(frozen=True)
class Waveform:
    """What a channel of an oscilloscope saw.

    Attributes:
        name: of its file in the recording.
        time_s: bench time of each sample in s, shape (n,).
        value: in V, shape (n,).
        trigger_s: bench time of the trigger in s.
        error_s: all times may be wrong by so much, together: half of the round trip in which the trigger was.
    """

    name: str
    instrument: str
    channel: int
    time_s: npt.NDArray[np.float64]
    value: npt.NDArray[np.float64]
    trigger_s: float
    error_s: float

    def entry(self) -> dict[str, Any]:
        """What the manifest and the file say of it."""
        return {
            "file": f"{WAVEFORMS}/{self.name}.arrow",
            "instrument": self.instrument,
            "channel": self.channel,
            "points": len(self.value),
            "trigger_s": self.trigger_s,
            "error_s": self.error_s,
            "unit": "V",
        }

    def write(self, folder: Path) -> None:
        """Writes `waveforms/NAME.arrow`: columns time_s and value, and `entry` as metadata.

        Raises:
            RecordingError: the disk is full; nothing half-written is left.
        """
        path = folder / WAVEFORMS / f"{self.name}.arrow"
        metadata = {key: str(value) for key, value in self.entry().items()}
        table = pa.table({"time_s": self.time_s, "value": self.value}).replace_schema_metadata(metadata)
        try:
            path.parent.mkdir(exist_ok=True)
            with (
                written_whole(path) as part,
                pa.OSFile(str(part), "wb") as sink,
                pa.ipc.new_file(sink, table.schema) as writer,
            ):
                writer.write_table(table)
        except OSError as error:
            raise write_error(path, error) from None


def read_waveform(path: Path) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], dict[str, str]]:
    """(times in s, values in V, metadata) of a file that `Waveform.write` made; raises RecordingError."""
    try:
        with pa.OSFile(str(path)) as source:
            table = pa.ipc.open_file(source).read_all()
    except (OSError, pa.ArrowInvalid) as error:
        raise RecordingError(f"is no waveform: {error}", where=str(path)) from None
    metadata = {key.decode(): value.decode() for key, value in (table.schema.metadata or {}).items()}
    return table["time_s"].to_numpy(), table["value"].to_numpy(), metadata


def check_name(name: str, taken: dict[str, Any]) -> None:
    """A name for a file that is not there yet; raises BenchError."""
    if not _NAME.fullmatch(name):
        raise BenchError(f"'{name}' is no name for a waveform", mend="Use letters, digits, - and _, at most 60")
    if name in taken:
        raise BenchError(f"there is a waveform {name} already", mend="Give another name")
