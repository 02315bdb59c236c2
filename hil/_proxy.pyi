"""Types of the wire proxy's binding; checked with stubtest."""

from collections.abc import Sequence
from typing import Final, NamedTuple, final

PROTOCOLS: Final[tuple[str, ...]]
KINDS: Final[tuple[str, ...]]
POLICIES: Final[dict[str, int]]
FOR_EVER_NS: Final[int]
OPENED: Final[int]
CLOSED: Final[int]
PASSED: Final[int]
ACTED: Final[int]

class Fault(NamedTuple):
    kind: str
    ways: int
    unit: int = -1
    function: int = -1
    first: int = -1
    last: int = -1
    nth: int = 0
    every: int = 0
    probability: float = 1.0
    from_ns: int = 0
    to_ns: int = ...
    time_ns: int = 0
    at: int = -1
    value: int | None = None
    address: int = -1
    amount: int = 1
    repair: bool = False
    data: bytes = b""

class Note(NamedTuple):
    kind: int
    time_ns: int
    session: int
    way: int
    side: int
    fault: int
    number: int
    before: bytes
    after: bytes

@final
class WireProxy:
    where: str
    def __init__(
        self,
        protocol: str,
        faults: Sequence[Fault] = (),
        *,
        host: str = "",
        port: int = 0,
        to_host: str = "",
        to_port: int = 0,
        fd: int = -1,
        to_fd: int = -1,
        seed: int = 0,
        silence_s: float = 0.05,
        capture: bool = False,
        ring_bits: int = 23,
    ) -> None: ...
    def start(self, *, policy: str = "other", priority: int = 0, cpu: int = -1) -> None: ...
    def stop(self) -> None: ...
    def read(self) -> list[Note]: ...
    def counters(self) -> dict[str, int]: ...
    def fault_counts(self) -> list[tuple[int, int]]: ...
    @property
    def port(self) -> int: ...
    @property
    def start_ns(self) -> int: ...
