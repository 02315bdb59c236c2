"""Instruments of a running bench: what they say of themselves, and waveforms on the bench's time."""

from hil.instruments.handle import InstrumentHandle
from hil.instruments.waveform import Waveform

__all__ = ["InstrumentHandle", "Waveform"]
