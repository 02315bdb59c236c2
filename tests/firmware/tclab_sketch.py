"""The command loop of TCLab-sketch 1.4.3, in Python: what a real board answers. An oracle beside the firmware's C.

Written after the sketch (readCommand, parseCommand, dispatchCommand) and Arduino's String; not after our firmware. Two
differences are on purpose and stand in firmware/common/tclab_face.h: INF and NAN are no numbers, the version names no
Arduino.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal

SPACE = " \t\n\v\f\r"
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
BUFFER = 64


def float32(value: float) -> float:
    """AVR's float and double are single precision."""
    try:
        return float(struct.unpack("f", struct.pack("f", value))[0])
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")


def to_float(text: str) -> float:
    """String.toFloat(), which is atof()."""
    found = NUMBER.match(text.strip(SPACE))
    return float32(float(found[0])) if found else 0.0


def to_string(value: float) -> str:
    """String(float): two decimals."""
    return str(Decimal(value).quantize(Decimal("0.01"), ROUND_HALF_UP))


@dataclass
class Sketch:
    """Everything but the temperatures; "t" stands where one would be (no answer has a small letter)."""

    q: dict[str, float] = field(default_factory=lambda: {"1": 0.0, "2": 0.0})
    p: dict[str, float] = field(default_factory=lambda: {"1": 200.0, "2": 100.0})
    buffer: bytearray = field(default_factory=bytearray)

    def receive(self, data: bytes) -> list[str]:
        """The lines that it sends."""
        said: list[str] = []
        for byte in data:
            if byte not in b"\r\n" and len(self.buffer) < BUFFER:
                self.buffer.append(byte)
                continue
            text = bytes(self.buffer).split(b"\0")[0].decode("latin-1")
            self.buffer.clear()
            said += self.line(text)
        return said

    def line(self, text: str) -> list[str]:
        at = text.find(" ")
        command = (text if at < 0 else text[:at]).strip(SPACE)
        command = "".join(c.upper() if c.isascii() else c for c in command)
        return self.dispatch(command, to_float(text[at + 1 :]))

    def dispatch(self, command: str, value: float) -> list[str]:
        letter, heater = command[:1], command[1:]
        if heater in ("1", "2") and letter in "QPRT" and letter:
            if letter == "T":
                return ["t"]
            table, most = (self.p, 255.0) if letter == "P" else (self.q, 100.0)
            if letter in "QP":
                table[heater] = max(0.0, min(value, most))
            return [to_string(table[heater])]
        if command == "LED":
            return [to_string(max(0.0, min(100.0, value)))]
        if command == "SCAN":
            return ["t", "t", to_string(self.q["1"]), to_string(self.q["2"])]
        if command == "VER":
            return ["TCLab Firmware 1.4.3 HIL board"]
        if not command:
            return []
        self.q = {"1": 0.0, "2": 0.0}
        return [{"A": "Start", "X": "Stop"}.get(command, command)]
