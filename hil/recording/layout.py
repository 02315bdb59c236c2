"""Names and shapes inside a recording folder, shared by writer and reader."""

from __future__ import annotations

import enum
import re
from pathlib import Path

import pyarrow as pa

FORMAT = 1
MAIN_GROUP = "signals"
MANIFEST = "manifest.json"
RIG = "rig.json"
DOCTOR = "doctor.json"  # what the machine told of itself at the start, as `hil.doctor.read_facts` gives it
EVENTS = "events.jsonl"
INPUTS = "inputs.arrows"
WAVEFORMS = "waveforms"  # folder of what oscilloscopes saw (hil/instruments/waveform.py)
RESERVE = ".reserve"  # space for the last manifest; gone when the recording is closed
STATUS_SUFFIX = "|status"

# In front of the signals of every group. Times are measured, so they lie beside the state and in no hash.
ROW_FIELDS = (
    pa.field("tick", pa.int64(), nullable=False),
    pa.field("late_ns", pa.int64(), nullable=False, metadata={"unit": "ns"}),
    pa.field("exec_ns", pa.int64(), nullable=False, metadata={"unit": "ns"}),
)
ROW_NAMES = tuple(field.name for field in ROW_FIELDS)

INPUT_SCHEMA = pa.schema(
    [
        pa.field("tick", pa.int64(), nullable=False),
        pa.field("kind", pa.uint8(), nullable=False),
        pa.field("target", pa.uint16(), nullable=False),
        pa.field("time_ns", pa.int64(), nullable=False),
        pa.field("payload", pa.binary(), nullable=False),
    ]
)

_GROUP_FILE = re.compile(r"signals(?:\.(?P<group>[A-Za-z0-9_-]+))?\.arrows")


class InputKind(enum.IntEnum):
    """What a row of `inputs.arrows` is; the payload's form depends on it."""

    EVENT = 1  # the 64 bytes of struct hil_event
    IMAGE = 2  # doubles of a role's outputs
    SKIP = 3  # uint64: ticks left out by the overrun policy
    HASH = 4  # uint64: hash of the state before that tick
    LOSS = 5  # inputs were lost from this tick on: nothing behind it can be replayed


def group_file(group: str) -> str:
    """File name of a group of signals."""
    return "signals.arrows" if group == MAIN_GROUP else f"signals.{group}.arrows"


def group_of(file_name: str) -> str | None:
    """The group that a file holds, None when it is not a file of signals."""
    match = _GROUP_FILE.fullmatch(file_name)
    return (match["group"] or MAIN_GROUP) if match else None


def is_recording(folder: Path) -> bool:
    """True when the folder holds a manifest and nothing says that it is somebody else's."""
    return (folder / MANIFEST).is_file() and (folder / RIG).is_file()


def recording_files(folder: Path) -> list[Path]:
    """The files of a recording that are there; nothing that a person may have put beside them."""
    fixed = {MANIFEST, RIG, DOCTOR, EVENTS, INPUTS, RESERVE}
    found = [path for path in sorted(folder.iterdir()) if path.name in fixed or group_of(path.name)]
    return found + sorted((folder / WAVEFORMS).glob("*.arrow"))
