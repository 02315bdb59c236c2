"""Types of the link's binding; checked with stubtest."""

from collections.abc import Callable, Sequence
from typing import Any, Final, TypedDict, final, type_check_only

from typing_extensions import disjoint_base

DESCRIPTION_MAX: Final[int]
MENDS: Final[dict[int, str]]
POLICIES: Final[dict[str, int]]

def now_ns() -> int: ...

@type_check_only
class Clock(TypedDict):
    """The device's clock at `at_ns` of the host's: how far ahead (s), drift (ppm), largest error (s), and both ways."""

    offset_s: float
    drift_ppm: float
    bound_s: float
    at_ns: int
    to_device: Callable[[int], int]
    to_host: Callable[[int], int]

@disjoint_base
class Bus:
    """What all buses have in common."""

    where: str
    n_in: int
    n_out: int
    def set_out(self, values: Sequence[float], time_ns: int = 0) -> None: ...
    def take_in(self) -> tuple[int, int, list[float]] | None: ...
    def peek_in(self) -> tuple[int, int, list[float]] | None: ...
    def port_ptr(self) -> int: ...

@final
class LinkBus(Bus):
    def __init__(
        self,
        fd: int,
        tags_in: Sequence[tuple[int, float, float, float, float, float]],
        tags_out: Sequence[tuple[int, float, float, float, float, float]],
        *,
        timeout_s: float = 0.25,
        clock_tags: bool = False,
        where: str = "the board",
    ) -> None: ...
    def connect(self, wait_s: float = 2.0) -> None: ...
    def describe(self, timeout_s: float = 2.0) -> str: ...
    def begin(self, lockstep: bool, reset: bool, timeout_s: float = 2.0) -> None: ...
    def ask(self, op: int, payload: bytes = b"", timeout_s: float = 2.0) -> tuple[int, bytes]: ...
    def exchange(self, time_ns: int) -> None: ...
    def start(
        self,
        start_ns: int,
        period_ns: int,
        phase_ns: int = 0,
        *,
        tick_ns: int = 0,
        policy: str = "other",
        priority: int = 0,
        cpu: int = -1,
    ) -> None: ...
    def stop(self) -> None: ...
    def close(self) -> None: ...
    def reports(self) -> list[tuple[int, int, bytes]]: ...
    def clock(self) -> Clock | None: ...
    def counters(self) -> dict[str, Any]: ...
    @property
    def connected(self) -> bool: ...
    @property
    def realtime(self) -> bool: ...
