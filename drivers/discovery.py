"""Looks into a running Modbus TCP device that nobody has documented: which addresses can be read, and what is there.

Only reads (functions 1 to 4, and 43/14 for the identification); a device's state does not change. Requests are bounded
in number and in rate, because a small PLC answers them beside its control task. Exceptions tell where a range ends
(MODBUS Application Protocol V1.1b3, section 7): 1 = the table is not there, 2 and 3 = not these addresses.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from hil.drivers.discovery_device import (
    TABLES,
    Device,
    Limits,
    Progress,
    SpentError,
    quiet_pymodbus,
    read_identity,
    say_hello,
    try_to_connect,
)
from hil.errors import BusError

__all__ = ["TABLES", "Area", "Limits", "Survey", "survey_modbus"]

LAST_ADDRESS = 65535
# Single reads at every 64th address, then every 16th ... find ranges early and every address late.
STRIDES = (64, 16, 4, 1)
ILLEGAL_FUNCTION = 1
DEVICE_FAILURE = 4
_UNKNOWN, _READABLE, _REFUSED = 0, 1, 2


@dataclass(frozen=True)
class Area:
    """Adjacent addresses of one table that can be read, with the values found there."""

    table: str
    first: int
    values: tuple[int, ...]

    @property
    def last(self) -> int:
        """Largest address of it."""
        return self.first + len(self.values) - 1


@dataclass
class Survey:
    """What was found.

    Attributes:
        identity: texts of the device identification, by name.
        areas: by table and address.
        missing_tables: tables that the device does not have.
        changed: (table, address) of values that differed a moment later.
        unseen: addresses for each table that the requests did not suffice for.
    """

    host: str
    port: int
    unit_id: int
    limits: Limits
    identity: dict[str, str] = field(default_factory=dict)
    areas: list[Area] = field(default_factory=list)
    missing_tables: list[str] = field(default_factory=list)
    changed: set[tuple[str, int]] = field(default_factory=set)
    unseen: dict[str, int] = field(default_factory=dict)
    requests: int = 0
    seconds: float = 0.0


class _Table:
    """What is known of the addresses of one table."""

    def __init__(self, name: str, first: int, last: int) -> None:
        self.name = name
        self.first = first
        self.known = bytearray(last - first + 1)
        self.values = [0] * len(self.known)
        self.exists = True

    def look(self, device: Device, at: int, count: int) -> bool:
        """Read `count` addresses from index `at` on; a refusal of a single one is final."""
        device.doing = f"{self.name} {self.first + at}"
        found = device.read(self.name, self.first + at, count)
        if isinstance(found, list):
            self.known[at : at + count] = bytes([_READABLE]) * count
            self.values[at : at + count] = found
            return True
        if found == ILLEGAL_FUNCTION:
            self.exists = False
        if count == 1:
            self.known[at] = _REFUSED
        return False

    def grow(self, device: Device, at: int, step: int) -> None:
        """From a readable index on in one direction (step 1 or -1), to the end of its range."""
        most, size = TABLES[self.name], 1
        while run := self._unknown(at + step, step, min(size, most)):
            low = min(at + step, at + step * run)
            if self.look(device, low, run):
                at += step * run
                size *= 2
            elif run == 1:
                return
            else:
                size = max(1, run // 2)

    def _unknown(self, at: int, step: int, most: int) -> int:
        """How many addresses from `at` on in one direction nobody has asked for, up to `most`."""
        n = 0
        while n < most and 0 <= at + step * n < len(self.known) and self.known[at + step * n] == _UNKNOWN:
            n += 1
        return n

    def areas(self) -> Iterator[Area]:
        """Readable ranges."""
        at = 0
        while (at := self.known.find(_READABLE, at)) >= 0:
            end = at
            while end < len(self.known) and self.known[end] == _READABLE:
                end += 1
            yield Area(self.name, self.first + at, tuple(self.values[at:end]))
            at = end


def survey_modbus(
    host: str, port: int = 502, unit_id: int = 1, limits: Limits | None = None, progress: Progress | None = None
) -> Survey:
    """Look into a running Modbus TCP device.

    Args:
        host: its name or address.
        port: its TCP port.
        unit_id: Modbus unit identifier, 0 to 255.
        limits: how far and how fast; see Limits.
        progress: called with each request.

    Raises:
        BusError: nobody listens, nobody answers, or what answers is no Modbus device.
    """
    limits = limits or Limits()
    _check(host, port, unit_id, limits)
    survey = Survey(host, port, unit_id, limits)
    start_s = time.monotonic()
    with quiet_pymodbus():
        try_to_connect(f"{host}:{port}", host, port, limits.timeout_s)
        device = Device(host, port, unit_id, limits, progress)
        try:
            say_hello(device)
            _explore(device, survey)
            if not survey.areas and device.codes == {DEVICE_FAILURE}:
                mend = f"Check that its unit identifier is {unit_id} (--unit)"
                raise BusError(
                    "the device answers every request with exception 4, failure", where=device.where, mend=mend
                )
        finally:
            device.close()
    survey.requests = device.requests
    survey.seconds = time.monotonic() - start_s
    return survey


def _explore(device: Device, survey: Survey) -> None:
    tables = [_Table(name, survey.limits.first, survey.limits.last) for name in TABLES]
    with contextlib.suppress(SpentError):
        survey.identity = read_identity(device)
        for table in tables:
            _read_blocks(device, table)
        for stride in STRIDES:
            for table in tables:
                _read_every(device, table, stride)
        survey.areas = [area for table in tables for area in table.areas()]
        survey.changed = _changed(device, survey.areas)
    survey.areas = [area for table in tables for area in table.areas()]
    survey.missing_tables = [table.name for table in tables if not table.exists]
    unseen = {table.name: table.known.count(_UNKNOWN) for table in tables if table.exists}
    survey.unseen = {name: count for name, count in unseen.items() if count}


def _read_blocks(device: Device, table: _Table) -> None:
    """The largest reads first: a device that answers them all is known after a few."""
    most = TABLES[table.name]
    for at in range(0, len(table.known), most):
        if not table.exists:
            return
        table.look(device, at, min(most, len(table.known) - at))


def _read_every(device: Device, table: _Table, stride: int) -> None:
    for at in range(0, len(table.known), stride):
        if not table.exists:
            return
        if table.known[at] == _UNKNOWN and table.look(device, at, 1):
            table.grow(device, at, 1)
            table.grow(device, at, -1)


def _changed(device: Device, areas: list[Area], wait_s: float = 0.25) -> set[tuple[str, int]]:
    """Which values differ a moment later: heartbeats, clocks, measurements."""
    time.sleep(wait_s)
    found = set()
    for area in areas:
        most = TABLES[area.table]
        for at in range(0, len(area.values), most):
            before = area.values[at : at + most]
            now = device.read(area.table, area.first + at, len(before))
            if isinstance(now, list):
                differ = (k for k, (a, b) in enumerate(zip(before, now, strict=True)) if a != b)
                found |= {(area.table, area.first + at + k) for k in differ}
    return found


def _check(host: str, port: int, unit_id: int, limits: Limits) -> None:
    where = f"{host}:{port}"
    if not host or not 1 <= port <= 65535:
        raise BusError("is not an address", where=where, mend="Write HOST:PORT, as in 192.168.0.10:502")
    if not 0 <= unit_id <= 255:
        raise BusError(f"unit {unit_id} is not one", where=where, mend="Use 0 to 255")
    if not 0 <= limits.first <= limits.last <= LAST_ADDRESS:
        raise BusError(f"addresses {limits.first} to {limits.last} are not a range", where=where, mend="Use 0 to 65535")
    if limits.requests < 1 or not 0 < limits.rate_hz <= 1e6 or not 0 < limits.timeout_s <= 60:
        raise BusError("requests, rate and timeout must be larger than 0", where=where)
