"""What a wire needs of its bus, whatever is spoken on it; hil._bus, hil._link and hil.drivers.tclab_bus have some."""

from __future__ import annotations

from typing import Any, Protocol


class Port(Protocol):
    """What the loop connects."""

    def port_ptr(self) -> int:
        """Address of the struct hil_bus_port."""


class Bus(Port, Protocol):
    """Carries images until it is told to stop, and counts."""

    def stop(self) -> None:
        """Ends its thread."""

    def counters(self) -> dict[str, Any]:
        """What it has seen so far."""


class ClientBus(Bus, Protocol):
    """We ask, the device answers."""

    def connect(self, wait_s: float = ...) -> None:
        """Connects now, or raises BusError."""

    def start(
        self,
        start_ns: int,
        period_ns: int,
        phase_ns: int = ...,
        *,
        tick_ns: int = ...,
        policy: str = ...,
        priority: int = ...,
    ) -> None:
        """Runs cycles in an own thread, in phase with the loop."""

    @property
    def connected(self) -> bool:
        """The device answers."""


class ServerBus(Bus, Protocol):
    """The device asks, we answer."""

    @property
    def clients(self) -> int:
        """So many are connected."""
