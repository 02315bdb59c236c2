"""Records of an oscilloscope: when it was triggered on the host's clock, and its samples.

The trigger's time is known as well as the host can know it: it lies between a question and its answer. Half of that
time is the error that is stated. What a scope does later than it answers is not in it.
"""

from __future__ import annotations

import array
import math
import time
from dataclasses import dataclass

from hil.drivers.visa_dialect import Waveform as Words
from hil.drivers.visa_instrument import Instrument
from hil.errors import BusError

POLL_S = 0.005
FIELDS = 10


@dataclass(frozen=True)
class Trigger:
    """Lies within `error_ns` of `time_ns`, on the clock of time.monotonic_ns; `ended`: of the record's end."""

    time_ns: int
    error_ns: int
    ended: bool = False


@dataclass(frozen=True)
class Preamble:
    """How samples become times and values: x = (i - x_reference) * x_step + x_origin, y alike."""

    points: int
    x_step: float
    x_origin: float
    x_reference: float
    y_step: float
    y_origin: float
    y_reference: float

    def x(self, i: int) -> float:
        """Seconds from the trigger to sample i."""
        return (i - self.x_reference) * self.x_step + self.x_origin


def trigger_now(scope: Instrument) -> Trigger:
    """Triggers, and waits until the record is complete.

    Raises:
        BusError: it takes no triggers, or does not complete its record.
    """
    words = words_of(scope)
    before = time.monotonic_ns()
    for command in scope.fill(words.trigger):
        scope.tell(command)
    after = time.monotonic_ns()
    wait_complete(scope)
    return Trigger((before + after) // 2, (after - before + 1) // 2)


def arm(scope: Instrument) -> None:
    """Waits for a single trigger from now on."""
    words = words_of(scope)
    if not words.arm:
        raise BusError(f"{scope.dialect.model.name} has no commands for a single trigger", where=scope.name)
    for command in scope.fill(words.arm):
        scope.tell(command)


def wait_complete(scope: Instrument, timeout_s: float = 10.0) -> Trigger:
    """Waits for a complete record. The end of the record lies within the error of the returned time.

    Raises:
        BusError: no trigger within the time.
    """
    words = words_of(scope)
    deadline = time.monotonic() + timeout_s
    before = time.monotonic_ns()
    while words.status:
        asked = time.monotonic_ns()
        if scope.ask(words.status).strip().upper() in words.done:
            break
        before = asked
        if time.monotonic() > deadline:
            raise BusError(f"has no complete record after {timeout_s:g} s", where=scope.name)
        time.sleep(POLL_S)
    after = time.monotonic_ns()
    return Trigger((before + after) // 2, (after - before + 1) // 2, ended=True)


def fetch(scope: Instrument, channel: int) -> tuple[Preamble, array.array[float]]:
    """The record of a channel, in V.

    Raises:
        BusError: it answers what is no record.
    """
    words = words_of(scope)
    with scope.lock:
        for command in scope.fill(words.select, channel):
            scope.tell(command)
        preamble = _preamble(scope, scope.ask(words.preamble))
        data = scope.block(words.data)
    if len(data) != preamble.points:
        raise BusError(f"announces {preamble.points} points and sends {len(data)}", where=scope.name)
    scale, zero = preamble.y_step, preamble.y_origin + preamble.y_reference
    return preamble, array.array("d", [(count - zero) * scale for count in data])


def words_of(scope: Instrument) -> Words:
    """Its commands for records; raises BusError for a model without."""
    if scope.dialect.waveform is None:
        raise BusError(f"{scope.dialect.model.name} has no waveforms", where=scope.name, mend="Name an oscilloscope")
    return scope.dialect.waveform


def _preamble(scope: Instrument, text: str) -> Preamble:
    try:
        fields = [float(part) for part in text.split(",")]
    except ValueError:
        fields = []
    if len(fields) != FIELDS or not all(map(math.isfinite, fields)):
        raise BusError(f"answers {text[:60]!r} where a preamble has {FIELDS} numbers", where=scope.name)
    _, _, points, _, x_step, x_origin, x_reference, y_step, y_origin, y_reference = fields
    return Preamble(int(points), x_step, x_origin, x_reference, y_step, y_origin, y_reference)
