"""The bench's side of the control socket: one thread, many clients, and none of them can disturb the bench.

What a twin is asked may have to wait until it has thought, so a second thread answers that: stop and all else that any
bench knows never wait behind it.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hil.control import kept, requests, wire
from hil.control.lease import Access, Lease, Peer
from hil.errors import BenchError

if TYPE_CHECKING:
    from hil.bench import Bench

MOST_CLIENTS = 32
MOST_UNSENT = 4 << 20  # bytes: a client that does not read is dropped
LAST_WORDS_S = 0.3  # how long close() tries to deliver answers


class _Client:
    """One connection: what has come in and is not yet a line, what has to go out."""

    def __init__(self, sock: socket.socket, peer: Peer) -> None:
        self.sock, self.peer = sock, peer
        self.inbox = bytearray()
        self.outbox = bytearray()
        self.skipping = False  # the rest of a line that was too long
        self.waits = False  # for an answer of the second thread; its further lines wait, too


class ControlServer:
    """Listens for a bench.

    Args:
        bench: what the requests act on. Its methods are called from the server's thread.
        more: requests beside those that any bench knows; they may take long, and are called from a thread of their own.
        free: those of them that only read, so that they need no lease.
    """

    def __init__(
        self, bench: Bench, more: Mapping[str, requests.Request] | None = None, free: frozenset[str] = frozenset()
    ) -> None:
        self._bench, self._more, self._free = bench, dict(more or {}), requests.FREE | free
        self._lease = Lease(bench.rig.name)
        self._selector = selectors.DefaultSelector()
        self._clients: set[_Client] = set()
        self._thread: threading.Thread | None = None
        self._closing = False
        self._thinks = ThreadPoolExecutor(1, "hil-control-twin") if more else None
        self._thought: deque[tuple[_Client, requests.Answer]] = deque()
        self.path: Path | None = None

    def start(self) -> Path:
        """Makes the socket and starts the thread; returns the socket's path.

        Raises:
            BenchError: no socket can be made.
        """
        self._listener, self.path = _listen(self._bench.rig.name)
        self._wake, self._woken = socket.socketpair()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._selector.register(self._woken, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._serve, name="hil-control", daemon=True)
        self._thread.start()
        return self.path

    def close(self) -> None:
        """Removes the socket, delivers what was answered and ends the thread. May be called twice."""
        if self._thread is None:
            return
        assert self.path is not None
        self.path.unlink(missing_ok=True)
        kept.forget_all(self.path)
        self._closing = True
        self._wake.send(b"x")
        if self._thread is not threading.current_thread():
            self._thread.join()
        self._thread = None
        # Here, not in the thread, which may be on its way out for another reason when it is woken.
        self._wake.close()
        self._woken.close()

    def _serve(self) -> None:
        try:
            while not self._closing:
                self._handle(self._selector.select())
            if self._thinks is not None:
                self._thinks.shutdown(wait=True, cancel_futures=True)
            self._deliver()
            self._last_words()
        finally:
            for client in list(self._clients):
                self._drop(client)
            self._listener.close()
            self._selector.close()

    def _handle(self, ready: list[tuple[selectors.SelectorKey, int]]) -> None:
        for key, mask in ready:
            if key.fileobj is self._listener:
                self._accept()
            elif key.fileobj is self._woken:
                self._woken.recv(4096)
                self._deliver()
            else:
                self._attend(key.data, mask)

    def _deliver(self) -> None:
        """What the second thread has answered; then what its client has sent meanwhile."""
        while self._thought:
            client, answer = self._thought.popleft()
            client.waits = False
            if client in self._clients:
                self._send(client, answer)
                self._lines(client)

    def _accept(self) -> None:
        try:
            sock, _ = self._listener.accept()
        except OSError:
            time.sleep(0.01)  # out of file descriptors: do not spin
            return
        sock.setblocking(False)
        client = _Client(sock, _peer(sock))
        self._clients.add(client)
        self._selector.register(sock, selectors.EVENT_READ, client)
        if len(self._clients) > MOST_CLIENTS or client.peer.uid not in (0, os.getuid()):
            self._send(client, requests.refusal(BenchError("the bench has too many clients, or you are not its owner")))
            self._drop(client)

    def _attend(self, client: _Client, mask: int) -> None:
        try:
            if mask & selectors.EVENT_READ:
                self._read(client)
            if client in self._clients and client.outbox:
                self._flush(client)
        except OSError:
            self._drop(client)

    def _read(self, client: _Client) -> None:
        try:
            data = client.sock.recv(wire.LONGEST_LINE)
        except BlockingIOError:
            return
        if not data:
            self._drop(client)
            return
        client.inbox += data
        self._lines(client)
        if len(client.inbox) > wire.LONGEST_LINE:
            self._refuse_long_line(client)

    def _lines(self, client: _Client) -> None:
        while not client.waits and client in self._clients and (end := client.inbox.find(b"\n")) >= 0:
            text = bytes(client.inbox[:end])
            del client.inbox[: end + 1]
            if not client.skipping:
                self._answer(client, text)
            client.skipping = False

    def _refuse_long_line(self, client: _Client) -> None:
        client.inbox.clear()
        if not client.skipping:
            self._send(client, requests.refusal(BenchError(f"a request has at most {wire.LONGEST_LINE} bytes")))
        client.skipping = True

    def _answer(self, client: _Client, text: bytes) -> None:
        if not text.strip():
            return
        try:
            message = wire.parse(text)
        except BenchError as error:
            self._send(client, requests.refusal(error))
            return
        access = Access(self._lease, client.peer, self._free)
        if self._thinks is not None and message["do"] in self._more:
            client.waits = True
            self._thinks.submit(self._think, client, message, access)
            return
        self._send(client, requests.answer(self._bench, message, {"lease": access.request}, access))

    def _think(self, client: _Client, message: Mapping[str, Any], access: Access) -> None:
        self._thought.append((client, requests.answer(self._bench, message, self._more, access)))
        with contextlib.suppress(OSError):  # the server has been closed meanwhile
            self._wake.send(b"x")

    def _send(self, client: _Client, message: requests.Answer) -> None:
        client.outbox += wire.line(message)
        try:
            self._flush(client)
        except OSError:
            self._drop(client)

    def _flush(self, client: _Client) -> None:
        try:
            sent = client.sock.send(client.outbox)
            del client.outbox[:sent]
        except BlockingIOError:
            pass
        if len(client.outbox) > MOST_UNSENT:
            self._drop(client)
            return
        wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if client.outbox else 0)
        self._selector.modify(client.sock, wanted, client)

    def _drop(self, client: _Client) -> None:
        if client in self._clients:
            self._clients.discard(client)
            self._selector.unregister(client.sock)
            client.sock.close()

    def _last_words(self) -> None:
        """Answers to requests that had come before the end, "stop" above all."""
        end_s = time.monotonic() + LAST_WORDS_S
        while any(client.outbox for client in self._clients) and time.monotonic() < end_s:
            for client in list(self._clients):
                self._attend(client, selectors.EVENT_WRITE)
            time.sleep(0.01)


def _listen(rig: str) -> tuple[socket.socket, Path]:
    """A listening socket with its final name: the name appears only once the socket can be connected to."""
    name = f"{rig}.{os.getpid()}"
    folder = wire.own_folder(name + "-99" + wire.SUFFIX)
    path = next(
        p for n in range(1, 1000) if not (p := folder / f"{name}{f'-{n}' if n > 1 else ''}{wire.SUFFIX}").exists()
    )
    hidden = folder / f".{os.getpid()}-{threading.get_native_id()}"
    hidden.unlink(missing_ok=True)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.bind(str(hidden))
        hidden.chmod(0o600)
        sock.listen(MOST_CLIENTS)
        sock.setblocking(False)
        hidden.rename(path)
    except OSError as error:
        sock.close()
        hidden.unlink(missing_ok=True)
        raise BenchError(f"no control socket can be made ({error.strerror})", where=str(folder)) from None
    return sock, path


def _peer(sock: socket.socket) -> Peer:
    """Process and user at the other end. Only this user and root may stay; the mode of the socket says the same."""
    size = struct.calcsize("3i")
    pid, uid, _ = struct.unpack("3i", sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))
    return Peer.of(uid, pid)
