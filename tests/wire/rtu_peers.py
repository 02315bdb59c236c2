"""Serial lines without hardware, and Modbus RTU peers on them that are not ours.

A `Cable` is two pseudo-terminals and a thread that carries bytes between them: a program opens each end. On a `Pty` the
test itself holds the other end, and says what a slave or a disturbed line says.
"""

from __future__ import annotations

import contextlib
import os
import pty
import select
import subprocess
import threading
import time
import tty
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from modbus_peers import Pymodbus
from pymodbus.server import ModbusSerialServer

from hil._bus import RtuClient, RtuServer, Tag
from hil.drivers.serial_line import open_line


def crc16(data: bytes) -> bytes:
    """The CRC of Modbus RTU as it stands on the wire, computed apart from the C code."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xA001 if crc & 1 else 0)
    return crc.to_bytes(2, "little")


def adu(pdu: bytes, unit: int = 1) -> bytes:
    return bytes([unit]) + pdu + crc16(bytes([unit]) + pdu)


class Pty:
    """A pseudo-terminal: `path` is for the program under test, the test reads and writes the other end."""

    def __init__(self) -> None:
        self.master, self.slave = pty.openpty()  # the slave stays open, or the master would be hung up
        self.path = os.ttyname(self.slave)
        tty.setraw(self.slave)

    def say(self, data: bytes) -> None:
        os.write(self.master, data)

    def hear(self, timeout_s: float = 2.0, most: int = 4096) -> bytes:
        """What comes next; b"" when nothing does."""
        return os.read(self.master, most) if select.select([self.master], [], [], timeout_s)[0] else b""

    def hear_frame(self, n: int, timeout_s: float = 2.0) -> bytes:
        """The next n bytes, or what has come of them in time."""
        data, end = b"", time.monotonic() + timeout_s
        while len(data) < n and (left := end - time.monotonic()) > 0:
            data += self.hear(left, n - len(data))
        return data

    def close(self) -> None:
        for fd in (self.master, self.slave):
            with contextlib.suppress(OSError):
                os.close(fd)


class Cable:
    """`a` and `b` are the paths of its two ends."""

    def __init__(self) -> None:
        self.ends = (Pty(), Pty())
        self.a, self.b = (end.path for end in self.ends)
        self.stopped, self.stop = os.pipe()
        self.thread = threading.Thread(target=self._carry)
        self.thread.start()

    def _carry(self) -> None:
        masters = [end.master for end in self.ends]
        while True:
            ready = select.select([*masters, self.stopped], [], [])[0]
            if self.stopped in ready:
                return
            for fd in ready:
                os.write(masters[1 - masters.index(fd)], os.read(fd, 4096))

    def close(self) -> None:
        os.write(self.stop, b"x")
        self.thread.join()
        for end in self.ends:
            end.close()
        os.close(self.stopped)
        os.close(self.stop)


def client_on(path: str, tags_in: list[Tag], tags_out: list[Tag], **options: Any) -> RtuClient:
    return _on(RtuClient, path, tags_in, tags_out, options)


def server_on(path: str, tags_in: list[Tag], tags_out: list[Tag], **options: Any) -> RtuServer:
    return _on(RtuServer, path, tags_in, tags_out, options)


def _on(bus: Any, path: str, tags_in: list[Tag], tags_out: list[Tag], options: dict[str, Any]) -> Any:
    line = open_line(f"modbus-rtu://{path}")
    try:
        return bus(line.fd, line.path, tags_in, tags_out, **{"bit_ns": line.bit_ns, **options})
    except BaseException:
        line.close()
        raise


# ---- slaves of others ----


@contextlib.contextmanager
def libmodbus_slave(program: Path, path: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen([program, path], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    try:
        assert process.stdout.readline() == "ready\n"
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


class PymodbusSlave(Pymodbus):
    """On a serial port."""

    def __init__(self, path: str) -> None:
        super().__init__(1, lambda device: ModbusSerialServer(device, port=path, baudrate=115200))


# ---- a slave that misbehaves ----

Behaviour = Callable[["Slave", bytes], None]


class Slave:
    """Answers 8-byte requests on a pseudo-terminal: reads of registers with `value`, until `behave` is set."""

    def __init__(self) -> None:
        self.value = 1
        self.behave: Behaviour | None = None
        self.requests = 0
        self.pty = Pty()
        self.ending = threading.Event()
        self.thread = threading.Thread(target=self._serve)
        self.thread.start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while not self.ending.is_set():
                frame = self.pty.hear_frame(8, 0.2)
                if len(frame) == 8:
                    self.requests += 1
                    (self.behave or Slave.answer)(self, frame)

    def good_answer(self, frame: bytes) -> bytes:
        function, quantity = frame[1], frame[5]
        values = self.value.to_bytes(2, "big") * quantity
        return adu(bytes([function, 2 * quantity]) + values if function in (3, 4) else frame[1:6], frame[0])

    def answer(self, frame: bytes) -> None:
        self.pty.say(self.good_answer(frame))

    def once(self, behaviour: Behaviour) -> None:
        """Misbehave for the next request only."""

        def misbehave(slave: Slave, frame: bytes) -> None:
            slave.behave = None
            behaviour(slave, frame)

        self.behave = misbehave

    def close(self) -> None:
        self.ending.set()
        self.thread.join()
        self.pty.close()
