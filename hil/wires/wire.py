"""One role on a wire."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hil.built import Controller
from hil.errors import BusError
from hil.mcu.latch import Latch
from hil.rig import Device, Rig, Role
from hil.wires.buses import ClientBus, Port, ServerBus
from hil.wires.emulated import Emulated

if TYPE_CHECKING:  # it starts emulated devices itself
    from hil.mcu.emulate import EmulatedBoard

CONNECT_S = 3.0


@dataclass(frozen=True)
class ControllerState:
    """Of a device's controller between two of its steps.

    Attributes:
        context: its bytes, those of the role's library at SIL.
        outputs: of its last step, when the bench has not latched them yet.
    """

    context: bytes
    outputs: list[float] | None


class Wire:
    """One role on a wire: our bus, what the loop gets, and the emulated device behind it.

    Attributes:
        client, server: the bus, once the wire is open: a client where we ask, else a server.
        port: what the loop connects; the bus itself, or one that gives tick tokens around it.
        emulated: the process of an emulated device, None when the device is real or needs none.
        board: emulated firmware, None when there is none.
        clear_latch: a device that is latched safe is cleared when it is connected.
    """

    port: Port

    def __init__(self, rig: Rig, device: Device, role: Role, level: str, *, lockstep: bool) -> None:
        self.rig, self.device, self.role, self.level, self.lockstep = rig, device, role, level, lockstep
        self.client: ClientBus | None = None
        self.server: ServerBus | None = None
        self.emulated: Emulated | None = None
        self.board: EmulatedBoard | None = None
        self.clear_latch = False
        self._said: list[str] = []
        self._wrong: list[str] = []

    @property
    def has_latch(self) -> bool:
        """The device tells whether it is latched safe, and can be told to open the latch."""
        return False

    @property
    def opened(self) -> ClientBus | ServerBus | None:
        """The bus, of either side; None before `open`."""
        return self.client or self.server

    def open(self) -> None:
        """Makes the bus, and starts the device where it is emulated."""
        raise NotImplementedError

    def connect(self) -> None:
        """Connects now; raises BusError for a device that is not there."""
        if self.clear_latch and not self.has_latch:
            mend = "Clear it there, or give its map the tags @latch and @latch.command if it has such registers"
            raise BusError("no message over this wire opens a latch", where=self.device.name, mend=mend)
        if self.client is None:  # a server waits for its device
            return
        try:
            self.client.connect(CONNECT_S)
        except BusError as error:
            mend = f"Start the device, correct devices.{self.device.name}.url, or bind {self.role.name} to mil or pil"
            raise BusError(error.message, where=f"{self.device.name} at {self.device.url}", mend=mend) from None

    def latch(self) -> Latch:
        """What the connected device says now; raises BusError when it says nothing."""
        raise NotImplementedError

    def open_latch(self) -> None:
        """Opens the device's latch; raises BusError or BenchError when it stays closed."""
        raise NotImplementedError

    def _look_at_latch(self, where: str) -> None:
        """At connect: a device that is latched safe is not run with, unless it was said to clear it."""
        latch = self.latch()
        if latch.cause and not self.clear_latch:
            mend = f"{latch.mend}. Then add --clear-latch"
            raise BusError(f"the board is latched safe: {latch}", where=where, mend=mend)
        if latch.cause:
            self.open_latch()

    def _note_trip(self, latch: Latch) -> str:
        """A latch that closes in mid-run: the run has not passed. Returns what there is to tell."""
        self._wrong.append(f"latched safe: {latch}")
        return self._wrong[-1]

    def start(self, start_ns: int, priority: int) -> None:
        """Starts the thread, in phase with the loop's tick 0 at `start_ns`; just below the loop's priority."""
        if self.client is None:
            return
        policy, below = ("fifo", max(1, priority - 1)) if priority > 0 else ("other", 0)
        period_ns = round(self.device.period_s * 1e9)
        self.client.start(start_ns, period_ns, tick_ns=self.rig.period_ns, policy=policy, priority=below)

    def stop(self) -> None:
        """Ends the thread of a client; a server goes on serving."""
        if self.client is not None:
            with contextlib.suppress(BusError):
                self.client.stop()

    def close(self) -> None:
        """Ends everything. A second call does nothing."""
        if self.opened is not None:
            with contextlib.suppress(BusError):
                self.opened.stop()
        if self.emulated:
            self.emulated.end()
            self.emulated = None
        if self.board is not None:
            self.board.end()
            self.board = None

    def start_board(self, controller: Controller) -> EmulatedBoard:
        """Starts the device's firmware on an emulated board, which ends with the wire."""
        from hil.mcu.emulate import start_board

        self.board = start_board(self.rig, self.device, controller, lockstep=self.lockstep)
        return self.board

    @property
    def keeps_time(self) -> bool:
        """A command can be sent ahead, with the time at which the device carries it out."""
        return False

    @property
    def takes_parameters(self) -> bool:
        """Parameters of the device's controller can be set from here: an emulated device's, or over a link."""
        return self.emulated is not None

    def set(self, name: str, value: float, tick: int | None) -> None:
        """A parameter of the device's controller, at its own tick or, None, at its next one."""

    def controller_state(self) -> ControllerState | None:
        """The state of the device's controller, which is at rest; None: this wire cannot ask for it."""
        return None

    def counters(self) -> dict[str, Any]:
        """The bus's counters, with whether it is connected."""
        counters = self.opened.counters() if self.opened is not None else {}
        return {
            "connected": self._connected(),
            "url": self.device.url,
            "side": self.device.side,
            "level": self.level,
            **counters,
        }

    def _connected(self) -> bool:
        if self.client is not None:
            return self.client.connected
        return self.server is not None and self.server.clients > 0

    def events(self) -> list[str]:
        """What there is to tell of the device since the last call."""
        said, self._said = self._said, []
        return said

    def broken(self) -> BusError | None:
        """Why there is no use in going on: the line itself is gone. A device that is silent only ages."""
        return None

    def problems(self) -> list[str]:
        """Why a run with this device has not passed."""
        self._said = self.events()
        return list(dict.fromkeys(self._wrong))
