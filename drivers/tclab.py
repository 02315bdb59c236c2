"""A Temperature Control Lab on a serial line: its text protocol, one question at a time.

    with TCLab("/dev/ttyACM0") as lab:
        lab.set_heaters(40.0, 0.0)
        print(lab.temperatures())

Protocol: github.com/jckantor/TCLab-sketch, versions 1.4 and later; firmware/common/tclab_face.h lists the commands. The
sketch leaves the heaters as they are when the host falls silent: close() and a bus's stop() switch them off.
"""

from __future__ import annotations

import contextlib
import math
import os
import select
import threading
import time
from typing import NoReturn

from hil.drivers.remote_line import open_device_line
from hil.drivers.serial_line import Line
from hil.errors import BusError

NAME = "TCLab Firmware"
ANSWER_S = 0.5  # a board answers within milliseconds; a USB stack may take its time
CONNECT_S = 6.0  # opening the port restarts an Arduino, whose boot loader takes 2 s
MOST_LINES = 64  # looked at when answers and questions have to be matched again
MOST_KEPT = 4096  # of a line that does not end
MOST = {"Q1": 100.0, "Q2": 100.0, "P1": 255.0, "P2": 255.0, "LED": 100.0}
ROUNDED = 1.0  # sketches before 1.4 cut to whole numbers


class TCLab:
    """One board, at a path or an address of hil.drivers.device_url. connect() opens it. For one thread at a time."""

    def __init__(self, url: str, *, timeout_s: float = ANSWER_S) -> None:
        self.where = url
        self.version = ""
        self.timeout_s = timeout_s
        self.ended = threading.Event()  # set from another thread: connect() gives up soon
        self._line: Line | None = None
        self._rest = b""
        self._matched = False  # the next line that comes in answers the next question that goes out

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
        if not self._matched and not self._find_again():
            raise BusError("no answer", where=self.where, mend="Check the cable")
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
            line.close()

    def __enter__(self) -> TCLab:
        self.connect()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _open(self) -> None:
        self.drop()
        self._rest = b""
        self._line = open_device_line(f"serial://{self.where}" if self.where.startswith("/") else self.where)

    def _ready(self, until: float, *, to_write: bool = False) -> int | None:
        """The descriptor once it can be read or written; None when that took too long."""
        if self._line is None:
            raise BusError("not connected", where=self.where, mend="Call connect()")
        fd = [self._line.fd]
        left = max(0.0, until - time.monotonic())
        ready = select.select([], fd, [], left)[1] if to_write else select.select(fd, [], [], left)[0]
        return ready[0] if ready else None

    def _send(self, question: str) -> None:
        data, until = question.encode() + b"\n", time.monotonic() + self.timeout_s
        try:
            while data:
                fd = self._ready(until, to_write=True)
                if fd is None:
                    raise BusError("the port takes nothing more", where=self.where, mend="Check the cable")
                data = data[os.write(fd, data) :]
        except OSError as error:
            self._lost(error.strerror)

    def _receive(self) -> str | None:
        """The next line without its end; None when there was none in time."""
        until = time.monotonic() + self.timeout_s
        while b"\n" not in self._rest:
            fd = self._ready(until)
            if fd is None:
                return None
            self._rest = (self._rest + self._read(fd))[-MOST_KEPT:]
        line, _, self._rest = self._rest.partition(b"\n")
        return line.decode("ascii", errors="replace").strip()

    def _read(self, fd: int) -> bytes:
        try:
            data = os.read(fd, MOST_KEPT)
        except BlockingIOError:
            return b""
        except OSError as error:
            self._lost(error.strerror)
        if not data:
            self._lost("it reads as ended")
        return data

    def _lost(self, why: str | None) -> NoReturn:
        self.drop()
        raise BusError(f"the port has gone: {why}", where=self.where, mend="Plug the board in again") from None

    def _find_again(self) -> bool:
        """Asks for the version and reads until the board is silent, so that the next answer belongs to its question."""
        self._matched = False
        self._send("")  # ends whatever stands half in the board's buffer
        self._send("VER")
        found = False
        for _ in range(MOST_LINES):
            answer = self._receive()
            if answer is None:
                self._matched = found
                break
            if NAME in answer:
                found, self.version = True, answer
        return self._matched
