"""Emulated instruments at TCP sockets, as raw SCPI: lines that end with a newline."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hil._port import ValuePort
from hil.drivers.scpi_emulated import EmulatedInstrument
from hil.errors import BusError

LONGEST_LINE = 4096
MOST_CLIENTS = 4
REFRESH_S = 0.002  # the desk's loop never waits long for what a program has set
POLL_S = 0.05


@dataclass(frozen=True)
class Place:
    """One instrument of an emulated desk: its kind, its port (0: any free one), and where its values are.

    `reads` and `writes` are as in hil.drivers.visa_bus.Member.
    """

    name: str
    kind: str
    port: int
    reads: Mapping[str, int]
    writes: Mapping[str, int]


class ScpiServers:
    """All instruments of one emulated device; its loop connects this as its bus.

    Attributes:
        ports: TCP port by instrument.
    """

    def __init__(self, places: Sequence[Place], n_reads: int, n_writes: int, host: str = "127.0.0.1") -> None:
        """Listens; raises BusError when a port is in use."""
        self._port = ValuePort(n_writes, n_reads)
        self._measured: list[float] = [float("nan")] * n_reads
        self._n_writes = n_writes
        self._ended = threading.Event()
        self._threads: list[threading.Thread] = []
        self.places = places
        self.instruments = {p.name: EmulatedInstrument(p.name, p.kind, self._reader(p)) for p in places}
        self._sockets = {place.name: _listen(host, place.port) for place in places}
        self.ports = {name: int(s.getsockname()[1]) for name, s in self._sockets.items()}

    @property
    def port(self) -> int:
        """That of the first instrument."""
        return next(iter(self.ports.values()))

    def start(self, *_: Any, **__: Any) -> None:
        """Serves from now on."""
        for name, listener in self._sockets.items():
            self._run(self._serve, listener, self.instruments[name])
        self._run(self._exchange)

    def stop(self) -> None:
        """Ends all threads and sockets."""
        self._ended.set()
        for listener in self._sockets.values():
            listener.close()
        for thread in self._threads:
            thread.join(2.0)

    def port_ptr(self) -> int:
        """Address of the struct hil_bus_port, for the loop."""
        return self._port.port_ptr()

    def _run(self, work: Any, *args: Any) -> None:
        thread = threading.Thread(target=work, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _reader(self, place: Place) -> Any:
        return lambda key: self._measured[place.reads[key]] if key in place.reads else float("nan")

    def _exchange(self) -> None:
        """Between the instruments and the loop behind them."""
        while not self._ended.wait(REFRESH_S):
            image = self._port.take_out()
            if image is not None:
                self._measured = image[2]
            values = [0.0] * self._n_writes
            for place in self.places:
                instrument = self.instruments[place.name]
                instrument.watch()
                applied = instrument.applied
                for key, at in place.writes.items():
                    values[at] = applied.get(key, 0.0)
                if instrument.memory is not None:
                    instrument.memory.sample(time.monotonic(), instrument.read("voltage"))
            self._port.publish(values, time.monotonic_ns())

    def _serve(self, listener: socket.socket, instrument: EmulatedInstrument) -> None:
        listener.settimeout(POLL_S)
        while not self._ended.is_set():
            try:
                client, _ = listener.accept()
            except TimeoutError:
                continue
            except OSError:
                return
            self._threads = [thread for thread in self._threads if thread.is_alive()]
            if len(self._threads) > MOST_CLIENTS * len(self._sockets) + len(self._sockets) + 1:
                client.close()
                continue
            self._run(self._talk, client, instrument)

    def _talk(self, client: socket.socket, instrument: EmulatedInstrument) -> None:
        client.settimeout(POLL_S)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        data = b""
        with client:
            while not self._ended.is_set():
                try:
                    got = client.recv(LONGEST_LINE)
                except TimeoutError:
                    continue
                except OSError:
                    return
                if not got or len(data) > LONGEST_LINE:
                    return
                *lines, data = (data + got).split(b"\n")
                for line in lines:
                    answer = instrument.line(line.decode("ascii", errors="replace"))
                    if answer:
                        client.sendall(answer + b"\n")


def _listen(host: str, port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise BusError(f"port {port} cannot be used: {error.strerror}", where=f"{host}:{port}") from None
    listener.listen(MOST_CLIENTS)
    return listener
