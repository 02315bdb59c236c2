"""Captures: signals around the tick at which a condition comes to hold, as small recordings (docs/capture.md)."""

from hil.capture.capture import Capture
from hil.capture.captures import Captures
from hil.capture.request import CaptureRequest
from hil.capture.states import State

__all__ = ["Capture", "CaptureRequest", "Captures", "State"]
