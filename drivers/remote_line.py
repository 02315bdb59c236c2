"""Lines at the other end of a network: `socket://` and `rfc2217://`. One entry opens every kind of address."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import threading
import time

from serial import SerialException
from serial.rfc2217 import Serial

from hil.drivers.device_url import REMOTE, RemoteSettings, parse_remote_url, scheme_of
from hil.drivers.serial_line import Line, open_line
from hil.errors import BusError

CONNECT_S = 5.0
LOOK_S = 0.1  # how soon a closed line is seen while nothing comes in
LINGER_S = 0.5  # for what was written before the line was closed
CHUNK = 4096


def open_device_line(url: str) -> Line:
    """Open a device's address, local or remote. Closing the line ends all that serves it.

    A line that is lost, whatever the reason, reads as ended: 0 bytes, or a connection error.

    Raises:
        BusError: the address is wrong, the port missing, busy or not permitted, the host unknown or not answering.
    """
    if scheme_of(url) not in REMOTE:
        return open_line(url)
    settings = parse_remote_url(url)
    if settings.scheme == "socket":
        return Line(_connect(settings).detach(), url, False, 0, "")
    return _open_rfc2217(settings)


def _connect(settings: RemoteSettings) -> socket.socket:
    try:
        sock = socket.create_connection((settings.host, settings.port), timeout=CONNECT_S)
    except (OSError, UnicodeError) as error:  # UnicodeError: no name of a host
        raise _unreachable(settings, error) from None
    # A frame is written at once and waits for nothing; Nagle's algorithm would hold it back behind the one before.
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setblocking(False)
    return sock


def _unreachable(settings: RemoteSettings, error: OSError | UnicodeError) -> BusError:
    if isinstance(error, socket.gaierror | UnicodeError):
        return BusError("the host is not known", where=settings.url, mend="Check its name, or write its IP address")
    if isinstance(error, TimeoutError):
        why = f"the host does not answer within {CONNECT_S:g} s"
        return BusError(why, where=settings.url, mend="Check its address and the network")
    if isinstance(error, ConnectionRefusedError):
        mend = "Start the port server there, or check host and port"
        return BusError("the host refused the connection", where=settings.url, mend=mend)
    why = os.strerror(error.errno) if error.errno else str(error)
    return BusError(f"cannot be connected ({why})", where=settings.url, mend="Check host, port and the network")


def _open_rfc2217(settings: RemoteSettings) -> Line:
    ours, theirs = socket.socketpair()
    try:
        theirs.setblocking(False)
        _Carrier(_negotiated(settings), ours).start()
    except BaseException:
        ours.close()
        theirs.close()
        raise
    return Line(theirs.detach(), settings.url, False, round(1e9 / settings.baud), "")


def _negotiated(settings: RemoteSettings) -> Serial:
    """The client of pyserial, connected, with baud rate, parity and stop bits accepted by the other side."""
    port = Serial(None, settings.baud, parity=settings.parity, stopbits=settings.stop, timeout=LOOK_S)
    port.port = f"rfc2217://{settings.place}"
    try:
        port.open()
    except (SerialException, ValueError) as error:
        reason = error.__context__  # what pyserial stumbled over when it connected
        if isinstance(reason, OSError | UnicodeError) and not isinstance(reason, SerialException):
            raise _unreachable(settings, reason) from None
        frame = f"{settings.baud} 8{settings.parity}{settings.stop}"
        raise BusError(
            f"the host does not serve a line of {frame} by RFC 2217",
            where=settings.url,
            mend=f"Choose other options, or socket://{settings.place} for a server of raw bytes",
        ) from None
    return port


class _Carrier:
    """Carries bytes between a socket and a pyserial port that has no descriptor of its own, until either ends."""

    def __init__(self, port: Serial, ours: socket.socket) -> None:
        self._port, self._ours = port, ours
        self._closing = threading.Lock()
        self._left_s: float | None = None  # when the other end of our socket was closed

    def start(self) -> None:
        """In daemon threads: a program that ends without closing its line does not wait for them."""
        threading.Thread(target=self._to_port, name=f"hil to {self._port.port}", daemon=True).start()

    def _to_port(self) -> None:
        back = threading.Thread(target=self._from_port, name=f"hil from {self._port.port}", daemon=True)
        back.start()
        with contextlib.suppress(SerialException, OSError):
            while data := self._ours.recv(CHUNK):
                self._port.write(data)
        self._end()
        back.join()
        self._ours.close()

    def _from_port(self) -> None:
        with contextlib.suppress(SerialException, OSError):
            while self._port.is_open and not self._is_left():
                self._ours.sendall(self._port.read(max(1, self._port.in_waiting)))
        self._end()

    def _is_left(self) -> bool:
        """The other end was closed a while ago, and a network that takes nothing more holds up the other thread."""
        hung_up = select.poll()
        hung_up.register(self._ours, 0)
        if not any(event & select.POLLHUP for _, event in hung_up.poll(0)):
            return False
        self._left_s = self._left_s or time.monotonic()
        return time.monotonic() - self._left_s > LINGER_S

    def _end(self) -> None:
        # What was carried so far can still be read at the other end; behind it comes the end.
        with contextlib.suppress(OSError):
            self._ours.shutdown(socket.SHUT_RDWR)
        with self._closing:
            self._port.close()
