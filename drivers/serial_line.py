"""Opens a serial port for whatever speaks on it: raw, non-blocking, for one program alone.

A pseudo-terminal has no baud rate, parity or stop bits: it is opened 8N1, and `Line.note` is one line that says so.
"""

from __future__ import annotations

import array
import contextlib
import errno
import fcntl
import grp
import os
import struct
import termios
from dataclasses import dataclass
from pathlib import Path

from hil.drivers.serial_url import LineSettings, parse_line_url
from hil.errors import BusError

__all__ = ["Line", "open_line", "open_settings"]

UNIX98_PTY_MAJORS = range(136, 144)  # Documentation/admin-guide/devices.txt: the slaves in /dev/pts
# <linux/serial.h>: struct serial_rs485 is 8 words: flags, delay before and after sending in milliseconds, padding.
TIOCSRS485 = 0x542F
RS485 = struct.Struct("8I")
RS485_ENABLED, RS485_RTS_ON_SEND = 1, 2
# <asm-generic/termbits.h>: baud rates without a constant of their own go through struct termios2.
TCGETS2, TCSETS2 = 0x802C542A, 0x402C542B
TERMIOS2 = struct.Struct("4IB19s2I")
CBAUD, BOTHER = 0o010017, 0o010000
MENDS = {
    errno.ENOENT: "Plug the adapter in, or correct the path; `hil scan serial` lists the ports.",
    errno.ENODEV: "Plug the adapter in, or correct the path; `hil scan serial` lists the ports.",
    errno.ENXIO: "Plug the adapter in, or correct the path; `hil scan serial` lists the ports.",
    errno.EIO: "There is no hardware behind this port; `hil scan serial` lists those with some.",
}


@dataclass(frozen=True)
class Line:
    """An open serial line. `fd` is non-blocking and the owner's to close; who takes it over closes it instead.

    `bit_ns` is 0 on a pseudo-terminal, which has no bit timing; `char_bits` counts start, data, parity and stop bits.
    `note` is one line for the user, "" when there is nothing to tell.
    """

    fd: int
    path: str
    is_pty: bool
    bit_ns: int
    note: str
    char_bits: int = 10

    def close(self) -> None:
        """Closes the descriptor; a second call does nothing."""
        with contextlib.suppress(OSError):
            os.close(self.fd)


def open_line(url: str) -> Line:
    """Opens the port of a `serial://` or `modbus-rtu://` URL.

    Raises:
        BusError: the URL is wrong, the port is not there, busy, not permitted, or cannot do what the URL asks for.
    """
    return open_settings(parse_line_url(url))


def open_settings(settings: LineSettings) -> Line:
    """The same from settings."""
    fd = _open(settings)
    try:
        _take_alone(fd, settings)
        is_pty = os.major(os.fstat(fd).st_rdev) in UNIX98_PTY_MAJORS
        _set_raw(fd, settings, is_pty)
        if settings.rs485 and not is_pty:
            _set_rs485(fd, settings)
        termios.tcflush(fd, termios.TCIOFLUSH)
    except BaseException:
        os.close(fd)
        raise
    if is_pty:
        note = f"{settings.path} is a pseudo-terminal: opened 8N1, it has no baud rate, parity or RS-485 turnaround"
        return Line(fd, settings.path, True, 0, note)
    return Line(fd, settings.path, False, round(1e9 / settings.baud), "", settings.char_bits)


def _refused(error: OSError, settings: LineSettings) -> BusError:
    code = error.errno or 0
    mend = MENDS.get(code)
    if code in (errno.EACCES, errno.EPERM):
        group = _group_of(settings.path)
        mend = f"Join the group {group} (`sudo usermod -aG {group} $USER`) and log in again."
    if code in (errno.EBUSY, errno.EWOULDBLOCK):
        mend = f"End that program; `fuser {settings.path}` names it."
        return BusError("another program uses this port", where=settings.path, mend=mend)
    return BusError(f"cannot be opened: {os.strerror(code)}", where=settings.path, mend=mend)


def _group_of(path: str) -> str:
    """The group that may use the port: dialout on Debian, uucp elsewhere."""
    with contextlib.suppress(OSError, KeyError):
        name = grp.getgrgid(Path(path).stat().st_gid).gr_name
        return name if name not in ("root", "tty") else "dialout"
    return "dialout"


def _open(settings: LineSettings) -> int:
    try:
        return os.open(settings.path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise _refused(error, settings) from None


def _take_alone(fd: int, settings: LineSettings) -> None:
    """A lock for those who ask (root too), and for real ports the kernel's own refusal of a second opener.

    A pseudo-terminal keeps the kernel's mark after the last close, as long as its other end is open: nobody could
    open it again.
    """
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.isatty(fd) and os.major(os.fstat(fd).st_rdev) not in UNIX98_PTY_MAJORS:
            fcntl.ioctl(fd, termios.TIOCEXCL)
    except OSError as error:
        raise _refused(error, settings) from None


def _set_raw(fd: int, settings: LineSettings, is_pty: bool) -> None:
    try:
        mode = termios.tcgetattr(fd)
    except termios.error as error:
        code = error.args[0]
        if code == errno.ENOTTY:
            raise BusError("this is not a serial port", where=settings.path, mend="Correct the path.") from None
        raise _refused(OSError(code, ""), settings) from None
    parity = "N" if is_pty else settings.parity
    mode[0] = termios.INPCK | termios.PARMRK if settings.marked and not is_pty else 0
    mode[1] = mode[3] = 0
    mode[2] = (mode[2] & (CBAUD | termios.HUPCL)) | termios.CS8 | termios.CREAD | termios.CLOCAL
    mode[2] |= {"N": 0, "E": termios.PARENB, "O": termios.PARENB | termios.PARODD}[parity]
    mode[2] |= termios.CSTOPB if settings.stop == 2 and not is_pty else 0
    mode[6][termios.VMIN], mode[6][termios.VTIME] = 1, 0
    try:
        termios.tcsetattr(fd, termios.TCSANOW, mode)
        if not is_pty:
            _set_baud(fd, settings.baud)
    except (termios.error, OSError):
        raise BusError(
            f"the port's driver refuses {settings.text}",
            where=settings.path,
            mend="Choose another baud rate or format.",
        ) from None


def _set_baud(fd: int, baud: int) -> None:
    words = array.array("B", bytes(TERMIOS2.size))
    fcntl.ioctl(fd, TCGETS2, words)
    iflag, oflag, cflag, lflag, discipline, characters, _, _ = TERMIOS2.unpack(words)
    cflag = cflag & ~CBAUD | BOTHER
    fcntl.ioctl(fd, TCSETS2, TERMIOS2.pack(iflag, oflag, cflag, lflag, discipline, characters, baud, baud))


def _set_rs485(fd: int, settings: LineSettings) -> None:
    """The driver turns the transceiver around by RTS. Its unit is the millisecond: delays are rounded up."""
    delay_ms = -(-settings.rts_delay_us // 1000)
    try:
        fcntl.ioctl(fd, TIOCSRS485, RS485.pack(RS485_ENABLED | RS485_RTS_ON_SEND, delay_ms, delay_ms, *[0] * 5))
    except OSError:
        raise BusError(
            "the port's driver cannot turn RS-485 around",
            where=settings.path,
            mend="Leave rs485 out and use an adapter that does it by itself.",
        ) from None
