"""The application `tclab` of rigs/tclab as a process on a pseudo-terminal: the firmware, compiled for the host."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import select
import signal
import subprocess
import termios
import tty
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from hil.mcu.tables import make_application
from hil.program import controller_of
from hil.rig import load_rig

ROOT = Path(__file__).resolve().parents[2]
INCLUDE = ("hil/models", "core/include", "drivers/include", "drivers/src", "firmware/common")
FLAGS = ["-std=gnu11", "-O2", "-fno-tree-vectorize", "-ffp-contract=off", "-fno-strict-aliasing", "-Wall", "-Wextra"]
# The link and what its messages need; no threads, no sockets.
PORTABLE = ("link.c", "link_receive.c", "link_send.c", "link_values.c", "cobs.c", "crc16.c")


FIRMWARE = (
    "control.c", "decimal.c", "device.c", "faults.c", "log.c", "session.c", "supervisor.c", "task.c", "tclab_face.c",
)  # fmt: skip
POSIX = ROOT / "firmware/boards/posix"


def sources() -> list[Path]:
    return [
        *(ROOT / "firmware/common" / name for name in FIRMWARE),
        *(ROOT / "drivers/src" / name for name in PORTABLE),
        *sorted((ROOT / "core/src").rglob("*.c")),
    ]


def write_tables(folder: Path) -> list[Path]:
    """The application's tables and models as C."""
    rig = load_rig("tclab")
    device = rig.devices["board"]
    application = make_application(rig, device, controller_of(rig, rig.roles[device.role]))
    texts = {"application.c": application.source} | {f"model{i}.c": text for i, text in enumerate(application.models)}
    for name, text in texts.items():
        (folder / name).write_text(text)
    return [folder / name for name in texts]


def build_boards(scratch: Path) -> tuple[Path, Path]:
    """Two programs of one firmware: with a clock of the test's own, and the product's board `posix`.

    They are compiled once for all groups of tests, into a folder that is named after their content.
    """
    tables = write_tables(scratch)
    digest = hashlib.sha256(repr((FLAGS, INCLUDE)).encode())
    for path in (*headers(), *sources(), *sorted(POSIX.glob("*.c")), Path(__file__).with_suffix(".c"), *tables):
        digest.update(path.read_bytes())
    folder = ROOT / "build/tests" / f"tclab-{digest.hexdigest()[:20]}"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "whole").exists():
            compile_boards(folder, [*sources(), *tables])
            (folder / "whole").touch()
    return folder / "tclab_board", folder / "posix"


def headers() -> list[Path]:
    """All that the sources may include."""
    folders = (*(ROOT / name for name in (*INCLUDE, "core/src")), POSIX)
    return [path for folder in folders for path in sorted(folder.rglob("*.h"))]


def compile_boards(folder: Path, parts: list[Path]) -> None:
    firmware = [folder / f"{i}.o" for i in range(len(parts))]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(lambda target, source: compile_c(target, [source], "-c"), firmware, parts))
    compile_c(folder / "tclab_board", [*firmware, Path(__file__).with_suffix(".c")])
    compile_c(folder / "posix", [*firmware, *sorted(POSIX.glob("*.c"))])


def compile_c(target: Path, inputs: list[Path], *options: str) -> None:
    include = [f"-I{path}" for path in (*(ROOT / name for name in INCLUDE), POSIX)]
    command = ["gcc", *FLAGS, *include, *options, "-o", str(target), *map(str, inputs)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr


@contextlib.contextmanager
def posix_board(program: Path) -> Iterator[str]:
    """The product's own emulated board; the path of its field port."""
    with subprocess.Popen([str(program)], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            ports = dict(process.stdout.readline().split() for _ in range(2))
            yield ports["field"]
        finally:
            process.terminate()


@dataclass
class Board:
    """A running board; `path` is what a host opens. unplug() takes the pseudo-terminal away."""

    program: Path
    speed: float
    path: str = ""
    _process: subprocess.Popen[bytes] | None = None
    _fds: list[int] = field(default_factory=list)

    def plug_in(self) -> None:
        """Switches it on, at a new pseudo-terminal."""
        master, slave = os.openpty()
        tty.setraw(slave)
        self.path = os.ttyname(slave)
        self._process = subprocess.Popen([str(self.program), str(self.speed)], stdin=master, stdout=subprocess.PIPE)
        os.close(master)
        assert self._process.stdout
        assert self._process.stdout.readline() == b"ready\n"
        self._fds = [slave]  # or the line would read as ended before a host opens it

    def unplug(self) -> None:
        """The power and the port are gone."""
        if self._process:
            self._process.kill()
            self._process.wait()
            if self._process.stdout:
                self._process.stdout.close()
        while self._fds:
            os.close(self._fds.pop())
        self._process = None

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """It answers nothing for a while, then all at once."""
        assert self._process
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)


@contextlib.contextmanager
def running(program: Path, speed: float = 1.0) -> Iterator[Board]:
    board = Board(program, speed)
    board.plug_in()
    try:
        yield board
    finally:
        board.unplug()


class Host:
    """Raw bytes to the board and back."""

    def __init__(self, board: Board) -> None:
        self.fd = os.open(board.path, os.O_RDWR | os.O_NOCTTY)
        termios.tcflush(self.fd, termios.TCIOFLUSH)

    def read(self, lines: int, timeout_s: float = 5.0) -> bytes:
        """Until so many lines have come, or none for `timeout_s`."""
        data = b""
        while data.count(b"\n") < lines and select.select([self.fd], [], [], timeout_s)[0]:
            data += os.read(self.fd, 4096)
        return data

    def say(self, data: bytes, lines: int = 1) -> bytes:
        """Sends bytes and returns so many lines of answer, and what else there is behind them."""
        os.write(self.fd, data)
        return self.read(lines)

    def silence(self, timeout_s: float = 0.1) -> bytes:
        """What comes without having been asked for."""
        return self.read(1, timeout_s)

    def close(self) -> None:
        os.close(self.fd)
