"""A recording: a folder that a bench writes while it runs and that everything else reads afterwards.

| file | holds |
|---|---|
| `rig.json` | the resolved rig and the files it was made from: a replay needs nothing else |
| `signals.arrows` | tick, lateness, execution time, values and status, as an Arrow IPC stream |
| `signals.<group>.arrows` | the same for signals that are recorded every n-th tick only |
| `inputs.arrows` | everything that came from outside, without loss: what a replay gives again |
| `events.jsonl` | what happened: faults, forces, safety gate, overruns; one JSON object a line |
| `manifest.json` | what ran, how long, how well; replaced atomically when the recording is closed |

All of them can be read while they grow and after a crash, up to the last batch written (at most half a second).
"""

from hil.recording.layout import FORMAT, InputKind, is_recording
from hil.recording.reader import Input, Recording
from hil.recording.rows import Group
from hil.recording.writer import RecordingWriter

__all__ = ["FORMAT", "Group", "Input", "InputKind", "Recording", "RecordingWriter", "is_recording"]
