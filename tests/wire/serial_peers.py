"""Peers of serial lines: pseudo-terminals, and pyserial's own RFC 2217 server on one."""

from __future__ import annotations

import contextlib
import os
import pty
import select
import signal
import socket
import subprocess
import threading
import time
import tty
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import serial
from serial.rfc2217 import PortManager


@contextlib.contextmanager
def pseudo_terminal() -> Iterator[tuple[int, str]]:
    """The master's descriptor and the path to open."""
    master, slave = pty.openpty()
    tty.setraw(slave)
    try:
        yield master, os.ttyname(slave)
    finally:
        os.close(master)
        os.close(slave)


def read_some(fd: int, count: int, timeout_s: float = 5.0) -> bytes:
    """`count` bytes, or what came until the time was over or the line ended."""
    data, end = b"", time.monotonic() + timeout_s
    while len(data) < count and (left := end - time.monotonic()) > 0:
        if select.select([fd], [], [], left)[0]:
            piece = os.read(fd, count - len(data))
            if not piece:
                break
            data += piece
    return data


def ends(fd: int, timeout_s: float = 10.0) -> bool:
    """True when the line reads as ended within the time."""
    end = time.monotonic() + timeout_s
    while (left := end - time.monotonic()) > 0:
        if select.select([fd], [], [], left)[0]:
            try:
                if not os.read(fd, 4096):
                    return True
            except ConnectionError:
                return True
    return False


class PtyPort(serial.Serial):
    """A port whose pseudo-terminal has no modem lines, which PortManager asks for and sets."""

    cts = dsr = ri = cd = property(lambda self: False)

    def _update_rts_state(self) -> None:
        pass

    def _update_dtr_state(self) -> None:
        pass


@dataclass
class Rfc2217Server:
    """One client at a time, redirected to a serial port by pyserial's PortManager, as its example does."""

    path: str
    listener: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0)))
    port: Any = None
    client: socket.socket | None = None
    clients: int = 0
    ending: threading.Event = field(default_factory=threading.Event)
    stuck: threading.Event = field(default_factory=threading.Event)  # set: nothing is redirected

    @property
    def url(self) -> str:
        return f"rfc2217://127.0.0.1:{self.listener.getsockname()[1]}"

    def serve(self) -> None:
        while not self.ending.is_set():
            if not select.select([self.listener], [], [], 0.05)[0]:
                continue
            self.client, _ = self.listener.accept()
            self.clients += 1
            self.client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self.client, PtyPort(self.path, timeout=0) as self.port:
                self._redirect(self.client, self.port)
            self.client = None

    def _redirect(self, client: socket.socket, port: Any) -> None:
        manager = PortManager(port, _Writer(client.sendall))
        with contextlib.suppress(OSError):
            while not self.ending.is_set():
                if self.stuck.is_set():
                    time.sleep(0.01)
                    continue
                ready, _, _ = select.select([client, port], [], [], 0.05)
                if port in ready and (data := port.read(1024)):
                    client.sendall(b"".join(manager.escape(data)))
                if client in ready:
                    data = client.recv(1024)
                    if not data:
                        return
                    port.write(b"".join(manager.filter(data)))

    def cut(self) -> None:
        """The network goes away under the client."""
        if self.client:
            self.client.shutdown(socket.SHUT_RDWR)


@dataclass
class _Writer:
    write: Callable[[bytes], Any]


@contextlib.contextmanager
def rfc2217_server(path: str) -> Iterator[Rfc2217Server]:
    server = Rfc2217Server(path)
    thread = threading.Thread(target=server.serve)
    thread.start()
    try:
        yield server
    finally:
        server.ending.set()
        thread.join()
        server.listener.close()


@contextlib.contextmanager
def raw_port_server(path: str) -> Iterator[int]:
    """socat carries raw bytes between a TCP port and a serial port, one client after the other; the TCP port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    listen = f"TCP-LISTEN:{port},bind=127.0.0.1,reuseaddr,nodelay,fork,max-children=1"
    command = ["socat", "-d", "-d", listen, f"OPEN:{path},raw,echo=0"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
    try:
        assert process.stderr
        for line in process.stderr:
            if "listening on" in line:
                break
        yield port
    finally:
        os.killpg(process.pid, signal.SIGKILL)  # with those that it has forked
        process.communicate()
