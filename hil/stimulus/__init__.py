"""Stimuli: a signal or parameter driven by a description in segments; see docs/stimulus.md."""

from hil.stimulus.applied import with_stimuli
from hil.stimulus.compound import Add, Data, Loop, Multiply, Sequence
from hil.stimulus.data_file import read_data
from hil.stimulus.reading import read_stimuli
from hil.stimulus.segment import Segment, StimulusError
from hil.stimulus.segments import Constant, Exponential, Idle, Noise, Pulse, Ramp, Saw, Sine, Slope

__all__ = [
    "Add",
    "Constant",
    "Data",
    "Exponential",
    "Idle",
    "Loop",
    "Multiply",
    "Noise",
    "Pulse",
    "Ramp",
    "Saw",
    "Segment",
    "Sequence",
    "Sine",
    "Slope",
    "StimulusError",
    "read_data",
    "read_stimuli",
    "with_stimuli",
]
