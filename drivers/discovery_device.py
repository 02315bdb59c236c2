"""One Modbus TCP device that is looked into: counts, paces and judges requests (see discovery.py)."""

from __future__ import annotations

import contextlib
import logging
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
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
NO_GATEWAY_TARGET = (0x0A, 0x0B)
MOST_SILENCES = 5  # unanswered requests in a row: the device has gone
IDENTITY_NAMES = {0: "vendor", 1: "product", 2: "revision", 3: "url", 4: "product_name", 5: "model", 6: "application"}


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


Progress = Callable[[int, str], None]
"""Called with the number of requests so far, and what is being looked at."""


class SpentError(Exception):
    """No request is left."""


class Device:
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

    def close(self) -> None:
        """End the connection; the next request makes another one."""
        self.client.close()  # type: ignore[no-untyped-call]

    def _count(self, sending: bool, data: bytes) -> bytes:
        if not sending:
            self.heard += len(data)
        return data

    def ask(self, request: str, *args: Any, **options: Any) -> ModbusPDU | None:
        """The answer, which may be an exception; None when there was none."""
        if self.requests >= self.limits.requests:
            raise SpentError
        self._pace()
        self.requests += 1
        if self.progress:
            self.progress(self.requests, self.doing)
        try:
            answer: ModbusPDU = getattr(self.client, request)(*args, device_id=self.unit_id, **options)
        except ModbusException:
            self.close()  # a late answer must not meet the next request
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


def read_identity(device: Device) -> dict[str, str]:
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


def say_hello(device: Device) -> None:
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


def try_to_connect(where: str, host: str, port: int, timeout_s: float) -> None:
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


@contextlib.contextmanager
def quiet_pymodbus() -> Iterator[None]:
    """Refusals are what a survey lives on; pymodbus would log each as an error."""
    logger = logging.getLogger("pymodbus.logging")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(before)
