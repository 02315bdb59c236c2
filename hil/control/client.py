"""The other side of the control socket: finds a running bench and asks it."""

from __future__ import annotations

import socket
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from hil.control import wire
from hil.errors import BenchError

TIMEOUT_S = 5.0


@dataclass(frozen=True)
class Running:
    """A bench that listens."""

    rig: str
    pid: int
    path: Path


class ControlClient:
    """A connection to one bench.

    Args:
        path: its socket.
        timeout_s: longest wait for an answer.

    Raises:
        BenchError: nobody listens there.
    """

    def __init__(self, path: Path, timeout_s: float = TIMEOUT_S) -> None:
        self.path = path
        self._next_id = 0
        self._sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._sock.settimeout(timeout_s)
        try:
            self._sock.connect(str(path))
        except OSError as error:
            self._sock.close()
            raise BenchError(f"the bench does not listen ({error.strerror})", where=str(path)) from None
        self._lines = self._sock.makefile("rb")

    def request(self, do: str, **fields: Any) -> dict[str, Any]:
        """Asks and waits for the answer; `hil.control.requests` says what can be asked with which fields.

        Raises:
            BenchError: the bench refused, has ended, or did not answer in time.
        """
        self._next_id += 1
        try:
            self._sock.sendall(wire.line({"id": self._next_id, "do": do, **fields}))
            text = self._lines.readline()
        except TimeoutError:
            raise BenchError("the bench did not answer in time", where=str(self.path)) from None
        except OSError as error:
            raise BenchError(f"the bench has gone ({error.strerror})", where=str(self.path)) from None
        if not text.endswith(b"\n"):
            raise BenchError("the bench has ended", where=str(self.path))
        message = wire.parse(text)
        if not message.get("ok"):
            told = message.get("error") or {}
            raise BenchError(told.get("message", "refused"), where=told.get("where"), mend=told.get("mend"))
        return {key: value for key, value in message.items() if key not in ("hil", "id", "ok")}

    def close(self) -> None:
        """Ends the connection; the bench runs on."""
        self._lines.close()
        self._sock.close()

    def __enter__(self) -> ControlClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def running() -> list[Running]:
    """All benches of this user that listen, by rig and pid. Sockets that nobody serves any more are removed."""
    found = []
    for folder in filter(wire.is_private, wire.folders()):
        for path in folder.glob(f"*{wire.SUFFIX}"):
            name = wire.parse_name(path)
            if name and _is_alive(path, name[1]):
                found.append(Running(*name, path))
    return sorted(found, key=lambda bench: (bench.rig, bench.pid, bench.path.name))


def connect(rig: str | None = None, pid: int | None = None, timeout_s: float = TIMEOUT_S) -> ControlClient:
    """A connection to the one bench that is meant.

    Args:
        rig: name or path of its rig; None: whichever runs.
        pid: its process; needed when several benches of the rig run.
        timeout_s: longest wait for an answer.

    Raises:
        BenchError: none is meant, or several.
    """
    all_of_them = running()
    name = None if rig is None else rig_name(rig)
    meant = [b for b in all_of_them if name in (None, b.rig) and pid in (None, b.pid)]
    if not meant:
        raise BenchError(_nobody(name, pid), mend=_who_runs(all_of_them, name))
    if len(meant) > 1:
        pids = ", ".join(f"{b.rig} (pid {b.pid})" for b in meant)
        raise BenchError(f"{len(meant)} benches run: {pids}", mend=f"Name one with --pid {meant[0].pid}")
    return ControlClient(meant[0].path, timeout_s)


def rig_name(rig: str) -> str:
    """Name of a rig given as a path or a name. Only that is read: the rig of a running bench may be broken now."""
    folder = Path(rig)
    file = folder if folder.suffix == ".toml" else folder / "rig.toml"
    try:
        name = tomllib.loads(file.read_text(encoding="utf-8"))["rig"]["name"]
    except (OSError, ValueError, KeyError, TypeError):
        return file.parent.name if folder.suffix == ".toml" else folder.name or rig
    return str(name)


def _is_alive(path: Path, pid: int) -> bool:
    """Whether somebody serves the socket; removes it when nobody does."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(str(path))
        except FileNotFoundError:
            return False
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)
            return False
        except OSError:  # a bench too busy to accept
            return Path(f"/proc/{pid}").exists()
    return True


def _nobody(name: str | None, pid: int | None) -> str:
    what = "no bench" if name is None else f"no bench of rig '{name}'"
    return f"{what} runs" + (f" with pid {pid}" if pid is not None else "")


def _who_runs(benches: Iterable[Running], name: str | None) -> str:
    others = ", ".join(f"{b.rig} (pid {b.pid})" for b in benches)
    return f"Running: {others}" if others else f"Start one with: hil run {name or 'RIG'}"
