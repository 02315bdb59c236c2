"""Modbus peers that are not ours: pymodbus and libmodbus on both sides, and a device that misbehaves on purpose."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

READ_FUNCTION = {"coil": 1, "discrete_input": 2, "holding_register": 3, "input_register": 4}
COILS, REGISTERS = 512, 1000


def until(condition: Callable[[], Any], timeout_s: float = 5.0, what: str = "condition") -> Any:
    """Wait until the condition holds; returns its value."""
    end = time.monotonic() + timeout_s
    while not (value := condition()):
        assert time.monotonic() < end, f"{what} did not come true in {timeout_s} s"
        time.sleep(0.002)
    return value


# ---- pymodbus ----


class Pymodbus:
    """A pymodbus device in a thread of its own: 512 coils and inputs, 1000 registers of both kinds."""

    def __init__(self, unit: int, serve: Callable[[SimDevice], Any]) -> None:
        """`serve` makes the server, in the thread's event loop."""
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever)
        self.thread.start()
        self.server = self._run(self._serve(unit, serve))

    def _run(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(10)

    async def _serve(self, unit: int, serve: Callable[[SimDevice], Any]) -> Any:
        def bits() -> list[SimData]:
            return [SimData(0, count=COILS, values=False, datatype=DataType.BITS)]

        def words() -> list[SimData]:
            return [SimData(0, count=REGISTERS, values=0, datatype=DataType.REGISTERS)]

        server = serve(SimDevice(unit, simdata=(bits(), bits(), words(), words())))
        await server.serve_forever(background=True)
        return server

    def set(self, function: int, address: int, values: list[Any]) -> None:
        self._run(self.server.async_setValues(1, function, address, values))

    def get(self, function: int, address: int, count: int) -> list[int]:
        return [int(v) for v in self._run(self.server.async_getValues(1, function, address, count))]

    def close(self) -> None:
        self._run(self.server.shutdown())
        self._run(self.loop.shutdown_default_executor())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()


class PymodbusServer(Pymodbus):
    """On a free TCP port."""

    def __init__(self) -> None:
        super().__init__(0, lambda device: ModbusTcpServer(device, address=("127.0.0.1", 0)))
        self.port: int = self.server.transport.sockets[0].getsockname()[1]


# ---- libmodbus ----


def wait_for_port(port: int) -> None:
    def open_there() -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=0.5):
            return True
        return False

    until(open_there, what=f"a server on port {port}")


@contextlib.contextmanager
def libmodbus_server(program: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([program, str(port)])
    try:
        wait_for_port(port)
        yield process
    finally:
        process.kill()
        process.wait()


class LibmodbusClient:
    """`client(3, 0, 10)` reads; the commands stand in peers/libmodbus_client.c. Over TCP (a port) or RTU (a path)."""

    def __init__(self, program: Path, place: int | str) -> None:
        pipe = subprocess.PIPE
        self.process = subprocess.Popen([program, str(place)], stdin=pipe, stdout=pipe, text=True, bufsize=1)

    def __call__(self, *words: int) -> list[int] | str:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(" ".join(map(str, words)) + "\n")
        answer = self.process.stdout.readline().strip()
        return answer if answer == "ok" or answer.startswith("error") else [int(w) for w in answer.split()]

    def close(self) -> None:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.close()
        self.process.wait(5)
        self.process.stdout.close()


def use_every_function(client: LibmodbusClient) -> None:
    """Ten requests to a server of alternating inputs, registers from 100 on, and 4711 in holding register 20."""
    assert client(2, 0, 10) == [1, 0] * 5
    assert client(4, 3, 4) == [103, 104, 105, 106]
    assert client(3, 20, 1) == [4711]
    assert client(5, 3, 1) == "ok"
    assert client(15, 4, 1, 0, 1) == "ok"
    assert client(1, 0, 8) == [0, 0, 0, 1, 1, 0, 1, 0]
    assert client(6, 2, 500) == "ok"
    assert client(16, 3, 7, 8, 9) == "ok"
    assert client(22, 2, 0xFF00, 0x0012) == "ok"
    assert client(23, 2, 5, 5, 99) == [(500 & 0xFF00) | 0x12, 7, 8, 99, 0]


# ---- frames by hand ----


def adu(transaction: int, pdu: bytes, unit: int = 1, protocol: int = 0) -> bytes:
    return struct.pack(">HHHB", transaction, protocol, len(pdu) + 1, unit) + pdu


def read_frame(sock: socket.socket) -> bytes:
    """One whole frame, or b"" when the other side has closed."""
    frame = b""
    while len(frame) < 6 or len(frame) < 6 + struct.unpack(">H", frame[4:6])[0]:
        wanted = 6 - len(frame) if len(frame) < 6 else 6 + struct.unpack(">H", frame[4:6])[0] - len(frame)
        part = sock.recv(wanted)
        if not part:
            return b""
        frame += part
    return frame


def ask(sock: socket.socket, pdu: bytes, transaction: int = 1, unit: int = 1) -> bytes:
    """The answer's PDU."""
    sock.sendall(adu(transaction, pdu, unit))
    frame = read_frame(sock)
    assert frame[:2] == struct.pack(">H", transaction)
    return frame[7:]


# ---- a device that misbehaves ----

Behaviour = Callable[["Device", socket.socket, bytes], None]


class Device:
    """Answers reads of registers with `value`, until `behave` is set: that is called with each request instead."""

    def __init__(self) -> None:
        self.value = 1
        self.behave: Behaviour | None = None
        self.requests = 0
        self.connections: list[socket.socket] = []
        self.threads: list[threading.Thread] = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listener.getsockname()[1]
        self.acceptor = threading.Thread(target=self._accept)
        self.acceptor.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                sock, _ = self.listener.accept()
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.connections.append(sock)
                thread = threading.Thread(target=self._serve, args=(sock,))
                self.threads.append(thread)
                thread.start()

    def _serve(self, sock: socket.socket) -> None:
        with contextlib.suppress(OSError), sock:
            while frame := read_frame(sock):
                self.requests += 1
                (self.behave or Device.answer)(self, sock, frame)

    def good_answer(self, frame: bytes) -> bytes:
        function, quantity = frame[7], struct.unpack(">H", frame[10:12])[0]
        if function in (3, 4):
            pdu = struct.pack(">BB", function, 2 * quantity) + struct.pack(">H", self.value & 0xFFFF) * quantity
        else:
            pdu = frame[7:12]
        return adu(struct.unpack(">H", frame[:2])[0], pdu, frame[6])

    def answer(self, sock: socket.socket, frame: bytes) -> None:
        sock.sendall(self.good_answer(frame))

    def once(self, behaviour: Behaviour) -> None:
        """Misbehave for the next request only."""

        def misbehave(device: Device, sock: socket.socket, frame: bytes) -> None:
            device.behave = None
            behaviour(device, sock, frame)

        self.behave = misbehave

    def close(self) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.acceptor.join()
        for sock in self.connections:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in self.threads:
            thread.join()
