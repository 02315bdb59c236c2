"""A board in QEMU: its two serial ports are terminals of this machine.

`-icount shift=N` makes the emulated time advance by 2^N ns at every instruction. The firmware reads its time from a
counter of 1 ns, so a difference of two readings over 2^N is the exact number of instructions between them, however busy
this machine is. N = 3, 8 ns an instruction, is about what a Cortex-M4 at 168 MHz with flash wait states takes.

A port costs about 25 us a byte and direction at any bit rate: QEMU takes one byte at a time in its main loop. Sockets
are no faster, and a Unix socket is full after 280 bytes if each is written by itself: then the board stands still until
somebody reads, where a real one would go safe. A terminal holds 64 KB. We open both at once and keep them, as QEMU
looks only once a second whether anybody has come.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from hil.built import Controller
from hil.errors import BusError
from hil.mcu.build import Progress, build_firmware
from hil.mcu.tables import make_application
from hil.rig import Device, Rig

COMMAND = "qemu-system-arm"
MEND = "Install it with: apt-get install qemu-system-arm"
SHIFT = 3
START_S = 10.0  # some tens of ms on a quiet machine
SETTLED_S = 0.05  # it names its terminals before it loads the program; the board sets up its ports meanwhile
LOOK_S = 0.003
END_S = 2.0
# QEMU ends when our end of the shell's standard input is closed, on purpose or because this process has ended, however
# that happened. (The kernel's parent-death signal would come when the thread ends that started it.)
GUARD = """
exec 3<&0
"$@" </dev/null 3<&- &
qemu=$!
{ cat <&3 >/dev/null; kill $qemu; } 2>/dev/null &
guard=$!
exec 3<&-
wait $qemu
status=$?
kill $guard 2>/dev/null
exit $status
"""
PORTS = ("link", "field")  # in the order of the board's USARTs
REDIRECTED = re.compile(r"char device redirected to (\S+) \(label (\w+)\)")


@dataclass
class Board:
    """An emulated board.

    Attributes:
        program: what it runs.
        link_path, field_path: terminals of its ports 0 and 1.
        link_fd: the first of them, open and non-blocking.
        counts_per_instruction: of the board's work counter; None without `-icount`, where it counts time.
    """

    program: Path
    process: subprocess.Popen[bytes]
    counts_per_instruction: float | None
    link_path: str = ""
    field_path: str = ""
    link_fd: int = -1
    _field_fd: int = -1
    _errors: IO[bytes] = field(default_factory=tempfile.TemporaryFile)
    _last_words: str = ""

    def __str__(self) -> str:
        return f"{self.program.name} in QEMU (pid {self.process.pid})"

    def check(self) -> None:
        """Whether it still runs.

        Raises:
            BusError: it does not; with QEMU's own words.
        """
        if self.process.poll() is not None:
            raise BusError(f"QEMU ended: {self._words()}", where=self.program.name)

    def said(self) -> str:
        """All that QEMU has written so far."""
        if self._errors.closed:
            return self._last_words
        return os.pread(self._errors.fileno(), 65536, 0).decode(errors="replace")

    def _words(self) -> str:
        lines = [line for line in self.said().splitlines() if not REDIRECTED.match(line)]
        return lines[-1].removeprefix(f"{COMMAND}: ") if lines else f"exit code {self.process.returncode}, no message"

    def settle(self) -> None:
        """Waits until it has told the names of its terminals, and opens them.

        Raises:
            BusError: it has ended, or does not come up.
        """
        end = time.monotonic() + START_S
        while len(found := REDIRECTED.findall(self.said())) < len(PORTS):
            self.check()
            if time.monotonic() > end:
                raise BusError(f"QEMU did not start within {START_S:g} s", where=self.program.name)
            time.sleep(LOOK_S)
        paths = {label: path for path, label in found}
        self.link_path, self.field_path = (paths[label] for label in PORTS)
        mode = os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC
        self.link_fd = os.open(self.link_path, mode | os.O_NONBLOCK)
        self._field_fd = os.open(self.field_path, mode)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(SETTLED_S)
        self.check()

    def end(self) -> None:
        """Ends QEMU, asked first, and closes the ports. More than once does no harm."""
        assert self.process.stdin
        self.process.stdin.close()
        if self._errors.closed:
            return
        try:
            self.process.wait(END_S)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)  # a group of its own: see start_new_session
            self.process.wait()
        self._last_words = self.said()
        self._errors.close()
        for fd in (self.link_fd, self._field_fd):
            if fd >= 0:
                os.close(fd)
        self.link_fd = self._field_fd = -1


def start_qemu(program: Path, *, icount: bool = True, shift: int = SHIFT) -> Board:
    """Starts a program for the stm32f405 board. Bytes that come before it has set up its ports, some 50 ms, are lost.

    Args:
        program: ELF.
        icount: emulated time counts instructions; without, it is this machine's, as free-running boards need it.
        shift: 2^shift ns an instruction.

    Raises:
        BusError: QEMU is missing, or ends at once; with its own words.
    """
    command = shutil.which(COMMAND)
    if command is None:
        raise BusError(f"an emulated board needs {COMMAND}, which is not installed", mend=MEND)
    errors = tempfile.TemporaryFile()  # noqa: SIM115 (closed with the board)
    process = subprocess.Popen(
        ["sh", "-c", GUARD, "sh", *_command_line(command, program, shift if icount else None)],
        stdin=subprocess.PIPE,
        stdout=errors,
        stderr=errors,
        start_new_session=True,  # a Ctrl-C in the terminal is for the bench, which ends the board last
    )
    board = Board(program, process, 2.0**shift if icount else None, _errors=errors)
    try:
        board.settle()
    except BaseException:
        board.end()
        raise
    return board


def start_firmware(
    rig: Rig, device: Device, controller: Controller, *, icount: bool = True, progress: Progress | None = None
) -> Board:
    """Builds a device's firmware, if it is not in the cache, and starts it.

    Raises:
        RigError: it cannot be compiled.
        BusError: QEMU is missing, or ends at once.
    """
    program = build_firmware(make_application(rig, device, controller), "stm32f405", progress=progress)
    return start_qemu(program, icount=icount)


def _command_line(command: str, program: Path, shift: int | None) -> list[str]:
    ports = [part for label in PORTS for part in ("-chardev", f"pty,id={label}", "-serial", f"chardev:{label}")]
    counted = [] if shift is None else ["-icount", f"shift={shift},sleep=on"]
    nothing = ["-nodefaults", "-display", "none", "-monitor", "none"]
    return [command, "-M", "netduinoplus2", *nothing, *counted, *ports, "-kernel", str(program)]
