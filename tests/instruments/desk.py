"""Instruments to talk to: the emulated ones at TCP sockets in this process, and pyvisa-sim's."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from hil.drivers.scpi_server import Place, ScpiServers
from hil.drivers.visa_dialect import shipped_dialect
from hil.drivers.visa_instrument import Instrument

RIG = "rigs/psu_bench"
TERMINAL = {"voltage": 0, "current": 1}


@contextlib.contextmanager
def serving(*kinds: str) -> Iterator[ScpiServers]:
    """One emulated instrument of each kind, called like it; nothing measures behind them."""
    commands = {"supply": TERMINAL, "load": {"current": 0}}
    places = [
        Place(kind, kind, 0, TERMINAL if kind != "scope" else {"voltage": 0}, commands.get(kind, {})) for kind in kinds
    ]
    servers = ScpiServers(places, 2, 2)
    servers.start()
    try:
        yield servers
    finally:
        servers.stop()


def address(port: int) -> str:
    return f"visa://TCPIP::127.0.0.1::{port}::SOCKET"


def connected(servers: ScpiServers, kind: str, **options: object) -> Instrument:
    """Over pyvisa-py, with the plain dialect of its kind."""
    dialect = shipped_dialect(f"scpi_{kind}")
    instrument = Instrument(kind, address(servers.ports[kind]), dialect, **{"timeout_s": 0.5, **options})  # type: ignore[arg-type]
    instrument.connect()
    return instrument


def until(true: Callable[[], bool], within_s: float = 10.0) -> bool:
    """Waits for it."""
    deadline = time.monotonic() + within_s
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


class Relay:
    """A cable that can be pulled: a TCP relay in front of an instrument."""

    def __init__(self, port: int) -> None:
        self.target = port
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.pairs: list[socket.socket] = []
        self.pulled = False
        self._ended = False
        threading.Thread(target=self._accept, daemon=True).start()

    def pull(self) -> None:
        """From now on nothing goes through."""
        self.pulled = True
        for each in self.pairs:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def plug(self) -> None:
        self.pulled = False

    def close(self) -> None:
        self._ended = True
        self.pull()
        self.listener.close()

    def _accept(self) -> None:
        while not self._ended:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            if self.pulled:
                near.close()
                continue
            far = socket.create_connection(("127.0.0.1", self.target))
            self.pairs += [near, far]
            threading.Thread(target=_pump, args=(near, far), daemon=True).start()
            threading.Thread(target=_pump, args=(far, near), daemon=True).start()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(4096):
            sink.sendall(data)
    for each in (source, sink):
        with contextlib.suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)


class Liar:
    """A TCP peer that answers every line with the same bytes; b"" never answers."""

    def __init__(self, answer: bytes) -> None:
        self.answer = answer
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self.listener.close()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._talk, args=(client,), daemon=True).start()

    def _talk(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while client.recv(4096):
                if self.answer:
                    client.sendall(self.answer)


def simulated(folder: Path) -> Path:
    """A pyvisa-sim file with the three instruments of rigs/psu_bench, written by hand from SCPI-99."""
    file = folder / "desk.yaml"
    file.write_text((Path(__file__).parent / "desk.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    return file


@contextlib.contextmanager
def emulated(rig: str = RIG, device: str = "psu") -> Iterator[dict[str, str]]:
    """`hil emulate` in a process of its own: addresses by instrument."""
    command = [sys.executable, "-m", "hil", "emulate", rig, device, "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout
        yield json.loads(process.stdout.readline())["instruments"]
    finally:
        process.terminate()
        process.communicate(timeout=10)


def changed(folder: Path, *pairs: tuple[str, str]) -> Path:
    """A copy of the rig with other lines."""
    target = folder / "rig"
    target.mkdir()
    for file in ("rig.toml", "model.py", "psu_bench.svg"):
        text = (Path(RIG) / file).read_text(encoding="utf-8")
        for old, new in pairs if file == "rig.toml" else ():
            assert old in text
            text = text.replace(old, new)
        (target / file).write_text(text, encoding="utf-8")
    return target
