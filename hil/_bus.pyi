"""Types of the drivers' binding; checked with stubtest."""

from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple, final

import numpy as np
import numpy.typing as npt
from typing_extensions import disjoint_base

KINDS: Final[tuple[str, ...]]
TABLES: Final[tuple[str, ...]]
POLICIES: Final[dict[str, int]]
MENDS: Final[dict[int, str]]

class Tag(NamedTuple):
    """One value of an I/O map: value = raw * scale + offset, limited to [lo, hi] when written."""

    name: str
    table: str
    address: int
    kind: str
    bit: int = -1
    word_order: str = "big"
    byte_order: str = "big"
    scale: float = 1.0
    offset: float = 0.0
    lo: float = ...
    hi: float = ...
    heartbeat: bool = False
    latch: bool = False

def now_ns() -> int: ...
def plan_requests(
    tags_in: Iterable[Tag],
    tags_out: Iterable[Tag],
    *,
    max_gap: int = 0,
    max_read_bits: int = 0,
    max_read_registers: int = 0,
    max_write_bits: int = 0,
    max_write_registers: int = 0,
    single_writes: bool = False,
    bits_as_word: bool = False,
    combine: bool = False,
) -> list[tuple[int, int, int]]: ...

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

@disjoint_base
class Client(Bus):
    def connect(self, wait_s: float = 2.0) -> None: ...
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
    def rest(self) -> None: ...
    def stop(self) -> None: ...
    def exchange(self, time_ns: int) -> None: ...
    def transact(self, pdu: bytes) -> bytes: ...
    def bench_read(
        self, n: int, depth: int = 1, *, function: int = 3, address: int = 0, quantity: int = 10
    ) -> tuple[npt.NDArray[np.int64], int]: ...
    def counters(self) -> dict[str, Any]: ...
    @property
    def latch(self) -> int: ...
    @property
    def connected(self) -> bool: ...
    @property
    def realtime(self) -> bool: ...

@final
class MbClient(Client):
    def __init__(
        self,
        host: str,
        port: int,
        tags_in: Iterable[Tag],
        tags_out: Iterable[Tag],
        *,
        unit: int = 1,
        timeout_s: float = 0.25,
        depth: int = 1,
        backoff_s: float = 0.05,
        backoff_max_s: float = 2.0,
        max_gap: int = 0,
        max_read_bits: int = 0,
        max_read_registers: int = 0,
        max_write_bits: int = 0,
        max_write_registers: int = 0,
        single_writes: bool = False,
        bits_as_word: bool = False,
        combine: bool = False,
    ) -> None: ...

@final
class RtuClient(Client):
    def __init__(
        self,
        fd: int,
        path: str,
        tags_in: Iterable[Tag],
        tags_out: Iterable[Tag],
        *,
        unit: int = 1,
        bit_ns: int = 0,
        char_bits: int = 11,
        slack_s: float = 0.02,
        timeout_s: float = 0.25,
        turnaround_s: float = 0.1,
        backoff_s: float = 0.05,
        backoff_max_s: float = 2.0,
        max_gap: int = 0,
        max_read_bits: int = 0,
        max_read_registers: int = 0,
        max_write_bits: int = 0,
        max_write_registers: int = 0,
        single_writes: bool = False,
        bits_as_word: bool = False,
        combine: bool = False,
    ) -> None: ...

@final
class MbServer(Bus):
    def __init__(
        self,
        host: str,
        port: int,
        tags_in: Iterable[Tag],
        tags_out: Iterable[Tag],
        *,
        unit: int = -1,
        max_clients: int = 16,
        lockstep: bool = False,
    ) -> None: ...
    def start(self, *, policy: str = "other", priority: int = 0, cpu: int = -1) -> None: ...
    def stop(self) -> None: ...
    def set_exception(self, code: int) -> None: ...
    def counters(self) -> dict[str, Any]: ...
    @property
    def port(self) -> int: ...
    @property
    def clients(self) -> int: ...
    @property
    def realtime(self) -> bool: ...

@final
class RtuServer(Bus):
    def __init__(
        self,
        fd: int,
        path: str,
        tags_in: Iterable[Tag],
        tags_out: Iterable[Tag],
        *,
        unit: int = 1,
        bit_ns: int = 0,
        char_bits: int = 11,
        slack_s: float = 0.02,
        lockstep: bool = False,
    ) -> None: ...
    def start(self, *, policy: str = "other", priority: int = 0, cpu: int = -1) -> None: ...
    def stop(self) -> None: ...
    def set_exception(self, code: int) -> None: ...
    def counters(self) -> dict[str, Any]: ...
    @property
    def connected(self) -> bool: ...
    @property
    def clients(self) -> int: ...
    @property
    def realtime(self) -> bool: ...
