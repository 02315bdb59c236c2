"""A microcontroller on a serial link: emulated, as a process of this machine, or a real board."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import Any

from hil._core import State
from hil._link import LinkBus
from hil.built import Controller
from hil.drivers.remote_line import open_device_line
from hil.drivers.serial_line import Line
from hil.errors import BenchError, BusError
from hil.mcu import reports
from hil.mcu.description import Description, check_device, describe, describe_device
from hil.mcu.latch import Latch
from hil.mcu.messages import NOW, Messages
from hil.mcu.reports import Op, Report
from hil.nearest import did_you_mean
from hil.program import controller_of
from hil.rig import Device, Rig, Role, RoleTag
from hil.wires.heartbeat import BEAT_S, Heartbeat
from hil.wires.wire import ControllerState, Wire

ANSWER_S = 2.0
LOCKSTEP_ANSWER_S = 10.0  # an emulated board is as fast as the machine lets it be


class McuWire(Wire):
    """A device behind the microcontroller link (hil_drivers/link_protocol.h).

    Attributes:
        told: the device's own description, once it is connected.
        messages: to the device, once the wire is open.
    """

    bus: LinkBus
    messages: Messages

    def __init__(self, rig: Rig, device: Device, role: Role, level: str, *, lockstep: bool) -> None:
        super().__init__(rig, device, role, level, lockstep=lockstep)
        self.told: Description | None = None
        self.controller: Controller | None = controller_of(rig, role) if role.simulated else None
        self._line: Line | None = None
        self._begun = False
        self._heartbeat: Heartbeat | None = None
        self._start_ns = 0
        self._statistics: dict[str, Any] = {}

    # ---- opening and closing ----

    @property
    def has_latch(self) -> bool:
        """Boards have one."""
        return True

    def open(self) -> None:
        """Starts the board where it is emulated, and the link to it."""
        fd = self._emulated_fd() if self.level == "pil" else self._open_line(self.device.line)
        clock = {tag.tag for tag in self.device.tags if tag.of_clock}
        self.bus = LinkBus(
            fd,
            [_tag(tag) for tag in self.role.outputs if tag.signal not in clock],
            [_tag(tag) for tag in self.role.inputs],
            timeout_s=LOCKSTEP_ANSWER_S if self.lockstep else self.device.timeout_s,
            clock_tags=bool(clock),
            where=self._where(),
        )
        self.client = self.port = self.bus
        answer_s = LOCKSTEP_ANSWER_S if self.board is not None else ANSWER_S
        self.messages = Messages(self.bus, self._where(), self._outputs(), answer_s)
        if self.lockstep:
            self.connect()
            self._begin()
            self._heartbeat = Heartbeat(lambda: int(self.bus.counters()["cycles"]), self._say_hello)

    def _emulated_fd(self) -> int:
        assert self.controller is not None
        return int(self.start_board(self.controller).link_fd)

    def _open_line(self, url: str) -> int:
        self._line = open_device_line(url)
        self._said += [self._line.note] if self._line.note else []
        return int(self._line.fd)

    def connect(self) -> None:
        """Connects, compares the device with the rig, and looks whether it is latched safe.

        Raises:
            BusError: nothing answers, it is another device than the rig says, or it is latched.
        """
        super().connect()
        self.told = Description.parse(self.bus.describe(), self._where())
        self._check()
        self._look_at_latch(self._where())

    def _check(self) -> None:
        assert self.told is not None
        told, controller = self.told, self.controller
        if controller:
            wanted = describe_device(self.rig, self.device, controller)
        else:
            wanted = describe(self.rig, self.role, "", told.program, told.params)
        check_device(told, replace(wanted, app=self.device.firmware or told.app), self._where())

    def _begin(self) -> None:
        """The first time from the controller's initial state, later from where it is."""
        self.bus.begin(self.lockstep, not self._begun)
        self._begun = True
        if not self.lockstep:  # it is up, and from here on as fast as its clock
            self.messages.answer_s = ANSWER_S

    def start(self, start_ns: int, priority: int) -> None:
        """Free-running: the device ticks by its own clock, our thread by the bench's."""
        self._start_ns = start_ns
        self._begin()
        super().start(start_ns, priority)

    def stop(self) -> None:
        """Ends the thread; the device is told that its outputs go safe. In lock-step there is no thread."""
        self._statistics = self._ask_statistics() or self._statistics
        super().stop()

    def close(self) -> None:
        """Says goodbye and ends what was started."""
        if self._heartbeat is not None:
            self._heartbeat.end()
            self._heartbeat = None
        if self.client is not None:
            with contextlib.suppress(BusError):
                self.bus.close()
        super().close()
        if self._line is not None:
            self._line.close()
            self._line = None

    def _say_hello(self) -> None:
        self.bus.ask(Op.STATE, timeout_s=BEAT_S)

    def _where(self) -> str:
        return f"{self.device.name} at {self.device.url if self.level == 'hil' else self.board}"

    # ---- commands ----

    @property
    def takes_parameters(self) -> bool:
        """The link has a message for it, to an emulated board and a real one."""
        return True

    @property
    def keeps_time(self) -> bool:
        """A command can be sent ahead and is carried out at its time, as the device's clock is known."""
        return self.lockstep or (self._begun and self.bus.clock() is not None)

    def set(self, name: str, value: float, tick: int | None) -> None:
        """Sets a parameter of the controller at its own tick, or at its next one.

        Raises:
            BenchError: it is unknown, or its time has passed.
        """
        params = self.told.params if self.told else ()
        if name not in params:
            raise BenchError(
                f"the board has no parameter '{name}'", where=self._where(), mend=did_you_mean(name, params)
            )
        self.messages.set(params.index(name), value, self._due(tick))

    def fault(self, kind: str, target: int = 0, argument: float = 0.0, *, tick: int | None = None) -> None:
        """An error that the device injects into itself, at its own tick or the next one: firmware/README.md lists them.

        Raises:
            BenchError: it is unknown or refused.
        """
        self.messages.fault(kind, target, argument, self._due(tick))
        when = "at once" if tick is None else f"at its tick {tick}"
        self._said.append(f"fault {kind}, target {target}, argument {argument:g}, {when}")

    def flip_bit(self, variable: str, bit: int, *, tick: int | None = None) -> None:
        """Flips one bit (0 to 63) of a signal, block state or parameter of the controller on the board."""
        assert self.controller is not None
        if not 0 <= bit < 64:
            raise BenchError(f"bit {bit} is not one", mend="A value has the bits 0 to 63")
        self.fault("bit_flip", self.controller.built.offset(variable) + bit // 8, bit % 8, tick=tick)

    def _due(self, tick: int | None) -> int:
        """In lock-step ticks of the device, else its clock, as well as it is known."""
        if tick is None or self.lockstep:
            return NOW if tick is None else tick
        clock = self.bus.clock()
        if clock is None:
            mend = "Wait for the first round trips, or give no time"
            raise BenchError("the board's clock is not known yet", where=self._where(), mend=mend)
        host_ns = self._start_ns + tick * self.role.every * self.rig.period_ns
        return int(clock["to_device"](host_ns))

    # ---- what it tells ----

    def state(self) -> reports.DeviceState:
        """Latch, cause of the last reset and clock of the device.

        Raises:
            BusError: no answer in time.
        """
        return self.messages.state()

    def latch(self) -> Latch:
        """As the device tells it now."""
        return self.state().latch

    def open_latch(self) -> None:
        """By its message."""
        self.messages.clear()

    def controller_state(self) -> ControllerState | None:
        """The state of the controller on the board, and the outputs that the bench has not taken yet.

        None: the rig has no blocks for this role, so nothing here could go on with it.

        Raises:
            BusError: no answer in time.
            BenchError: the board cannot tell it, or runs another program.
        """
        if self.controller is None:
            return None
        state = State(self.controller.built.program)
        state.restore(self.messages.memory())  # checks that it is this program's
        image = self.bus.peek_in()
        return ControllerState(state.snapshot(), image[2] if image else None)

    def _outputs(self) -> list[str]:
        return [tag.signal for tag in self.role.outputs]

    def _ask_statistics(self) -> dict[str, Any]:
        with contextlib.suppress(BusError, BenchError):
            if self.bus.connected:
                counts_per_instruction = self.board.counts_per_instruction if self.board is not None else None
                return self.messages.statistics().facts(counts_per_instruction)
        return {}

    def counters(self) -> dict[str, Any]:
        """Those of the bus, with what the device has counted."""
        self._statistics = self._ask_statistics() or self._statistics
        device: dict[str, Any] = {"build": self.told.build, "version": self.told.version} if self.told else {}
        return {**super().counters(), "device": {**device, **self._statistics}}

    def events(self) -> list[str]:
        """Latches and log lines of the device, and faults that it was given."""
        found = super().events()
        for report, _, contents in self.bus.reports():
            if report == Report.STATE:
                state = reports.DeviceState.parse(contents, self._outputs())
                if state.cause:
                    found.append(self._note_trip(state.latch))
            elif report == Report.LOG:
                found.append(contents[8:].decode(errors="replace"))
        return found

    def broken(self) -> BusError | None:
        """A pulled cable: nothing more is tried on this line."""
        if self.bus.connected or not self.bus.counters()["errors_os"]:
            return None
        mend = "Plug it in again; the board is safe and latched: look at `hil scan serial --probe`"
        return BusError("the line was lost in mid-run", where=self._where(), mend=mend)

    def problems(self) -> list[str]:
        """Late commands, latches, and limits of the rig that the board did not keep."""
        found = list(dict.fromkeys([*self.messages.late, *super().problems()]))
        for key, limit, words in (
            ("instructions_max", self.device.max_instructions, "instructions in a control step"),
            ("stack_used", self.device.max_stack, "bytes of stack"),
        ):
            used = self._statistics.get(key)
            if limit is not None and used is not None and used > limit:
                found.append(f"{used:,} {words}, the rig allows {limit:,}")
        return found


def _tag(tag: RoleTag) -> tuple[int, float, float, float, float, float]:
    return (tag.kind, tag.scale, tag.offset, *tag.bounds, tag.start)
