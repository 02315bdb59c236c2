"""The other side of the control socket: finds a running bench and asks it."""

from __future__ import annotations

import socket
import tomllib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from hil.control import kept, wire
from hil.control.lease import PRESET_S
from hil.control.requests import FREE
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
        self._token: str | None = None
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
        if do == "lease" or do not in tuple(FREE):
            fields = {"lease": self._token or kept.read(self.path), **fields}
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

    def take_lease(self, for_s: float = PRESET_S, person: str | None = None, *, keep: bool = False) -> dict[str, Any]:
        """Nobody else writes to the bench for `for_s` seconds; taken again it lasts so long from now on.

        Args:
            for_s: until it ends by itself, even when this process has been killed; at most an hour.
            person: who that is, where the user's name does not say it.
            keep: for all further commands of this terminal, not for this connection alone.

        Returns:
            `holder`, `left_s` and the `token`.

        Raises:
            BenchError: somebody else has it; the message says who.
        """
        found = self.request("lease", act="take", for_s=for_s, person=person)
        if keep:
            kept.write(self.path, found["token"])
        else:
            self._token = found["token"]
        return found

    def renew_lease(self, for_s: float = PRESET_S) -> dict[str, Any]:
        """The lease lasts `for_s` seconds from now on; raises BenchError when it has ended."""
        return self.request("lease", act="renew", for_s=for_s)

    def release_lease(self) -> None:
        """Ends the lease; raises BenchError when it has ended already."""
        self.request("lease", act="release")
        if self._token is None:
            kept.forget(self.path)
        self._token = None

    @contextmanager
    def lease(self, for_s: float = PRESET_S) -> Iterator[None]:
        """A block in which nobody else writes. It must be renewed within `for_s`, or it ends before the block."""
        self.take_lease(for_s)
        try:
            yield
        finally:
            with suppress(BenchError):  # it has ended by itself, or the bench has
                self.release_lease()
            self._token = None

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
            kept.forget_all(path)
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
