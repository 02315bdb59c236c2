"""A Temperature Control Lab on a serial line: its text protocol, one question at a time.

    with TCLab("/dev/ttyACM0") as lab:
        lab.set_heaters(40.0, 0.0)
        print(lab.temperatures())

Protocol: github.com/jckantor/TCLab-sketch, versions 1.4 and later; firmware/common/tclab_face.h lists the commands. The
sketch leaves the heaters as they are when the host falls silent: close() and a bus's stop() switch them off.
"""

from __future__ import annotations

import contextlib
import errno
import math
import os
import re
import termios
import threading
import time
from typing import Any
from urllib.parse import parse_qs, urlsplit

import serial

from hil.errors import BusError

BAUD = 115200
NAME = "TCLab Firmware"
ANSWER_S = 0.5  # a board answers within milliseconds; a USB stack may take its time
CONNECT_S = 6.0  # opening the port restarts an Arduino, whose boot loader takes 2 s
MOST_LINES = 64  # looked at when answers and questions have to be matched again
MOST = {"Q1": 100.0, "Q2": 100.0, "P1": 255.0, "P2": 255.0, "LED": 100.0}
ROUNDED = 1.0  # sketches before 1.4 cut to whole numbers
MENDS = {
    errno.EACCES: "Join the group that owns the port (usually dialout), then log in again",
    errno.ENOENT: "Plug the board in, or correct the port",
    errno.EBUSY: "End the program that has the port open",
    errno.EAGAIN: "End the program that has the port open",  # another program's lock
}


def port_of(url: str) -> tuple[str, int]:
    """What pyserial opens and the baud rate: of serial:///dev/ttyACM0?baud=115200, a path, socket:// or rfc2217://."""
    parts = urlsplit(url)
    if parts.scheme != "serial":
        return url, BAUD
    rate = parse_qs(parts.query).get("baud", [str(BAUD)])[-1]
    if not parts.path.strip("/") or parts.netloc or not re.fullmatch(r"[1-9]\d{2,6}", rate):
        raise BusError("is not a serial port's address", where=url, mend="Write serial:///dev/ttyACM0?baud=115200")
    return parts.path, int(rate)


class TCLab:
    """One board. Made without touching the port; connect() opens it. Not for several threads at once."""

    def __init__(self, url: str, *, timeout_s: float = ANSWER_S) -> None:
        self.where = url
        self.version = ""
        self.timeout_s = timeout_s
        self.ended = threading.Event()  # set from another thread: connect() gives up soon
        self._port, self._baud = port_of(url)
        self._line: Any = None

    @property
    def connected(self) -> bool:
        """The port is open and a board has answered on it."""
        return self._line is not None

    def connect(self, wait_s: float = CONNECT_S) -> str:
        """Opens the port and waits until a board tells its version.

        Raises:
            BusError: no such port, no permission, busy, or nothing that speaks this protocol.
        """
        self._open()
        until = time.monotonic() + wait_s
        try:
            while not self._find_again():
                self._give_up_after(until)
        except BaseException:
            self.drop()
            raise
        return self.version

    def _give_up_after(self, until: float) -> None:
        if self.ended.is_set():
            raise BusError("connecting was given up", where=self.where)
        if time.monotonic() > until:
            mend = "Check the port and the board's sketch (github.com/jckantor/TCLab-sketch)"
            raise BusError("no Temperature Control Lab answers", where=self.where, mend=mend)

    def temperatures(self) -> tuple[float, float]:
        """T1 and T2 in degC."""
        return self.number("T1"), self.number("T2")

    def heaters(self) -> tuple[float, float]:
        """What both heaters are set to, in percent."""
        return self.number("R1"), self.number("R2")

    def set_heaters(self, q1: float, q2: float) -> tuple[float, float]:
        """Power in percent, limited by the board to 0..100; returns what it has set."""
        return self.set("Q1", q1), self.set("Q2", q2)

    def set_power(self, p1: float, p2: float) -> tuple[float, float]:
        """Power limits in PWM counts, limited by the board to 0..255; returns what it has set."""
        return self.set("P1", p1), self.set("P2", p2)

    def led(self, percent: float) -> float:
        """Brightness for ten seconds; returns what the board has set."""
        return self.set("LED", percent)

    def off(self) -> None:
        """Both heaters off."""
        self.ask("X")

    def set(self, command: str, value: float) -> float:
        """A command with a number; returns the number that the board answers, which has to be the one it was given."""
        if not math.isfinite(value):
            raise ValueError(f"{command} cannot be {value}")
        answer = self.number(f"{command} {value:.6g}")
        if abs(answer - min(max(value, 0.0), MOST[command])) > ROUNDED:
            self._find_again()
            raise BusError(f"{answer:g} is no answer to {command} {value:g}", where=self.where)
        return answer

    def number(self, question: str) -> float:
        """The number that the board answers; BusError when it is none."""
        answer = self.ask(question)
        try:
            value = float(answer)
        except ValueError:
            self._find_again()
            raise BusError(f"{answer!r} is no answer to {question}", where=self.where) from None
        return value

    def ask(self, question: str) -> str:
        """One line out, one line back.

        Raises:
            BusError: no answer in time (questions and answers are matched again first), or the port has gone.
        """
        if self._line is None:
            raise BusError("not connected", where=self.where, mend="Call connect()")
        self._send(question)
        answer = self._receive()
        if answer is None:
            self._find_again()
            raise BusError(f"no answer to {question}", where=self.where, mend="Check the cable")
        return answer

    def close(self) -> None:
        """Switches the heaters off, as far as the board can be reached, and closes the port."""
        if self._line is not None:
            with contextlib.suppress(BusError):
                self.off()
        self.drop()

    def drop(self) -> None:
        """Closes the port as it is."""
        line, self._line = self._line, None
        if line is not None:
            with contextlib.suppress(OSError, serial.SerialException):
                line.close()

    def __enter__(self) -> TCLab:
        self.connect()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _open(self) -> None:
        self.drop()
        try:
            line = serial.serial_for_url(self._port, self._baud, timeout=self.timeout_s, do_not_open=True)
            line.write_timeout = self.timeout_s
            if self._port.startswith("/"):
                line.exclusive = True
            line.open()
        except (OSError, ValueError, termios.error, serial.SerialException) as error:
            number = getattr(error, "errno", None) or 0
            words = os.strerror(number) if number else str(error)
            raise BusError(f"cannot open the port: {words}", where=self.where, mend=MENDS.get(number)) from None
        self._line = line

    def _send(self, question: str) -> None:
        try:
            self._line.write(question.encode() + b"\n")
        except (OSError, serial.SerialException) as error:
            self._lost(error)

    def _receive(self) -> str | None:
        """The next line without its end; None when there was none in time."""
        try:
            line: bytes = self._line.read_until(b"\n", 128)
        except (OSError, TypeError, serial.SerialException) as error:  # TypeError: closed by another thread
            self._lost(error)
        return line.decode("ascii", errors="replace").strip() if line.endswith(b"\n") else None

    def _lost(self, error: Exception) -> None:
        self.drop()
        raise BusError(f"the port has gone: {error}", where=self.where, mend="Plug the board in again") from None

    def _find_again(self) -> bool:
        """Asks for the version and reads until the board is silent, so that the next answer belongs to its question."""
        self._send("")  # ends whatever stands half in the board's buffer
        self._send("VER")
        found = False
        for _ in range(MOST_LINES):
            answer = self._receive()
            if answer is None:
                return found
            if NAME in answer:
                found, self.version = True, answer
        return False
