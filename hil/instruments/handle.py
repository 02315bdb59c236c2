"""One instrument of a running bench."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from hil.drivers import visa_waveform
from hil.drivers.visa_bus import InstrumentBus
from hil.drivers.visa_instrument import Instrument, LimitError
from hil.drivers.visa_waveform import Trigger
from hil.errors import BenchError
from hil.instruments.waveform import Waveform, check_name
from hil.nearest import did_you_mean
from hil.rig.addresses import device_of

if TYPE_CHECKING:
    from hil.bench import Bench


class InstrumentHandle:
    """Made by `Bench.instrument`. Its calls wait for the instrument, never the loop for them.

    Attributes:
        name: as in the rig.
    """

    def __init__(self, bench: Bench, name: str) -> None:
        """Raises BenchError when the rig has no such instrument, or it is simulated in this run."""
        device = device_of(bench.rig.devices, name)
        known = [part.name for each in bench.rig.devices.values() for part in each.instruments]
        if device is None or name not in known:
            raise BenchError(f"there is no instrument '{name}'", where=bench.rig.name, mend=did_you_mean(name, known))
        level = bench.bindings[device.role]
        if level not in ("pil", "hil"):
            mend = f"Open the bench with time='real' and bind {device.role} to pil or hil"
            raise BenchError(f"{name} is simulated at {level}, so there is nothing to talk to", mend=mend)
        self.name, self._bench = name, bench
        bus = bench.device(device.role).port
        assert isinstance(bus, InstrumentBus)
        self._bus = bus

    @property
    def driver(self) -> Instrument:
        """The instrument itself, for what its dialect does not have: `ask` and `tell`."""
        return self._bus.parts[self.name].instrument

    @property
    def idn(self) -> str:
        """What it answered to *IDN?."""
        return self.driver.idn

    @property
    def connected(self) -> bool:
        """It answers, or did in its last cycle."""
        return self.driver.connected

    @property
    def age_s(self) -> float:
        """Age of its newest readings in s; infinite when there are none."""
        return self._bus.age_s(self.name)

    def counters(self) -> dict[str, Any]:
        """What has happened so far."""
        return self._bus.parts[self.name].counters()

    def set(self, key: str, value: float) -> None:
        """Sends a value that the rig does not map, as a protection level or a range; the same checks as of the loop's.

        Raises:
            BenchError: its model has no such output, or the loop commands it.
            LimitError: beyond limits: not sent, counted and recorded as an event.
            BusError: the instrument has gone, or refuses it.
        """
        if key not in self.driver.dialect.outputs:
            mend = did_you_mean(key, self.driver.dialect.outputs)
            raise BenchError(f"{self.driver.dialect.model.name} has no output {key}", where=self.name, mend=mend)
        try:
            self.driver.check(key, value)
        except LimitError as error:
            self._bus.note_refused(self.name, str(error))
            raise
        if key in self._bus.parts[self.name].member.writes:
            mend = "Set what drives its signal, or force the signal"
            raise BenchError(f"{key} is commanded by the loop", where=self.name, mend=mend)
        self._connected().set(key, value)

    def arm(self) -> None:
        """An oscilloscope: waits for a single trigger of its own. `waveform(..., wait_s=...)` takes the record."""
        visa_waveform.arm(self._connected())

    def trigger(self) -> Trigger:
        """An oscilloscope: triggers now and waits for the record; its time is on the host's clock."""
        return visa_waveform.trigger_now(self._connected())

    def waveform(
        self, channel: int = 1, *, name: str | None = None, trigger: Trigger | None = None, wait_s: float | None = None
    ) -> Waveform:
        """A record of an oscilloscope on the bench's time; in a recording it becomes `waveforms/NAME.arrow`.

        Args:
            channel: of the oscilloscope.
            name: default: the instrument's with channel and number.
            trigger: what `trigger` returned, for further channels of the same record; None: triggers now.
            wait_s: takes the record that `arm` waits for, at most so long.

        Raises:
            BenchError: the bench has not run yet, or there is such a name.
            BusError: the instrument has gone, has no record, or is no oscilloscope.
        """
        taken = self._bench.waveforms
        name = name or f"{self.name}_{channel}_{len(taken) + 1}"
        check_name(name, taken)
        scope = self._connected()
        origin_ns = self._bus.origin_ns
        if origin_ns is None:
            raise BenchError("the bench has not run yet, so it has no time", where=self.name)
        if trigger is None:
            trigger = visa_waveform.trigger_now(scope) if wait_s is None else visa_waveform.wait_complete(scope, wait_s)
        preamble, values = visa_waveform.fetch(scope, channel)
        offset_s = np.array([preamble.x(i) for i in range(len(values))])
        at_s = (trigger.time_ns - origin_ns) * 1e-9
        if trigger.ended and len(offset_s):
            at_s -= max(0.0, float(offset_s[-1]))
        error_s = trigger.error_ns * 1e-9 + preamble.x_step
        found = Waveform(name, self.name, channel, at_s + offset_s, np.array(values), at_s, error_s)
        self._keep(found)
        return found

    def _keep(self, found: Waveform) -> None:
        writer = self._bench.recorder.writer
        if writer is not None:
            found.write(writer.folder)
        self._bench.waveforms[found.name] = found.entry()
        self._bus.tell(f"{self.name}: waveform {found.name}: {len(found.value)} points")

    def _connected(self) -> Instrument:
        """Between runs a bench has closed its instruments."""
        self.driver.connect()
        return self.driver
