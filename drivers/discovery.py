"""Looks into a running Modbus TCP device that nobody has documented: which addresses can be read, and what is there.

Only reads (functions 1 to 4, and 43/14 for the identification); a device's state does not change. Requests are bounded in
number and in rate, because a small PLC answers them beside its control task. Exceptions tell where a range ends
(MODBUS Application Protocol V1.1b3, section 7): 1 = the table is not there, 2 and 3 = not these addresses.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from pymodbus.client import ModbusTcpClient
from pymodbus.exceptions import ModbusException
from pymodbus.pdu import ModbusPDU

from hil.errors import BusError

# Largest reads of the specification: 2000 bits, 125 registers.
TABLES = {"coil": 2000, "discrete_input": 2000, "input_register": 125, "holding_register": 125}
READERS = {
    "coil": "read_coils",
    "discrete_input": "read_discrete_inputs",
    "input_register": "read_input_registers",
    "holding_register": "read_holding_registers",
}
LAST_ADDRESS = 65535
# Single reads at every 64th address, then every 16th ... find ranges early and every address late.
STRIDES = (64, 16, 4, 1)
ILLEGAL_FUNCTION = 1
DEVICE_FAILURE = 4
NO_GATEWAY_TARGET = (0x0A, 0x0B)
MOST_SILENCES = 5  # unanswered requests in a row: the device has gone
IDENTITY_NAMES = {0: "vendor", 1: "product", 2: "revision", 3: "url", 4: "product_name", 5: "model", 6: "application"}
_UNKNOWN, _READABLE, _REFUSED = 0, 1, 2


@dataclass(frozen=True)
class Limits:
    """How far and how fast to look.

    Attributes:
        first: smallest zero-based address.
        last: largest one.
        requests: most requests in all.
        rate_hz: most requests in a second.
        timeout_s: longest wait for an answer.
    """

    first: int = 0
    last: int = 999
    requests: int = 5000
    rate_hz: float = 200.0
    timeout_s: float = 1.0


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


Progress = Callable[[int, str], None]
"""Called with the number of requests so far, and what is being looked at."""


class _SpentError(Exception):
    """No request is left."""


class _Device:
    """A connection that counts, paces and judges requests."""

    def __init__(self, host: str, port: int, unit_id: int, limits: Limits, progress: Progress | None) -> None:
        self.where = f"{host}:{port}"
        self.unit_id = unit_id
        self.limits = limits
        self.progress = progress
        self.doing = ""
        self.requests = 0
        self.silences = 0
        self.heard = 0
        self.codes: set[int] = set()
        self._due_s = 0.0
        self.client = ModbusTcpClient(host, port=port, timeout=limits.timeout_s, retries=0, trace_packet=self._count)

    def _count(self, sending: bool, data: bytes) -> bytes:
        if not sending:
            self.heard += len(data)
        return data

    def ask(self, request: str, *args: Any, **options: Any) -> ModbusPDU | None:
        """The answer, which may be an exception; None when there was none."""
        if self.requests >= self.limits.requests:
            raise _SpentError
        self._pace()
        self.requests += 1
        if self.progress:
            self.progress(self.requests, self.doing)
        try:
            answer: ModbusPDU = getattr(self.client, request)(*args, device_id=self.unit_id, **options)
        except ModbusException:
            self.client.close()  # a late answer must not meet the next request
            self.silences += 1
            return None
        self.silences = 0
        return answer

    def read(self, table: str, first: int, count: int) -> list[int] | int | None:
        """Values, or the exception code, or None without an answer.

        Raises:
            BusError: the device has stopped to answer.
        """
        answer = self.ask(READERS[table], first, count=count)
        if answer is None:
            if self.silences >= MOST_SILENCES:
                mend = "Look again with a smaller --rate or a larger --timeout"
                raise BusError(
                    f"the device stopped answering after {self.requests} requests", where=self.where, mend=mend
                )
            return None
        if answer.isError():
            code = int(getattr(answer, "exception_code", 0))
            self.codes.add(code)
            return code or None
        values = answer.bits if TABLES[table] == 2000 else answer.registers
        return [int(value) for value in values[:count]] if len(values) >= count else None

    def _pace(self) -> None:
        now = time.monotonic()
        if now < self._due_s:
            time.sleep(self._due_s - now)
        self._due_s = max(now, self._due_s) + 1.0 / self.limits.rate_hz


class _Table:
    """What is known of the addresses of one table."""

    def __init__(self, name: str, first: int, last: int) -> None:
        self.name = name
        self.first = first
        self.known = bytearray(last - first + 1)
        self.values = [0] * len(self.known)
        self.exists = True

    def look(self, device: _Device, at: int, count: int) -> bool:
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

    def grow(self, device: _Device, at: int, step: int) -> None:
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
    with _quiet_pymodbus():
        _try_to_connect(f"{host}:{port}", host, port, limits.timeout_s)
        device = _Device(host, port, unit_id, limits, progress)
        try:
            _say_hello(device)
            _explore(device, survey)
            if not survey.areas and device.codes == {DEVICE_FAILURE}:
                mend = f"Check that its unit identifier is {unit_id} (--unit)"
                raise BusError(
                    "the device answers every request with exception 4, failure", where=device.where, mend=mend
                )
        finally:
            device.client.close()
    survey.requests = device.requests
    survey.seconds = time.monotonic() - start_s
    return survey


def _explore(device: _Device, survey: Survey) -> None:
    tables = [_Table(name, survey.limits.first, survey.limits.last) for name in TABLES]
    with contextlib.suppress(_SpentError):
        survey.identity = _identity(device)
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


def _read_blocks(device: _Device, table: _Table) -> None:
    """The largest reads first: a device that answers them all is known after a few."""
    most = TABLES[table.name]
    for at in range(0, len(table.known), most):
        if not table.exists:
            return
        table.look(device, at, min(most, len(table.known) - at))


def _read_every(device: _Device, table: _Table, stride: int) -> None:
    for at in range(0, len(table.known), stride):
        if not table.exists:
            return
        if table.known[at] == _UNKNOWN and table.look(device, at, 1):
            table.grow(device, at, 1)
            table.grow(device, at, -1)


def _changed(device: _Device, areas: list[Area], wait_s: float = 0.25) -> set[tuple[str, int]]:
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


def _identity(device: _Device) -> dict[str, str]:
    """Texts of function 43/14, {} where the device does not offer it."""
    device.doing = "device identification"
    found: dict[str, str] = {}
    next_object = 0
    for _ in range(8):
        answer = device.ask("read_device_information", read_code=1, object_id=next_object)
        if answer is None or answer.isError():
            return found
        for number, text in getattr(answer, "information", {}).items():
            text = text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)
            found[IDENTITY_NAMES.get(number, f"object {number}")] = "".join(c for c in text if c.isprintable())
        if not getattr(answer, "more_follows", 0):
            return found
        next_object = int(getattr(answer, "next_object_id", 0))
    return found


def _say_hello(device: _Device) -> None:
    """One request that every Modbus device answers, be it with an exception."""
    for table in ("holding_register", "coil"):
        answer = device.ask(READERS[table], 0, count=1)
        if answer is None:
            continue
        code = getattr(answer, "exception_code", 0) if answer.isError() else 0
        if code in NO_GATEWAY_TARGET:
            mend = "Name the right one with --unit"
            raise BusError(
                f"the gateway knows no unit {device.unit_id} (exception {code})", where=device.where, mend=mend
            )
        return
    if device.heard:
        raise BusError(
            "what answers there is not Modbus TCP", where=device.where, mend="Check the port; Modbus TCP is often 502"
        )
    mend = f"Check that it speaks Modbus TCP and that its unit identifier is {device.unit_id} (--unit)"
    raise BusError("takes the connection, but answers no Modbus request", where=device.where, mend=mend)


def _try_to_connect(where: str, host: str, port: int, timeout_s: float) -> None:
    """Say exactly why there is no connection; pymodbus only says that there is none."""
    try:
        socket.create_connection((host, port), timeout=timeout_s).close()
    except TimeoutError:
        raise BusError("no answer in time", where=where, mend="Check address, cable and firewall") from None
    except socket.gaierror:
        raise BusError("this host is not known", where=where, mend="Give an address or a name that resolves") from None
    except ConnectionRefusedError:
        mend = "Check the port, and that the device serves Modbus TCP"
        raise BusError("connection refused", where=where, mend=mend) from None
    except OSError as error:
        raise BusError(f"cannot be reached ({error.strerror or error})", where=where) from None


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


@contextlib.contextmanager
def _quiet_pymodbus() -> Iterator[None]:
    """Refusals are what a survey lives on; pymodbus would log each as an error."""
    logger = logging.getLogger("pymodbus.logging")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(before)
