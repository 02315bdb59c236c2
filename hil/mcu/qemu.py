"""A board in QEMU: its link is a socket of this process, its field port a terminal.

`-icount shift=N` makes the emulated time advance by 2^N ns at every instruction. The firmware reads its time from a
counter of 1 ns, so a difference of two readings over 2^N is the exact number of instructions between them, however busy
this machine is. N = 3, 8 ns an instruction, is about what a Cortex-M4 at 168 MHz with flash wait states takes.

A port costs about 30 us a byte and direction at any bit rate: QEMU takes one byte at a time in its main loop. Our
link is a socket that exists before QEMU starts: no path, no waiting, no reconnecting. The field port is a terminal for
whatever program speaks to the device; we keep it open, as QEMU looks only once a second whether anybody has come.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from hil.errors import BusError
from hil.mcu.build import Progress, build_firmware
from hil.mcu.tables import make_application
from hil.program import Controller
from hil.rig import Device, Rig

COMMAND = "qemu-system-arm"
MEND = "Install it with: apt-get install qemu-system-arm"
SHIFT = 3
START_S = 10.0  # some tens of ms on a quiet machine
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
REDIRECTED = re.compile(r"char device redirected to (\S+) \(label field\)")


@dataclass
class Board:
    """An emulated board.

    Attributes:
        program: what it runs.
        link_fd: our end of its port 0, non-blocking.
        field_path: terminal of its port 1.
        counts_per_instruction: of the board's work counter; None without `-icount`, where it counts time.
    """

    program: Path
    process: subprocess.Popen[bytes]
    link: socket.socket
    counts_per_instruction: float | None
    field_path: str = ""
    _errors: IO[bytes] = field(default_factory=tempfile.TemporaryFile)
    _field_fd: int = -1

    @property
    def link_fd(self) -> int:
        """Our end of port 0."""
        return self.link.fileno()

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
        return os.pread(self._errors.fileno(), 65536, 0).decode(errors="replace")

    def _words(self) -> str:
        lines = [line for line in self.said().splitlines() if not REDIRECTED.match(line)]
        return lines[-1].removeprefix(f"{COMMAND}: ") if lines else f"exit code {self.process.returncode}, no message"

    def settle(self) -> None:
        """Waits until it has told the name of its terminal, and keeps that open.

        Raises:
            BusError: it has ended, or does not come up.
        """
        end = time.monotonic() + START_S
        while not (found := REDIRECTED.search(self.said())):
            self.check()
            if time.monotonic() > end:
                raise BusError(f"QEMU did not start within {START_S:g} s", where=self.program.name)
            time.sleep(LOOK_S)
        self.field_path = found[1]
        self._field_fd = os.open(self.field_path, os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)

    def end(self) -> None:
        """Ends QEMU, asked first, and closes the ports. More than once does no harm."""
        assert self.process.stdin
        self.process.stdin.close()
        try:
            self.process.wait(END_S)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)  # a group of its own: see start_new_session
            self.process.wait()
        self.link.close()
        self._errors.close()
        if self._field_fd >= 0:
            os.close(self._field_fd)
            self._field_fd = -1


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
    link, its_link = socket.socketpair()
    link.setblocking(False)
    errors = tempfile.TemporaryFile()  # noqa: SIM115 (closed with the board)
    with its_link:
        process = subprocess.Popen(
            ["sh", "-c", GUARD, "sh", *_command_line(command, program, its_link, shift if icount else None)],
            stdin=subprocess.PIPE,
            stdout=errors,
            stderr=errors,
            pass_fds=(its_link.fileno(),),
            start_new_session=True,  # a Ctrl-C in the terminal is for the bench, which ends the board last
        )
    board = Board(program, process, link, 2.0**shift if icount else None, _errors=errors)
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


def _command_line(command: str, program: Path, link: socket.socket, shift: int | None) -> list[str]:
    ports = ["-chardev", f"socket,id=link,fd={link.fileno()}", "-serial", "chardev:link"]
    ports += ["-chardev", "pty,id=field", "-serial", "chardev:field"]
    counted = [] if shift is None else ["-icount", f"shift={shift},sleep=on"]
    nothing = ["-nodefaults", "-display", "none", "-monitor", "none"]
    return [command, "-M", "netduinoplus2", *nothing, *counted, *ports, "-kernel", str(program)]
