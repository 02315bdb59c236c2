"""An emulated SCPI instrument: a supply, meter, load, generator or oscilloscope with its own command tree.

It knows nothing of the dialects by which it is driven: its headers are the manual's, in long and short form.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from hil.drivers.scpi_scope import ScopeMemory
from hil.drivers.scpi_tree import ErrorQueue, header, messages

WATCHDOG = header("OUTPut:PROTection:WDOG[:STATe]")
WATCHDOG_DELAY = header("OUTPut:PROTection:WDOG:DELay")
ON = {"1": 1.0, "ON": 1.0, "0": 0.0, "OFF": 0.0}


@dataclass(frozen=True)
class Setting:
    """A value that is told: its header, what is possible, and what it is after *RST."""

    key: str
    head: str
    low: float
    high: float
    reset: float = 0.0
    switch: bool = False


@dataclass(frozen=True)
class Kind:
    """What an instrument of a kind understands beside the common commands."""

    settings: tuple[Setting, ...]
    measures: Mapping[str, str]
    words: tuple[str, ...] = ()


SUPPLY = Kind(
    (
        Setting("voltage", "[SOURce:]VOLTage[:LEVel][:IMMediate][:AMPLitude]", 0.0, 60.0),
        Setting("current", "[SOURce:]CURRent[:LEVel][:IMMediate][:AMPLitude]", 0.0, 10.0),
        Setting("protection", "[SOURce:]VOLTage:PROTection[:LEVel]", 0.0, 66.0, 66.0),
        Setting("enable", "OUTPut[:STATe]", 0.0, 1.0, switch=True),
    ),
    {"voltage": "MEASure[:SCALar]:VOLTage[:DC]?", "current": "MEASure[:SCALar]:CURRent[:DC]?"},
)
LOAD = Kind(
    (
        Setting("current", "[SOURce:]CURRent[:LEVel][:IMMediate][:AMPLitude]", 0.0, 30.0),
        Setting("enable", "INPut[:STATe]", 0.0, 1.0, switch=True),
    ),
    {"voltage": "MEASure[:SCALar]:VOLTage[:DC]?", "current": "MEASure[:SCALar]:CURRent[:DC]?"},
    ("[SOURce:]FUNCtion",),
)
METER = Kind(
    (),
    {
        "voltage": "MEASure[:SCALar]:VOLTage[:DC]?",
        "current": "MEASure[:SCALar]:CURRent[:DC]?",
        "resistance": "MEASure[:SCALar]:RESistance?",
    },
)
GENERATOR = Kind(
    (
        Setting("frequency", "[SOURce:]FREQuency[:CW]", 1e-6, 100e6, 1e3),
        Setting("amplitude", "[SOURce:]VOLTage[:LEVel][:IMMediate][:AMPLitude]", 0.0, 20.0),
        Setting("offset", "[SOURce:]VOLTage[:LEVel][:IMMediate]:OFFSet", -10.0, 10.0),
        Setting("enable", "OUTPut[:STATe]", 0.0, 1.0, switch=True),
    ),
    {},
    ("[SOURce:]FUNCtion[:SHAPe]",),
)
SCOPE = Kind((), {"voltage": "MEASure[:SCALar]:VOLTage[:DC]?"})
KINDS: Mapping[str, Kind] = {"supply": SUPPLY, "load": LOAD, "meter": METER, "generator": GENERATOR, "scope": SCOPE}


class EmulatedInstrument:
    """One instrument: `line` takes what a program sends and gives what it is answered.

    Attributes:
        values: its settings by key.
        tripped: a protection (over-voltage, watchdog) has switched the output off; OUTP:PROT:CLE ends it.
        watchdog_s: with OUTP:PROT:WDOG ON, so much silence trips.
    """

    def __init__(self, name: str, kind: str, read: Callable[[str], float]) -> None:
        """`read` gives what is measured now, by key; NaN where there is nothing."""
        self.name, self.kind, self.read = name, KINDS[kind], read
        self.idn = f"HIL,EMULATED {kind.upper()},{name},1.0"
        self.errors = ErrorQueue()
        self.values = {setting.key: setting.reset for setting in self.kind.settings}
        self.tripped = False
        self.watchdog_s, self._watching = 60.0, False
        self._spoken_s = time.monotonic()
        self.memory = ScopeMemory() if kind == "scope" else None
        self._heads = [(header(s.head), header(s.head + "?"), s) for s in self.kind.settings]
        self._measures = [(header(text), key) for key, text in self.kind.measures.items()]
        self._words = [header(text) for text in self.kind.words]

    @property
    def applied(self) -> dict[str, float]:
        """Its settings as they reach the terminals: all 0 while it is switched off."""
        on = self.values.get("enable", 1.0) >= 0.5 and not self.tripped
        return {key: value if on or key == "protection" else 0.0 for key, value in self.values.items()}

    def line(self, text: str) -> bytes:
        """Answers to a line, joined by ; and without its end; empty for commands."""
        self._spoken_s = time.monotonic()
        answers = [answer for head, rest in messages(text) if (answer := self._message(head, rest)) is not None]
        return b";".join(a if isinstance(a, bytes) else a.encode("ascii") for a in answers)

    def watch(self) -> None:
        """Protection: to be called now and then."""
        level = self.values.get("protection")
        if level is not None and self.values["enable"] >= 0.5 and self.read("voltage") > level:
            self.tripped = True
        if self._watching and time.monotonic() - self._spoken_s > self.watchdog_s:
            self.tripped = True

    def _message(self, head: str, rest: str) -> str | bytes | None:
        common = self._common(head.upper())
        if common is not None:
            return common or None
        if self.memory is not None and (answer := self.memory.message(head)) is not None:
            return answer or None
        if self._protect(head, rest):
            return None
        for tell, ask, setting in self._heads:
            if tell.fullmatch(head):
                self._set(setting, rest)
                return None
            if ask.fullmatch(head):
                return _number(self.values[setting.key])
        for ask, key in self._measures:
            if ask.fullmatch(head):
                return _number(self.read(key))
        if not any(word.fullmatch(head) for word in self._words):
            self.errors.add(-113, "Undefined header")
        return None

    def _common(self, head: str) -> str | None:
        """Common commands (IEEE 488.2, chapter 10) and the queue of errors; "" for one without an answer."""
        if head == "*IDN?":
            return self.idn
        if re.fullmatch(r":?SYST(EM)?:ERR(OR)?(:NEXT)?\?", head):
            return self.errors.take()
        if head == "*OPC?":
            return "1"
        if head == "*CLS":
            self.errors.clear()
        elif head == "*RST":
            self.values = {setting.key: setting.reset for setting in self.kind.settings}
            self.tripped = False
        elif re.fullmatch(r":?OUTP(UT)?:PROT(ECTION)?:CLE(AR)?", head):
            self.tripped = False
        else:
            return None
        return ""

    def _protect(self, head: str, rest: str) -> bool:
        """The watchdog, in the words of Keysight's N7900; True when the message was its own."""
        if "protection" not in self.values:
            return False
        if WATCHDOG.fullmatch(head) and rest.upper() in ON:
            self._watching = ON[rest.upper()] == 1.0
        elif WATCHDOG_DELAY.fullmatch(head) and rest.isdigit() and 1 <= int(rest) <= 3600:
            self.watchdog_s = float(rest)
        else:
            return False
        return True

    def _set(self, setting: Setting, text: str) -> None:
        try:
            value = ON[text.upper()] if setting.switch else float(text)
        except (KeyError, ValueError):
            self.errors.add(-104 if text else -109, "Data type error" if text else "Missing parameter")
            return
        protection = self.values.get("protection", math.inf)
        if not setting.low <= value <= setting.high or (setting.key == "voltage" and value > protection):
            self.errors.add(-222, "Data out of range")
            return
        self.values[setting.key] = value


def _number(value: float) -> str:
    """NR3; 9.91E37 stands for no number (SCPI-99 volume 1, 7.2.1.5)."""
    return f"{value:+.8E}" if math.isfinite(value) else "+9.91E+37"
